#include "stack/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace aether {
namespace {

TEST(Random, SameSeedSameNumbersOtherSeedOtherNumbers) {
  Random a({1, 2}), b({1, 2}), c({1, 3});
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t value = a.Next64();
    EXPECT_EQ(value, b.Next64());
    EXPECT_NE(value, c.Next64());
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Random, BelowStaysBelowAndIsUniform) {
  Random random({7, 7});
  std::array<int, 10> buckets{};
  for (int i = 0; i < 100000; ++i) {
    const uint32_t value = random.Below(10);
    ASSERT_LT(value, 10u);
    ++buckets[value];
  }
  // Ten cells of 10,000: chi-squared with 9 degrees of freedom stays below 27.9 with probability
  // 0.999.
  double chi_squared = 0;
  for (int count : buckets) chi_squared += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_squared, 27.9);
}

}  // namespace
}  // namespace aether
