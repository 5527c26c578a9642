#include "stack/runtime/pacer.h"

#include <gtest/gtest.h>

namespace aether::runtime {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Instant kStart{std::chrono::seconds(9)};

// Batches of `frames`, one every `gap`; the pause after the last.
Duration PauseAfter(Pacer& pacer, size_t frames, Duration gap, int batches, Instant& now) {
  Duration pause{0};
  for (int i = 0; i < batches; ++i) {
    now += gap;
    pause = pacer.NextRead(frames, now) - now;
  }
  return pause;
}

TEST(PacerTest, FewFramesAtOnceAreNeverWaitedFor) {
  for (size_t frames = 1; frames < 2 * Pacer::kPeakShare; ++frames) {
    Pacer pacer;
    Instant now = kStart;
    EXPECT_EQ(PauseAfter(pacer, frames, microseconds(10), 1000, now), Duration(0)) << frames;
  }
}

TEST(PacerTest, WaitsForAShareOfThePeakAtTheRateOfArrival) {
  Pacer pacer;
  Instant now = kStart;
  // 32 frames every 64 us: 2 us apart, and an eighth of 32 is 4.
  const Duration pause = PauseAfter(pacer, 32, microseconds(64), 1000, now);
  EXPECT_GE(pause, microseconds(8));
  EXPECT_LE(pause, microseconds(9));
}

TEST(PacerTest, NeverWaitsForLong) {
  Pacer pacer;
  Instant now = kStart;
  EXPECT_EQ(PauseAfter(pacer, 64, milliseconds(60), 100, now), Pacer::kPauseMax);
}

TEST(PacerTest, ForgetsThePeak) {
  Pacer pacer;
  Instant now = kStart;
  EXPECT_GT(PauseAfter(pacer, 64, microseconds(100), 100, now), Duration(0));
  // One at a time from now on: two seconds later nothing is left of it.
  EXPECT_EQ(PauseAfter(pacer, 1, microseconds(20), 100'000, now), Duration(0));
}

TEST(PacerTest, RemembersThePeakForAWhile) {
  Pacer pacer;
  Instant now = kStart;
  PauseAfter(pacer, 64, microseconds(100), 100, now);
  EXPECT_GT(PauseAfter(pacer, 2, microseconds(5), 100, now), Duration(0));
}

TEST(PacerTest, EmptyBatchesSayNothing) {
  Pacer pacer;
  Instant now = kStart;
  const Duration before = PauseAfter(pacer, 32, microseconds(64), 1000, now);
  EXPECT_EQ(pacer.NextRead(0, now + microseconds(1)), now + microseconds(1));
  now += microseconds(64);
  EXPECT_EQ(pacer.NextRead(32, now) - now, before);
}

}  // namespace
}  // namespace aether::runtime
