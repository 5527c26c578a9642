// Half-open connections without cookies, and every limit of TCP at its edge.
#include <gtest/gtest.h>

#include "stack/base/chunk_queue.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tcp::State;

constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kAck = tcp_flags::kAck;

// --- SYN-RECEIVED ---

TEST(StackTcpSynReceived, TheAckOpensTheConnection) {
  const auto s = Script::SynReceived();
  s->peer().Ack();
  s->ExpectNothing();
  s->Accept();
  s->ExpectState(State::kEstablished);
}

TEST(StackTcpSynReceived, TheOfferedMssIsKeptExactly) {
  Script s({.config = ScriptConfigWithoutCookies()});
  s.peer().Syn(777);
  s.Expect(SynAck().WithMss(1460));
  s.peer().Ack();
  EXPECT_EQ(s.stack().Inspect(s.Accept())->mss_bytes, 777);
}

// [RFC 9293 3.10.7.4] the SYN again means that our answer was lost: it is sent again, with the same
// number.
TEST(StackTcpSynReceived, ASynAgainIsAnsweredAgain) {
  const auto s = Script::SynReceived();
  for (int i = 0; i < 3; ++i) {
    s->SendDropped(s->peer().Build({.flags = kSyn, .seq = 0}), Drop::kTcpDuplicate);
    s->Expect(SynAck().WithAck(1));
  }
  EXPECT_EQ(s->stack().connection_count(), 1u);
  s->peer().Ack();
  s->Accept();
}

TEST(StackTcpSynReceived, DataAndFinMayComeWithTheAck) {
  const auto s = Script::SynReceived();
  s->peer().Send({.flags = tcp_flags::kFin | kAck, .data = ToFrame("all")});
  s->Expect(Ack(5));
  s->Accept();
  s->ExpectState(State::kCloseWait);
  EXPECT_EQ(s->Read(), "all");
}

// [RFC 9293 3.10.7.4] fifth: an ACK that does not cover our SYN is reset with its own number.
TEST(StackTcpSynReceived, AWrongAckIsReset) {
  const auto s = Script::SynReceived();
  for (uint32_t ack : {0u, 2u, 0x80000001u}) {
    s->SendDropped(s->peer().Build({.ack = ack}), Drop::kTcpBadAck);
    s->Expect(Rst(ack));
  }
  EXPECT_EQ(s->stack().connection_count(), 1u);
  s->peer().Ack();
  s->Accept();
}

// [RFC 9293 3.10.7.4] second: back to LISTEN, without a word to the application.
TEST(StackTcpSynReceived, AResetEndsIt) {
  const auto s = Script::SynReceived();
  s->peer().Rst();
  s->ExpectNothing();
  EXPECT_EQ(s->stack().connection_count(), 0u);
  EXPECT_FALSE(s->stack().Accept(s->listener()).has_value());
  s->peer().Restart(77);
  s->peer().Syn();
  s->Expect(SynAck());
}

TEST(StackTcpSynReceived, IsGivenUpInTime) {
  const auto s = Script::SynReceived();
  s->Advance(seconds(29));
  EXPECT_EQ(s->stack().connection_count(), 1u);
  s->Advance(seconds(2));
  EXPECT_EQ(s->stack().connection_count(), 0u);
  EXPECT_EQ(s->counters().tcp_half_open_timeouts, 1u);
}

TEST(StackTcpSynReceived, HalfOpenConnectionsAreBounded) {
  ScriptOptions options{.config = ScriptConfigWithoutCookies()};
  options.config.tcp.half_open_max = 3;
  Script s(options);
  for (uint16_t i = 0; i < 3; ++i) {
    s.AddPeer({.port = static_cast<uint16_t>(1000 + i)}).Syn();
    s.Expect(SynAck());
  }
  TcpPeer& fourth = s.AddPeer({.port = 2000});
  s.SendDropped(fourth.Build({.flags = kSyn}), Drop::kTcpHalfOpenFull);
  s.ExpectNothing();
  // One finishes, and there is room.
  TcpPeer& more = s.AddPeer({.port = 2001});
  s.Advance(seconds(31));
  more.Syn();
  s.Expect(SynAck().ToPort(2001));
  more.Ack();
  s.Accept();
  for (uint16_t i = 0; i < 3; ++i) {
    s.AddPeer({.port = static_cast<uint16_t>(3000 + i)}).Syn();
    s.Expect(SynAck());
  }
}

// (TCP030) a SYN and its reset, a thousand times: nothing is left behind.
TEST(StackTcpSynReceived, ResetsGiveThePlaceBack) {
  ScriptOptions options{.config = ScriptConfigWithoutCookies()};
  options.config.tcp.half_open_max = 2;
  Script s(options);
  for (uint32_t i = 0; i < 1000; ++i) {
    s.peer().Restart(i * 1000);
    s.peer().Syn();
    s.Expect(SynAck());
    s.peer().Rst();
  }
  s.ExpectNothing();
  EXPECT_EQ(s.stack().connection_count(), 0u);
}

// [RFC 6528 3] the number of one flow grows with time, 250,000 a second; other flows are elsewhere.
TEST(StackTcpSynReceived, InitialNumbersFollowRfc6528) {
  Script s({.config = ScriptConfigWithoutCookies()});
  const auto number = [&](TcpPeer& peer) {
    peer.Restart(5);
    peer.Syn();
    const uint32_t sequence = s.Expect(SynAck()).tcp->sequence;
    peer.Rst();
    return sequence;
  };
  const uint32_t first = number(s.peer());
  s.Advance(seconds(1));
  EXPECT_EQ(number(s.peer()) - first, 250'000u);
  const uint32_t other = number(s.AddPeer({.port = 40001}));
  EXPECT_GT(other - first, 1'000'000u);
}

// --- The accept queue ---

class StackTcpAcceptQueue : public ::testing::TestWithParam<bool> {};

TEST_P(StackTcpAcceptQueue, IsBoundedByTheBacklog) {
  ScriptOptions options{.backlog = 2};
  options.config.profile.syn_cookies =
      GetParam() ? tcp::SynCookies::kAlways : tcp::SynCookies::kNever;
  Script s(options);
  std::vector<TcpPeer*> peers;
  for (uint16_t i = 0; i < 3; ++i) {
    peers.push_back(&s.AddPeer({.port = static_cast<uint16_t>(1000 + i)}));
    peers.back()->Syn();
    s.Expect(SynAck());
  }
  peers[0]->Ack();
  peers[1]->Ack();
  s.SendDropped(peers[2]->Build({}), Drop::kTcpAcceptQueueFull);
  s.ExpectNothing();
  EXPECT_EQ(s.counters().tcp_accepted, 2u);
  // In the order of arrival.
  EXPECT_EQ(s.stack().Inspect(s.Accept())->remote.port, 1000);
  // The peer that was refused repeats itself: with data.
  peers[2]->Data("hello");
  s.Expect(Ack(6).ToPort(1002));
  EXPECT_EQ(s.stack().Inspect(s.Accept())->remote.port, 1001);
  EXPECT_EQ(s.stack().Inspect(s.Accept())->remote.port, 1002);
  EXPECT_EQ(s.Read(), "hello");
}

INSTANTIATE_TEST_SUITE_P(Cookies, StackTcpAcceptQueue, ::testing::Bool());

TEST(StackTcpAcceptQueue, ABacklogLargerThanTheLimitIsCut) {
  ScriptOptions options{.backlog = 1000};
  options.config.tcp.accept_queue_max = 1;
  Script s(options);
  TcpPeer& second = s.AddPeer({.port = 1001});
  s.peer().Syn();
  second.Syn();
  s.DiscardOutput();
  s.peer().Ack();
  s.SendDropped(second.Build({}), Drop::kTcpAcceptQueueFull);
}

TEST(StackTcpAcceptQueue, AConnectionResetWhileItWaitsIsNotHandedOut) {
  Script s;
  TcpPeer& second = s.AddPeer({.port = 1001});
  for (TcpPeer* peer : {&s.peer(), &second}) {
    peer->Syn();
    s.Expect(SynAck());
    peer->Ack();
  }
  s.peer().Rst();
  EXPECT_EQ(s.stack().Inspect(s.Accept())->remote.port, 1001);
  EXPECT_FALSE(s.stack().Accept(s.listener()).has_value());
  EXPECT_EQ(s.stack().connection_count(), 1u);
}

TEST(StackTcpAcceptQueue, DataAndFinWaitWithTheConnection) {
  Script s;
  s.peer().Syn();
  s.Expect(SynAck());
  s.peer().Data("hello");
  s.Expect(Ack(6));
  s.peer().Fin();
  s.Expect(Ack(7));
  s.Accept();
  s.ExpectState(State::kCloseWait);
  EXPECT_FALSE(s.stack().AtEnd(s.connection()));
  EXPECT_EQ(s.Read(), "hello");
  EXPECT_TRUE(s.stack().AtEnd(s.connection()));
}

TEST(StackTcpAcceptQueue, UnlistenResetsThoseThatWait) {
  Script s;
  s.peer().Syn();
  s.Expect(SynAck());
  s.peer().Ack();
  s.stack().TcpUnlisten(s.listener());
  s.Step();
  s.Expect(RstAck(1).AtSeq(1));
  EXPECT_EQ(s.stack().connection_count(), 0u);
  s.peer().Restart(99);
  s.SendDropped(s.peer().Build({.flags = kSyn}), Drop::kTcpPortClosed);
  s.Expect(RstAck(1));
  // The port can be taken again.
  EXPECT_TRUE(s.stack().TcpListen(80, {}).has_value());
}

TEST(StackTcpAcceptQueue, UnlistenLeavesAcceptedConnectionsAlone) {
  const auto s = Script::Established();
  s->stack().TcpUnlisten(s->listener());
  s->Step();
  s->ExpectNothing();
  s->peer().Data("x");
  s->Expect(Ack(2));
}

TEST(StackTcpAcceptQueue, UnlistenResetsHalfOpenConnections) {
  const auto s = Script::SynReceived();
  s->stack().TcpUnlisten(s->listener());
  s->Step();
  s->Expect(RstAck(1).AtSeq(1));
  EXPECT_EQ(s->stack().connection_count(), 0u);
}

// --- Numbers of things ---

TEST(StackTcpLimits, Listeners) {
  ScriptOptions options{.listen_port = 0};
  options.config.tcp.listeners_max = 2;
  Script s(options);
  const auto first = s.stack().TcpListen(80, {});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(s.stack().TcpListen(80, {}).error(), Error::kPortInUse);
  EXPECT_TRUE(s.stack().TcpListen(81, {}).has_value());
  EXPECT_EQ(s.stack().TcpListen(82, {}).error(), Error::kTooMany);
  EXPECT_EQ(s.stack().TcpListen(0, {}).error(), Error::kBadArgument);
  s.stack().TcpUnlisten(*first);
  EXPECT_TRUE(s.stack().TcpListen(82, {}).has_value());
}

class StackTcpLimitsBoth : public ::testing::TestWithParam<bool> {};

TEST_P(StackTcpLimitsBoth, Connections) {
  ScriptOptions options;
  options.config.profile.syn_cookies =
      GetParam() ? tcp::SynCookies::kAlways : tcp::SynCookies::kNever;
  options.config.tcp.connections_max = 2;
  Script s(options);
  std::vector<ConnectionId> connections;
  for (uint16_t i = 0; i < 2; ++i) {
    TcpPeer& peer = s.AddPeer({.port = static_cast<uint16_t>(1000 + i)});
    peer.Syn();
    s.Expect(SynAck());
    peer.Ack();
    connections.push_back(s.Accept());
  }
  TcpPeer& third = s.AddPeer({.port = 2000});
  if (GetParam()) {
    third.Syn();
    s.Expect(SynAck());
    s.SendDropped(third.Build({}), Drop::kTcpNoConnection);
  } else {
    s.SendDropped(third.Build({.flags = kSyn}), Drop::kTcpNoConnection);
  }
  s.ExpectNothing();
  s.stack().Abort(connections[0]);
  s.Step();
  s.Expect(RstAck());
  if (!GetParam()) {
    third.Syn();
    s.Expect(SynAck());
  }
  third.Ack();
  s.Accept();
  EXPECT_EQ(s.stack().connection_count(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Cookies, StackTcpLimitsBoth, ::testing::Bool());

TEST(StackTcpLimits, RepliesThatWaitForTransmit) {
  ScriptOptions options;
  options.config.tcp.replies_max = 8;
  Script s(options);
  s.Send(BuildArp({}));
  s.DiscardOutput();
  std::vector<Frame> batch;
  for (uint16_t i = 0; i < 20; ++i) {
    batch.push_back(BuildTcp({.source_port = static_cast<uint16_t>(1000 + i), .flags = kSyn}));
  }
  s.Send(batch);
  EXPECT_EQ(s.output_size(), 8u);
  EXPECT_EQ(s.drops(Drop::kTcpReplyQueueFull), 12u);
  s.DiscardOutput();
  s.Send(batch);
  EXPECT_EQ(s.output_size(), 8u);
}

TEST(StackTcpLimits, ReceiveMemory) {
  ScriptOptions options;
  options.config.buffers.chunks_max = 4;
  const auto s = Script::Established(options);
  constexpr uint32_t kHalf = Chunk::kBytes / 2;
  for (uint32_t i = 1; i <= 7; ++i) {
    s->peer().Data(Pattern(kHalf));
    s->Expect(Ack(1 + i * kHalf));
  }
  // Not acknowledged: the peer keeps it.
  s->SendDropped(s->peer().Build({.data = Pattern(100)}), Drop::kTcpNoBuffer);
  s->ExpectNothing();
  s->ExpectState(State::kEstablished);
  EXPECT_EQ(s->Read().size(), 7u * kHalf);
  s->DiscardOutput();
  s->SendDelivered(s->peer().Build({.data = Pattern(100)}));
  s->Expect(Ack(1 + 7 * kHalf + 100));
}

// Connections that never read must not take the memory that others need for a request.
TEST(StackTcpLimits, TheLastQuarterOfReceiveMemoryIsForWhoHasQueuedLittle) {
  ScriptOptions options;
  options.config.buffers.chunks_max = 8;
  const auto s = Script::Established(options);
  while (s->drops(Drop::kTcpNoBuffer) == 0) {
    s->peer().Data(Pattern(1000));
    s->DiscardOutput();
  }
  TcpPeer& other = s->AddPeer({.port = 2000});
  other.Syn();
  s->DiscardOutput();
  other.Ack();
  other.Data("GET / HTTP/1.1");
  EXPECT_EQ(s->drops(Drop::kTcpNoBuffer), 1u);
  s->DiscardOutput();
}

TEST(StackTcpLimits, SendMemory) {
  ScriptOptions options;
  options.config.buffers.chunks_max = 2;
  const auto s = Script::Established(options);
  s->peer().Send({.window = 0});
  EXPECT_EQ(s->stack().Write(s->connection(), Pattern(10'000)), 2 * Chunk::kBytes);
  EXPECT_EQ(s->stack().Write(s->connection(), Pattern(1)), 0u);
  s->Step();
  s->peer().Send({.window = 65535});
  for (uint32_t at : {1u, 1461u, 2921u}) {
    s->Expect(TcpMatch{.flags = kAck, .seq = at}.WithAnyData());
  }
  s->peer().Ack();
  EXPECT_EQ(s->stack().Write(s->connection(), Pattern(10'000)), 2 * Chunk::kBytes);
}

// (P5) however a connection ends, its memory comes back.
TEST(StackTcpLimits, MemoryComesBack) {
  ScriptOptions options{.peer = {.window = 0}};
  options.config.buffers.chunks_max = 4;
  options.config.buffers.send_items_max = 4;
  Script s(options);
  for (uint32_t i = 0; i < 60; ++i) {
    s.peer().Restart(i * 100'000);
    s.peer().Syn();
    s.Expect(SynAck());
    s.peer().Ack();
    s.Accept();
    s.peer().Data(Pattern(1000));
    s.Expect(Ack(1001));
    s.Write(Pattern(2 * Chunk::kBytes));
    switch (i % 4) {
      case 0:
        s.Abort();
        break;
      case 1:
        s.peer().Rst();
        s.Close();
        break;
      case 2:
        s.Close();  // with bytes unread
        break;
      default:
        s.Read();
        s.Close();
        s.Advance(std::chrono::seconds(62));
        break;
    }
    s.DiscardOutput();
    EXPECT_EQ(s.stack().connection_count(), 0u);
    if (HasFailure()) return;
  }
}

TEST(StackTcpLimits, SendBuffer) {
  ScriptOptions options;
  options.config.tcp.send_buffer_bytes = 1000;
  const auto s = Script::Established(options);
  s->peer().Send({.window = 0});
  EXPECT_EQ(s->stack().WriteSpace(s->connection()), 1000u);
  EXPECT_EQ(s->stack().Write(s->connection(), Pattern(999)), 999u);
  EXPECT_EQ(s->stack().WriteSpace(s->connection()), 1u);
  // Static bytes are taken whole as long as there is any room at all.
  const Frame body = Pattern(5000);
  EXPECT_TRUE(s->stack().WriteStatic(s->connection(), StaticBytes::Of(body)));
  EXPECT_EQ(s->stack().WriteSpace(s->connection()), 0u);
  EXPECT_FALSE(s->stack().WriteStatic(s->connection(), StaticBytes::Of(body)));
  EXPECT_EQ(s->stack().Write(s->connection(), Pattern(1)), 0u);
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 5999u);
}

// (TCP025; RFC 5961 7) challenges are limited to ten a second and connection.
TEST(StackTcpLimits, ChallengeAcks) {
  const auto s = Script::Established();
  for (int i = 0; i < 50; ++i) s->Send(s->peer().Build({.flags = tcp_flags::kRst, .seq = 100}));
  EXPECT_EQ(s->output_size(), 10u);
  EXPECT_EQ(s->counters().tcp_challenge_acks, 10u);
  s->DiscardOutput();
  s->Advance(milliseconds(999));
  s->Send(s->peer().Build({.flags = tcp_flags::kRst, .seq = 100}));
  s->ExpectNothing();
  s->Advance(milliseconds(1));
  s->Send(s->peer().Build({.flags = tcp_flags::kRst, .seq = 100}));
  s->Expect(Ack(1));
}

TEST(StackTcpLimits, TimeWaitRecordsGiveWayToNewOnes) {
  ScriptOptions options;
  options.config.tcp.time_wait_max = 2;
  Script s(options);
  for (uint16_t i = 0; i < 3; ++i) {
    TcpPeer& peer = s.AddPeer({.port = static_cast<uint16_t>(1000 + i)});
    peer.Syn();
    s.Expect(SynAck());
    peer.Ack();
    s.Accept();
    s.Shutdown();
    s.Expect(Fin());
    peer.Fin();
    s.Expect(Ack(2));
    s.Close();
  }
  EXPECT_EQ(s.stack().time_wait_count(), 2u);
  EXPECT_EQ(s.counters().tcp_time_wait_evicted, 1u);
  EXPECT_EQ(s.stack().connection_count(), 0u);
}

}  // namespace
}  // namespace aether::testing
