// What strangers cannot do with every mechanism on: fill the SYN queue (RFC 4987), break into a
// connection (RFC 5961), learn from one about another, cost more than they pay.
#include <gtest/gtest.h>

#include <chrono>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tcp::State;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kEce = tcp_flags::kEce;
constexpr uint8_t kCwr = tcp_flags::kCwr;

// --- SYN queue and cookies ---

ScriptOptions Pressed(uint32_t half_open_max) {
  ScriptOptions options = FullOptions();
  options.config.tcp.half_open_max = half_open_max;
  return options;
}

// [RFC 4987 3.6] first a queue, whose SYN-ACKs are repeated, and cookies when it is full; a place
// that becomes free is used again.
TEST(StackTcpSynQueue, ComesFirstThenCookies) {
  Script s(Pressed(2));
  for (uint16_t port = 1; port <= 5; ++port) {
    s.AddPeer({.port = port}).Syn();
    s.Expect(SynAck().ToPort(port));
    EXPECT_EQ(s.stack().connection_count(), std::min<size_t>(port, 2));
  }
  EXPECT_EQ(s.counters().tcp_cookies_sent, 3u);
  s.Advance(milliseconds(1100));
  EXPECT_EQ(s.output_size(), 2u);
  s.DiscardOutput();
  s.Advance(seconds(40));
  s.DiscardOutput();
  EXPECT_EQ(s.stack().connection_count(), 0u);
  s.AddPeer({.port = 6}).Syn();
  EXPECT_EQ(s.stack().connection_count(), 1u);
  EXPECT_EQ(s.counters().tcp_cookies_sent, 3u);
}

// A cookie keeps what both sides agreed on: [RFC 9293 3.7.1 MUST-14] size, scale, SACK, timestamps,
// ECN.
TEST(StackTcpCookie, KeepsEveryOption) {
  for (const uint8_t shift : Frame{0, 7, 14}) {
    for (const bool sack : {false, true}) {
      for (const bool ecn : {false, true}) {
        ScriptOptions options = FullOptions();
        options.config.profile.syn_cookies = tcp::SynCookies::kAlways;
        Script s(options);
        Frame syn = Joined({MssOption(1460), TimestampOption(7777, 0), WindowScaleOption(shift)});
        if (sack) syn = Joined({syn, SackPermittedOption()});
        s.peer().Send(
            {.flags = static_cast<uint8_t>(kSyn | (ecn ? kEce | kCwr : 0)), .options = syn});
        const uint8_t flags = static_cast<uint8_t>(kSyn | kAck | (ecn ? kEce : 0));
        const NaiveTcp answer = *s.Expect(TcpMatch{.flags = flags, .seq = 0}).tcp;
        EXPECT_EQ(s.stack().connection_count(), 0u);
        EXPECT_EQ(answer.sack_permitted, sack);
        EXPECT_TRUE(answer.window_scale && answer.timestamps);
        s.peer().set_timestamp(7778);
        s.peer().Ack();
        s.Accept();
        const tcp::Snapshot snapshot = *s.stack().Inspect(s.connection());
        EXPECT_EQ(snapshot.sack, sack);
        EXPECT_EQ(snapshot.ecn, ecn);
        EXPECT_TRUE(snapshot.timestamps && snapshot.window_scaling);
        EXPECT_EQ(snapshot.snd_wnd_bytes, 65535u << shift);
        EXPECT_EQ(snapshot.mss_bytes, 1448);
      }
    }
  }
}

// Without timestamps there is no place to keep them: then the cookie offers none.
TEST(StackTcpCookie, OffersWhatItCanKeepOnly) {
  ScriptOptions options = FullOptions();
  options.config.profile.syn_cookies = tcp::SynCookies::kAlways;
  Script s(options);
  s.peer().Send(
      {.flags = kSyn,
       .options = Joined({MssOption(1000), SackPermittedOption(), WindowScaleOption(7)})});
  const NaiveTcp answer = *s.Expect(SynAck()).tcp;
  EXPECT_FALSE(answer.sack_permitted || answer.window_scale || answer.timestamps);
  s.peer().Ack();
  s.Accept();
  EXPECT_FALSE(s.stack().Inspect(s.connection())->window_scaling);
  EXPECT_LE(s.stack().Inspect(s.connection())->mss_bytes, 1000);
}

// [RFC 7323 5.4] the clock of a cookie runs on in the connection: nothing seems old.
TEST(StackTcpCookie, ItsTimestampsNeverGoBack) {
  ScriptOptions options = FullOptions();
  options.config.profile.syn_cookies = tcp::SynCookies::kAlways;
  for (int i = 0; i < 70; ++i) {
    Script s(options);
    s.Advance(milliseconds(i));
    s.peer().Send({.flags = kSyn, .options = FullSynOptions()});
    const uint32_t first = s.Expect(SynAck()).tcp->timestamps->value;
    s.peer().set_timestamp(1001);
    s.peer().Ack();
    s.Accept();
    s.Write("x");
    const uint32_t second = s.Expect(Data("x")).tcp->timestamps->value;
    EXPECT_LT(second - first, 128u);
  }
}

// --- RFC 5961 ---

// [RFC 5961 5.2] [RFC 9293 3.10.7.4 MAY-12] data with an acknowledgement that cannot be true are
// not taken, however well their number fits.
TEST(StackTcpBlind, InjectedDataAreRefused) {
  ScriptOptions options = FullOptions();
  options.peer.window = 1000;
  const auto s = Script::Established(options);
  s->Write(Pattern(3000));
  s->DiscardOutput();
  s->peer().Ack();
  s->DiscardOutput();
  const uint32_t una = s->peer().rcv_nxt() - 1000;
  s->peer().Ack(una);
  s->DiscardOutput();
  for (const uint32_t ack : {una - 1001, una + 1001, una + 0x40000000, una - 0x40000000}) {
    s->SendDropped(s->peer().Build({.ack = ack, .data = ToFrame("evil")}), Drop::kTcpBadAck);
    EXPECT_EQ(s->Read(), "");
  }
  // An old one within the largest window is plausible.
  s->SendDelivered(s->peer().Build({.ack = una - 999, .data = ToFrame("good")}));
  EXPECT_EQ(s->Read(), "good");
}

// [RFC 5961 3.2] [RFC 5961 4.2] [RFC 5961 7] challenges are limited per connection: who provokes
// them on one learns nothing about another (CVE-2016-5696), and a second later there are new ones.
TEST(StackTcpBlind, ChallengesAreLimitedPerConnection) {
  Script s(FullOptions());
  std::vector<TcpPeer*> peers;
  for (uint16_t port = 1; port <= 3; ++port) {
    peers.push_back(&s.AddPeer({.port = port}));
    peers.back()->Syn();
    s.Expect(SynAck().ToPort(port));
    peers.back()->Ack();
    s.Accept();
  }
  // In the middle of a second: the limit begins anew with each.
  s.AdvanceTo(milliseconds(1100));
  const auto provoke = [&](TcpPeer& peer, int count) {
    for (int i = 0; i < count; ++i) {
      const uint8_t flags = i % 2 == 0 ? kRst : kSyn;
      s.Send(peer.Build({.flags = flags, .seq = peer.snd_nxt() + 100}));
    }
    const size_t answers = s.output_size();
    s.DiscardOutput();
    return answers;
  };
  EXPECT_EQ(provoke(*peers[0], 1000), 10u);
  EXPECT_EQ(provoke(*peers[1], 4), 4u);
  EXPECT_EQ(provoke(*peers[2], 1000), 10u);
  EXPECT_EQ(provoke(*peers[0], 10), 0u);
  s.Advance(seconds(1));
  EXPECT_EQ(provoke(*peers[0], 1000), 10u);
  EXPECT_EQ(s.stack().connection_count(), 3u);
}

// --- LISTEN and CLOSED ---

// [RFC 9293 3.10.7.2] in its order: a reset is ignored, an ACK is reset, a SYN is answered, and the
// rest is dropped.
TEST(StackTcpListen, HasItsOrder) {
  Script s(FullOptions());
  for (const uint8_t flags :
       {kRst, static_cast<uint8_t>(kRst | kAck), static_cast<uint8_t>(kRst | kSyn)}) {
    s.SendDropped(s.peer().Build({.flags = flags, .ack = 77}), Drop::kTcpListenerRst);
    s.ExpectNothing();
  }
  for (const uint8_t flags :
       {kAck, static_cast<uint8_t>(kAck | kFin), static_cast<uint8_t>(kAck | kSyn)}) {
    s.Send(s.peer().Build({.flags = flags, .ack = 77}));
    s.Expect(Rst(77));
  }
  for (const uint8_t flags : {uint8_t{0}, kFin}) {
    s.SendDropped(s.peer().Build({.flags = flags}), Drop::kTcpListenerJunk);
    s.ExpectNothing();
  }
  EXPECT_EQ(s.stack().connection_count(), 0u);
  s.peer().Syn();
  s.Expect(SynAck().WithAck(1));
}

// [RFC 9293 3.10.7.1] with numbers that the other side believes; a reset is never answered.
TEST(StackTcpListen, WithoutAListenerEverythingIsReset) {
  Script s({.config = FullConfig(), .listen_port = 0});
  s.Send(s.peer().Build({.flags = kSyn, .seq = 5}));
  s.Expect(RstAck(6).AtSeq(0));
  s.Send(s.peer().Build({.flags = kFin, .seq = 5, .data = ToFrame("abc")}));
  s.Expect(RstAck(9).AtSeq(0));
  s.Send(s.peer().Build({.flags = kAck, .seq = 5, .ack = 99}));
  s.Expect(Rst(99));
  s.Send(s.peer().Build({.flags = kRst, .seq = 5}));
  s.ExpectNothing();
}

// --- Two that lost step, and noise ---

// An acknowledgement of the future is answered with one that the other side finds just as strange:
// that must not go on for ever.
TEST(StackTcpNoise, AcknowledgementsDoNotFeedEachOther) {
  const auto s = Script::Established(FullOptions());
  for (int i = 0; i < 1000; ++i) s->Send(s->peer().Build({.ack = 12345}));
  EXPECT_EQ(s->output_size(), 10u);
  EXPECT_EQ(s->drops(Drop::kTcpBadAck), 1000u);
}

// Every combination of flags, at every place: the connection lives, or ends as the rules say.
TEST(StackTcpNoise, EveryCombinationOfFlagsInTheWindow) {
  for (int flags = 0; flags < 256; ++flags) {
    const auto s = Script::Established(FullOptions());
    s->Send(s->peer().Build({.flags = static_cast<uint8_t>(flags), .seq = 100, .data = Frame(8)}));
    s->ExpectState(State::kEstablished);
    EXPECT_LE(s->output_size(), 1u);
    EXPECT_EQ(s->stack().Readable(s->connection()), 0u);
  }
}

// Ahead of a gap no more is kept than the limits say; the window is not left.
TEST(StackTcpNoise, HolesAreBounded) {
  ScriptOptions options = FullOptions();
  options.config.tcp.held_ranges_max = 8;
  const auto s = Script::Established(options);
  for (uint32_t i = 1; i <= 100; ++i) {
    s->Send(s->peer().Build({.seq = 1 + 10 * i, .data = Frame(4)}));
  }
  EXPECT_EQ(s->stack().Inspect(s->connection())->held_bytes, 32u);
  s->DiscardOutput();
  s->SendDropped(s->peer().Build({.seq = 1 + 65535, .data = Frame(4)}), Drop::kTcpOutOfWindow);
  s->Send(s->peer().Build({.seq = 1 + 65530, .data = Frame(100)}));
  EXPECT_LE(s->stack().Inspect(s->connection())->held_bytes, 36u);
}

// [RFC 9293 3.9.2.3 MUST-63, MUST-57] a SYN from or to what is no host is dropped in silence.
TEST(StackTcpAddresses, NoHostNoAnswer) {
  Script s(FullOptions());
  for (const Ipv4Address source :
       {Ipv4Address{}, Ipv4Address::Broadcast(), Ipv4Address::Of(224, 0, 0, 1), kOurIp,
        Ipv4Address::Of(10, 0, 0, 255), Ipv4Address::Of(10, 0, 0, 0), Ipv4Address::Of(127, 0, 0, 1),
        Ipv4Address::Of(240, 0, 0, 1)}) {
    s.SendDropped(BuildTcp({.ip = {.source = source}, .flags = kSyn}), Drop::kIpv4MartianSource);
  }
  const EthernetSpec broadcast{.destination = MacAddress::Broadcast()};
  for (const Ipv4Address group : {Ipv4Address::Broadcast(), Ipv4Address::Of(10, 0, 0, 255)}) {
    s.SendDropped(BuildTcp({.ip = {.ethernet = broadcast, .destination = group}, .flags = kSyn}),
                  Drop::kTcpBroadcast);
  }
  const EthernetSpec all_hosts{.destination = MacAddress{{1, 0, 0x5e, 0, 0, 1}}};
  s.SendDropped(
      BuildTcp({.ip = {.ethernet = all_hosts, .destination = Ipv4Address::Of(224, 0, 0, 1)},
                .flags = kSyn}),
      Drop::kTcpBroadcast);
  s.ExpectNothing();
  EXPECT_EQ(s.stack().connection_count(), 0u);
}

// [RFC 9293 3.1 MUST-3] a checksum that is wrong by one bit, on a connection with all options.
TEST(StackTcpAddresses, AWrongChecksumIsDropped) {
  const auto s = Script::Full();
  Frame frame = s->peer().Build({.data = ToFrame("hello")});
  frame.back() ^= 1;
  s->SendDropped(frame, Drop::kTcpBadChecksum);
  EXPECT_EQ(s->Read(), "");
}

// --- Calls in every state ---

class StackTcpCalls : public ::testing::TestWithParam<State> {};

// [RFC 9293 3.10.2] SEND: taken while our side is open, also before it is; refused afterwards.
TEST_P(StackTcpCalls, Write) {
  const auto s = Script::In(GetParam(), FullOptions());
  const bool open = GetParam() == State::kSynSent || GetParam() == State::kEstablished ||
                    GetParam() == State::kCloseWait;
  EXPECT_EQ(s->stack().Write(s->connection(), ToFrame("text")), open ? 4u : 0u);
  EXPECT_EQ(s->stack().WriteStatic(s->connection(), {}), open);
}

// [RFC 9293 3.10.4] CLOSE: one FIN, never a second one.
TEST_P(StackTcpCalls, ShutdownTwice) {
  const auto s = Script::In(GetParam(), FullOptions());
  s->Shutdown();
  s->Shutdown();
  const bool sends = GetParam() == State::kEstablished || GetParam() == State::kCloseWait;
  EXPECT_EQ(s->output_size(), sends ? 1u : 0u);
  if (sends) s->Expect(Fin());
  EXPECT_EQ(s->stack().Write(s->connection(), ToFrame("late")), 0u);
}

// [RFC 9293 3.10.5] ABORT: a reset to whoever could still send, and everything is forgotten.
TEST_P(StackTcpCalls, Abort) {
  const auto s = Script::In(GetParam(), FullOptions());
  const bool alone = GetParam() == State::kSynSent || GetParam() == State::kTimeWait;
  const bool waits = GetParam() == State::kSynReceived;
  s->Abort();
  if (alone || waits) {
    s->ExpectNothing();
  } else {
    s->Expect(RstAck().AtSeq(s->peer().rcv_nxt()));
  }
  EXPECT_EQ(s->stack().connection_count(), waits ? 1u : 0u);
  // [RFC 9293 3.10.3] [RFC 9293 3.10.6] a handle that is gone finds nothing.
  if (!waits) {
    EXPECT_FALSE(s->stack().Inspect(s->connection()).has_value());
    EXPECT_EQ(s->stack().Readable(s->connection()), 0u);
    EXPECT_TRUE(s->stack().Peek(s->connection()).empty());
    EXPECT_FALSE(s->stack().SetOptions(s->connection(), {}));
  }
}

// [RFC 9293 3.10.6] STATUS names the state.
TEST_P(StackTcpCalls, Inspect) {
  const auto s = Script::In(GetParam(), FullOptions());
  if (GetParam() == State::kSynReceived) return;  // nobody has a handle yet
  const bool record = GetParam() == State::kTimeWait;
  s->ExpectState(GetParam());
  EXPECT_EQ(s->stack().time_wait_count(), record ? 1u : 0u);
}

// A FIN that comes again changes nothing, and is acknowledged where there was one.
TEST_P(StackTcpCalls, AFinAgain) {
  const bool had_fin = GetParam() == State::kCloseWait || GetParam() == State::kClosing ||
                       GetParam() == State::kLastAck || GetParam() == State::kTimeWait;
  if (!had_fin) return;
  const auto s = Script::In(GetParam(), FullOptions());
  s->Send(s->peer().Build({.flags = kFin | kAck, .seq = 1, .ack = 1}));
  s->Expect(Ack(2));
  s->ExpectNothing();
}

INSTANTIATE_TEST_SUITE_P(States, StackTcpCalls,
                         ::testing::Values(State::kSynSent, State::kSynReceived,
                                           State::kEstablished, State::kFinWait1, State::kFinWait2,
                                           State::kCloseWait, State::kClosing, State::kLastAck,
                                           State::kTimeWait),
                         [](const auto& state) { return TestName(state.param); });

}  // namespace
}  // namespace aether::testing
