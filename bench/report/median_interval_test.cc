#include "bench/report/median_interval.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bench/common/generators.h"

namespace aether::perf {
namespace {

TEST(MedianInterval, TailsAreThoseOfFairCoins) {
  EXPECT_DOUBLE_EQ(MedianTail(1, 0), 0.5);
  EXPECT_NEAR(MedianTail(10, 0), 1.0 / 1024, 1e-15);
  EXPECT_NEAR(MedianTail(10, 1), 11.0 / 1024, 1e-15);
  EXPECT_NEAR(MedianTail(10, 5), 638.0 / 1024, 1e-12);
  EXPECT_NEAR(MedianTail(10, 10), 1, 1e-12);
}

TEST(MedianInterval, CutsAsTablesHaveIt) {
  // At 95 %: from the 2nd to the 9th of 10, from the 6th to the 15th of 20.
  EXPECT_EQ(CutFor(10, 0.05), 1u);
  EXPECT_EQ(CutFor(20, 0.05), 5u);
  EXPECT_EQ(CutFor(5, 0.05), std::nullopt);
  EXPECT_EQ(CutFor(6, 0.05), 0u);
  EXPECT_EQ(CountFor(0.05), 6u);
  EXPECT_EQ(CountFor(0.05 / 20), 10u);
}

TEST(MedianInterval, OfEvenAndOddCounts) {
  const Interval odd = MedianInterval({5, 1, 3}, 0.5);
  EXPECT_EQ(odd.median, 3);
  const Interval even = MedianInterval({4, 1, 3, 2}, 0.05);
  EXPECT_EQ(even.median, 2.5);
  EXPECT_EQ(even.low, 1);
  EXPECT_EQ(even.high, 4);
  EXPECT_FALSE(even.is_reached);
}

TEST(MedianInterval, HoldsTheMedianAsOftenAsItSays) {
  bench::Generator generator(7);
  constexpr int kRounds = 4000;
  int misses = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> values;
    // Far from normal: the true median is ln 2.
    for (int i = 0; i < 20; ++i)
      values.push_back(-std::log((generator.Next32() + 0.5) / 4294967296.0));
    const Interval interval = MedianInterval(values, 0.05);
    if (interval.low > std::log(2.0) || interval.high < std::log(2.0)) ++misses;
  }
  // 4.14 % is what 20 values give.
  EXPECT_GT(misses, kRounds * 0.030);
  EXPECT_LT(misses, kRounds * 0.052);
}

}  // namespace
}  // namespace aether::perf
