// Congestion control as a peer sees it (RFC 5681, RFC 6928, RFC 3168): how much leaves, and when.
// congestion_test.cc has the curves.
#include <gtest/gtest.h>

#include <chrono>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tcp::CongestionAlgorithm;

constexpr uint32_t kMss = 1000;

std::unique_ptr<Script> With(CongestionAlgorithm algorithm) {
  ScriptOptions options = FullOptions();
  options.config.profile.congestion = algorithm;
  options.syn_options = MssOption(kMss);
  options.syn_round_trip = milliseconds(100);
  return Script::Established(options);
}

// Takes what leaves; how many segments.
uint32_t Count(Script& s) {
  uint32_t count = 0;
  for (; s.output_size() > 0; ++count) s.Expect(Data("").WithAnyData());
  return count;
}

tcp::Snapshot Inspect(Script& s) { return *s.stack().Inspect(s.connection()); }

class StackTcpCongestion : public ::testing::TestWithParam<CongestionAlgorithm> {};

// [RFC 6928 2] ten segments begin.
TEST_P(StackTcpCongestion, TenSegmentsBegin) {
  const auto s = With(GetParam());
  s->Write(Pattern(30 * kMss));
  EXPECT_EQ(Count(*s), 10u);
}

// [RFC 5681 3.1] [RFC 9293 3.8.2 MUST-19] slow start: what is acknowledged lets as much again out.
TEST_P(StackTcpCongestion, SlowStartDoubles) {
  const auto s = With(GetParam());
  s->Write(Pattern(60 * kMss));
  EXPECT_EQ(Count(*s), 10u);
  s->Advance(milliseconds(100));
  for (uint32_t i = 1; i <= 10; ++i) {
    s->peer().Ack(1 + i * kMss);
    EXPECT_EQ(Count(*s), 2u);
  }
  EXPECT_EQ(Inspect(*s).cwnd_bytes, 20 * kMss);
}

// Less than a segment of window is none: it waits until there is a whole one.
TEST_P(StackTcpCongestion, AFractionOfASegmentIsNone) {
  const auto s = With(GetParam());
  s->Write(Pattern(40 * kMss));
  EXPECT_EQ(Count(*s), 10u);
  s->peer().Ack(501);
  EXPECT_EQ(Count(*s), 1u);
  // 10,900 bytes of window, 10,100 in flight.
  s->peer().Ack(901);
  EXPECT_EQ(Inspect(*s).cwnd_bytes, 10'900u);
  EXPECT_EQ(Count(*s), 0u);
}

// [RFC 5681 3.1] a timeout: one segment leaves, slow start leads to half of what was in flight (or
// 7/10: [RFC 9438 4.6]).
TEST_P(StackTcpCongestion, ATimeoutStartsOver) {
  const auto s = With(GetParam());
  s->Write(Pattern(40 * kMss));
  EXPECT_EQ(Count(*s), 10u);
  s->Advance(milliseconds(400));
  EXPECT_EQ(Count(*s), 1u);
  EXPECT_EQ(Inspect(*s).cwnd_bytes, kMss);
  EXPECT_EQ(Inspect(*s).ssthresh_bytes, (GetParam() == CongestionAlgorithm::kCubic ? 7 : 5) * kMss);
  s->peer().Ack(1 + kMss);
  EXPECT_EQ(Count(*s), 2u);
  // A second timeout for the same data leaves ssthresh alone.
  const uint32_t ssthresh = Inspect(*s).ssthresh_bytes;
  s->Advance(seconds(3));
  EXPECT_EQ(Inspect(*s).cwnd_bytes, kMss);
  EXPECT_LE(Inspect(*s).ssthresh_bytes, ssthresh);
}

// [RFC 5681 3.2] after fast recovery the window is ssthresh.
TEST_P(StackTcpCongestion, RecoveryEndsAtSsthresh) {
  const auto s = With(GetParam());
  s->Write(Pattern(10 * kMss));
  EXPECT_EQ(Count(*s), 10u);
  s->Advance(milliseconds(100));
  for (int i = 0; i < 3; ++i) s->peer().Ack(1);
  EXPECT_EQ(Count(*s), 1u);
  s->peer().Ack(1 + 10 * kMss);
  EXPECT_EQ(Inspect(*s).cwnd_bytes, Inspect(*s).ssthresh_bytes);
  EXPECT_EQ(Inspect(*s).cwnd_bytes, (GetParam() == CongestionAlgorithm::kCubic ? 7 : 5) * kMss);
}

// [RFC 5681 4.1] after a pause longer than the RTO no more than the initial window leaves at once.
TEST_P(StackTcpCongestion, APauseStartsOver) {
  const auto s = With(GetParam());
  uint32_t sent = 0;
  for (int round = 0; round < 4; ++round) {
    s->Write(Pattern(40 * kMss));
    while (s->stack().Unacknowledged(s->connection()) > 0) {
      sent += Count(*s);
      s->Advance(milliseconds(100));
      s->peer().Ack();
    }
  }
  EXPECT_EQ(sent, 160u);
  EXPECT_GT(Inspect(*s).cwnd_bytes, 20 * kMss);
  s->Write(Pattern(20 * kMss));
  EXPECT_EQ(Count(*s), 20u);
  s->Advance(milliseconds(100));
  s->peer().Ack();
  s->Advance(seconds(10));
  s->Write(Pattern(30 * kMss));
  EXPECT_EQ(Count(*s), 10u);
}

// [RFC 9438 5.8] [RFC 7661 4.4.1] a window that is not used does not grow.
TEST_P(StackTcpCongestion, AnUnusedWindowDoesNotGrow) {
  const auto s = With(GetParam());
  for (int i = 0; i < 100; ++i) {
    s->Write("little");
    s->Advance(milliseconds(10));
    s->peer().Ack();
    s->DiscardOutput();
  }
  EXPECT_EQ(Inspect(*s).cwnd_bytes, 10 * kMss);
}

// [RFC 9293 3.8.2 MAY-18] the one and the other.
// [RFC 5681 3.2] a receiver that makes duplicates up gets no more than what is outstanding admits:
// they were counted without end, and set free whatever was written later.
TEST_P(StackTcpCongestion, DuplicatesCountUpToWhatIsOutstanding) {
  const auto s = With(GetParam());
  s->Write(Pattern(10 * kMss));
  EXPECT_EQ(Count(*s), 10u);
  s->Advance(milliseconds(100));
  for (int i = 0; i < 50; ++i) s->peer().Ack(1);
  EXPECT_EQ(Count(*s), 1u);
  s->Write(Pattern(40 * kMss));
  EXPECT_EQ(Count(*s), Inspect(*s).ssthresh_bytes / kMss);
}

INSTANTIATE_TEST_SUITE_P(Algorithms, StackTcpCongestion,
                         ::testing::Values(CongestionAlgorithm::kNewReno,
                                           CongestionAlgorithm::kCubic),
                         [](const auto& algorithm) {
                           return algorithm.param == CongestionAlgorithm::kCubic ? "Cubic"
                                                                                 : "NewReno";
                         });

}  // namespace
}  // namespace aether::testing
