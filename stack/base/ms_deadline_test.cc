#include "stack/base/ms_deadline.h"

#include <gtest/gtest.h>

namespace aether {
namespace {

using namespace std::chrono_literals;

TEST(MsDeadline, IsNotSetUntilItIs) {
  MsDeadline deadline;
  EXPECT_FALSE(deadline.IsSet());
  EXPECT_FALSE(deadline.IsDue(Instant{5s}));
  EXPECT_EQ(deadline.At(Instant{5s}), kNever);
  deadline.Set(Instant{6s});
  EXPECT_TRUE(deadline.IsSet());
  deadline.Clear();
  EXPECT_FALSE(deadline.IsSet());
  EXPECT_FALSE(deadline.IsDue(Instant{7s}));
}

TEST(MsDeadline, IsDueAtItsMillisecondAndNeverBefore) {
  MsDeadline deadline;
  deadline.Set(Instant{1s + 1ns});
  EXPECT_EQ(deadline.At(Instant{900ms}), Instant{1001ms});
  EXPECT_FALSE(deadline.IsDue(Instant{1001ms - 1ns}));
  EXPECT_TRUE(deadline.IsDue(Instant{1001ms}));
  EXPECT_TRUE(deadline.IsDue(Instant{20 * 24h}));
  EXPECT_EQ(deadline.At(Instant{20 * 24h}), Instant{1001ms});
}

TEST(MsDeadline, ThatMayNotBeLateIsEarlyByLessThanAMillisecond) {
  MsDeadline deadline;
  deadline.SetNoLater(Instant{1002ms - 1ns});
  EXPECT_EQ(deadline.At(Instant{1s}), Instant{1001ms});
  EXPECT_TRUE(deadline.IsDue(Instant{1001ms}));
}

// 2^32 ms pass after 49.7 days: before, at and after that.
TEST(MsDeadline, GoesOnWhereTheNumberWraps) {
  const Duration wrap = std::chrono::milliseconds(int64_t{1} << 32);
  for (const Duration ahead : {1ms, 40ms, 60'000ms}) {
    for (const Duration offset : {-60'000ms, -41ms, -40ms, -1ms, 0ms, 1ms}) {
      const Instant now{wrap + offset};
      MsDeadline deadline;
      deadline.Set(now + ahead);
      const bool is_zero = offset + ahead == 0ms;
      EXPECT_EQ(deadline.At(now), now + ahead + (is_zero ? 1ms : 0ms));
      EXPECT_FALSE(deadline.IsDue(now));
      EXPECT_FALSE(deadline.IsDue(now + ahead - 1ns));
      EXPECT_TRUE(deadline.IsDue(now + ahead + (is_zero ? 1ms : 0ms)));
      EXPECT_TRUE(deadline.IsDue(now + ahead + MsDeadline::kStepMax));
    }
  }
}

}  // namespace
}  // namespace aether
