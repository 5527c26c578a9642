// Segments that do not fit, in every state (RFC 9293 3.10.7.4, RFC 5961): resets, SYNs,
// acknowledgements of nothing, data out of the window, and that the connection lives on afterwards.
#include <gtest/gtest.h>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using tcp::State;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kPsh = tcp_flags::kPsh;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;

constexpr State kAllStates[] = {State::kSynReceived, State::kEstablished, State::kFinWait1,
                                State::kFinWait2,    State::kCloseWait,   State::kClosing,
                                State::kLastAck};

class StackTcpSegment : public ::testing::TestWithParam<std::tuple<State, bool>> {
 protected:
  State state() const { return std::get<0>(GetParam()); }
  bool is_full() const { return std::get<1>(GetParam()); }
  // What the stack sends and expects next, in relative numbers.
  uint32_t snd_nxt() const { return s_->peer().rcv_nxt(); }
  uint32_t rcv_nxt() const { return s_->peer().snd_nxt(); }
  bool IsOpen() const { return s_->stack().connection_count() == 1; }

  void ExpectAck() {
    s_->Expect(Ack(rcv_nxt()).AtSeq(snd_nxt()));
    s_->ExpectNothing();
  }
  void ExpectUnharmed() {
    EXPECT_TRUE(IsOpen());
    s_->ExpectNothing();
    if (state() != State::kSynReceived) {
      s_->ExpectState(state());
      EXPECT_EQ(s_->TakeEvents(), 0);
    }
  }
  void Dropped(const Segment& segment, Drop reason) {
    s_->SendDropped(s_->peer().Build(segment), reason);
  }

  std::unique_ptr<Script> s_ = Script::In(state(), is_full() ? FullOptions() : ScriptOptions{});
};

// [RFC 9293 3.10.7.4] second, [RFC 5961 3.2]: a reset at exactly RCV.NXT ends the connection.
TEST_P(StackTcpSegment, AnExactResetEndsIt) {
  s_->Send(s_->peer().Build({.flags = kRst, .seq = rcv_nxt()}));
  s_->ExpectNothing();
  if (state() == State::kSynReceived) {
    EXPECT_FALSE(IsOpen());
    return;
  }
  EXPECT_EQ(s_->TakeEvents(), tcp_event::kReset);
  s_->ExpectState(State::kClosed);
  EXPECT_EQ(s_->counters().tcp_rsts_in, 1u);
  s_->Close();
  s_->ExpectNothing();
  EXPECT_FALSE(IsOpen());
}

// What a reset carries is no data: only where it stands counts.
TEST_P(StackTcpSegment, AResetBeforeTheWindowDoesNotReachIntoItWithItsData) {
  Dropped({.flags = kRst, .seq = rcv_nxt() - 3, .data = Frame(10)}, Drop::kTcpBadRst);
  s_->ExpectNothing();
  ExpectUnharmed();
}

TEST_P(StackTcpSegment, AnExactResetWithAckAndDataEndsIt) {
  s_->Send(s_->peer().Build({.flags = kRst | kAck, .seq = rcv_nxt(), .data = ToFrame("why")}));
  s_->ExpectNothing();
  if (state() != State::kSynReceived) s_->ExpectState(State::kClosed);
}

// [RFC 5961 3.2] (TCP022; CVE-2004-0230) elsewhere in the window it is challenged.
TEST_P(StackTcpSegment, AResetInTheWindowIsChallenged) {
  for (uint32_t offset : {1u, 1000u, 65000u}) {
    Dropped({.flags = kRst, .seq = rcv_nxt() + offset}, Drop::kTcpBadRst);
    ExpectAck();
  }
  EXPECT_EQ(s_->counters().tcp_challenge_acks, 3u);
  ExpectUnharmed();
}

// [RFC 9293 3.10.7.4] first: outside of it, it is dropped in silence.
TEST_P(StackTcpSegment, AResetOutOfTheWindowIsIgnored) {
  for (uint32_t offset : {0xffffffffu, 65535u, 65536u, 0x80000000u}) {
    Dropped({.flags = kRst, .seq = rcv_nxt() + offset}, Drop::kTcpBadRst);
    s_->ExpectNothing();
  }
  ExpectUnharmed();
}

// [RFC 5961 4.2] (TCP023) a SYN never ends a connection, wherever it stands.
TEST_P(StackTcpSegment, ASynIsChallenged) {
  // A half-open connection goes back to LISTEN instead: StackTcpRegression.
  if (state() == State::kSynReceived) return;
  for (uint32_t offset : {0u, 1u, 65000u}) {
    Dropped({.flags = kSyn, .seq = rcv_nxt() + offset}, Drop::kTcpUnexpectedSyn);
    ExpectAck();
  }
  Dropped({.flags = kSyn | kAck, .seq = rcv_nxt()}, Drop::kTcpUnexpectedSyn);
  ExpectAck();
  for (uint32_t offset : {65536u, 0x70000000u}) {
    Dropped({.flags = kSyn, .seq = rcv_nxt() + offset}, Drop::kTcpOutOfWindow);
    ExpectAck();
  }
  ExpectUnharmed();
}

// [RFC 9293 3.10.7.4] fifth: without ACK a segment is dropped.
TEST_P(StackTcpSegment, WithoutAckIsDropped) {
  for (const uint8_t flags : Frame{0, kFin, kPsh, kUrg, kFin | kPsh | kUrg}) {
    Dropped({.flags = flags, .seq = rcv_nxt()}, Drop::kTcpMissingAck);
  }
  Dropped({.flags = kPsh, .seq = rcv_nxt(), .data = ToFrame("x")}, Drop::kTcpMissingAck);
  ExpectUnharmed();
}

// [RFC 9293 3.10.7.4] fifth: an acknowledgement of what was not sent; in SYN-RECEIVED reset, later
// answered.
TEST_P(StackTcpSegment, AnAckOfTheFutureIsAnswered) {
  for (uint32_t offset : {1u, 5000u, 0x7fffffffu}) {
    Dropped({.seq = rcv_nxt(), .ack = snd_nxt() + offset}, Drop::kTcpBadAck);
    if (state() == State::kSynReceived) {
      s_->Expect(Rst(snd_nxt() + offset));
    } else {
      ExpectAck();
    }
  }
  ExpectUnharmed();
}

// [RFC 9293 3.10.7.4] first: data beyond the window are answered with where we are.
TEST_P(StackTcpSegment, DataOutOfTheWindowAreAnswered) {
  for (uint32_t offset : {65535u, 65536u, 0x10000000u}) {
    Dropped({.seq = rcv_nxt() + offset, .data = ToFrame("far")}, Drop::kTcpOutOfWindow);
    ExpectAck();
  }
  Dropped({.seq = rcv_nxt() - 3, .data = ToFrame("old")}, Drop::kTcpDuplicate);
  ExpectAck();
  ExpectUnharmed();
}

TEST_P(StackTcpSegment, AnAckOutOfTheWindowIsChallenged) {
  Dropped({.seq = rcv_nxt() + 65536}, Drop::kTcpOutOfWindow);
  ExpectAck();
  Dropped({.seq = rcv_nxt() - 1}, Drop::kTcpOutOfWindow);
  ExpectAck();
  ExpectUnharmed();
}

// (TCP007)
TEST_P(StackTcpSegment, MalformedOptionsDoNoHarm) {
  for (uint32_t seq : {rcv_nxt(), rcv_nxt() + 100'000}) {
    Dropped({.seq = seq, .options = {3, 2, 0xff, 0}}, Drop::kTcpBadOptions);
    Dropped({.flags = kRst, .seq = seq, .options = {3, 0, 0, 0}}, Drop::kTcpBadOptions);
  }
  ExpectUnharmed();
}

// All flags at once, wherever.
TEST_P(StackTcpSegment, ChristmasTreesDoNoHarm) {
  for (int flags = 0; flags < 256; ++flags) {
    // Resets in the window at its very beginning are meant, and so is a FIN.
    if ((flags & kRst) != 0) continue;
    if (state() != State::kSynReceived) {
      s_->Send(s_->peer().Build(
          {.flags = static_cast<uint8_t>(flags | kSyn), .seq = rcv_nxt(), .data = Frame(3)}));
    }
    s_->Send(s_->peer().Build(
        {.flags = static_cast<uint8_t>(flags), .seq = rcv_nxt() + 70'000, .data = Frame(3)}));
  }
  s_->DiscardOutput();
  ExpectUnharmed();
  EXPECT_EQ(s_->stack().Readable(s_->connection()), 0u);
}

INSTANTIATE_TEST_SUITE_P(States, StackTcpSegment,
                         ::testing::Combine(::testing::ValuesIn(kAllStates), ::testing::Bool()),
                         [](const auto& each) {
                           return TestName(std::get<0>(each.param)) +
                                  (std::get<1>(each.param) ? "Full" : "Classic");
                         });

// [RFC 9293 3.10.7.4] seventh: after the peer's FIN there is no text.
class StackTcpAfterPeersFin : public ::testing::TestWithParam<std::tuple<State, bool>> {};

TEST_P(StackTcpAfterPeersFin, DataAreIgnored) {
  const auto [state, full] = GetParam();
  const auto s = Script::In(state, full ? FullOptions() : ScriptOptions{});
  s->SendDropped(s->peer().Build({.seq = 2, .ack = 1, .data = ToFrame("ghost")}),
                 Drop::kTcpDataAfterClose);
  s->SendDropped(s->peer().Build({.flags = kFin | kAck, .seq = 2, .ack = 1}),
                 Drop::kTcpDataAfterClose);
  s->ExpectState(state);
  EXPECT_EQ(s->stack().Readable(s->connection()), 0u);
}

INSTANTIATE_TEST_SUITE_P(States, StackTcpAfterPeersFin,
                         ::testing::Combine(::testing::Values(State::kCloseWait, State::kClosing,
                                                              State::kLastAck),
                                            ::testing::Bool()),
                         [](const auto& each) {
                           return TestName(std::get<0>(each.param)) +
                                  (std::get<1>(each.param) ? "Full" : "Classic");
                         });

// [RFC 5961 3.2] [RFC 1337 3] TIME-WAIT is not ended by a reset that merely lies in the window.
TEST(StackTcpTimeWaitSegment, Resets) {
  const auto s = Script::TimeWait();
  for (uint32_t seq : {1u, 3u, 60'000u, 0x80000000u}) {
    s->SendDropped(s->peer().Build({.flags = kRst, .seq = seq}), Drop::kTcpBadRst);
  }
  s->ExpectNothing();
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  s->SendDelivered(s->peer().Build({.flags = kRst, .seq = 2}));
  s->ExpectNothing();
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
}

// What was queued in either direction is gone with the connection.
TEST(StackTcpReset, QueuedBytesAreGone) {
  const auto s = Script::Established({.peer = {.window = 0}});
  s->peer().Data("unread");
  s->Expect(Ack(7));
  s->Write("unsent");
  s->peer().Rst();
  EXPECT_EQ(s->stack().Readable(s->connection()), 0u);
  EXPECT_TRUE(s->stack().Peek(s->connection()).empty());
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
  EXPECT_EQ(s->stack().WriteSpace(s->connection()), 0u);
}

// The connection goes on to its proper end after all of that.
TEST(StackTcpSegmentAfterwards, TheConnectionStillWorks) {
  const auto s = Script::Established();
  s->Send(s->peer().Build({.flags = kRst, .seq = 100}));
  s->Send(s->peer().Build({.flags = kSyn, .seq = 1}));
  s->Send(s->peer().Build({.ack = 99}));
  s->Send(s->peer().Build({.seq = 100'000, .data = ToFrame("far")}));
  s->DiscardOutput();
  s->peer().Data("hello");
  s->Expect(Ack(6));
  EXPECT_EQ(s->Read(), "hello");
  s->Write("world");
  s->Expect(Data("world").AtSeq(1));
  s->peer().Fin();
  s->Expect(Ack(7).AtSeq(6));
  s->Shutdown();
  s->Expect(Fin().AtSeq(6));
  s->peer().Ack();
  s->ExpectState(State::kClosed);
}

}  // namespace
}  // namespace aether::testing
