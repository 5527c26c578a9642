// ICMP (RFC 792, RFC 1122 3.2.2): echo, and the unreachable messages with their quotes, silences
// and rate.
#include <gtest/gtest.h>

#include <algorithm>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Frame PacketOf(const Frame& frame) { return Frame(frame.begin() + kIpv4At, frame.end()); }

// --- Echo ---

// [RFC 1122 3.2.2.6] every echo request is answered with the data that it brought.
TEST(StackIcmp, EchoesAnyPayloadThatFits) {
  Script s;
  for (size_t size = 0; size <= 1472; ++size) {
    const Frame payload = Pattern(size, static_cast<uint8_t>(size));
    s.SendDelivered(BuildIcmp(
        {.rest_of_header = 0xabcd0000u + static_cast<uint32_t>(size), .payload = payload}));
    const NaiveFrame frame =
        s.Expect(EchoReply(0xabcd0000u + static_cast<uint32_t>(size), payload));
    ASSERT_EQ(frame.ip->source, kOurIp.value);
    if (HasFailure()) break;
  }
  EXPECT_EQ(s.counters().icmp_echo_replies_out, 1473u);
}

// [RFC 1349 5.1] the reply had a type of service of zero, whatever the request had; ECN's bits are
// not sent back.
TEST(StackIcmp, AnEchoReplyHasTheTypeOfServiceOfItsRequest) {
  Script s;
  for (const uint8_t tos : Frame{0, 0x10, 0xb8, 0xfc, 0x03, 0xff}) {
    s.Send(BuildIcmp({.ip = {.type_of_service = tos}}));
    const NaiveFrame frame = s.Expect(EchoReply(0x00010001, {}));
    EXPECT_EQ(frame.ip->type_of_service, tos & 0xfc);
  }
}

TEST(StackIcmp, EchoesAreNotRateLimited) {
  Script s;
  for (int i = 0; i < 1000; ++i) {
    s.Send(BuildIcmp({}));
    s.Expect(EchoReply(0x00010001, {}));
  }
}

TEST(StackIcmp, ABatchOfEchoesIsAnsweredInOrder) {
  Script s;
  std::vector<Frame> batch;
  for (uint32_t i = 0; i < 200; ++i) batch.push_back(BuildIcmp({.rest_of_header = i}));
  s.Send(batch);
  for (uint32_t i = 0; i < 200; ++i) {
    // Until ARP answered, only the latest few of the first wait.
    if (s.output_size() == 0) break;
    const NaiveFrame frame = s.Expect(AnyFrame());
    if (i > 0) {
      EXPECT_GE(frame.icmp->rest_of_header, i);
    }
  }
  s.Send(batch);
  for (uint32_t i = 0; i < 200; ++i) s.Expect(EchoReply(i, {}));
}

TEST(StackIcmp, ACodeOtherThanZeroIsDropped) {
  Script s;
  for (const uint8_t code : Frame{1, 0x41, 255})
    s.SendDropped(BuildIcmp({.code = code}), Drop::kIcmpBadCode);
  s.ExpectNothing();
}

// [RFC 1122 3.2.2.6] an echo request to a broadcast or multicast address may be discarded; it is
// (CVE-1999-0513).
TEST(StackIcmp, EchoesToGroupsAreDropped) {
  Script s;
  const EthernetSpec to_all{.destination = MacAddress::Broadcast()};
  for (Ipv4Address group : {Ipv4Address::Broadcast(), Ipv4Address::Of(10, 0, 0, 255),
                            Ipv4Address::Of(10, 0, 0, 0), Ipv4Address::Of(224, 0, 0, 1)}) {
    s.SendDropped(BuildIcmp({.ip = {.ethernet = to_all, .destination = group}}),
                  Drop::kIcmpBroadcast);
  }
  s.SendDropped(BuildIcmp({.ip = {.destination = Ipv4Address::Broadcast()}}), Drop::kIcmpBroadcast);
  s.ExpectNothing();
}

TEST(StackIcmp, DamagedMessagesAreDropped) {
  Script s;
  for (size_t size = 0; size < 8; ++size) {
    s.SendDropped(BuildIpv4({.protocol = 1}, Frame(size)), Drop::kIcmpTooShort);
  }
  const Frame whole = BuildIcmp({.payload = Pattern(21)});
  for (size_t bit = kIpv4PayloadAt * 8; bit < whole.size() * 8; ++bit) {
    Frame frame = whole;
    frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ (1u << (bit % 8)));
    s.SendDropped(frame, Drop::kIcmpBadChecksum);
  }
  s.ExpectNothing();
}

// [RFC 1122 3.2.2] a type that is not known is silently discarded; [RFC 9293 3.9.2.2 MUST-55] [RFC
// 6633 3] so is source quench.
TEST(StackIcmp, EveryOtherTypeIsDroppedInSilence) {
  Script s;
  for (int type = 0; type < 256; ++type) {
    // An echo request is answered; an error must quote one of our segments, see below.
    if (type == 8 || type == 3 || type == 11 || type == 12) continue;
    const Frame frame = BuildIcmp({.type = static_cast<uint8_t>(type), .payload = Frame(40)});
    s.SendDropped(frame, Drop::kIcmpUnhandledType);
    s.ExpectNothing();
  }
}

TEST(StackIcmp, ErrorsThatQuoteTooLittleAreToldApart) {
  Script s;
  // What an error quotes must be a packet, and one of ours.
  for (const uint8_t type : Frame{3, 11, 12}) {
    for (const size_t size : {0u, 19u, 20u, 27u, 28u, 60u}) {
      s.SendDropped(BuildIcmp({.type = type, .payload = Frame(size)}), Drop::kIcmpBadQuote);
    }
  }
  s.ExpectNothing();
}

// [RFC 5927 4] errors that quote a live connection do it no harm.
TEST(StackIcmp, ErrorsDoNotTouchConnections) {
  const auto s = Script::Established();
  s->Write("hello");
  s->Expect(Data("hello"));
  TcpSpec sent{.ip = {.source = kOurIp, .destination = kPeerIp},
               .source_port = 80,
               .destination_port = 40000,
               .sequence = s->peer().stack_initial_sequence() + 1};
  for (uint8_t code = 0; code < 16; ++code) {
    s->Send(BuildIcmp({.type = 3, .code = code, .payload = PacketOf(BuildTcp(sent))}));
  }
  s->ExpectNothing();
  s->ExpectState(tcp::State::kEstablished);
  s->peer().Ack();
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
}

// --- Unreachable ---

// [RFC 1122 4.1.3.1] [RFC 1122 3.2.2] the quote is the datagram itself, as far as 576 bytes reach.
TEST(StackIcmp, PortUnreachableQuotesTheDatagram) {
  for (size_t size : {0u, 1u, 8u, 500u, 519u, 520u, 521u, 1472u}) {
    Script s;
    const Frame frame = BuildUdp({.payload = Pattern(size)});
    s.SendDropped(frame, Drop::kUdpPortUnreachable);
    const NaiveFrame error = s.Expect(Unreachable(UnreachableCode::kPort));
    Frame wanted = PacketOf(frame);
    wanted.resize(std::min<size_t>(wanted.size(), 576 - 28));
    EXPECT_EQ(error.icmp->payload, wanted) << size;
    EXPECT_EQ(error.icmp->rest_of_header, 0u);
    EXPECT_EQ(error.ip->source, kOurIp.value);
    EXPECT_EQ(error.ip->destination, kPeerIp.value);
    EXPECT_EQ(s.counters().icmp_unreachable_out, 1u);
    s.ExpectNothing();
  }
}

TEST(StackIcmp, TheQuoteHoldsNoPadding) {
  Script s;
  const Frame frame = BuildUdp({.payload = {1}});
  s.SendDropped(Padded(frame, 60, 0xee), Drop::kUdpPortUnreachable);
  EXPECT_EQ(s.Expect(Unreachable(UnreachableCode::kPort)).icmp->payload, PacketOf(frame));
}

TEST(StackIcmp, TheQuoteHoldsTheOptions) {
  Script s;
  const Frame frame = BuildUdp({.ip = {.options = Frame(40, 1)}, .payload = {1, 2, 3}});
  s.SendDropped(frame, Drop::kUdpPortUnreachable);
  EXPECT_EQ(s.Expect(Unreachable(UnreachableCode::kPort)).icmp->payload, PacketOf(frame));
}

// [RFC 1122 3.2.2.1] a protocol that is not supported is reported.
TEST(StackIcmp, ProtocolUnreachableQuotesThePacket) {
  Script s;
  for (size_t size : {0u, 5u, 100u}) {
    const Frame frame = BuildIpv4({.protocol = 99}, Pattern(size));
    s.SendDropped(frame, Drop::kIpv4UnknownProtocol);
    EXPECT_EQ(s.Expect(Unreachable(UnreachableCode::kProtocol)).icmp->payload, PacketOf(frame));
  }
}

// [RFC 1122 3.2.2] no error about a broadcast or multicast, at either layer.
TEST(StackIcmp, NoErrorAboutABroadcastOrMulticast) {
  Script s;
  const EthernetSpec to_all{.destination = MacAddress::Broadcast()};
  for (Ipv4Address group : {Ipv4Address::Broadcast(), Ipv4Address::Of(10, 0, 0, 255),
                            Ipv4Address::Of(10, 0, 0, 0), Ipv4Address::Of(224, 0, 0, 1)}) {
    s.SendDropped(BuildUdp({.ip = {.ethernet = to_all, .destination = group}}),
                  Drop::kUdpPortUnreachable);
    s.SendDropped(BuildIpv4({.ethernet = to_all, .destination = group, .protocol = 99}, Frame(30)),
                  Drop::kIpv4UnknownProtocol);
  }
  // The limited broadcast in a frame for us alone is still one.
  s.SendDropped(BuildUdp({.ip = {.destination = Ipv4Address::Broadcast()}}),
                Drop::kUdpPortUnreachable);
  s.ExpectNothing();
  EXPECT_EQ(s.counters().icmp_unreachable_out, 0u);
}

// [RFC 1122 3.2.2] no error about what is itself dropped as malformed, a fragment, or from no
// single host.
TEST(StackIcmp, NoErrorAboutFragmentsAndMartians) {
  Script s;
  s.SendDropped(BuildIpv4({.fragment_offset_bytes = 8, .protocol = 17}, Frame(30)),
                Drop::kIpv4Fragment);
  s.SendDropped(BuildUdp({.ip = {.source = Ipv4Address::Of(10, 0, 0, 255)}}),
                Drop::kIpv4MartianSource);
  Frame damaged = BuildUdp({.payload = Frame(4)});
  damaged.back() ^= 1;
  s.SendDropped(damaged, Drop::kUdpBadChecksum);
  s.ExpectNothing();
}

// --- The rate ---

uint64_t UnreachableAfter(Script& s, int packets, Ipv4Address source) {
  const uint64_t before = s.counters().icmp_unreachable_out;
  for (int i = 0; i < packets; ++i) {
    s.Send(BuildUdp({.ip = {.source = source}}));
    s.DiscardOutput();
  }
  return s.counters().icmp_unreachable_out - before;
}

// [RFC 1812 4.3.2.8] the rate of errors is limited, here to between 3/4 and all of ten a second for
// one host.
TEST(StackIcmp, ErrorsToOneHostAreLimited) {
  Script s;
  const uint64_t first = UnreachableAfter(s, 100, kPeerIp);
  EXPECT_GE(first, 8u);
  EXPECT_LE(first, 10u);
  EXPECT_EQ(s.counters().icmp_rate_limited, 100 - first);
  EXPECT_EQ(s.drops(Drop::kUdpPortUnreachable), 100u);
  s.Advance(milliseconds(990));
  EXPECT_EQ(UnreachableAfter(s, 10, kPeerIp), 0u);
  s.Advance(milliseconds(20));
  const uint64_t second = UnreachableAfter(s, 100, kPeerIp);
  EXPECT_GE(second, 8u);
  EXPECT_LE(second, 10u);
}

TEST(StackIcmp, ErrorsInAllAreLimited) {
  ScriptOptions options;
  options.config.net.icmp_errors_per_second = 20;
  Script s(options);
  uint64_t sent = 0;
  for (uint8_t host = 10; host < 60; ++host) {
    sent += UnreachableAfter(s, 3, Ipv4Address::Of(10, 0, 0, host));
  }
  EXPECT_GE(sent, 15u);
  EXPECT_LE(sent, 20u);
  s.Advance(seconds(1));
  EXPECT_GE(UnreachableAfter(s, 3, Ipv4Address::Of(10, 0, 0, 60)), 1u);
}

// (CVE-2020-25705) the exact number is not the same from second to second, so that it tells
// nothing.
TEST(StackIcmp, TheLimitIsJittered) {
  Script s;
  uint64_t least = 100;
  uint64_t most = 0;
  for (int i = 0; i < 40; ++i) {
    const uint64_t sent = UnreachableAfter(s, 20, kPeerIp);
    least = std::min(least, sent);
    most = std::max(most, sent);
    s.Advance(milliseconds(1001));
  }
  EXPECT_LT(least, most);
  EXPECT_LE(most, 10u);
}

}  // namespace
}  // namespace aether::testing
