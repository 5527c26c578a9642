#include "stack/tcp/congestion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stack/tcp/cubic.h"

namespace aether::tcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kMss = 1000;

// `acked_bytes` are acknowledged; when data last left, `pipe_bytes` were in flight.
void Ack(Congestion& congestion, uint32_t acked_bytes, uint32_t pipe_bytes, Instant now) {
  congestion.OnSent(pipe_bytes, kMss);
  congestion.OnAck(acked_bytes, kMss, 100000, now);
}

// [RFC 6928 2]
TEST(Congestion, BeginsWithTenSegmentsButNotMoreThanTheFormula) {
  Congestion congestion;
  congestion.Start(CongestionAlgorithm::kNewReno, 1460, 10);
  EXPECT_EQ(congestion.cwnd_bytes(), 14600u);
  congestion.Start(CongestionAlgorithm::kNewReno, 8960, 10);
  EXPECT_EQ(congestion.cwnd_bytes(), 17920u);
  congestion.Start(CongestionAlgorithm::kNone, 1460, 10);
  EXPECT_EQ(congestion.cwnd_bytes(), Congestion::kUnlimited);
}

// [RFC 5681 3.1]
TEST(Congestion, NewRenoDoublesPerRoundThenAddsASegmentPerRound) {
  Congestion congestion;
  congestion.Start(CongestionAlgorithm::kNewReno, kMss, 10);
  Instant now{};
  for (int i = 0; i < 10; ++i) Ack(congestion, kMss, 10 * kMss, now);
  EXPECT_EQ(congestion.cwnd_bytes(), 20 * kMss);
  congestion.OnCongestion(20 * kMss, kMss, now);
  EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
  EXPECT_EQ(congestion.ssthresh_bytes(), 10 * kMss);
  for (int i = 0; i < 10; ++i) Ack(congestion, kMss, 10 * kMss, now);
  EXPECT_EQ(congestion.cwnd_bytes(), 11 * kMss);
}

// [RFC 7661 4.4.1] [RFC 9438 5.8]
TEST(Congestion, AWindowThatIsNotUsedDoesNotGrow) {
  for (const CongestionAlgorithm algorithm :
       {CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic}) {
    Congestion congestion;
    congestion.Start(algorithm, kMss, 10);
    for (int i = 0; i < 100; ++i) Ack(congestion, kMss, kMss, Instant{milliseconds(i)});
    EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
  }
}

// [RFC 3465 2.1] [RFC 3465 2.3] [RFC 9406 4.2] peers that join segments acknowledge many at once:
// the first slow start counts all of them, one after a timeout two.
TEST(Congestion, SlowStartFollowsAnAcknowledgementOfManySegments) {
  Congestion congestion;
  congestion.Start(CongestionAlgorithm::kCubic, kMss, 10);
  Ack(congestion, 6 * kMss, 10 * kMss, Instant{});
  EXPECT_EQ(congestion.cwnd_bytes(), 16 * kMss);
  Ack(congestion, 16 * kMss, 16 * kMss, Instant{});
  EXPECT_EQ(congestion.cwnd_bytes(), 32 * kMss);
  congestion.OnTimeout(32 * kMss, kMss, /*first=*/true, Instant{});
  Ack(congestion, 10 * kMss, kMss, Instant{});
  EXPECT_EQ(congestion.cwnd_bytes(), 3 * kMss);
}

// Acknowledgements come in batches, and nothing leaves in between: what was in flight before the
// batch decides, not what each of them finds.
TEST(Congestion, EveryAcknowledgementOfABatchOpensAWindowThatWasFilled) {
  for (const CongestionAlgorithm algorithm :
       {CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic}) {
    Congestion congestion;
    congestion.Start(algorithm, kMss, 10);
    congestion.OnSent(10 * kMss, kMss);
    for (int i = 0; i < 10; ++i) congestion.OnAck(kMss, kMss, 100000, Instant{});
    EXPECT_EQ(congestion.cwnd_bytes(), 20 * kMss);
  }
}

// [RFC 9438 4.6] the window is reduced, whatever the same batch has left of the flight, and whether
// or not the peer's window kept it from being filled.
TEST(Congestion, CubicReducesTheWindowNotTheFlight) {
  for (const uint32_t pipe_bytes : {10 * kMss, 3 * kMss}) {
    Congestion congestion;
    congestion.Start(CongestionAlgorithm::kCubic, kMss, 10);
    congestion.OnSent(pipe_bytes, kMss);
    congestion.OnCongestion(3 * kMss, kMss, Instant{});
    EXPECT_EQ(congestion.cwnd_bytes(), 7 * kMss);
  }
}

// [RFC 5681 3.1] the loss window; ssthresh falls only with the first timeout for the same data.
TEST(Congestion, ATimeoutStartsOverFromOneSegment) {
  Congestion congestion;
  congestion.Start(CongestionAlgorithm::kNewReno, kMss, 10);
  congestion.OnTimeout(10 * kMss, kMss, /*first=*/true, Instant{});
  EXPECT_EQ(congestion.cwnd_bytes(), kMss);
  EXPECT_EQ(congestion.ssthresh_bytes(), 5 * kMss);
  congestion.OnTimeout(kMss, kMss, /*first=*/false, Instant{});
  EXPECT_EQ(congestion.ssthresh_bytes(), 5 * kMss);
}

// [RFC 4015 3.2]
TEST(Congestion, UndoBringsBackWhatWas) {
  for (const CongestionAlgorithm algorithm :
       {CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic}) {
    Congestion congestion;
    congestion.Start(algorithm, kMss, 10);
    const Congestion::Mark before = congestion.TakeMark();
    congestion.OnTimeout(10 * kMss, kMss, true, Instant{});
    congestion.Undo(before);
    EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
    EXPECT_EQ(congestion.ssthresh_bytes(), Congestion::kUnlimited);
  }
}

// [RFC 5681 4.1]
TEST(Congestion, IdleRestartNeverOpensTheWindow) {
  Congestion congestion;
  congestion.Start(CongestionAlgorithm::kCubic, kMss, 10);
  for (int i = 0; i < 50; ++i) Ack(congestion, kMss, congestion.cwnd_bytes(), Instant{});
  EXPECT_GT(congestion.cwnd_bytes(), 10 * kMss);
  congestion.OnIdle(kMss, 10);
  EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
  congestion.OnTimeout(10 * kMss, kMss, true, Instant{});
  congestion.OnIdle(kMss, 10);
  EXPECT_EQ(congestion.cwnd_bytes(), kMss);
}

TEST(Cubic, CubeRootIsExact) {
  for (uint64_t root = 0; root < 3000; ++root) {
    EXPECT_EQ(cubic::CubeRoot(root * root * root), root);
    EXPECT_EQ(cubic::CubeRoot((root + 1) * (root + 1) * (root + 1) - 1), root);
  }
  EXPECT_EQ(cubic::CubeRoot(~uint64_t{0}), 2642245u);
}

// [RFC 9438 4.2] the curve in integers against the formula in floating point.
TEST(Cubic, TheCurveFollowsTheFormula) {
  for (const uint32_t w_max : {20u, 100u, 1000u, 10000u}) {
    const uint32_t cwnd = w_max * 7 / 10;
    const uint32_t k_ms = cubic::PlateauTimeMs((w_max - cwnd) * kMss, kMss);
    const double k = std::cbrt((w_max - cwnd) / 0.4);
    EXPECT_NEAR(k_ms / 1000.0, k, 0.01);
    for (uint32_t ms = 0; ms < 60000; ms += 500) {
      const double expected = 0.4 * std::pow(ms / 1000.0 - k, 3) + w_max;
      EXPECT_NEAR(cubic::WindowAt(w_max * kMss, k_ms, ms, kMss) / double{kMss},
                  std::max(expected, 1.0), 0.02 * expected + 1)
          << w_max << " after " << ms;
    }
  }
  // Absurd times stay within what a window can be.
  EXPECT_EQ(cubic::WindowAt(kMss, 0, ~uint64_t{0}, kMss), 0x40000000u);
}

// [RFC 9438 4.6] [RFC 9438 4.7]
TEST(Cubic, ReducesToSevenTenthsAndComesBackToThePlateau) {
  Congestion congestion;
  congestion.Start(CongestionAlgorithm::kCubic, kMss, 10);
  Instant now{seconds(1)};
  while (congestion.cwnd_bytes() < 200 * kMss) Ack(congestion, kMss, congestion.cwnd_bytes(), now);
  const uint32_t w_max = congestion.cwnd_bytes();
  congestion.OnCongestion(w_max, kMss, now);
  EXPECT_NEAR(congestion.cwnd_bytes(), 0.7 * w_max, kMss);
  // K = cbrt(60 / 0.4) = 5.3 s: one acknowledgement per segment, 100 ms round trips.
  for (int round = 0; round < 53; ++round) {
    now += milliseconds(100);
    const uint32_t segments = congestion.cwnd_bytes() / kMss;
    for (uint32_t i = 0; i < segments; ++i) Ack(congestion, kMss, congestion.cwnd_bytes(), now);
  }
  EXPECT_NEAR(congestion.cwnd_bytes(), w_max, 0.05 * w_max);
}

}  // namespace
}  // namespace aether::tcp
