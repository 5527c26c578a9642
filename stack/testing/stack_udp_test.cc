// UDP (RFC 768, RFC 1122 4.1): checksum rules, sockets and their queues, what is sent and what is
// refused.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

std::string TextOf(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

struct UdpScript {
  explicit UdpScript(const ScriptOptions& options = {}, uint16_t port = 9) : s(options) {
    const auto bound = s.stack().UdpBind(port, {.owner = 3});
    EXPECT_TRUE(bound.has_value());
    socket = *bound;
  }
  // The payload of the oldest datagram, taken out; "(none)" when there is none.
  std::string Take() {
    const auto datagram = s.stack().UdpPeek(socket);
    if (!datagram) return "(none)";
    const std::string text = TextOf(datagram->payload);
    s.stack().UdpPop(socket);
    return text;
  }
  Script s;
  UdpSocketId socket;
};

TEST(StackUdp, DeliversToTheSocketOfThePort) {
  UdpScript u;
  u.s.SendDelivered(BuildUdp({.source_port = 77, .destination_port = 9, .payload = ToFrame("hi")}));
  const auto datagram = u.s.stack().UdpPeek(u.socket);
  ASSERT_TRUE(datagram.has_value());
  EXPECT_EQ(datagram->source, (Ipv4Endpoint{kPeerIp, 77}));
  EXPECT_EQ(datagram->destination, kOurIp);
  EXPECT_EQ(TextOf(datagram->payload), "hi");
  u.s.stack().UdpPop(u.socket);
  EXPECT_EQ(u.Take(), "(none)");
  EXPECT_EQ(u.s.counters().udp_in, 1u);
  u.s.ExpectNothing();
}

TEST(StackUdp, DeliversEverySizeThatFits) {
  UdpScript u;
  for (size_t size = 0; size <= 1472; ++size) {
    const Frame payload = Pattern(size);
    u.s.SendDelivered(BuildUdp({.destination_port = 9, .payload = payload}));
    ASSERT_EQ(u.Take(), TextOf(payload)) << size;
  }
}

TEST(StackUdp, TellsOfDatagramsOnce) {
  UdpScript u;
  Script& s = u.s;
  std::array<Event, 4> events;
  const Frame frame = BuildUdp({.destination_port = 9, .payload = {1}});
  const std::array<Bytes, 2> frames = {frame, frame};
  s.stack().Receive(frames, s.now());
  ASSERT_EQ(s.stack().PollEvents(events), 1u);
  EXPECT_EQ(events[0].kind, Event::Kind::kDatagram);
  EXPECT_EQ(events[0].udp, u.socket);
  EXPECT_EQ(events[0].owner, 3);
  EXPECT_EQ(s.stack().PollEvents(events), 0u);
}

// [RFC 1122 4.1.3.4] a checksum of zero was not computed; any other must match.
TEST(StackUdp, ZeroChecksumIsTaken) {
  UdpScript u;
  u.s.SendDelivered(
      BuildUdp({.destination_port = 9, .with_checksum = false, .payload = ToFrame("bare")}));
  EXPECT_EQ(u.Take(), "bare");
}

TEST(StackUdp, AWrongChecksumIsDropped) {
  UdpScript u;
  const Frame whole = BuildUdp({.destination_port = 9, .payload = Pattern(33)});
  for (size_t bit = kIpv4PayloadAt * 8; bit < whole.size() * 8; ++bit) {
    const size_t byte = bit / 8 - kIpv4PayloadAt;
    if (byte == 4 || byte == 5) continue;  // the length has a test of its own
    Frame frame = whole;
    frame[bit / 8] = static_cast<uint8_t>(frame[bit / 8] ^ (1u << (bit % 8)));
    u.s.SendDropped(frame, Drop::kUdpBadChecksum);
  }
  // The pseudo header counts: the same datagram from another host.
  Frame moved = whole;
  moved[kIpv4At + 15] = 200;
  u.s.SendDropped(WithIpv4Checksum(moved), Drop::kUdpBadChecksum);
  EXPECT_EQ(u.Take(), "(none)");
  u.s.ExpectNothing();
}

TEST(StackUdp, ImpossibleLengthsAreDropped) {
  UdpScript u;
  const Frame whole =
      BuildUdp({.destination_port = 9, .with_checksum = false, .payload = Frame(20)});
  const auto with_length = [&](uint16_t length) {
    Frame frame = whole;
    frame[kIpv4PayloadAt + 4] = static_cast<uint8_t>(length >> 8);
    frame[kIpv4PayloadAt + 5] = static_cast<uint8_t>(length);
    return frame;
  };
  for (uint16_t length : {uint16_t{0}, uint16_t{7}, uint16_t{29}, uint16_t{0xffff}}) {
    u.s.SendDropped(with_length(length), Drop::kUdpBadLength);
  }
  for (size_t size = 0; size < 8; ++size) {
    u.s.SendDropped(BuildIpv4({.protocol = 17}, Frame(size)), Drop::kUdpTooShort);
  }
  u.s.SendDelivered(with_length(8));
  EXPECT_EQ(u.Take(), "");
  // Shorter than the IPv4 payload: what follows is not the datagram's.
  u.s.SendDelivered(with_length(10));
  EXPECT_EQ(u.Take().size(), 2u);
  u.s.ExpectNothing();
}

TEST(StackUdp, PortZeroIsNobodys) {
  UdpScript u;
  u.s.SendDropped(BuildUdp({.destination_port = 0}), Drop::kUdpBadPort);
  u.s.ExpectNothing();
  // From port zero there is no answer, but nothing wrong either (RFC 768).
  u.s.SendDelivered(BuildUdp({.source_port = 0, .destination_port = 9, .payload = {1}}));
}

TEST(StackUdp, ClosedPortsAreUnreachable) {
  UdpScript u;
  u.s.SendDropped(BuildUdp({.destination_port = 10}), Drop::kUdpPortUnreachable);
  u.s.Expect(Unreachable(UnreachableCode::kPort));
  u.s.stack().UdpClose(u.socket);
  u.s.SendDropped(BuildUdp({.destination_port = 9}), Drop::kUdpPortUnreachable);
  u.s.Expect(Unreachable(UnreachableCode::kPort));
}

TEST(StackUdp, TheQueueOfASocketIsBounded) {
  ScriptOptions options;
  options.config.udp.queued_datagrams_max = 3;
  UdpScript u(options);
  for (uint8_t i = 0; i < 3; ++i) {
    u.s.SendDelivered(
        BuildUdp({.destination_port = 9, .payload = {static_cast<uint8_t>('a' + i)}}));
  }
  u.s.SendDropped(BuildUdp({.destination_port = 9, .payload = {'d'}}), Drop::kUdpQueueFull);
  u.s.ExpectNothing();
  EXPECT_EQ(u.Take(), "a");
  u.s.SendDelivered(BuildUdp({.destination_port = 9, .payload = {'e'}}));
  for (const char* text : {"b", "c", "e", "(none)"}) EXPECT_EQ(u.Take(), text);
}

TEST(StackUdp, TheQueuesOfAllSocketsAreBounded) {
  ScriptOptions options;
  options.config.udp.datagrams_max = 4;
  UdpScript u(options);
  const auto other = u.s.stack().UdpBind(10, {});
  ASSERT_TRUE(other.has_value());
  for (const uint16_t port : std::vector<uint16_t>{9, 10, 9, 10}) {
    u.s.SendDelivered(BuildUdp({.destination_port = port}));
  }
  u.s.SendDropped(BuildUdp({.destination_port = 10}), Drop::kUdpQueueFull);
  u.s.stack().UdpClose(*other);  // gives its datagrams back
  u.s.SendDelivered(BuildUdp({.destination_port = 9}));
  u.s.SendDelivered(BuildUdp({.destination_port = 9}));
  u.s.SendDropped(BuildUdp({.destination_port = 9}), Drop::kUdpQueueFull);
}

TEST(StackUdp, SendsFromItsPort) {
  UdpScript u;
  for (size_t size : {0u, 1u, 2u, 255u, 1471u, 1472u}) {
    const Frame payload = Pattern(size);
    ASSERT_TRUE(u.s.stack().UdpSend(u.socket, {kPeerIp, 1234}, payload).has_value());
    u.s.Step();
    u.s.Expect(UdpTo({kPeerIp, 1234}, 9, payload));
    u.s.ExpectNothing();
  }
  EXPECT_EQ(u.s.counters().udp_out, 6u);
}

// [RFC 768] a computed checksum of zero is sent as all ones. Two bytes of payload are chosen so
// that it is zero.
TEST(StackUdp, AComputedZeroIsSentAsAllOnes) {
  UdpScript u;
  Frame payload = {0, 0};
  const auto send = [&] {
    EXPECT_TRUE(u.s.stack().UdpSend(u.socket, {kPeerIp, 1234}, payload).has_value());
    u.s.Step();
    const NaiveFrame frame = u.s.Expect(UdpTo({kPeerIp, 1234}, 9, payload));
    const Bytes ip = frame.ip->payload;
    return static_cast<uint16_t>(ip[6] << 8 | ip[7]);
  };
  const uint16_t first = send();
  ASSERT_NE(first, 0);
  payload = {static_cast<uint8_t>(first >> 8), static_cast<uint8_t>(first)};
  EXPECT_EQ(send(), 0xffff);
}

TEST(StackUdp, SendsToGroupsByTheirLinkAddress) {
  UdpScript u;
  const auto destination_of = [&](Ipv4Address to) {
    EXPECT_TRUE(u.s.stack().UdpSend(u.socket, {to, 5}, Frame{1}).has_value());
    u.s.Step();
    return u.s.Expect(UdpTo({to, 5}, 9, {1})).destination;
  };
  EXPECT_EQ(destination_of(Ipv4Address::Broadcast()), MacAddress::Broadcast().octets);
  EXPECT_EQ(destination_of(Ipv4Address::Of(10, 0, 0, 255)), MacAddress::Broadcast().octets);
  // [RFC 1112 6.4] the low 23 bits of the group.
  EXPECT_EQ(destination_of(Ipv4Address::Of(239, 129, 2, 3)),
            (std::array<uint8_t, 6>{1, 0, 0x5e, 1, 2, 3}));
}

TEST(StackUdp, WithoutAnAddressOnlyTheBroadcastCanBeReached) {
  UdpScript u({.address = std::nullopt, .listen_port = 0});
  EXPECT_EQ(u.s.stack().UdpSend(u.socket, {kPeerIp, 5}, Frame{1}).error(), Error::kNoAddress);
  ASSERT_TRUE(u.s.stack().UdpSend(u.socket, {Ipv4Address::Broadcast(), 67}, Frame{1}).has_value());
  u.s.Step();
  const NaiveFrame frame = u.s.Expect(UdpTo({Ipv4Address::Broadcast(), 67}, 9, {1}));
  EXPECT_EQ(frame.ip->source, 0u);
  EXPECT_EQ(frame.destination, MacAddress::Broadcast().octets);
}

TEST(StackUdp, RefusesWhatCannotBeSent) {
  UdpScript u;
  Stack& stack = u.s.stack();
  EXPECT_EQ(stack.UdpSend(u.socket, {kPeerIp, 5}, Pattern(65508)).error(), Error::kTooLong);
  EXPECT_EQ(stack.UdpSend(u.socket, {kPeerIp, 0}, Frame{1}).error(), Error::kBadArgument);
  EXPECT_EQ(stack.UdpSend(u.socket, {Ipv4Address{}, 5}, Frame{1}).error(), Error::kBadArgument);
  EXPECT_EQ(stack.UdpSend(u.socket, {Ipv4Address::Of(8, 8, 8, 8), 5}, Frame{1}).error(),
            Error::kNoRoute);
  stack.UdpClose(u.socket);
  EXPECT_EQ(stack.UdpSend(u.socket, {kPeerIp, 5}, Frame{1}).error(), Error::kNotFound);
  u.s.Step();
  u.s.ExpectNothing();
}

// [RFC 1122 3.2.1.3] (a), (g): addresses that must not be seen on a wire, and our own, from which
// nothing would come back. Found by the target stack_api.
TEST(StackUdp, WhatMayNotBeSeenOnAWireIsRefused) {
  UdpScript u;
  for (const Ipv4Address to :
       {Ipv4Address::Of(127, 0, 0, 1), Ipv4Address::Of(127, 9, 9, 9), Ipv4Address::Of(0, 0, 0, 5),
        Ipv4Address::Of(240, 0, 0, 1), kOurIp}) {
    const auto sent = u.s.stack().UdpSend(u.socket, {to, 5}, Frame{1});
    ASSERT_FALSE(sent.has_value());
    EXPECT_EQ(sent.error(), Error::kBadArgument);
    u.s.Advance(std::chrono::seconds(5));
    u.s.ExpectNothing();
  }
}

TEST(StackUdp, TheOutputQueueIsBounded) {
  ScriptOptions options;
  options.config.net.output_frames_max = 4;
  UdpScript u(options);
  u.s.Send(BuildArp({}));  // the peer is known
  u.s.DiscardOutput();
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(u.s.stack().UdpSend(u.socket, {kPeerIp, 5}, Frame{1}).has_value());
  }
  EXPECT_EQ(u.s.stack().UdpSend(u.socket, {kPeerIp, 5}, Frame{1}).error(), Error::kQueueFull);
  u.s.Step();
  EXPECT_EQ(u.s.output_size(), 4u);
  EXPECT_TRUE(u.s.stack().UdpSend(u.socket, {kPeerIp, 5}, Frame{1}).has_value());
}

TEST(StackUdp, PortsAndSocketsAreBounded) {
  ScriptOptions options;
  options.config.udp.sockets_max = 3;
  UdpScript u(options);
  Stack& stack = u.s.stack();
  EXPECT_EQ(stack.UdpBind(9, {}).error(), Error::kPortInUse);
  EXPECT_TRUE(stack.UdpBind(10, {}).has_value());
  EXPECT_TRUE(stack.UdpBind(11, {}).has_value());
  EXPECT_EQ(stack.UdpBind(12, {}).error(), Error::kTooMany);
  stack.UdpClose(u.socket);
  EXPECT_TRUE(stack.UdpBind(9, {}).has_value());
}

// [RFC 6056 3.2] ports that nobody asked for are drawn at random from the dynamic range.
TEST(StackUdp, EphemeralPortsAreDrawnFromTheirRange) {
  Script s;
  std::set<uint16_t> ports;
  for (int i = 0; i < 60; ++i) {
    const auto socket = s.stack().UdpBind(0, {});
    ASSERT_TRUE(socket.has_value());
    ASSERT_TRUE(s.stack().UdpSend(*socket, {kPeerIp, 5}, Frame{1}).has_value());
    s.Step();
    const NaiveFrame frame = s.Expect(AnyFrame());
    ASSERT_TRUE(frame.udp.has_value());
    EXPECT_GE(frame.udp->source_port, 49152);
    ports.insert(frame.udp->source_port);
    s.stack().UdpClose(*socket);
  }
  EXPECT_GT(ports.size(), 55u);
}

TEST(StackUdp, AStaleHandleDoesNothing) {
  UdpScript u;
  const UdpSocketId stale = u.socket;
  u.s.stack().UdpClose(stale);
  const auto fresh = u.s.stack().UdpBind(9, {});
  ASSERT_TRUE(fresh.has_value());
  EXPECT_NE(stale, *fresh);
  u.s.SendDelivered(BuildUdp({.destination_port = 9, .payload = {1}}));
  EXPECT_FALSE(u.s.stack().UdpPeek(stale).has_value());
  u.s.stack().UdpPop(stale);
  u.s.stack().UdpClose(stale);
  EXPECT_TRUE(u.s.stack().UdpPeek(*fresh).has_value());
  EXPECT_FALSE(u.s.stack().UdpPeek(UdpSocketId{}).has_value());
}

}  // namespace
}  // namespace aether::testing
