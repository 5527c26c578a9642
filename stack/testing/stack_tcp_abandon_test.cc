// Letting go (RFC 9293 3.10.4, 3.10.5, RFC 2525 2.17): close with unread data, stale handles,
// abort, a peer that never answers, another address.
#include <gtest/gtest.h>

#include <string>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::seconds;
using tcp::State;

// --- Closing with bytes unread ---

// [RFC 2525 2.17] [RFC 9293 3.10.4] the peer must not believe that somebody read what nobody did.
TEST(StackTcpClose, WithUnreadBytesResets) {
  for (State state : {State::kEstablished, State::kFinWait1, State::kFinWait2}) {
    const auto s = Script::In(state);
    s->peer().Send({.ack = 1, .data = ToFrame("unread")});
    s->DiscardOutput();
    s->Close();
    s->Expect(RstAck(7));
    s->ExpectNothing();
    EXPECT_EQ(s->stack().connection_count(), 0u);
  }
}

TEST(StackTcpClose, WithEverythingReadIsGraceful) {
  const auto s = Script::Established();
  s->peer().Data("read");
  s->Expect(Ack(5));
  EXPECT_EQ(s->Read(), "read");
  s->Close();
  s->Expect(Fin().AtSeq(1).WithAck(5));
  EXPECT_FALSE(s->stack().Inspect(s->connection()).has_value());
}

// [RFC 2525 2.17] [RFC 9293 3.10.7.4] data that arrive after the application left are answered with
// a reset.
TEST(StackTcpClose, DataAfterwardsAreReset) {
  for (const bool acknowledged : {false, true}) {
    const auto s = Script::Established();
    s->Close();
    s->Expect(Fin());
    if (acknowledged) s->peer().Ack();
    const uint32_t ack = acknowledged ? 2 : 1;
    s->SendDropped(s->peer().Build({.ack = ack, .data = ToFrame("late")}),
                   Drop::kTcpDataAfterClose);
    s->Expect(Rst(ack));
    EXPECT_EQ(s->stack().connection_count(), 0u);
    s->ExpectNothing();
  }
}

TEST(StackTcpClose, AnOldCopyOfDataAfterwardsIsNotReset) {
  const auto s = Script::Established();
  s->peer().Data("read");
  s->Expect(Ack(5));
  s->Read();
  s->Close();
  s->Expect(Fin());
  s->SendDropped(s->peer().Build({.seq = 1, .ack = 1, .data = ToFrame("read")}),
                 Drop::kTcpDuplicate);
  s->Expect(Ack(5).AtSeq(2));
  EXPECT_EQ(s->stack().connection_count(), 1u);
}

TEST(StackTcpClose, EndsInTheBackground) {
  const auto s = Script::Established();
  s->Close();
  s->Expect(Fin().AtSeq(1));
  s->peer().Fin();
  s->Expect(Ack(2).AtSeq(2));
  EXPECT_EQ(s->stack().connection_count(), 0u);
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  EXPECT_EQ(s->TakeEvents(), 0);
}

// (TCP037) calls with a handle that is gone do nothing.
TEST(StackTcpClose, AStaleHandleDoesNothing) {
  const auto s = Script::Established();
  const ConnectionId stale = s->connection();
  s->Abort();
  s->Expect(RstAck());
  Stack& stack = s->stack();
  // The place is taken by another connection.
  TcpPeer& other = s->AddPeer({.port = 1});
  other.Syn();
  s->Expect(SynAck());
  other.Data("private");
  s->Expect(Ack(8));
  s->Accept();
  EXPECT_EQ(s->connection().index, stale.index);
  EXPECT_TRUE(stack.Peek(stale).empty());
  EXPECT_EQ(stack.Readable(stale), 0u);
  EXPECT_FALSE(stack.AtEnd(stale));
  EXPECT_EQ(stack.WriteSpace(stale), 0u);
  EXPECT_EQ(stack.Write(stale, ToFrame("x")), 0u);
  EXPECT_FALSE(stack.WriteStatic(stale, StaticBytes::Of(Bytes{})));
  EXPECT_EQ(stack.Unacknowledged(stale), 0u);
  EXPECT_FALSE(stack.Inspect(stale).has_value());
  stack.SetUser(stale, 7);
  stack.Consume(stale, 0);
  stack.Shutdown(stale);
  stack.Close(stale);
  stack.Abort(stale);
  for (ConnectionId never : {ConnectionId{}, ConnectionId{5, 0}, ConnectionId{999'999, 1}}) {
    EXPECT_FALSE(stack.Inspect(never).has_value());
    stack.Abort(never);
  }
  s->Step();
  s->ExpectNothing();
  s->ExpectState(State::kEstablished);
  EXPECT_EQ(s->Read(), "private");
}

// --- Abort ---

// [RFC 9293 3.10.5] a reset with the next number, from every state that the peer knows of.
class StackTcpAbort : public ::testing::TestWithParam<State> {};

TEST_P(StackTcpAbort, ResetsThePeerAndForgets) {
  const auto s = Script::In(GetParam());
  const uint32_t seq = s->peer().rcv_nxt();
  const uint32_t ack = s->peer().snd_nxt();
  s->Abort();
  s->Expect(RstAck(ack).AtSeq(seq));
  s->ExpectNothing();
  EXPECT_EQ(s->stack().connection_count(), 0u);
  EXPECT_FALSE(s->stack().Inspect(s->connection()).has_value());
  // What still comes is a stranger's. (The very first segment is not: its number is a good cookie
  // for a while.)
  s->Send(s->peer().Build({.seq = ack + 1, .data = ToFrame("x")}));
  s->Expect(Rst());
}

INSTANTIATE_TEST_SUITE_P(States, StackTcpAbort,
                         ::testing::Values(State::kEstablished, State::kFinWait1, State::kFinWait2,
                                           State::kCloseWait, State::kClosing, State::kLastAck),
                         [](const auto& state) { return TestName(state.param); });

TEST(StackTcpAbort, OfAFinishedConnectionSaysNothing) {
  for (const bool reset : {false, true}) {
    const auto s = reset ? Script::Established() : Script::TimeWait();
    if (reset) s->peer().Rst();
    s->Abort();
    s->ExpectNothing();
    EXPECT_EQ(s->stack().connection_count(), 0u);
  }
}

// --- A peer that never answers (TCP029; CVE-2008-4609) ---

class StackTcpSilentPeer : public ::testing::TestWithParam<State> {};

TEST_P(StackTcpSilentPeer, IsGivenUpAfterTheApplicationClosed) {
  const auto s = Script::In(GetParam());
  s->Close();
  s->DiscardOutput();
  s->Advance(seconds(59));
  EXPECT_EQ(s->stack().connection_count(), 1u);
  s->ExpectNothing();
  s->Advance(seconds(3));
  EXPECT_EQ(s->stack().connection_count(), 0u);
  s->Expect(RstAck());
  EXPECT_EQ(s->counters().tcp_timeouts, 1u);
  s->Advance(seconds(3600));
  s->ExpectNothing();
}

INSTANTIATE_TEST_SUITE_P(States, StackTcpSilentPeer,
                         ::testing::Values(State::kEstablished, State::kFinWait1, State::kFinWait2,
                                           State::kCloseWait, State::kClosing, State::kLastAck),
                         [](const auto& state) { return TestName(state.param); });

TEST(StackTcpSilentPeer, AZeroWindowAfterCloseIsNotForEver) {
  const auto s = Script::Established({.peer = {.window = 0}});
  s->Write("never");
  s->Close();
  s->Advance(seconds(100));
  s->Expect(RstAck());
  EXPECT_EQ(s->stack().connection_count(), 0u);
}

TEST(StackTcpSilentPeer, TheApplicationIsTold) {
  const auto s = Script::LastAck();
  s->Advance(seconds(61));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kTimedOut);
  s->ExpectState(State::kClosed);
  s->Close();
  EXPECT_EQ(s->stack().connection_count(), 0u);
}

TEST(StackTcpSilentPeer, AHalfCloseLastsAsLongAsTheApplicationReads) {
  const auto s = Script::FinWait2();
  s->Advance(seconds(3600));
  s->ExpectNothing();
  s->ExpectState(State::kFinWait2);
  s->peer().Data("slow");
  s->Expect(Ack(5));
  EXPECT_EQ(s->Read(), "slow");
}

TEST(StackTcpSilentPeer, AnIdleConnectionStays) {
  for (State state : {State::kEstablished, State::kCloseWait}) {
    const auto s = Script::In(state);
    s->Advance(std::chrono::hours(24));
    s->ExpectNothing();
    s->ExpectState(state);
  }
}

// --- Another address ---

TEST(StackTcpAddressChange, EndsEverything) {
  for (State state : {State::kSynReceived, State::kEstablished, State::kCloseWait, State::kFinWait2,
                      State::kTimeWait}) {
    const auto s = Script::In(state);
    s->stack().SetAddress({Ipv4Address::Of(10, 0, 0, 3), 24}, std::nullopt);
    s->Step();
    s->ExpectNothing();
    EXPECT_EQ(s->stack().time_wait_count(), 0u);
    if (state == State::kEstablished) {
      EXPECT_EQ(s->TakeEvents(), tcp_event::kTimedOut);
    }
    if (state != State::kSynReceived) s->Close();
    EXPECT_EQ(s->stack().connection_count(), 0u);
  }
}

}  // namespace
}  // namespace aether::testing
