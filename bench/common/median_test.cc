#include "bench/common/median.h"

#include <gtest/gtest.h>

#include "bench/common/generators.h"

namespace aether::bench {
namespace {

TEST(Median, OfOddAndEvenNumbersOfValues) {
  EXPECT_EQ(MedianOf({5}).value, 5);
  EXPECT_EQ(MedianOf({9, 1, 5}).value, 5);
  EXPECT_EQ(MedianOf({9, 1, 5, 6}).value, 5.5);
  // All there is, when it is little.
  EXPECT_EQ(MedianOf({9, 1, 5}).low, 1);
  EXPECT_EQ(MedianOf({9, 1, 5}).high, 9);
}

TEST(Median, TheIntervalHoldsTheTrueOneNineteenTimesInTwenty) {
  Generator generator(7);
  constexpr int kRounds = 4000;
  int held = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> values;
    // Skewed: the median of the squares is a quarter.
    for (int i = 0; i < 31; ++i) {
      const double value = generator.Next32() / 4294967296.0;
      values.push_back(value * value);
    }
    const Median median = MedianOf(values);
    EXPECT_LE(median.low, median.value);
    EXPECT_GE(median.high, median.value);
    if (median.low <= 0.25 && median.high >= 0.25) ++held;
  }
  // At least that; the ranks are whole numbers, so it is somewhat more.
  EXPECT_GT(held, kRounds * 0.945);
  EXPECT_LT(held, kRounds * 0.99);
}

TEST(Quantile, IsTheValueBelowWhichTheShareLies) {
  std::vector<double> values;
  for (int i = 1000; i > 0; --i) values.push_back(i);
  EXPECT_EQ(QuantileOf(values, 0.99), 991);
  EXPECT_EQ(QuantileOf(values, 0.5), 501);
  EXPECT_EQ(QuantileOf(values, 1.0), 1000);
}

}  // namespace
}  // namespace aether::bench
