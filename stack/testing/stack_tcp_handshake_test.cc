// Passive open with SYN cookies (RFC 9293 3.10.7.2, RFC 4987 3.6): the SYN-ACK, the third segment,
// forged and stale cookies.
#include <gtest/gtest.h>

#include <set>

#include "stack/base/random.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::seconds;
using tcp::State;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kPsh = tcp_flags::kPsh;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;

// [RFC 9293 3.10.7.2] third: a SYN is answered with <SEQ=ISS><ACK=SEG.SEQ+1><CTL=SYN,ACK>.
TEST(StackTcpHandshake, ASynIsAnsweredAndCostsNothing) {
  Script s;
  s.peer().Syn();
  // [RFC 9293 3.7.1 MUST-14] our MSS is offered.
  const NaiveFrame frame = s.Expect(SynAck().WithAck(1).WithMss(1460).WithWindow(65535));
  EXPECT_FALSE(frame.tcp->window_scale.has_value());
  EXPECT_FALSE(frame.tcp->sack_permitted);
  EXPECT_EQ(s.stack().connection_count(), 0u);
  EXPECT_EQ(s.counters().tcp_cookies_sent, 1u);
  s.Advance(seconds(3600));
  // (TCP031) one SYN, one answer: nothing to amplify.
  s.ExpectNothing();
}

TEST(StackTcpHandshake, TheAckOpensTheConnection) {
  const auto s = Script::Established();
  EXPECT_EQ(s->counters().tcp_cookies_accepted, 1u);
  EXPECT_EQ(s->counters().tcp_accepted, 1u);
  const auto snapshot = s->stack().Inspect(s->connection());
  ASSERT_TRUE(snapshot.has_value());
  EXPECT_EQ(snapshot->local, (Ipv4Endpoint{kOurIp, 80}));
  EXPECT_EQ(snapshot->remote, (Ipv4Endpoint{kPeerIp, 40000}));
  EXPECT_EQ(snapshot->snd_wnd_bytes, 65535u);
  EXPECT_EQ(snapshot->rcv_wnd_bytes, 65535u);
  EXPECT_EQ(snapshot->snd_una, snapshot->snd_nxt);
}

TEST(StackTcpHandshake, TheListenerTellsOfAConnection) {
  Script s;
  std::array<Event, 4> events;
  s.peer().Syn();
  s.Expect(SynAck());
  EXPECT_FALSE(s.stack().Accept(s.listener()).has_value());
  const Frame ack = s.peer().Build({});
  const Bytes frames[] = {ack};
  s.stack().Receive(frames, s.now());
  ASSERT_EQ(s.stack().PollEvents(events), 1u);
  EXPECT_EQ(events[0].kind, Event::Kind::kAcceptable);
  EXPECT_EQ(events[0].listener, s.listener());
  EXPECT_TRUE(s.stack().Accept(s.listener()).has_value());
  EXPECT_FALSE(s.stack().Accept(s.listener()).has_value());
}

// [RFC 9293 3.7.1 MUST-15] without the option 536; the cookie keeps one of eight values, rounded
// down.
TEST(StackTcpHandshake, TheCookieKeepsTheMss) {
  const auto mss_for = [](uint16_t offered) {
    Script s;
    s.peer().Syn(offered);
    s.Expect(SynAck());
    s.peer().Ack();
    return s.stack().Inspect(s.Accept())->mss_bytes;
  };
  EXPECT_EQ(mss_for(0), 536);  // no option
  EXPECT_EQ(mss_for(535), 256);
  EXPECT_EQ(mss_for(536), 536);
  EXPECT_EQ(mss_for(1199), 536);
  EXPECT_EQ(mss_for(1200), 1200);
  EXPECT_EQ(mss_for(1360), 1360);
  EXPECT_EQ(mss_for(1440), 1440);
  EXPECT_EQ(mss_for(1459), 1440);
  EXPECT_EQ(mss_for(1460), 1460);
  EXPECT_EQ(mss_for(8960), 1460);  // the MTU holds no more
  EXPECT_EQ(mss_for(65535), 1460);
  // (TCP004, TCP005; CVE-2019-11479) there is a floor.
  for (const uint16_t tiny : std::vector<uint16_t>{1, 7, 48, 87, 88, 255}) {
    EXPECT_EQ(mss_for(tiny), 88) << tiny;
  }
}

TEST(StackTcpHandshake, AnMssOfZeroDoesNoHarm) {
  Script s;
  s.peer().Send({.flags = kSyn, .options = MssOption(0)});
  s.Expect(SynAck());
  s.peer().Ack();
  s.Accept();
  s.Write(Pattern(500));
  for (uint32_t at = 0; at < 500; at += 88) {
    s.Expect(TcpMatch{.flags = kAck, .seq = 1 + at}.WithAnyData());
  }
  s.ExpectNothing();
}

TEST(StackTcpHandshake, ACookieIsGoodForItsPeriodAndTheNext) {
  // The script starts 40 s into a period of 64 s.
  for (const int delay : {0, 23, 25, 60, 87}) {
    Script s;
    s.peer().Syn();
    s.Expect(SynAck());
    s.Advance(seconds(delay));
    s.peer().Ack();
    EXPECT_TRUE(s.stack().Accept(s.listener()).has_value()) << delay;
    s.ExpectNothing();
  }
  for (const int delay : {88, 120, 152, 512, 1000, 5000}) {
    Script s;
    s.peer().Syn();
    s.Expect(SynAck());
    s.Advance(seconds(delay));
    s.SendDropped(s.peer().Build({}), Drop::kTcpBadCookie);
    s.Expect(Rst(1));
    EXPECT_FALSE(s.stack().Accept(s.listener()).has_value()) << delay;
  }
}

// The key changes every 1024 s, the first time 24 s into the script.
TEST(StackTcpHandshake, ACookieOutlivesTheChangeOfKeys) {
  for (const int start : {20, 24 + 1020, 24 + 2040}) {
    Script s;
    s.Advance(seconds(start));
    s.peer().Syn();
    s.Expect(SynAck());
    s.Advance(seconds(10));
    s.peer().Ack();
    EXPECT_TRUE(s.stack().Accept(s.listener()).has_value()) << start;
  }
}

TEST(StackTcpHandshake, TheSameSynGetsAnotherCookieUnderAnotherKey) {
  std::set<uint32_t> cookies;
  Script s;
  for (int i = 0; i < 20; ++i) {
    s.peer().Restart(0x10000000);
    s.peer().Syn();
    cookies.insert(s.Expect(SynAck()).tcp->sequence);
    s.Advance(seconds(1024));
  }
  EXPECT_EQ(cookies.size(), 20u);
}

// [RFC 9293 3.10.7.2] second: an ACK that fits no SYN of ours is answered with
// <SEQ=SEG.ACK><CTL=RST>.
TEST(StackTcpHandshake, AForgedCookieIsReset) {
  Script s;
  TcpPeer& peer = s.peer();
  peer.Syn();
  s.Expect(SynAck());
  const auto refused = [&](const Frame& frame) {
    s.SendDropped(frame, Drop::kTcpBadCookie);
    s.Expect(Rst());
  };
  for (int bit = 0; bit < 32; ++bit) refused(peer.Build({.ack = 1u ^ (1u << bit)}));
  refused(peer.Build({.ack = 0}));
  refused(peer.Build({.ack = 2}));
  // Made for another initial sequence number, another port, another host.
  refused(peer.Build({.seq = 2}));
  refused(peer.Build({.seq = 0}));
  for (uint32_t seq = 3; seq < 2000; ++seq) refused(peer.Build({.seq = seq}));
  TcpSpec spec{.sequence = peer.spec().initial_sequence + 1,
               .acknowledgment = peer.stack_initial_sequence() + 1};
  s.AddPeer({.port = 40001});
  s.AddPeer({.address = Ipv4Address::Of(10, 0, 0, 7)});
  spec.source_port = 40001;
  refused(BuildTcp(spec));
  spec.source_port = 40000;
  spec.ip.source = Ipv4Address::Of(10, 0, 0, 7);
  refused(BuildTcp(spec));
  EXPECT_EQ(s.stack().connection_count(), 0u);
  // The right one still opens.
  peer.Ack();
  s.Accept();
}

TEST(StackTcpHandshake, GuessingOpensNothing) {
  Script s;
  Random random(Seed{1, 2});
  for (int i = 0; i < 20'000; ++i) {
    s.Send(BuildTcp({.sequence = random.Next32(), .acknowledgment = random.Next32()}));
    s.DiscardOutput();
  }
  EXPECT_EQ(s.drops(Drop::kTcpBadCookie), 20'000u);
  EXPECT_EQ(s.counters().tcp_accepted, 0u);
}

// (TCP032) neither the order of requests nor the flow tells the next number.
TEST(StackTcpHandshake, CookiesShowNoPattern) {
  Script s;
  std::set<uint32_t> numbers;
  std::set<uint32_t> steps;
  uint32_t last = 0;
  for (uint16_t i = 0; i < 1000; ++i) {
    TcpPeer& peer = s.AddPeer({.port = static_cast<uint16_t>(1000 + i)});
    peer.Syn();
    const uint32_t number = s.Expect(SynAck()).tcp->sequence;
    numbers.insert(number);
    steps.insert(number - last);
    last = number;
  }
  EXPECT_GE(numbers.size(), 999u);
  EXPECT_GE(steps.size(), 998u);
}

// --- What a SYN may carry ---

// (TCP038) data in a SYN is not acknowledged; it comes again after the handshake.
TEST(StackTcpHandshake, DataInASynIsLeftOut) {
  Script s;
  s.peer().Send({.flags = kSyn, .data = ToFrame("early")});
  s.Expect(SynAck().WithAck(1));
  s.peer().set_snd_nxt(1);
  s.peer().Data("early");
  s.Expect(Ack(6));
  s.Accept();
  EXPECT_EQ(s.Read(), "early");
}

TEST(StackTcpHandshake, EcnBitsInASynAreTolerated) {
  Script s;
  s.peer().Send({.flags = kSyn | tcp_flags::kEce | tcp_flags::kCwr});
  s.Expect(SynAck());
  s.peer().Ack();
  s.Accept();
}

TEST(StackTcpHandshake, OtherBitsInASynAreTolerated) {
  for (const uint8_t extra : Frame{kPsh, kUrg, kPsh | kUrg}) {
    Script s;
    s.peer().Send({.flags = static_cast<uint8_t>(kSyn | extra), .urgent_pointer = 0});
    s.Expect(SynAck());
  }
}

// [RFC 9293 3.1 MUST-6] options that are not known are skipped.
TEST(StackTcpHandshake, OptionsAreReadInAnyOrder) {
  for (const Frame& options :
       {Frame{1, 1, 2, 4, 2, 24, 0, 0}, Frame{99, 4, 9, 9, 2, 4, 2, 24},
        Frame{4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 3, 3, 7, 1, 2, 4, 2, 24},
        Frame{2, 4, 2, 24, 0, 0xff, 0xff, 0xff}, Frame{2, 4, 9, 9, 2, 4, 2, 24}}) {
    Script s;
    s.peer().Send({.flags = kSyn, .options = options});
    const NaiveFrame frame = s.Expect(SynAck().WithMss(1460));
    EXPECT_FALSE(frame.tcp->sack_permitted);
    s.peer().Ack();
    EXPECT_EQ(s.stack().Inspect(s.Accept())->mss_bytes, 536);
  }
}

// [RFC 9293 3.1 MUST-7] (TCP002) lengths that lead nowhere do no harm.
TEST(StackTcpHandshake, MalformedOptionsInASynAreDropped) {
  Script s;
  for (const Frame& options : {Frame{0xff, 0, 0, 0}, Frame{2, 0, 0, 0}, Frame{2, 1, 5, 5},
                               Frame{2, 5, 5, 180}, Frame{1, 1, 1, 2}, Frame{1, 1, 8, 255}}) {
    s.SendDropped(BuildTcp({.flags = kSyn, .options = options}), Drop::kTcpBadOptions);
  }
  s.ExpectNothing();
}

// --- Segments for a listener that are no SYN ---

TEST(StackTcpListener, HasItsOrderOfChecks) {
  Script s;
  const auto flags = [](int bits) {
    return BuildTcp({.sequence = 5, .acknowledgment = 9, .flags = static_cast<uint8_t>(bits)});
  };
  // [RFC 9293 3.10.7.2] first, a reset is ignored; second, an acknowledgement is reset.
  for (int bits : {+kRst, kRst | kAck, kRst | kSyn, kRst | kFin, kRst | kSyn | kAck | kFin}) {
    s.SendDropped(flags(bits), Drop::kTcpListenerRst);
    s.ExpectNothing();
  }
  for (int bits : {kSyn | kAck, kSyn | kAck | kFin}) {
    s.SendDropped(flags(bits), Drop::kTcpBadFlags);
    s.Expect(Rst(9));
  }
  for (int bits : {+kAck, kAck | kFin, kAck | kPsh, kAck | kUrg}) {
    s.SendDropped(flags(bits), Drop::kTcpBadCookie);
    s.Expect(Rst(9));
  }
  s.SendDropped(flags(kSyn | kFin), Drop::kTcpBadFlags);
  // [RFC 9293 3.10.7.2] fourth: anything else is dropped.
  for (int bits : {0, +kFin, +kPsh, +kUrg, kFin | kPsh | kUrg}) {
    s.SendDropped(flags(bits), Drop::kTcpListenerJunk);
  }
  s.ExpectNothing();
  EXPECT_EQ(s.stack().connection_count(), 0u);
}

// --- Closed ports ---

// [RFC 9293 3.10.7.1] what comes for a connection that does not exist is reset, but never a reset.
TEST(StackTcpClosedPort, ResetsEveryForm) {
  Script s({.listen_port = 0});
  const auto closed = [&](int bits, const Frame& data = {}) {
    s.SendDropped(BuildTcp({.sequence = 100,
                            .acknowledgment = 7,
                            .flags = static_cast<uint8_t>(bits),
                            .payload = data}),
                  Drop::kTcpPortClosed);
  };
  // Without ACK: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>.
  const auto expect_rst_ack = [&](uint32_t ack) {
    const NaiveFrame frame = s.Expect(RstAck());
    EXPECT_EQ(frame.tcp->sequence, 0u);
    EXPECT_EQ(frame.tcp->acknowledgment, ack);
    EXPECT_EQ(frame.tcp->window, 0);
  };
  closed(kSyn);
  expect_rst_ack(101);
  closed(kSyn, Pattern(5));
  expect_rst_ack(106);
  closed(kSyn | kFin);
  expect_rst_ack(102);
  closed(kFin, Pattern(3));
  expect_rst_ack(104);
  closed(0);
  expect_rst_ack(100);
  // With ACK: <SEQ=SEG.ACK><CTL=RST>.
  for (int bits : {+kAck, kAck | kFin, kAck | kSyn, kAck | kPsh}) {
    closed(bits, Pattern(3));
    s.Expect(Rst(7));
  }
  for (int bits : {+kRst, kRst | kAck, kRst | kSyn}) {
    closed(bits);
    s.ExpectNothing();
  }
  EXPECT_EQ(s.counters().tcp_rsts_out, 9u);
}

TEST(StackTcpClosedPort, PortZeroIsNobodys) {
  Script s;
  s.SendDropped(BuildTcp({.source_port = 0, .flags = kSyn}), Drop::kTcpBadPort);
  s.SendDropped(BuildTcp({.destination_port = 0, .flags = kSyn}), Drop::kTcpBadPort);
  s.ExpectNothing();
}

// [RFC 1122 4.2.3.10] [RFC 9293 3.10.7.2] a SYN to a broadcast or multicast address is silently
// dropped.
TEST(StackTcpClosedPort, BroadcastsAreDropped) {
  Script s;
  const EthernetSpec to_all{.destination = MacAddress::Broadcast()};
  for (Ipv4Address group : {Ipv4Address::Broadcast(), Ipv4Address::Of(10, 0, 0, 255),
                            Ipv4Address::Of(10, 0, 0, 0), Ipv4Address::Of(224, 0, 0, 1)}) {
    for (uint16_t port : std::vector<uint16_t>{80, 81}) {
      s.SendDropped(BuildTcp({.ip = {.ethernet = to_all, .destination = group},
                              .destination_port = port,
                              .flags = kSyn}),
                    Drop::kTcpBroadcast);
    }
  }
  s.ExpectNothing();
}

// (IP006; CVE-1999-0016) a SYN from ourselves to ourselves.
TEST(StackTcpClosedPort, LandIsDropped) {
  Script s;
  s.SendDropped(BuildTcp({.ip = {.source = kOurIp}, .source_port = 80, .flags = kSyn}),
                Drop::kIpv4MartianSource);
  s.ExpectNothing();
}

// --- The header ---

// [RFC 9293 3.1 MUST-3] the checksum covers the header, the data and the pseudo header.
TEST(StackTcpHeader, AnyFlippedBitIsDropped) {
  const auto s = Script::Established();
  const Frame whole = s->peer().Build({.data = Pattern(33)});
  for (size_t bit = kIpv4PayloadAt * 8; bit < whole.size() * 8; ++bit) {
    Frame frame = whole;
    frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ (1u << (bit % 8)));
    const bool in_data_offset = bit / 8 == kIpv4PayloadAt + 12 && bit % 8 >= 4;
    const uint64_t before = s->drops(Drop::kTcpBadChecksum) + s->drops(Drop::kTcpBadDataOffset);
    if (in_data_offset) {
      s->Send(frame);
      EXPECT_EQ(s->drops(Drop::kTcpBadChecksum) + s->drops(Drop::kTcpBadDataOffset), before + 1);
    } else {
      s->SendDropped(frame, Drop::kTcpBadChecksum);
    }
  }
  s->ExpectNothing();
  EXPECT_EQ(s->Read(), "");
  s->SendDelivered(whole);
  s->Expect(Ack(34));
}

// (TCP001)
TEST(StackTcpHeader, ImpossibleOffsetsAreDropped) {
  Script s;
  for (size_t size = 0; size < 20; ++size) {
    s.SendDropped(BuildIpv4({.protocol = 6}, Frame(size)), Drop::kTcpTooShort);
  }
  for (const uint8_t words : Frame{0, 1, 4, 6, 15}) {
    Frame frame = BuildTcp({.flags = kSyn});
    frame[kIpv4PayloadAt + 12] = static_cast<uint8_t>(words << 4);
    s.SendDropped(WithPayloadChecksum(frame), Drop::kTcpBadDataOffset);
  }
  s.ExpectNothing();
}

}  // namespace
}  // namespace aether::testing
