#include "stack/runtime/backoff.h"

#include <gtest/gtest.h>

namespace aether::runtime {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Step = Backoff::Step;

constexpr Instant kStart{std::chrono::seconds(100)};

TEST(BackoffTest, SpinNeverGivesTheCpuAway) {
  Backoff backoff(BackoffMode::kSpin);
  EXPECT_EQ(backoff.Next(kStart), Step::kSpin);
  EXPECT_EQ(backoff.Next(kStart + std::chrono::hours(1)), Step::kSpin);
}

TEST(BackoffTest, PollBlocksAtOnce) {
  Backoff backoff(BackoffMode::kPoll);
  EXPECT_EQ(backoff.Next(kStart), Step::kBlock);
  backoff.Worked();
  EXPECT_EQ(backoff.Next(kStart), Step::kBlock);
}

TEST(BackoffTest, AdaptiveGoesThroughItsStages) {
  Backoff backoff(BackoffMode::kAdaptive);
  EXPECT_EQ(backoff.Next(kStart), Step::kSpin);
  EXPECT_EQ(backoff.Next(kStart + Backoff::kSpinMax - Duration(1)), Step::kSpin);
  EXPECT_EQ(backoff.Next(kStart + Backoff::kSpinMax), Step::kYield);
  EXPECT_EQ(backoff.Next(kStart + Backoff::kYieldMax - Duration(1)), Step::kYield);
  EXPECT_EQ(backoff.Next(kStart + Backoff::kYieldMax), Step::kSleep);
  EXPECT_EQ(backoff.Next(kStart + Backoff::kSleepMax - Duration(1)), Step::kSleep);
  EXPECT_EQ(backoff.Next(kStart + Backoff::kSleepMax), Step::kBlock);
  EXPECT_EQ(backoff.Next(kStart + std::chrono::hours(1)), Step::kBlock);
}

TEST(BackoffTest, SilenceCountsFromTheFirstDryTurnAfterWork) {
  Backoff backoff(BackoffMode::kAdaptive);
  backoff.Next(kStart);
  backoff.Worked();
  // Long after the first silence, but this one has only begun.
  const Instant later = kStart + milliseconds(500);
  EXPECT_EQ(backoff.Next(later), Step::kSpin);
  EXPECT_EQ(backoff.Next(later + Backoff::kSpinMax), Step::kYield);
}

TEST(BackoffTest, SlowYieldMakesItYieldAtOnce) {
  Backoff backoff(BackoffMode::kAdaptive);
  backoff.Yielded(Backoff::kQuickYield + Duration(1));
  EXPECT_TRUE(backoff.crowded());
  EXPECT_EQ(backoff.Next(kStart), Step::kYield);
  // The later stages stay where they are.
  EXPECT_EQ(backoff.Next(kStart + Backoff::kYieldMax), Step::kSleep);
  EXPECT_EQ(backoff.Next(kStart + Backoff::kSleepMax), Step::kBlock);
}

TEST(BackoffTest, QuickYieldsWinTheCoreBack) {
  Backoff backoff(BackoffMode::kAdaptive);
  backoff.Yielded(milliseconds(3));
  for (uint32_t i = 1; i < Backoff::kCrowdedMemory; ++i) backoff.Yielded(microseconds(1));
  EXPECT_EQ(backoff.Next(kStart), Step::kYield);
  backoff.Yielded(Backoff::kQuickYield);
  EXPECT_EQ(backoff.Next(kStart), Step::kSpin);
}

TEST(BackoffTest, PauseGrowsWithTheSilence) {
  Backoff backoff(BackoffMode::kAdaptive);
  backoff.Next(kStart);
  EXPECT_EQ(backoff.Pause(kStart), Backoff::kPauseMin);
  EXPECT_EQ(backoff.Pause(kStart + microseconds(16)), microseconds(2));
  EXPECT_EQ(backoff.Pause(kStart + microseconds(400)), microseconds(50));
  EXPECT_EQ(backoff.Pause(kStart + milliseconds(5)), Backoff::kPauseMax);
  // Who wants to spin wants to know at once.
  Backoff spin(BackoffMode::kSpin);
  spin.Next(kStart);
  EXPECT_EQ(spin.Pause(kStart + milliseconds(5)), Backoff::kPauseMin);
}

TEST(BackoffTest, QuickYieldsAloneChangeNothing) {
  Backoff backoff(BackoffMode::kAdaptive);
  for (int i = 0; i < 1000; ++i) backoff.Yielded(Duration(400));
  EXPECT_FALSE(backoff.crowded());
  EXPECT_EQ(backoff.Next(kStart), Step::kSpin);
}

}  // namespace
}  // namespace aether::runtime
