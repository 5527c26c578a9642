// Regressions of the full profile: rules that it broke, each test named for what went wrong. The
// simulator found them.
#include <gtest/gtest.h>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tcp::State;

constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kAck = tcp_flags::kAck;

Config FullConfig() {
  Config config = ScriptConfigWithoutCookies();
  config.profile = tcp::kFull;
  config.profile.syn_cookies = tcp::SynCookies::kNever;
  return config;
}

// SACK permitted, and nothing else but an MSS.
Frame MssAndSack(uint16_t mss) {
  Frame options = MssOption(mss);
  options.insert(options.end(), {1, 1, 4, 2});
  return options;
}

std::unique_ptr<Script> EstablishedWithSack(uint16_t mss) {
  auto s = std::make_unique<Script>(ScriptOptions{.config = FullConfig()});
  s->peer().Send({.flags = kSyn, .seq = 0, .options = MssAndSack(mss)});
  s->Expect(SynAck());
  s->peer().Ack();
  s->Accept();
  return s;
}

size_t SegmentBytes(const NaiveFrame& frame) { return frame.ip->payload.size(); }

// Probes further apart than the idle time: their answers were not counted.
// [RFC 9293 3.8.4 MUST-26] only probes without any answer end a connection.
TEST(StackTcpFullRegression, KeepalivesWithAnswersNeverEndAConnection) {
  auto s = EstablishedWithSack(1460);
  s->stack().SetOptions(
      s->connection(),
      {.keepalive_idle = seconds(5), .keepalive_interval = seconds(8), .keepalive_probes = 2});
  s->Advance(seconds(6));
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(s->output_size(), 1u) << "probe " << i;
    s->Expect(TcpMatch{.flags = kAck});
    s->peer().Ack();
    s->Advance(seconds(8));
  }
  s->ExpectState(State::kEstablished);
}

// [RFC 6691 2] the room of SACK blocks comes out of the payload, also where the peer's MSS is
// smaller than ours.
TEST(StackTcpFullRegression, SackBlocksCountAgainstASmallMss) {
  auto s = EstablishedWithSack(600);
  s->peer().Send({.seq = 501, .data = Pattern(100)});
  s->DiscardOutput();
  s->Write(Pattern(5000));
  ASSERT_GT(s->output_size(), 2u);
  while (s->output_size() > 0) EXPECT_LE(SegmentBytes(s->Expect(AnyFrame())), 620u);
}

// Forty bytes of options do not fit into the smallest packet that a link may have: three holes made
// the acknowledgement larger than the frame that it was written into, and a block of a SACK left
// text no room at all.
// [RFC 791 3.1] 68 bytes.
TEST(StackTcpFullRegression, SackBlocksFitIntoTheSmallestPacket) {
  for (const bool timestamps : {false, true}) {
    for (uint16_t mtu = 68; mtu <= 84; ++mtu) {
      ScriptOptions options = FullOptions();
      options.config.mtu = mtu;
      options.syn_options = timestamps ? FullSynOptions() : MssAndSack(1460);
      const auto s = Script::Established(options);
      for (const uint32_t seq : {11u, 21u, 31u, 41u}) {
        s->peer().Send({.seq = seq, .data = Pattern(1)});
        while (s->output_size() > 0) {
          const NaiveFrame frame = s->Expect(AnyFrame());
          EXPECT_LE(SegmentBytes(frame) + 20, mtu);
          EXPECT_FALSE(frame.tcp->sack_blocks.empty()) << mtu << " " << timestamps << " " << seq;
        }
      }
      s->Write(Pattern(30));
      size_t sent = 0;
      for (int i = 0; i < 100 && s->output_size() > 0 && sent < 30; ++i) {
        const NaiveFrame frame = s->Expect(AnyFrame());
        EXPECT_LE(SegmentBytes(frame) + 20, mtu);
        sent += frame.tcp->payload.size();
        s->peer().Ack(static_cast<uint32_t>(1 + sent));
      }
      EXPECT_EQ(sent, 30u) << "mtu " << mtu << ", timestamps " << timestamps;
    }
  }
}

// What is sent again has its size already: then the blocks give way, and follow in an
// acknowledgement of their own.
TEST(StackTcpFullRegression, ARetransmissionKeepsItsSizeAndTheBlocksFollow) {
  auto s = EstablishedWithSack(600);
  s->Write(Pattern(600));
  EXPECT_EQ(SegmentBytes(s->Expect(AnyFrame())), 620u);
  s->Advance(milliseconds(100));
  s->DiscardOutput();
  s->peer().Send({.seq = 501, .ack = 1, .data = Pattern(100)});
  s->Expect(Ack());
  s->Advance(seconds(3));
  ASSERT_GE(s->output_size(), 1u);
  while (s->output_size() > 0) {
    const NaiveFrame frame = s->Expect(AnyFrame());
    EXPECT_LE(SegmentBytes(frame), 620u);
    EXPECT_EQ(frame.tcp->payload, Pattern(600));
  }
}

// [RFC 7323 2.2] the window of a SYN is not scaled, that of a SYN-ACK in a simultaneous open
// neither.
TEST(StackTcpFullRegression, TheWindowOfASimultaneousSynAckIsNotScaled) {
  Script s({.config = FullConfig(), .listen_port = 0});
  const auto id = s.stack().TcpConnect({kPeerIp, 40000}, {.local_port = 80});
  ASSERT_TRUE(id);
  s.Step();
  s.DiscardOutput();
  Frame options = MssOption(1460);
  options.insert(options.end(), {1, 3, 3, 7});
  s.peer().Send({.flags = kSyn, .seq = 0, .window = uint16_t{1000}, .options = options});
  s.Expect(SynAck());
  s.Send(s.peer().Build(
      {.flags = kSyn | kAck, .seq = 0, .ack = 1, .window = uint16_t{1000}, .options = options}));
  s.DiscardOutput();
  EXPECT_EQ(s.stack().Inspect(*id)->state, State::kEstablished);
  EXPECT_EQ(s.stack().Inspect(*id)->snd_wnd_bytes, 1000u);
  // [RFC 5961 5.2] nor does it count as the largest one seen: an acknowledgement from further
  // behind is challenged.
  s.peer().Send({.seq = 1, .ack = 1 - 1001u, .window = uint16_t{1}});
  s.Expect(Ack(1).AtSeq(1));
}

// The acknowledgement in the SYN-ACK that we sent may have been lost: the peer's own SYN-ACK asks
// for another, and may be the last that it sends.
TEST(StackTcpFullRegression, TheSynAckOfASimultaneousOpenIsAcknowledged) {
  Script s({.config = FullConfig(), .listen_port = 0});
  const auto id = s.stack().TcpConnect({kPeerIp, 40000}, {.local_port = 80});
  ASSERT_TRUE(id);
  s.Step();
  s.DiscardOutput();
  s.peer().Send({.flags = kSyn, .seq = 0, .options = MssOption(1460)});
  s.Expect(SynAck());
  s.Send(s.peer().Build({.flags = kSyn | kAck, .seq = 0, .ack = 1, .options = MssOption(1460)}));
  s.Expect(Ack(1).AtSeq(1));
  EXPECT_EQ(s.stack().Inspect(*id)->state, State::kEstablished);
}

// Found by the target tcp_passive: text waited for memory where the peer, which had sent it, then
// put its FIN. The FIN was taken, and the text stayed behind it.
TEST(StackTcpFullRegression, AFinInThePlaceOfHeldTextIsNotTaken) {
  ScriptOptions options{.config = FullConfig()};
  options.config.buffers.chunks_max = 6;
  Script s(options);
  s.peer().Send({.flags = kSyn, .seq = 0, .options = MssAndSack(1460)});
  s.Expect(SynAck());
  s.peer().Ack();
  s.Accept();
  constexpr uint32_t kBytes = 1144;
  for (uint32_t i = 6; i-- > 0;) s.peer().Send({.seq = 1 + i * kBytes, .data = Pattern(kBytes)});
  s.DiscardOutput();
  const tcp::Snapshot held = *s.stack().Inspect(s.connection());
  ASSERT_GT(held.held_bytes, 0u);
  const uint32_t next = 1 + held.receive_queue_bytes;
  s.peer().Send({.flags = kAck | tcp_flags::kFin, .seq = next});
  s.ExpectState(State::kEstablished);
  s.Expect(Ack(next));
  // Where it belongs it is taken, once there is memory.
  s.Read();
  for (uint32_t i = 0; i < 6; ++i) {
    s.peer().Send({.seq = 1 + i * kBytes, .data = Pattern(kBytes)});
    s.Read();
  }
  s.peer().Send({.flags = kAck | tcp_flags::kFin, .seq = 1 + 6 * kBytes});
  s.ExpectState(State::kCloseWait);
}

// Found by the target tcp_passive: where both opened at once, and the peer's SYN and its answer to
// ours came together, nobody acknowledged that SYN.
TEST(StackTcpFullRegression, ASynThatComesWithItsAcknowledgementIsAcknowledged) {
  Script s({.config = FullConfig(), .listen_port = 0});
  const auto id = s.stack().TcpConnect({kPeerIp, 40000}, {.local_port = 80});
  ASSERT_TRUE(id);
  s.Step();
  s.DiscardOutput();
  const std::array<Frame, 2> batch = {
      s.peer().Build({.flags = kSyn, .seq = 0, .options = MssOption(1460)}),
      s.peer().Build({.flags = kAck, .seq = 1, .ack = 1})};
  s.Send(batch);
  EXPECT_EQ(s.stack().Inspect(*id)->state, State::kEstablished);
  s.Expect(Ack(1).AtSeq(1));
}

// Found by the target two_stacks: a connection that found no record for what it wanted to send, and
// had nothing in flight, was never looked at again once others had given theirs back.
TEST(StackTcpFullRegression, WhatFindsNoRecordOfAFlightIsSentLater) {
  ScriptOptions options{.config = FullConfig()};
  options.config.buffers.sent_segments_max = 2;
  Script s(options);
  s.peer().Syn();
  s.Expect(SynAck());
  s.peer().Ack();
  s.Accept();
  const ConnectionId first = s.connection();
  s.stack().SetOptions(first, {.no_delay = true});
  TcpPeer& other = s.AddPeer({.port = 40001});
  other.Syn();
  s.Expect(SynAck());
  other.Ack();
  s.Accept();
  const ConnectionId second = s.connection();
  ASSERT_NE(first.index, second.index);
  // The first takes both records there are.
  for (int i = 0; i < 2; ++i) {
    s.stack().Write(first, Pattern(10));
    s.Step();
    s.Expect(Data(Pattern(10)).ToPort(40000));
  }
  s.stack().Write(second, Pattern(20));
  s.Step();
  s.ExpectNothing();
  // Not only once.
  s.Advance(milliseconds(3500));
  while (s.output_size() > 0) s.Expect(Data(Pattern(10)).ToPort(40000));
  s.peer().Ack();
  s.Advance(seconds(2));
  s.Expect(Data(Pattern(20)).ToPort(40001));
  other.Ack();
  EXPECT_EQ(s.stack().Unacknowledged(second), 0u);
}

// Found by the target two_stacks: what was written before a crossing of SYNs was over, and found no
// record at its end, had no timer, for only the retransmission of the SYN-ACK had run until then.
TEST(StackTcpFullRegression, WhatFindsNoRecordAfterACrossingIsSentLater) {
  ScriptOptions options{.config = FullConfig()};
  options.config.buffers.sent_segments_max = 2;
  Script s(options);
  s.peer().Syn();
  s.Expect(SynAck());
  s.peer().Ack();
  s.Accept();
  const ConnectionId first = s.connection();
  s.stack().SetOptions(first, {.no_delay = true});
  TcpPeer& other = s.AddPeer({.port = 40001, .stack_port = 81});
  const auto second = s.stack().TcpConnect({kPeerIp, 40001}, {.local_port = 81});
  ASSERT_TRUE(second);
  s.Step();
  s.Expect(AnyFrame());
  other.Send({.flags = kSyn, .seq = 0, .options = MssOption(1460)});
  s.Expect(SynAck());
  s.stack().Write(*second, Pattern(20));
  for (int i = 0; i < 2; ++i) {
    s.stack().Write(first, Pattern(10));
    s.Step();
    s.Expect(Data(Pattern(10)).ToPort(40000));
  }
  other.Send({.flags = kAck, .seq = 1, .ack = 1});
  s.ExpectNothing();
  EXPECT_EQ(s.stack().Inspect(*second)->state, State::kEstablished);
  s.peer().Ack();
  s.Advance(seconds(4));
  s.Expect(Data(Pattern(20)).ToPort(40001));
}

// Found by bench_hostile: peers that asked for much and read none of it took all references to what
// is to be sent, and nobody else was answered until they were given up.
TEST(StackTcpFullRegression, TheLastQuarterOfSendMemoryIsForThoseWhoQueuedTheLeast) {
  ScriptOptions options{.config = FullConfig()};
  options.config.buffers.send_items_max = 16;
  Script s(options);
  s.peer().Syn();
  s.Expect(SynAck());
  s.peer().Ack();
  s.Accept();
  const ConnectionId first = s.connection();
  TcpPeer& other = s.AddPeer({.port = 40001});
  other.Syn();
  s.Expect(SynAck());
  other.Ack();
  s.Accept();
  const ConnectionId second = s.connection();
  // The first reads nothing any more.
  s.peer().Send({.flags = kAck, .seq = 1, .ack = 1, .window = 0});
  const Frame page = Pattern(1000);
  int taken = 0;
  while (taken < 100 && s.stack().WriteStatic(first, StaticBytes::Of(page))) ++taken;
  EXPECT_EQ(taken, 13);
  EXPECT_EQ(s.stack().WriteSpace(first), 0u);
  EXPECT_EQ(s.stack().Write(first, Pattern(1)), 0u);
  EXPECT_GT(s.stack().WriteSpace(second), 0u);
  EXPECT_TRUE(s.stack().WriteStatic(second, StaticBytes::Of(page)));
  s.Step();
  s.Expect(Data(page).ToPort(40001));
}

// Found by the target two_stacks: ends that opened at once, with numbers that something on the way
// had changed, answered one SYN-ACK with the next for ever. [RFC 9293 3.10.7.4] first: what is not
// acceptable is answered with an ACK; [RFC 5961 7] and not with any number of them.
TEST(StackTcpFullRegression, ASynAckThatAcknowledgesSomethingElseIsNotAnsweredForEver) {
  Script s({.config = FullConfig(), .listen_port = 0});
  const auto id = s.stack().TcpConnect({kPeerIp, 40000}, {.local_port = 80});
  ASSERT_TRUE(id);
  s.Step();
  s.DiscardOutput();
  s.peer().Send({.flags = kSyn, .seq = 0, .options = MssOption(1460)});
  s.Expect(SynAck());
  const Frame other =
      s.peer().Build({.flags = kSyn | kAck, .seq = 0, .ack = 5000, .options = MssOption(1460)});
  for (int i = 0; i < 10; ++i) {
    s.SendDropped(other, Drop::kTcpDuplicate);
    s.Expect(Ack(1).AtSeq(1));
  }
  s.SendDropped(other, Drop::kTcpDuplicate);
  s.ExpectNothing();
  EXPECT_EQ(s.stack().Inspect(*id)->state, State::kSynReceived);
  // The SYN alone says that our answer was lost.
  s.peer().Send({.flags = kSyn, .seq = 0, .options = MssOption(1460)});
  s.Expect(SynAck());
}

std::unique_ptr<Script> EstablishedPlainly() {
  auto s = std::make_unique<Script>(ScriptOptions{.config = FullConfig()});
  s->peer().Syn(1000);
  s->Expect(SynAck());
  s->peer().Ack();
  s->Accept();
  return s;
}

// [RFC 5681 3.1] a timeout after progress is another loss: the threshold had been kept, so that
// slow start ran into the same short queue for ever. Without progress it is kept.
TEST(StackTcpFullRegression, ATimeoutAfterProgressLowersTheThresholdAgain) {
  auto s = EstablishedPlainly();
  s->Write(Pattern(10'000));
  const auto ssthresh = [&] { return s->stack().Inspect(s->connection())->ssthresh_bytes; };
  s->Advance(milliseconds(1500));
  const uint32_t first = ssthresh();
  EXPECT_GE(first, 5000u);
  s->peer().Ack(1001);
  s->peer().Ack(3001);
  const uint64_t timeouts = s->counters().tcp_retransmit_timeouts;
  s->Advance(seconds(3));
  ASSERT_GT(s->counters().tcp_retransmit_timeouts, timeouts);
  const uint32_t second = ssthresh();
  EXPECT_LT(second, first);
  s->Advance(seconds(20));
  ASSERT_GT(s->counters().tcp_retransmit_timeouts, timeouts + 1);
  EXPECT_EQ(ssthresh(), second);
}

// A connection that nobody owns any more was reset before its timer, which had backed off, could
// send again what was missing.
TEST(StackTcpFullRegression, AnOrphanGetsAnotherTry) {
  auto s = EstablishedPlainly();
  s->Write(Pattern(2000));
  // The last try after 102 s, the next one 102 s after the acknowledgement.
  s->Advance(seconds(110));
  s->peer().Ack(1001);
  s->Close();
  s->DiscardOutput();
  s->Advance(seconds(62));
  s->ExpectNothing();
  s->Advance(seconds(60));
  ASSERT_GE(s->output_size(), 1u);
  const Frame all = Pattern(2000);
  const NaiveFrame again = s->Expect(AnyFrame());
  EXPECT_EQ(again.tcp->flags & tcp_flags::kRst, 0);
  EXPECT_EQ(again.tcp->payload, Frame(all.begin() + 1000, all.end()));
}

}  // namespace
}  // namespace aether::testing
