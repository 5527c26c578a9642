#include "stack/tcp/congestion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stack/tcp/cubic.h"

namespace aether::tcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kMss = 1000;

// A window and the flight that it belongs to.
struct Window {
  Window(CongestionAlgorithm chosen, uint32_t segments) : algorithm(chosen) {
    congestion.Start(chosen, kMss, segments);
  }
  Congestion::Context context() { return {algorithm, epoch, kMss}; }
  // Data left, and `pipe_bytes` were in flight then.
  void OnSent(uint32_t pipe_bytes) { congestion.OnSent(context(), pipe_bytes); }
  void OnAck(uint32_t acked_bytes, Instant now = Instant{}, uint32_t srtt_us = 100000) {
    congestion.OnAck(context(), acked_bytes, srtt_us, now);
  }
  void OnCongestion(uint32_t flight_bytes) { congestion.OnCongestion(context(), flight_bytes); }
  uint32_t cwnd_bytes() const { return congestion.cwnd_bytes(); }
  uint32_t ssthresh_bytes() const { return congestion.ssthresh_bytes(); }

  CongestionAlgorithm algorithm;
  Congestion::Epoch epoch;
  Congestion congestion;
};

// `acked_bytes` are acknowledged; when data last left, `pipe_bytes` were in flight.
void Ack(Window& window, uint32_t acked_bytes, uint32_t pipe_bytes, Instant now,
         uint32_t srtt_us = 100000) {
  window.OnSent(pipe_bytes);
  window.OnAck(acked_bytes, now, srtt_us);
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
  Window congestion(CongestionAlgorithm::kNewReno, 10);
  Instant now{};
  for (int i = 0; i < 10; ++i) Ack(congestion, kMss, 10 * kMss, now);
  EXPECT_EQ(congestion.cwnd_bytes(), 20 * kMss);
  congestion.OnCongestion(20 * kMss);
  EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
  EXPECT_EQ(congestion.ssthresh_bytes(), 10 * kMss);
  for (int i = 0; i < 10; ++i) Ack(congestion, kMss, 10 * kMss, now);
  EXPECT_EQ(congestion.cwnd_bytes(), 11 * kMss);
}

// [RFC 7661 4.4.1] [RFC 9438 5.8]
TEST(Congestion, AWindowThatIsNotUsedDoesNotGrow) {
  for (const CongestionAlgorithm algorithm :
       {CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic}) {
    Window congestion(algorithm, 10);
    for (int i = 0; i < 100; ++i) Ack(congestion, kMss, kMss, Instant{milliseconds(i)});
    EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
  }
}

// [RFC 3465 2.1] [RFC 3465 2.3] [RFC 9406 4.2] peers that join segments acknowledge many at once:
// the first slow start counts all of them, one after a timeout two.
TEST(Congestion, SlowStartFollowsAnAcknowledgementOfManySegments) {
  Window congestion(CongestionAlgorithm::kCubic, 10);
  Ack(congestion, 6 * kMss, 10 * kMss, Instant{});
  EXPECT_EQ(congestion.cwnd_bytes(), 16 * kMss);
  Ack(congestion, 16 * kMss, 16 * kMss, Instant{});
  EXPECT_EQ(congestion.cwnd_bytes(), 32 * kMss);
  congestion.congestion.OnTimeout(congestion.context(), 32 * kMss, /*first=*/true);
  Ack(congestion, 10 * kMss, kMss, Instant{});
  EXPECT_EQ(congestion.cwnd_bytes(), 3 * kMss);
}

// Acknowledgements come in batches, and nothing leaves in between: what was in flight before the
// batch decides, not what each of them finds.
TEST(Congestion, EveryAcknowledgementOfABatchOpensAWindowThatWasFilled) {
  for (const CongestionAlgorithm algorithm :
       {CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic}) {
    Window congestion(algorithm, 10);
    congestion.OnSent(10 * kMss);
    for (int i = 0; i < 10; ++i) congestion.OnAck(kMss);
    EXPECT_EQ(congestion.cwnd_bytes(), 20 * kMss);
  }
}

// [RFC 9438 4.6] the window is reduced, whatever the same batch has left of the flight, and whether
// or not the peer's window kept it from being filled.
TEST(Congestion, CubicReducesTheWindowNotTheFlight) {
  for (const uint32_t pipe_bytes : {10 * kMss, 3 * kMss}) {
    Window congestion(CongestionAlgorithm::kCubic, 10);
    congestion.OnSent(pipe_bytes);
    congestion.OnCongestion(3 * kMss);
    EXPECT_EQ(congestion.cwnd_bytes(), 7 * kMss);
  }
}

// [RFC 5681 3.1] the loss window; ssthresh falls only with the first timeout for the same data.
TEST(Congestion, ATimeoutStartsOverFromOneSegment) {
  Window congestion(CongestionAlgorithm::kNewReno, 10);
  congestion.congestion.OnTimeout(congestion.context(), 10 * kMss, /*first=*/true);
  EXPECT_EQ(congestion.cwnd_bytes(), kMss);
  EXPECT_EQ(congestion.ssthresh_bytes(), 5 * kMss);
  congestion.congestion.OnTimeout(congestion.context(), kMss, /*first=*/false);
  EXPECT_EQ(congestion.ssthresh_bytes(), 5 * kMss);
}

// [RFC 4015 3.2]
TEST(Congestion, UndoBringsBackWhatWas) {
  for (const CongestionAlgorithm algorithm :
       {CongestionAlgorithm::kNewReno, CongestionAlgorithm::kCubic}) {
    Window congestion(algorithm, 10);
    const Congestion before = congestion.congestion;
    congestion.congestion.OnTimeout(congestion.context(), 10 * kMss, true);
    congestion.congestion.Undo(congestion.context(), before);
    EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
    EXPECT_EQ(congestion.ssthresh_bytes(), Congestion::kUnlimited);
  }
}

// [RFC 5681 4.1]
TEST(Congestion, IdleRestartNeverOpensTheWindow) {
  Window congestion(CongestionAlgorithm::kCubic, 10);
  for (int i = 0; i < 50; ++i) Ack(congestion, kMss, congestion.cwnd_bytes(), Instant{});
  EXPECT_GT(congestion.cwnd_bytes(), 10 * kMss);
  congestion.congestion.OnIdle(kMss, 10);
  EXPECT_EQ(congestion.cwnd_bytes(), 10 * kMss);
  congestion.congestion.OnTimeout(congestion.context(), 10 * kMss, true);
  congestion.congestion.OnIdle(kMss, 10);
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

// [RFC 9438 4.3] where Reno would be faster, on a short path with a small window, the window
// follows it: 9/17 of a segment per round trip up to the old maximum, then one.
TEST(Cubic, IsNoSlowerThanReno) {
  Window congestion(CongestionAlgorithm::kCubic, 10);
  Instant now{seconds(1)};
  congestion.OnCongestion(10 * kMss);
  EXPECT_EQ(congestion.cwnd_bytes(), 7 * kMss);
  for (int round = 0; round < 17; ++round) {
    now += milliseconds(1);
    const uint32_t segments = congestion.cwnd_bytes() / kMss;
    for (uint32_t i = 0; i < segments; ++i)
      Ack(congestion, kMss, congestion.cwnd_bytes(), now, 1000);
  }
  // Six round trips to ten segments, eleven more.
  EXPECT_NEAR(congestion.cwnd_bytes() / double{kMss}, 21, 2);
}

// [RFC 9438 4.4] however far the curve is ahead, a round trip adds about half of the window.
TEST(Cubic, GrowsByHalfPerRoundAtMost) {
  Window congestion(CongestionAlgorithm::kCubic, 100);
  Instant now{seconds(1)};
  congestion.OnCongestion(100 * kMss);
  Ack(congestion, kMss, congestion.cwnd_bytes(), now);
  now += seconds(60);
  const uint32_t before = congestion.cwnd_bytes();
  for (uint32_t i = 0; i < before / kMss; ++i) Ack(congestion, kMss, congestion.cwnd_bytes(), now);
  EXPECT_GT(congestion.cwnd_bytes(), before * 14 / 10);
  EXPECT_LT(congestion.cwnd_bytes(), before * 17 / 10);
}

// [RFC 9438 4.6] [RFC 9438 4.7]
TEST(Cubic, ReducesToSevenTenthsAndComesBackToThePlateau) {
  Window congestion(CongestionAlgorithm::kCubic, 10);
  Instant now{seconds(1)};
  while (congestion.cwnd_bytes() < 200 * kMss) Ack(congestion, kMss, congestion.cwnd_bytes(), now);
  const uint32_t w_max = congestion.cwnd_bytes();
  congestion.OnCongestion(w_max);
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
