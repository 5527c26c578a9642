// How connections end (RFC 9293 3.6, 3.10.4, 3.10.5): FIN in every state, half close, simultaneous
// close, TIME-WAIT, close with unread data, abort, and what happens when the peer never answers.
#include <gtest/gtest.h>

#include <string>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::seconds;
using tcp::State;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kAck = tcp_flags::kAck;

// --- The peer closes first ---

TEST(StackTcpPassiveClose, GoesThroughCloseWaitAndLastAck) {
  const auto s = Script::Established();
  s->peer().Fin();
  s->Expect(Ack(2).AtSeq(1));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kPeerClosed);
  EXPECT_TRUE(s->stack().AtEnd(s->connection()));
  s->ExpectState(State::kCloseWait);
  s->Shutdown();
  s->Expect(Fin().AtSeq(1).WithAck(2));
  s->ExpectState(State::kLastAck);
  s->peer().Ack();
  EXPECT_EQ(s->TakeEvents(), tcp_event::kFinished);
  s->ExpectState(State::kClosed);
  s->Close();
  s->ExpectNothing();
  EXPECT_EQ(s->stack().connection_count(), 0u);
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
}

TEST(StackTcpPassiveClose, CloseAlsoForgetsTheHandle) {
  const auto s = Script::CloseWait();
  s->Close();
  s->Expect(Fin().AtSeq(1).WithAck(2));
  EXPECT_FALSE(s->stack().Inspect(s->connection()).has_value());
  EXPECT_EQ(s->stack().connection_count(), 1u);
  s->peer().Ack();
  EXPECT_EQ(s->stack().connection_count(), 0u);
}

// [RFC 9293 3.6] half close: the one that was told can still send.
TEST(StackTcpPassiveClose, WritesAfterThePeersFin) {
  const auto s = Script::CloseWait();
  s->Write("more");
  s->Expect(Data("more").AtSeq(1).WithAck(2));
  s->peer().Ack();
  s->Write("last");
  s->Shutdown();
  s->Expect(Data("last"));
  s->Expect(Fin().AtSeq(9).WithAck(2));
  s->peer().Ack();
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
  s->ExpectState(State::kClosed);
}

TEST(StackTcpPassiveClose, DataAndFinInOneSegment) {
  const auto s = Script::Established();
  s->peer().Send({.flags = kFin | kAck, .data = ToFrame("bye")});
  s->Expect(Ack(5));
  s->ExpectState(State::kCloseWait);
  EXPECT_EQ(s->TakeEvents(), tcp_event::kReadable | tcp_event::kPeerClosed);
  EXPECT_FALSE(s->stack().AtEnd(s->connection()));
  EXPECT_EQ(s->Read(), "bye");
  EXPECT_TRUE(s->stack().AtEnd(s->connection()));
}

// [RFC 9293 3.10.7.4] eighth: a FIN counts when everything before it has come.
TEST(StackTcpPassiveClose, AFinOutOfOrderDoesNotCount) {
  const auto s = Script::Established();
  s->SendDropped(s->peer().Build({.flags = kFin | kAck, .seq = 4}), Drop::kTcpOutOfOrder);
  s->Expect(Ack(1));
  s->ExpectState(State::kEstablished);
  s->peer().Data("abc");
  s->Expect(Ack(4));
  s->ExpectState(State::kEstablished);
  s->peer().Fin();
  s->Expect(Ack(5));
  s->ExpectState(State::kCloseWait);
}

TEST(StackTcpPassiveClose, AnOldSegmentWithTheFinAtItsEnd) {
  const auto s = Script::Established();
  s->peer().Data("abc");
  s->Expect(Ack(4));
  s->SendDelivered(s->peer().Build({.flags = kFin | kAck, .seq = 1, .data = ToFrame("abc")}));
  s->Expect(Ack(5));
  s->ExpectState(State::kCloseWait);
  EXPECT_EQ(s->Read(), "abc");
}

TEST(StackTcpPassiveClose, ResponseFinAndAckLeaveInOneFrame) {
  const auto s = Script::Established();
  const Frame request = s->peer().Build({.flags = kFin | kAck, .data = ToFrame("GET")});
  const Bytes frames[] = {request};
  s->stack().Receive(frames, s->now());
  EXPECT_EQ(s->stack().Write(s->connection(), ToFrame("response")), 8u);
  s->stack().Consume(s->connection(), 3);
  s->Close();
  s->Expect(DataFin("response").AtSeq(1).WithAck(5).WithPsh());
  s->ExpectNothing();
}

// (TCP030; lwIP bug 51937) a passive close with data that is not acknowledged leaves nothing
// behind.
TEST(StackTcpPassiveClose, WithUnacknowledgedDataLeavesNothingBehind) {
  const auto s = Script::CloseWait();
  s->Write(Pattern(5000));
  s->Close();
  s->DiscardOutput();
  s->peer().Ack(2000);
  EXPECT_EQ(s->stack().connection_count(), 1u);
  s->peer().Ack(5002);
  EXPECT_EQ(s->stack().connection_count(), 0u);
  s->ExpectNothing();
}

// --- We close first ---

TEST(StackTcpActiveClose, GoesThroughFinWaitToTimeWait) {
  const auto s = Script::Established();
  s->Shutdown();
  s->Expect(Fin().AtSeq(1).WithAck(1));
  s->ExpectState(State::kFinWait1);
  s->peer().Ack();
  s->ExpectState(State::kFinWait2);
  s->peer().Fin();
  s->Expect(Ack(2).AtSeq(2));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kPeerClosed | tcp_event::kFinished);
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  EXPECT_EQ(s->counters().tcp_time_wait_entered, 1u);
  s->Close();
  EXPECT_EQ(s->stack().connection_count(), 0u);
}

// [RFC 9293 3.10.4] the FIN follows what is queued.
TEST(StackTcpActiveClose, TheFinFollowsTheData) {
  const auto s = Script::Established({.peer = {.window = 1000}});
  s->stack().Write(s->connection(), Pattern(1500));
  s->Shutdown();
  s->Expect(TcpMatch{.flags = kAck, .seq = 1}.WithAnyData());
  s->ExpectNothing();
  s->ExpectState(State::kFinWait1);
  s->peer().Ack();
  s->Expect(Fin().AtSeq(1001).WithAnyData());
  EXPECT_EQ(s->peer().rcv_nxt(), 1502u);
}

// [RFC 9293 3.8.6] the FIN takes a number of the window, too.
TEST(StackTcpActiveClose, TheFinWaitsForTheWindow) {
  const auto s = Script::Established({.peer = {.window = 5}});
  s->stack().Write(s->connection(), ToFrame("hello"));
  s->Shutdown();
  s->Expect(Data("hello"));
  s->peer().Send({.window = 0});
  s->ExpectNothing();
  s->peer().Send({.window = 1});
  s->Expect(Fin().AtSeq(6));
}

TEST(StackTcpActiveClose, NothingCanBeWrittenAfterwards) {
  const auto s = Script::FinWait1();
  EXPECT_EQ(s->stack().WriteSpace(s->connection()), 0u);
  EXPECT_EQ(s->stack().Write(s->connection(), ToFrame("x")), 0u);
  s->Shutdown();
  s->ExpectNothing();
}

// [RFC 9293 3.6] half close: the peer goes on sending, and we go on reading.
TEST(StackTcpActiveClose, ReadsOnInFinWait) {
  for (State state : {State::kFinWait1, State::kFinWait2}) {
    const auto s = Script::In(state);
    s->peer().Send({.ack = state == State::kFinWait1 ? 1u : 2u, .data = ToFrame("still here")});
    s->Expect(Ack(11).AtSeq(2));
    s->ExpectState(state);
    EXPECT_EQ(s->Read(), "still here");
    s->peer().Fin();
    s->Expect(Ack(12));
    EXPECT_EQ(s->stack().time_wait_count(), 1u);
    EXPECT_TRUE(s->stack().AtEnd(s->connection()));
  }
}

TEST(StackTcpActiveClose, AFinThatAcknowledgesOursLeadsToTimeWaitAtOnce) {
  const auto s = Script::FinWait1();
  s->peer().Fin();
  s->Expect(Ack(2).AtSeq(2));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
}

TEST(StackTcpActiveClose, DataThatComeWithTheLastFinCanStillBeRead) {
  const auto s = Script::FinWait2();
  s->peer().Send({.flags = kFin | kAck, .data = ToFrame("last")});
  s->Expect(Ack(6));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  EXPECT_EQ(s->Read(), "last");
  EXPECT_TRUE(s->stack().AtEnd(s->connection()));
}

// [RFC 9293 3.6 case 3] both close at once.
TEST(StackTcpSimultaneousClose, GoesThroughClosing) {
  const auto s = Script::Closing();
  s->peer().Ack();
  s->ExpectNothing();
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  EXPECT_EQ(s->TakeEvents(), tcp_event::kFinished);
}

TEST(StackTcpSimultaneousClose, ItsFinAgainIsAcknowledgedAgain) {
  const auto s = Script::Closing();
  s->SendDropped(s->peer().Build({.flags = kFin | kAck, .seq = 1, .ack = 1}), Drop::kTcpDuplicate);
  s->Expect(Ack(2).AtSeq(2));
  s->ExpectState(State::kClosing);
}

// --- The peer's FIN again: our ACK was lost ---

class StackTcpFinAgain : public ::testing::TestWithParam<State> {};

TEST_P(StackTcpFinAgain, IsAcknowledgedAgain) {
  const auto s = Script::In(GetParam());
  const bool fin_sent = GetParam() != State::kCloseWait;
  for (int i = 0; i < 3; ++i) {
    s->Send(s->peer().Build({.flags = kFin | kAck, .seq = 1, .ack = 1}));
    s->Expect(Ack(2).AtSeq(fin_sent ? 2 : 1));
    s->ExpectNothing();
  }
  EXPECT_EQ(s->counters().TotalDrops(), 3u);
}

INSTANTIATE_TEST_SUITE_P(States, StackTcpFinAgain,
                         ::testing::Values(State::kCloseWait, State::kClosing, State::kLastAck,
                                           State::kTimeWait),
                         [](const auto& state) { return TestName(state.param); });

// The FIN came before Accept, and no event told of it: a server that waits for one kept the
// connection until it timed out.
TEST(StackTcpPassiveClose, AFinBeforeAcceptIsToldAfterIt) {
  Script s;
  s.peer().Syn();
  s.Expect(SynAck());
  s.peer().Fin();
  s.Expect(Ack(2));
  s.Accept();
  EXPECT_EQ(s.TakeEvents(), tcp_event::kPeerClosed);
  EXPECT_TRUE(s.stack().AtEnd(s.connection()));
}

// --- TIME-WAIT ---

// [RFC 9293 3.4.1] 2 MSL, then nothing is left.
TEST(StackTcpTimeWait, LastsAMinute) {
  const auto s = Script::TimeWait();
  s->Advance(seconds(59));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  s->Advance(seconds(2));
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
  s->ExpectNothing();
  s->SendDropped(s->peer().Build({}), Drop::kTcpBadCookie);
}

// [RFC 9293 3.10.7.4] eighth: the FIN again starts 2 MSL anew.
TEST(StackTcpTimeWait, TheFinAgainStartsItAnew) {
  const auto s = Script::TimeWait();
  s->Advance(seconds(50));
  s->Send(s->peer().Build({.flags = kFin | kAck, .seq = 1}));
  s->Expect(Ack(2));
  s->Advance(seconds(50));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  s->Advance(seconds(11));
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
}

TEST(StackTcpTimeWait, IsOverAfterAnyLongSilence) {
  for (const int hours : {1, 10, 100, 1000}) {
    const auto s = Script::TimeWait();
    s->stack().Receive({}, s->now() + std::chrono::hours(hours));
    EXPECT_EQ(s->stack().time_wait_count(), 0u) << hours;
  }
}

TEST(StackTcpTimeWait, SaysNothingToAnAck) {
  const auto s = Script::TimeWait();
  s->SendDropped(s->peer().Build({}), Drop::kTcpTimeWait);
  s->ExpectNothing();
}

// [RFC 7323 5.3 R1] an old duplicate was taken for what it said it was: an ACK got no answer, and a
// FIN began the wait anew.
TEST(StackTcpTimeWait, AnOldTimestampIsAnsweredAndChangesNothing) {
  ScriptOptions options = FullOptions();
  options.syn_options = FullSynOptions();
  const auto s = Script::TimeWait(options);
  TcpPeer& peer = s->peer();
  s->Send(peer.Build({.data = ToFrame("late")}));
  const uint32_t newest = s->Expect(Ack(2).AtSeq(2)).tcp->timestamps->echo_reply;
  s->Advance(seconds(50));
  peer.set_timestamp(newest - 1);
  s->SendDropped(peer.Build({}), Drop::kTcpTimeWait);
  s->Expect(Ack(2).AtSeq(2));
  s->SendDropped(peer.Build({.flags = kFin | kAck, .seq = 1}), Drop::kTcpTimeWait);
  s->Expect(Ack(2).AtSeq(2));
  s->Advance(seconds(11));
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
}

TEST(StackTcpTimeWait, AnswersWhatIsNotExpected) {
  const auto s = Script::TimeWait();
  s->SendDropped(s->peer().Build({.data = ToFrame("late")}), Drop::kTcpTimeWait);
  s->Expect(Ack(2).AtSeq(2));
  s->SendDropped(s->peer().Build({.flags = kSyn, .seq = 0}), Drop::kTcpTimeWait);
  s->Expect(Ack(2).AtSeq(2));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
}

// [RFC 9293 3.6.1 MAY-2] a SYN beyond what was received opens the connection anew.
TEST(StackTcpTimeWait, ANewSynReusesThePorts) {
  const auto s = Script::TimeWait();
  s->Close();
  TcpPeer& peer = s->peer();
  const uint32_t initial_sequence = peer.spec().initial_sequence;
  peer.Restart(initial_sequence + 1000);
  peer.Syn();
  s->Expect(SynAck().WithAck(1));
  EXPECT_EQ(s->counters().tcp_time_wait_reused, 1u);
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
  peer.Ack();
  s->Accept();
  peer.Data("again");
  s->Expect(Ack(6));
  EXPECT_EQ(s->Read(), "again");
}

TEST(StackTcpTimeWait, AnOldSynDoesNot) {
  const auto s = Script::TimeWait();
  for (uint32_t seq : {0u, 1u, 0u - 1000u, 0x80000003u}) {
    s->SendDropped(s->peer().Build({.flags = kSyn, .seq = seq}), Drop::kTcpTimeWait);
    s->Expect(Ack(2).AtSeq(2));
  }
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
}

TEST(StackTcpTimeWait, ASynForAPortThatNobodyListensOnAnyMore) {
  const auto s = Script::TimeWait();
  s->stack().TcpUnlisten(s->listener());
  s->Send(s->peer().Build({.flags = kSyn, .seq = 1000}));
  s->Expect(Ack(2));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
}

}  // namespace
}  // namespace aether::testing
