// How long things last with every mechanism on: keepalive (RFC 9293 3.8.4), the user timeout
// (3.8.3), FIN-WAIT-2 of an orphan, TIME-WAIT and its reuse (3.6.1, RFC 6191, RFC 1337).
#include <gtest/gtest.h>

#include <chrono>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using tcp::State;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kAck = tcp_flags::kAck;

// --- Keepalive ---

// Its times are kept in whole milliseconds.
Duration WholeMs(Duration time) { return std::chrono::ceil<milliseconds>(time); }

// [RFC 9293 3.8.4 MUST-25] nothing is sent for as long as nobody asked for it; [RFC 9293 3.8.4
// MUST-28] two hours are what to ask for without an opinion.
TEST(StackTcpKeepalive, IsOffUntilAskedFor) {
  EXPECT_EQ(SocketOptions{}.keepalive_idle, Duration::zero());
  EXPECT_GE(SocketOptions::kKeepaliveIdleDefault, hours(2));
  const auto s = Script::Established(FullOptions());
  s->Advance(hours(24 * 7));
  s->ExpectNothing();
  s->ExpectState(State::kEstablished);
}

// [RFC 9293 3.8.4 MAY-5, MUST-24, MUST-27, SHLD-12] after the time that was asked for a probe
// without data leaves, at an old number; it can be switched off again.
TEST(StackTcpKeepalive, ProbesAnIdleConnection) {
  const auto s = Script::Established(FullOptions());
  s->stack().SetOptions(s->connection(), {.keepalive_idle = seconds(100)});
  for (int i = 1; i <= 3; ++i) {
    const Duration probed = s->ExpectNext(WholeMs(s->elapsed() + seconds(100)), Ack(1).AtSeq(0));
    EXPECT_EQ(probed, s->elapsed());
    s->peer().Ack();
  }
  s->stack().SetOptions(s->connection(), {});
  s->Advance(hours(10));
  s->ExpectNothing();
  s->ExpectState(State::kEstablished);
}

// [RFC 9293 3.8.4 MUST-29] a probe that was lost is not the end; nine in a row are.
TEST(StackTcpKeepalive, SeveralProbesWithoutAnAnswerAreTheEnd) {
  const auto s = Script::Established(FullOptions());
  s->stack().SetOptions(s->connection(),
                        {.keepalive_idle = seconds(100), .keepalive_interval = seconds(10)});
  Duration last = s->ExpectNext(seconds(100), Ack(1).AtSeq(0));
  for (int i = 2; i <= 8; ++i) last = s->ExpectNext(WholeMs(last + seconds(10)), Ack(1).AtSeq(0));
  s->ExpectState(State::kEstablished);
  // An answer to the eighth: everything begins anew.
  s->peer().Ack();
  last = s->ExpectNext(WholeMs(s->elapsed() + seconds(100)), Ack(1).AtSeq(0));
  for (int i = 2; i <= 9; ++i) last = s->ExpectNext(WholeMs(last + seconds(10)), Ack(1).AtSeq(0));
  EXPECT_EQ(s->TakeEvents(), 0);
  s->ExpectNext(WholeMs(last + seconds(10)), RstAck().AtSeq(1));
  EXPECT_NE(s->TakeEvents() & tcp_event::kTimedOut, 0);
}

// [RFC 9293 3.8.4 MUST-26] not while data are in flight, and not before the interval is over since
// the last segment that came.
TEST(StackTcpKeepalive, OnlyWhenNothingHappens) {
  const auto s = Script::Established(FullOptions());
  s->stack().SetOptions(s->connection(), {.keepalive_idle = seconds(2)});
  for (int i = 0; i < 10; ++i) {
    s->Advance(milliseconds(1500));
    s->peer().Data("tick");
  }
  EXPECT_EQ(s->counters().tcp_keepalives, 0u);
  s->DiscardOutput();
  s->Write("unanswered");
  s->Advance(seconds(60));
  EXPECT_EQ(s->counters().tcp_keepalives, 0u);
  EXPECT_GT(s->counters().tcp_retransmissions, 3u);
}

// A probe that is due, but not sent yet, when the peer's FIN ends the connection has nobody left to
// ask.
TEST(StackTcpKeepalive, AProbeThatIsDueEndsWithTheConnection) {
  const auto s = Script::FinWait2(FullOptions());
  s->stack().SetOptions(s->connection(), {.keepalive_idle = seconds(100)});
  const Instant due = s->now() + seconds(101);
  s->stack().Receive({}, due);
  const Frame fin = s->peer().Build({.flags = kFin | kAck});
  const Bytes frame = fin;
  s->stack().Receive(std::span(&frame, 1), due);
  s->AdvanceTo(due - Script::kStart);
  s->Expect(Ack(2).AtSeq(2));
  s->ExpectNothing();
  s->ExpectState(State::kTimeWait);
}

// What a peer's probe gets: where we stand, with and without its octet of garbage.
TEST(StackTcpKeepalive, APeersProbesAreAnswered) {
  const auto s = Script::Established(FullOptions());
  s->Send(s->peer().Build({.seq = 0}));
  s->Expect(Ack(1).AtSeq(1));
  s->Send(s->peer().Build({.seq = 0, .data = Frame(1)}));
  s->Expect(Ack(1).AtSeq(1));
  EXPECT_EQ(s->Read(), "");
}

// --- User timeout ---

// [RFC 9293 3.8.3 MUST-20, SHLD-11] data that nobody acknowledges end the connection after five
// minutes; the peer is told.
TEST(StackTcpUserTimeout, EndsAConnectionThatLeadsNowhere) {
  const auto s = Script::Established(FullOptions());
  EXPECT_GE(s->stack().config().tcp.user_timeout, seconds(100));
  s->Write("hello?");
  s->Advance(minutes(5) - seconds(1));
  s->ExpectState(State::kEstablished);
  s->DiscardOutput();
  s->Advance(minutes(2));
  while (s->output_size() > 1) s->Expect(Data("hello?"));
  s->Expect(RstAck().AtSeq(7));
  EXPECT_NE(s->TakeEvents() & tcp_event::kTimedOut, 0);
}

// [RFC 9293 3.8.3 MUST-21] [RFC 9293 3.10.8] the application decides, to the millisecond; [RFC
// 5482] each acknowledgement of something new begins the time anew.
TEST(StackTcpUserTimeout, IsTheApplications) {
  const auto s = Script::Established(FullOptions());
  s->stack().SetOptions(s->connection(), {.no_delay = true, .user_timeout = seconds(10)});
  s->Write("one");
  s->Advance(seconds(1));
  s->Write("two");
  s->Advance(seconds(8));
  s->peer().Ack(4);
  s->Advance(milliseconds(9990));
  s->ExpectState(State::kEstablished);
  s->Advance(milliseconds(20));
  EXPECT_NE(s->TakeEvents() & tcp_event::kTimedOut, 0);
}

// [RFC 9293 3.8.3 MUST-21] hours, too.
TEST(StackTcpUserTimeout, MayBeLong) {
  const auto s = Script::Established(FullOptions());
  s->stack().SetOptions(s->connection(), {.user_timeout = hours(3)});
  s->Write("patience");
  s->Advance(hours(2));
  s->ExpectState(State::kEstablished);
  s->DiscardOutput();
  s->peer().Ack();
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
}

// --- FIN-WAIT-2 and orphans ---

// [RFC 9293 3.6.1] while the application reads, half closed lasts; once it let go, a minute.
TEST(StackTcpOrphan, DoesNotWaitForThePeersFinForEver) {
  const auto reading = Script::FinWait2(FullOptions());
  reading->Advance(hours(24));
  reading->ExpectState(State::kFinWait2);
  reading->peer().Data("late");
  EXPECT_EQ(reading->Read(), "late");

  const auto orphan = Script::FinWait2(FullOptions());
  orphan->Close();
  orphan->Advance(seconds(59));
  EXPECT_EQ(orphan->stack().connection_count(), 1u);
  orphan->Advance(seconds(2));
  EXPECT_EQ(orphan->stack().connection_count(), 0u);
}

// [RFC 9293 3.6.1 MAY-1, SHLD-3] whoever let go does not read: data are reset.
TEST(StackTcpOrphan, ResetsDataThatNobodyWillRead) {
  const auto s = Script::FinWait2(FullOptions());
  s->Close();
  s->SendDropped(s->peer().Build({.data = ToFrame("late")}), Drop::kTcpDataAfterClose);
  s->Expect(Rst(2));
  EXPECT_EQ(s->stack().connection_count(), 0u);
}

// A closed window does not keep an orphan for ever either.
TEST(StackTcpOrphan, DoesNotProbeForEver) {
  const auto s = Script::Established(FullOptions());
  s->peer().set_window(0);
  s->peer().Ack();
  s->Write("unread");
  s->Close();
  while (s->elapsed() < minutes(5)) {
    s->Advance(seconds(1));
    if (s->output_size() > 0 && s->stack().connection_count() > 0) s->peer().Ack(1);
    s->DiscardOutput();
  }
  EXPECT_EQ(s->stack().connection_count(), 0u);
}

// --- Half closed, from either side, and both at once ---

// [RFC 9293 3.6] [RFC 9293 3.10.7.4] case 1: ours is closed, the peer goes on for as long as it
// likes.
TEST(StackTcpHalfClose, OursFirst) {
  const auto s = Script::FinWait2(FullOptions());
  for (const std::string_view text : {"still ", "here ", "and done"}) {
    s->Advance(minutes(1));
    s->peer().Data(text);
  }
  EXPECT_EQ(s->Read(), "still here and done");
  s->TakeEvents();
  s->DiscardOutput();
  s->peer().Fin();
  s->Expect(Ack(21).AtSeq(2));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kPeerClosed | tcp_event::kFinished);
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
}

// [RFC 9293 3.6] case 2: the peer's is closed, we go on, with retransmission and all.
TEST(StackTcpHalfClose, TheirsFirst) {
  const auto s = Script::CloseWait(FullOptions());
  s->Write("an answer");
  s->Expect(Data("an answer").WithAck(2));
  s->ExpectNext(milliseconds(200), Data("an answer").WithAck(2));
  s->peer().Ack();
  s->Shutdown();
  s->Expect(Fin().AtSeq(10));
  s->ExpectState(State::kLastAck);
  const Duration sent = s->elapsed();
  s->ExpectNext(sent + milliseconds(400), Fin().AtSeq(10));
  s->peer().Ack();
  s->ExpectState(State::kClosed);
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
  EXPECT_EQ(s->TakeEvents(), tcp_event::kWritable | tcp_event::kFinished);
}

// [RFC 9293 3.6] case 3: the FINs cross, and ours was lost.
TEST(StackTcpHalfClose, BothAtOnce) {
  const auto s = Script::Closing(FullOptions());
  const Duration sent = s->ExpectNext(milliseconds(200), Fin().AtSeq(1).WithAck(2));
  s->peer().Ack(1);
  s->ExpectState(State::kClosing);
  s->ExpectNext(sent + milliseconds(400), Fin().AtSeq(1).WithAck(2));
  s->peer().Ack(2);
  s->ExpectNothing();
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  EXPECT_EQ(s->TakeEvents(), tcp_event::kFinished);
}

// --- TIME-WAIT ---

// [RFC 9293 3.6.1 MUST-13] 2 MSL; the peer's FIN again starts them anew.
TEST(StackTcpTimeWaitFull, LastsTwiceTheSegmentLifetime) {
  const auto s = Script::TimeWait(FullOptions());
  s->Advance(seconds(59));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  s->Send(s->peer().Build({.flags = kFin | kAck, .seq = 1, .ack = 2}));
  s->Expect(Ack(2).AtSeq(2));
  s->Advance(seconds(59));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  s->Advance(seconds(2));
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
}

TEST(StackTcpTimeWaitFull, CanBeTuned) {
  ScriptOptions options = FullOptions();
  options.config.tcp.time_wait = seconds(2);
  const auto s = Script::TimeWait(options);
  s->Advance(milliseconds(1900));
  EXPECT_EQ(s->stack().time_wait_count(), 1u);
  s->Advance(milliseconds(200));
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
}

// [RFC 9293 3.6.1 MAY-2] a SYN beyond all numbers opens anew; [RFC 9293 3.6.1 SHLD-4] [RFC 6191 2]
// so does one with a later timestamp, whatever its number; one with neither does not.
TEST(StackTcpTimeWaitFull, ANewSynOpensAnew) {
  struct Case {
    int32_t number;
    int32_t timestamp;
    bool opens;
  };
  for (const Case& each :
       {Case{5, 1, true}, Case{1'000'000, 0, true}, Case{-5, 1, true},
        Case{-1'000'000'000, 1, true}, Case{-5, 0, false}, Case{-5, -1, false}}) {
    ScriptOptions options = FullOptions();
    options.syn_options = FullSynOptions(5000);
    const auto s = Script::TimeWait(options);
    const uint32_t start = s->peer().spec().initial_sequence + s->peer().snd_nxt();
    s->peer().set_timestamp(std::nullopt);
    s->peer().Restart(start + static_cast<uint32_t>(each.number));
    s->peer().Send(
        {.flags = kSyn, .options = FullSynOptions(5000 + static_cast<uint32_t>(each.timestamp))});
    EXPECT_EQ(s->counters().tcp_time_wait_reused, each.opens ? 1u : 0u)
        << each.number << " " << each.timestamp;
    if (each.opens) {
      s->Expect(SynAck().WithAck(1));
    } else {
      EXPECT_EQ(s->Expect(AnyFrame()).tcp->flags, kAck);
      EXPECT_EQ(s->stack().time_wait_count(), 1u);
    }
  }
}

// [RFC 1337 3] [RFC 5961 3.2] a reset that does not stand exactly where it must leaves it alone.
TEST(StackTcpTimeWaitFull, OnlyAnExactResetEndsIt) {
  const auto s = Script::TimeWait(FullOptions());
  for (const uint32_t offset : {1u, 0xffffffffu, 1000u}) {
    s->Send(s->peer().Build({.flags = kRst, .seq = 2 + offset}));
    s->ExpectNothing();
    EXPECT_EQ(s->stack().time_wait_count(), 1u);
  }
  s->Send(s->peer().Build({.flags = kRst, .seq = 2}));
  EXPECT_EQ(s->stack().time_wait_count(), 0u);
}

// [RFC 7323 3.2] what answers from there has timestamps, too.
TEST(StackTcpTimeWaitFull, AnswersWithTimestamps) {
  ScriptOptions options = FullOptions();
  options.syn_options = FullSynOptions(5000);
  const auto s = Script::TimeWait(options);
  s->Send(s->peer().Build({.flags = kFin | kAck, .seq = 1, .ack = 2}));
  const NaiveTcp answer = *s->Expect(Ack(2).AtSeq(2)).tcp;
  ASSERT_TRUE(answer.timestamps);
  EXPECT_EQ(answer.timestamps->echo_reply, 5000u);
}

// [RFC 9293 3.6 MUST-12] the three ways in which it ends for an application.
TEST(StackTcpEnd, TheApplicationLearnsWhichItWas) {
  const auto closed = Script::Established(FullOptions());
  closed->peer().Fin();
  EXPECT_EQ(closed->TakeEvents(), tcp_event::kPeerClosed);
  EXPECT_TRUE(closed->stack().AtEnd(closed->connection()));
  const auto reset = Script::Established(FullOptions());
  reset->peer().Rst();
  EXPECT_EQ(reset->TakeEvents(), tcp_event::kReset);
  EXPECT_FALSE(reset->stack().AtEnd(reset->connection()));
}

// Found by the target stack_api: a connection that had finished was told once more that it ended,
// with every change of the address, and lost what was not read yet.
TEST(StackTcpEnd, AnotherAddressDoesNotEndWhatIsOver) {
  const auto s = Script::Established(FullOptions());
  s->Shutdown();
  s->Expect(Fin());
  s->peer().Ack();
  s->peer().Data("unread");
  s->peer().Fin();
  s->DiscardOutput();
  EXPECT_NE(s->TakeEvents() & tcp_event::kFinished, 0);
  for (const uint8_t host : {uint8_t{77}, uint8_t{78}}) {
    s->stack().SetAddress({Ipv4Address::Of(10, 0, 0, host), 24}, std::nullopt);
    EXPECT_EQ(s->TakeEvents(), 0);
  }
  EXPECT_EQ(s->stack().Readable(s->connection()), 6u);
}

// Found by the target two_stacks: bytes that a reset took away before they were read, with the
// peer's FIN behind them, looked like a stream that was read to its end.
TEST(StackTcpEnd, WhatAResetTookAwayWasNotRead) {
  const auto s = Script::Established(FullOptions());
  s->peer().Data("never read");
  s->peer().Fin();
  s->peer().Rst();
  EXPECT_NE(s->TakeEvents() & tcp_event::kReset, 0);
  EXPECT_EQ(s->stack().Readable(s->connection()), 0u);
  EXPECT_FALSE(s->stack().AtEnd(s->connection()));
  // What was read to its end before stays so.
  const auto read = Script::Established(FullOptions());
  read->peer().Data("read");
  read->peer().Fin();
  read->stack().Consume(read->connection(), 4);
  read->peer().Rst();
  EXPECT_TRUE(read->stack().AtEnd(read->connection()));
}

}  // namespace
}  // namespace aether::testing
