// Regressions of the sender's speed, each test named for what made it slow: found with
// bench/live/goodput, where the kernel's CUBIC over the same link is the yardstick.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kMss = 1460;

ScriptOptions FullOptions() {
  ScriptOptions options;
  options.config = ScriptConfigWithoutCookies();
  options.config.profile = tcp::kFull;
  return options;
}

// A connection whose peer, 20 ms away, reports what arrives ahead of a gap.
std::unique_ptr<Script> EstablishedWithSack() {
  auto s = std::make_unique<Script>(FullOptions());
  s->peer().Send({.flags = tcp_flags::kSyn, .options = {2, 4, kMss >> 8, kMss & 0xff, 4, 2, 1, 1}});
  s->Expect(SynAck());
  s->Advance(milliseconds(20));
  s->peer().Ack();
  s->Accept();
  return s;
}

// An acknowledgement of `acked` segments that reports the segments from `first` to `last`, counted
// from 1.
Frame SackOf(Script& s, uint32_t acked, uint32_t first, uint32_t last) {
  Frame options = {1, 1, 5, 10};
  for (const uint32_t segments : {first - 1, last}) {
    const uint32_t edge = s.peer().stack_initial_sequence() + 1 + segments * kMss;
    for (int shift = 24; shift >= 0; shift -= 8)
      options.push_back(static_cast<uint8_t>(edge >> shift));
  }
  return s.peer().Build({.ack = 1 + acked * kMss, .options = options});
}

uint32_t CwndBytes(Script& s) { return s.stack().Inspect(s.connection())->cwnd_bytes; }

// [RFC 5681 3.1] [RFC 9438 5.8] whether the window was filled is asked when data leaves. A batch of
// acknowledgements is worked on without sending in between, and only the first of them found the
// flight as large as the window: the others opened nothing, and a sender at the end of a long link
// stayed at half of its share.
TEST(StackTcpGoodput, ABatchOfAcknowledgementsOpensTheWindowAsMuchAsSingleOnes) {
  auto s = Script::Established(FullOptions());
  s->Write(Pattern(60000));
  ASSERT_EQ(s->output_size(), 10u);
  s->DiscardOutput();
  std::vector<Frame> batch;
  for (uint32_t i = 1; i <= 10; ++i) batch.push_back(s->peer().Build({.ack = 1 + i * kMss}));
  s->Send(batch);
  EXPECT_EQ(CwndBytes(*s), 20 * kMss);
  EXPECT_EQ(s->output_size(), 20u);
  s->DiscardOutput();
}

// [RFC 9438 4.6] a loss that is seen behind acknowledgements of the same batch costs three tenths
// of the window, not of the little that they left in flight.
TEST(StackTcpGoodput, ALossBehindABatchOfAcknowledgementsCostsNoMoreThanItShould) {
  auto s = Script::Established(FullOptions());
  s->Write(Pattern(60000));
  s->DiscardOutput();
  std::vector<Frame> batch;
  for (uint32_t i = 1; i <= 6; ++i) batch.push_back(s->peer().Build({.ack = 1 + i * kMss}));
  for (int i = 0; i < 3; ++i) batch.push_back(s->peer().Build({.ack = 1 + 6 * kMss}));
  s->Send(batch);
  EXPECT_EQ(s->counters().tcp_fast_recoveries, 1u);
  // Six acknowledgements had made it 16 segments.
  EXPECT_EQ(CwndBytes(*s), 16 * kMss * 7 / 10);
  s->DiscardOutput();
}

// Several acknowledgements of a batch say that the first segment is missing, the last that it came:
// it was overtaken, not lost, and since nothing was sent again the window is given back.
TEST(StackTcpGoodput, WhatArrivesBeforeItIsSentAgainCostsNothing) {
  auto s = EstablishedWithSack();
  s->Write(Pattern(10 * kMss));
  s->DiscardOutput();
  s->Send(std::vector<Frame>{SackOf(*s, 0, 2, 2), SackOf(*s, 0, 2, 3), SackOf(*s, 0, 2, 4),
                             s->peer().Build({.ack = 1 + 4 * kMss})});
  s->ExpectNothing();
  EXPECT_EQ(s->counters().tcp_fast_recoveries, 1u);
  EXPECT_EQ(s->counters().tcp_spurious_recoveries, 1u);
  EXPECT_EQ(CwndBytes(*s), 10 * kMss);
}

// But what was sent again and then acknowledged without timestamps tells nothing: the window stays
// reduced.
TEST(StackTcpGoodput, WhatWasSentAgainStaysPaidFor) {
  auto s = EstablishedWithSack();
  s->Write(Pattern(10 * kMss));
  s->DiscardOutput();
  s->Send(SackOf(*s, 0, 2, 4));
  s->Expect(Ack().WithAnyData().AtSeq(1));
  s->Send(s->peer().Build({.ack = 1 + 4 * kMss}));
  EXPECT_EQ(s->counters().tcp_spurious_recoveries, 0u);
  EXPECT_EQ(CwndBytes(*s), 7 * kMss);
}

// [RFC 8985 6.3] one segment is overtaken by another; new data that leaves meanwhile must not put
// off the time at which it counts as lost. It did, until the retransmission timer ran out.
TEST(StackTcpGoodput, NewDataDoesNotPutOffTheReorderingTimer) {
  auto s = EstablishedWithSack();
  s->Write(Pattern(9 * kMss));
  s->DiscardOutput();
  s->Advance(milliseconds(20));
  s->Send(SackOf(*s, 0, 2, 2));
  s->ExpectNothing();
  s->Write(Pattern(kMss));
  s->Expect(Ack().WithAnyData().AtSeq(1 + 9 * kMss).WithPsh());
  s->Advance(milliseconds(10));
  s->Expect(Ack().WithAnyData().AtSeq(1));
  EXPECT_EQ(s->counters().tcp_retransmit_timeouts, 0u);
}

// A window that the application does not fill stays as it is, however many acknowledgements come.
TEST(StackTcpGoodput, AnApplicationThatWritesLittleOpensNoWindow) {
  auto s = Script::Established(FullOptions());
  for (int i = 0; i < 50; ++i) {
    s->Write("little");
    s->DiscardOutput();
    s->peer().Ack();
  }
  EXPECT_EQ(CwndBytes(*s), 10 * kMss);
}

// [RFC 9438 4.3] where the acknowledgements of a whole flight come in one batch, the flight is
// empty every round for a moment, and the next one must go on where congestion avoidance was: begun
// anew each round, the window hardly grew, and a long transfer ran at a third of its share.
TEST(StackTcpGoodput, AFlightThatIsEmptyForAMomentDoesNotEndTheCurve) {
  auto s = EstablishedWithSack();
  s->Write(Pattern(60000));
  s->DiscardOutput();
  // One loss, repaired: congestion avoidance from seven segments.
  s->Send(SackOf(*s, 0, 2, 10));
  s->Advance(milliseconds(20));
  s->DiscardOutput();
  uint32_t acked = s->peer().rcv_nxt();
  s->peer().Ack();
  const uint32_t before = CwndBytes(*s);
  ASSERT_EQ(before, 7u * kMss);
  for (int round = 0; round < 40; ++round) {
    s->Write(Pattern(s->stack().WriteSpace(s->connection())));
    s->DiscardOutput();
    s->Advance(milliseconds(20));
    std::vector<Frame> batch;
    for (; acked + kMss < s->peer().rcv_nxt(); acked += kMss)
      batch.push_back(s->peer().Build({.ack = acked + kMss}));
    acked = s->peer().rcv_nxt();
    batch.push_back(s->peer().Build({.ack = acked}));
    s->Send(batch);
  }
  // Reno's share would be 9/17 of a segment per round to the old window of ten, then one.
  EXPECT_GE(CwndBytes(*s), before + 30 * kMss);
  s->DiscardOutput();
}

}  // namespace
}  // namespace aether::testing
