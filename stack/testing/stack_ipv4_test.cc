// Ethernet and IPv4 input (IEEE 802.3, RFC 791, RFC 1122 3.2.1, RFC 1812): what is taken in, every
// reason to drop, and where packets are sent.
#include <gtest/gtest.h>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::seconds;

Frame Changed(Frame frame, size_t at, uint8_t value) {
  frame.at(at) = value;
  return frame;
}

// An echo request with other addresses.
Frame Ping(const Ipv4Spec& ip) { return BuildIcmp({.ip = ip}); }

MacAddress GroupMac(Ipv4Address group) {
  return {{1, 0, 0x5e, static_cast<uint8_t>(group.value >> 16 & 0x7f),
           static_cast<uint8_t>(group.value >> 8), static_cast<uint8_t>(group.value)}};
}

// --- Ethernet ---

TEST(StackEthernet, RuntsAreDropped) {
  Script s;
  const Frame whole = BuildIcmp({});
  for (size_t size = 0; size < 14; ++size) {
    s.SendDropped(Frame(whole.begin(), whole.begin() + static_cast<long>(size)),
                  Drop::kEthernetTooShort);
  }
  s.ExpectNothing();
}

TEST(StackEthernet, FramesLargerThanTheMtuAreDropped) {
  Script s;
  s.SendDelivered(BuildIcmp({.payload = Pattern(1472)}));
  s.Expect(EchoReply(0x00010001, Pattern(1472)));
  s.SendDropped(BuildIcmp({.payload = Pattern(1473)}), Drop::kEthernetTooLong);
  s.ExpectNothing();
}

TEST(StackEthernet, FramesForOthersAreDropped) {
  Script s;
  for (MacAddress mac :
       {kPeerMac, MacAddress{}, MacAddress{{2, 0, 0, 0, 0, 3}}, MacAddress{{1, 0, 0x5e, 0, 0, 5}},
        MacAddress{{0x33, 0x33, 0, 0, 0, 1}}, MacAddress{{3, 0, 0, 0, 0, 2}}}) {
    s.SendDropped(Ping({.ethernet = {.destination = mac}}), Drop::kEthernetNotForUs);
  }
  s.ExpectNothing();
}

// [IEEE 802.3 3.2.3] a group is never a source.
TEST(StackEthernet, BadSourcesAreDropped) {
  Script s;
  for (MacAddress mac : {MacAddress::Broadcast(), MacAddress{{1, 0, 0x5e, 0, 0, 1}}, kOurMac}) {
    s.SendDropped(Ping({.ethernet = {.source = mac}}), Drop::kEthernetBadSource);
  }
  s.ExpectNothing();
}

TEST(StackEthernet, OtherTypesAreDropped) {
  Script s;
  for (uint16_t type : {uint16_t{0}, uint16_t{46}, uint16_t{0x05ff}, uint16_t{0x8100},
                        uint16_t{0x86dd}, uint16_t{0xffff}}) {
    s.SendDropped(BuildEthernet({.type = type}, Frame(46)), Drop::kEthernetUnknownType);
  }
  s.ExpectNothing();
}

TEST(StackEthernet, PaddingNeverReachesTheUpperLayers) {
  Script s;
  s.SendDelivered(Padded(BuildIcmp({.payload = {1, 2, 3}}), 60, 0xee));
  s.Expect(EchoReply(0x00010001, {1, 2, 3}));
  const auto socket = s.stack().UdpBind(9, {});
  ASSERT_TRUE(socket.has_value());
  s.SendDelivered(Padded(BuildUdp({.destination_port = 9, .payload = {4, 5}}), 60, 0xee));
  const auto datagram = s.stack().UdpPeek(*socket);
  ASSERT_TRUE(datagram.has_value());
  EXPECT_EQ(Frame(datagram->payload.begin(), datagram->payload.end()), (Frame{4, 5}));

  const auto t = Script::Established();
  Frame segment = t->peer().Build({.data = ToFrame("abc")});
  t->SendDelivered(Padded(segment, 60, 0xee));
  t->Expect(Ack(4));
  EXPECT_EQ(t->Read(), "abc");
  // A bare ACK with six bytes of padding carries nothing.
  t->SendDelivered(Padded(t->peer().Build({.seq = 4}), 60, 0xee));
  EXPECT_EQ(t->Read(), "");
  t->ExpectNothing();
}

// --- The header ---

// [RFC 1122 3.2.1.1] [RFC 1122 3.2.1.2]
TEST(StackIpv4, DamagedHeadersAreDropped) {
  Script s;
  const Frame whole = BuildIcmp({.payload = Frame(40)});
  for (size_t size = 14; size < 34; ++size) {
    s.SendDropped(Frame(whole.begin(), whole.begin() + static_cast<long>(size)),
                  Drop::kIpv4TooShort);
  }
  for (size_t size = 34; size < whole.size(); ++size) {
    s.SendDropped(Frame(whole.begin(), whole.begin() + static_cast<long>(size)),
                  Drop::kIpv4BadTotalLength);
  }
  for (const uint8_t version : Frame{0, 3, 5, 6, 15}) {
    s.SendDropped(WithIpv4Checksum(Changed(whole, kIpv4At, static_cast<uint8_t>(version << 4 | 5))),
                  Drop::kIpv4BadVersion);
  }
  for (const uint8_t words : Frame{0, 1, 4}) {
    s.SendDropped(WithIpv4Checksum(Changed(whole, kIpv4At, static_cast<uint8_t>(0x40 | words))),
                  Drop::kIpv4BadHeaderLength);
  }
  const Frame bare = BuildIpv4({.protocol = 99}, {});
  s.SendDropped(Changed(bare, kIpv4At, 0x4f), Drop::kIpv4BadHeaderLength);
  s.SendDropped(WithIpv4Checksum(Changed(whole, kIpv4At + 3, 19)), Drop::kIpv4BadTotalLength);
  s.SendDropped(WithIpv4Checksum(Changed(whole, kIpv4At + 2, 0xff)), Drop::kIpv4BadTotalLength);
  s.ExpectNothing();
}

TEST(StackIpv4, AnyFlippedBitOfTheHeaderIsNoticed) {
  Script s;
  const Frame whole = BuildIcmp({});
  for (size_t bit = kIpv4At * 8; bit < kIpv4PayloadAt * 8; ++bit) {
    Frame frame = whole;
    frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ (1u << (bit % 8)));
    const uint64_t delivered = s.counters().delivered;
    s.Send(frame);
    EXPECT_EQ(s.counters().delivered, delivered) << "bit " << bit;
  }
  EXPECT_GT(s.drops(Drop::kIpv4BadChecksum), 100u);
  s.ExpectNothing();
}

// [RFC 1122 3.2.1.7] a host takes a packet whatever its time to live; ours leave with 64.
TEST(StackIpv4, AnyTimeToLiveWillDo) {
  Script s;
  for (const uint8_t ttl : Frame{0, 1, 255}) {
    s.SendDelivered(Ping({.time_to_live = ttl}));
    EXPECT_EQ(s.Expect(EchoReply(0x00010001, {})).ip->time_to_live, 64);
  }
}

// [RFC 1122 3.2.1.8] options that we do not know are skipped.
TEST(StackIpv4, OptionsAreSkipped) {
  Script s;
  const Frame record_route = {7, 7, 4, 0, 0, 0, 0, 0};
  const Frame timestamp = {68, 8, 5, 0, 0, 0, 0, 0};
  const Frame router_alert = {148, 4, 0, 0};
  const Frame nops = {1, 1, 1, 1};
  const Frame unknown = {0x9e, 4, 1, 2};
  const Frame end_then_junk = {0, 0xff, 0xff, 0xff};
  for (const Frame& options :
       {record_route, timestamp, router_alert, nops, unknown, end_then_junk, Frame(40, 1)}) {
    s.SendDelivered(BuildIcmp({.ip = {.options = options}, .payload = {9}}));
    s.Expect(EchoReply(0x00010001, {9}));
    s.ExpectNothing();
  }
  // TCP and UDP behind options.
  s.SendDelivered(BuildTcp({.ip = {.options = nops}, .flags = tcp_flags::kSyn}));
  s.Expect(SynAck());
}

TEST(StackIpv4, MalformedOptionsAreDropped) {
  Script s;
  for (const Frame& options : {Frame{7, 0, 0, 0}, Frame{7, 1, 0, 0}, Frame{7, 5, 0, 0},
                               Frame{1, 1, 1, 7}, Frame{0x9e, 255, 0, 0}}) {
    s.SendDropped(BuildIcmp({.ip = {.options = options}}), Drop::kIpv4BadOptions);
    s.SendDropped(BuildTcp({.ip = {.options = options}, .flags = tcp_flags::kSyn}),
                  Drop::kIpv4BadOptions);
  }
  s.ExpectNothing();
}

// [RFC 7126 4.3, 4.4]
TEST(StackIpv4, SourceRoutesAreDropped) {
  Script s;
  for (const uint8_t kind : Frame{131, 137}) {
    const Frame options = {1, kind, 7, 4, 10, 0, 0, 9};
    s.SendDropped(BuildIcmp({.ip = {.options = options}}), Drop::kIpv4SourceRoute);
    s.SendDropped(BuildTcp({.ip = {.options = options}, .flags = tcp_flags::kSyn}),
                  Drop::kIpv4SourceRoute);
    s.SendDropped(BuildUdp({.ip = {.options = options}}), Drop::kIpv4SourceRoute);
  }
  s.ExpectNothing();
}

// --- Addresses ---

// [RFC 1122 3.2.1.3] addresses that cannot be the source of a packet on a wire.
TEST(StackIpv4, MartianSourcesAreDropped) {
  Script s;
  for (Ipv4Address source :
       {Ipv4Address::Of(0, 0, 0, 0), Ipv4Address::Of(0, 1, 2, 3), Ipv4Address::Of(127, 0, 0, 1),
        Ipv4Address::Of(127, 255, 255, 255), Ipv4Address::Of(224, 0, 0, 1),
        Ipv4Address::Of(239, 255, 255, 255), Ipv4Address::Of(240, 0, 0, 1),
        Ipv4Address::Broadcast(), Ipv4Address::Of(10, 0, 0, 255), Ipv4Address::Of(10, 0, 0, 0),
        kOurIp}) {
    s.SendDropped(Ping({.source = source}), Drop::kIpv4MartianSource);
    s.SendDropped(BuildUdp({.ip = {.source = source}}), Drop::kIpv4MartianSource);
    s.SendDropped(BuildTcp({.ip = {.source = source}, .flags = tcp_flags::kSyn}),
                  Drop::kIpv4MartianSource);
  }
  s.ExpectNothing();
  EXPECT_EQ(s.stack().connection_count(), 0u);
}

TEST(StackIpv4, ForeignAndMartianDestinationsAreDropped) {
  Script s;
  for (Ipv4Address destination : {kPeerIp, Ipv4Address::Of(10, 0, 0, 3),
                                  Ipv4Address::Of(192, 168, 1, 1), Ipv4Address::Of(10, 0, 1, 2)}) {
    s.SendDropped(Ping({.destination = destination}), Drop::kIpv4NotForUs);
    s.SendDropped(BuildTcp({.ip = {.destination = destination}, .flags = tcp_flags::kSyn}),
                  Drop::kIpv4NotForUs);
  }
  for (Ipv4Address destination : {Ipv4Address::Of(0, 0, 0, 0), Ipv4Address::Of(127, 0, 0, 1),
                                  Ipv4Address::Of(240, 0, 0, 1)}) {
    s.SendDropped(Ping({.destination = destination}), Drop::kIpv4MartianDestination);
  }
  s.ExpectNothing();
}

// [RFC 1122 3.3.6] a link-layer broadcast does not carry unicast IP.
TEST(StackIpv4, UnicastInALinkBroadcastIsDropped) {
  Script s;
  for (MacAddress mac : {MacAddress::Broadcast(), GroupMac(Ipv4Address::Of(224, 0, 0, 1))}) {
    s.SendDropped(Ping({.ethernet = {.destination = mac}}), Drop::kIpv4UnicastInBroadcast);
    s.SendDropped(BuildTcp({.ip = {.ethernet = {.destination = mac}}, .flags = tcp_flags::kSyn}),
                  Drop::kIpv4UnicastInBroadcast);
    s.SendDropped(BuildUdp({.ip = {.ethernet = {.destination = mac}}}),
                  Drop::kIpv4UnicastInBroadcast);
  }
  s.ExpectNothing();
}

TEST(StackIpv4, BroadcastsReachUdpSockets) {
  Script s;
  const auto socket = s.stack().UdpBind(9, {});
  ASSERT_TRUE(socket.has_value());
  const EthernetSpec to_all{.destination = MacAddress::Broadcast()};
  for (Ipv4Address destination : {Ipv4Address::Broadcast(), Ipv4Address::Of(10, 0, 0, 255)}) {
    s.SendDelivered(
        BuildUdp({.ip = {.ethernet = to_all, .destination = destination}, .destination_port = 9}));
    EXPECT_EQ(s.stack().UdpPeek(*socket)->destination, destination);
    s.stack().UdpPop(*socket);
  }
  // A directed broadcast that was sent to our link address alone is none.
  s.SendDropped(
      BuildUdp({.ip = {.destination = Ipv4Address::Of(10, 0, 0, 255)}, .destination_port = 9}),
      Drop::kIpv4NotForUs);
}

// [RFC 1112 section 4, 6.4] the all-hosts group always, others after joining; the link address
// alone is not enough.
TEST(StackIpv4, MulticastIsTakenFromGroupsThatWereJoined) {
  Script s;
  const auto socket = s.stack().UdpBind(9, {});
  ASSERT_TRUE(socket.has_value());
  const auto to = [](Ipv4Address group) {
    return BuildUdp({.ip = {.ethernet = {.destination = GroupMac(group)}, .destination = group},
                     .destination_port = 9});
  };
  const Ipv4Address group = Ipv4Address::Of(239, 1, 2, 3);
  const Ipv4Address same_link_address = Ipv4Address::Of(239, 129, 2, 3);
  s.SendDelivered(to(Ipv4Address::Of(224, 0, 0, 1)));
  s.SendDropped(to(group), Drop::kEthernetNotForUs);
  ASSERT_TRUE(s.stack().JoinMulticast(group).has_value());
  s.SendDelivered(to(group));
  s.SendDropped(to(same_link_address), Drop::kIpv4NotForUs);
  s.stack().LeaveMulticast(group);
  s.SendDropped(to(group), Drop::kEthernetNotForUs);
  s.ExpectNothing();
}

TEST(StackIpv4, GroupsAreBounded) {
  Script s;
  const uint32_t max = s.stack().config().net.multicast_groups_max;
  for (uint32_t i = 0; i < max; ++i) {
    EXPECT_TRUE(s.stack().JoinMulticast({0xef000001u + i}).has_value());
  }
  EXPECT_EQ(s.stack().JoinMulticast({0xef00ffffu}).error(), Error::kTooMany);
  EXPECT_TRUE(s.stack().JoinMulticast({0xef000001u}).has_value());  // already a member
  EXPECT_EQ(s.stack().JoinMulticast(kPeerIp).error(), Error::kBadArgument);
  s.stack().LeaveMulticast({0xef000001u});
  EXPECT_TRUE(s.stack().JoinMulticast({0xef00ffffu}).has_value());
}

// --- Fragments ---

TEST(StackIpv4, FragmentsAreDroppedWithTheirOwnReason) {
  Script s;
  for (const uint8_t protocol : Frame{1, 6, 17, 99}) {
    s.SendDropped(BuildIpv4({.more_fragments = true, .protocol = protocol}, Frame(64)),
                  Drop::kIpv4Fragment);
    s.SendDropped(BuildIpv4({.fragment_offset_bytes = 64, .protocol = protocol}, Frame(64)),
                  Drop::kIpv4Fragment);
    s.SendDropped(
        BuildIpv4({.more_fragments = true, .fragment_offset_bytes = 65528, .protocol = protocol},
                  Frame(64)),
        Drop::kIpv4Fragment);
  }
  s.ExpectNothing();
  // "Don't fragment" makes no fragment.
  s.SendDelivered(Ping({.dont_fragment = true}));
  s.Expect(EchoReply(0x00010001, {}));
}

// --- Routes ---

// [RFC 1122 3.3.1.1] the mask decides; what is not on the link goes to the gateway.
TEST(StackIpv4, OffLinkPacketsGoToTheGateway) {
  const Ipv4Address far = Ipv4Address::Of(172, 16, 0, 5);
  const Ipv4Address gateway = Ipv4Address::Of(10, 0, 0, 254);
  Script s({.gateway = gateway, .answer_arp = false});
  s.SendDelivered(Ping({.source = far}));
  s.Expect(ArpRequest(gateway));
  s.Send(BuildArp(
      {.operation = 2, .sender_mac = MacOf(gateway), .sender_ip = gateway, .target_mac = kOurMac}));
  const NaiveFrame frame = s.Expect(EchoReply(0x00010001, {}, far));
  EXPECT_EQ(frame.destination, MacOf(gateway).octets);
  s.SendDelivered(Ping({}));
  s.Expect(ArpRequest(kPeerIp));
}

TEST(StackIpv4, WithoutAGatewayThereIsNoWayOut) {
  Script s;
  s.SendDelivered(Ping({.source = Ipv4Address::Of(172, 16, 0, 5)}));
  s.ExpectNothing();
  EXPECT_EQ(s.counters().no_route, 1u);
  EXPECT_EQ(s.counters().icmp_echo_replies_out, 0u);
}

TEST(StackIpv4, WithoutAnAddressOnlyBroadcastsAreTaken) {
  Script s({.address = std::nullopt, .listen_port = 0});
  const auto socket = s.stack().UdpBind(68, {});
  ASSERT_TRUE(socket.has_value());
  s.SendDropped(Ping({}), Drop::kIpv4NotForUs);
  s.SendDelivered(BuildUdp({.ip = {.ethernet = {.destination = MacAddress::Broadcast()},
                                   .destination = Ipv4Address::Broadcast()},
                            .source_port = 67,
                            .destination_port = 68}));
  s.ExpectNothing();
}

TEST(StackIpv4, ANewAddressAnswersAndTheOldOneDoesNot) {
  Script s;
  const Ipv4Address other = Ipv4Address::Of(10, 0, 0, 77);
  s.stack().SetAddress({other, 24}, std::nullopt);
  s.SendDropped(Ping({}), Drop::kIpv4NotForUs);
  s.SendDelivered(Ping({.destination = other}));
  s.Expect(EchoReply(0x00010001, {}));
  s.stack().ClearAddress();
  s.SendDropped(Ping({.destination = other}), Drop::kIpv4NotForUs);
  s.ExpectNothing();
}

// [RFC 6274 3.5.2.1] identifications are not a counter that an observer can follow.
TEST(StackIpv4, IdentificationsAreNotPredictable) {
  Script s;
  std::vector<uint16_t> seen;
  for (int i = 0; i < 64; ++i) {
    s.Send(Ping({}));
    seen.push_back(s.Expect(EchoReply(0x00010001, {})).ip->identification);
  }
  int steps = 0;
  for (size_t i = 1; i < seen.size(); ++i) steps += seen[i] == seen[i - 1] + 1 ? 1 : 0;
  EXPECT_LT(steps, 3);
}

// [RFC 6864 4.1] a packet that nobody may split needs none; [RFC 1191 3] segments leave like that.
TEST(StackIpv4, WhatMayNotBeSplitHasNoIdentification) {
  const auto s = Script::Established(FullOptions());
  s->Write(Pattern(3000));
  while (s->output_size() > 0) {
    const NaiveFrame frame = s->Expect(Ack().WithAnyData());
    EXPECT_TRUE(frame.ip->dont_fragment);
    EXPECT_EQ(frame.ip->identification, 0u);
  }
  // What may be split has one.
  s->Send(BuildIcmp({}));
  const NaiveFrame reply = s->Expect(EchoReply(0x00010001, {}));
  EXPECT_FALSE(reply.ip->dont_fragment);
  EXPECT_NE(reply.ip->identification, 0u);
}

}  // namespace
}  // namespace aether::testing
