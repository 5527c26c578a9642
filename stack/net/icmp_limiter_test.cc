#include "stack/net/icmp_limiter.h"

#include <gtest/gtest.h>

#include <set>

namespace aether::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{seconds(10)};

TEST(IcmpLimiter, OneDestinationHasItsOwnLimit) {
  IcmpLimiter limiter(200, 10, {1, 1}, kStart);
  int allowed = 0;
  for (int i = 0; i < 100; ++i) allowed += limiter.Allow({1}, kStart + milliseconds(i)) ? 1 : 0;
  EXPECT_GE(allowed, 8);
  EXPECT_LE(allowed, 10);
  EXPECT_TRUE(limiter.Allow({2}, kStart)) << "another destination";
  EXPECT_TRUE(limiter.Allow({1}, kStart + seconds(1))) << "another second";
}

TEST(IcmpLimiter, AllTogetherHaveALimitThatNobodyCanCountOn) {
  // CVE-2020-25705: a limit that is always the same tells a prober what others used of it.
  IcmpLimiter limiter(200, 200, {1, 1}, kStart);
  std::set<int> seen;
  for (int second = 0; second < 50; ++second) {
    int allowed = 0;
    for (uint32_t i = 0; i < 1000; ++i)
      allowed += limiter.Allow({i * 7919}, kStart + seconds(second)) ? 1 : 0;
    EXPECT_GE(allowed, 150);
    EXPECT_LE(allowed, 200);
    seen.insert(allowed);
  }
  EXPECT_GT(seen.size(), 15u);
}

}  // namespace
}  // namespace aether::net
