// Percentiles are within a sixteenth of the truth, at every size.
#include "replay/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "stack/base/random.h"

namespace aether::replay {
namespace {

TEST(Histogram, NothingIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.Percentile(50), Duration(0));
  EXPECT_EQ(histogram.max(), Duration(0));
}

TEST(Histogram, SmallNumbersAreExact) {
  for (int64_t value = 0; value < 32; ++value) {
    Histogram histogram;
    histogram.Add(Duration(value));
    histogram.Add(Duration(1000));
    EXPECT_EQ(histogram.Percentile(50), Duration(value));
  }
}

TEST(Histogram, LargeOnesWithinASixteenth) {
  Random random(Seed{1, 1});
  std::vector<int64_t> values;
  Histogram histogram;
  Histogram other;
  for (int i = 0; i < 10000; ++i) {
    values.push_back(static_cast<int64_t>(random.Next64() >> (2 + random.Below(60))));
    (i % 2 == 0 ? histogram : other).Add(Duration(values.back()));
  }
  histogram.Add(other);
  std::ranges::sort(values);
  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.max(), Duration(values.back()));
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 100.0}) {
    const size_t place = std::min(static_cast<size_t>(percent * 100), values.size()) - 1;
    const double truth = static_cast<double>(values[place]);
    const double found = static_cast<double>(histogram.Percentile(percent).count());
    EXPECT_GE(found, truth);
    EXPECT_LE(found, truth * 17 / 16 + 1);
  }
}

}  // namespace
}  // namespace aether::replay
