// Datagrams that are larger than the MTU, on their way out: cut as RFC 791 says, whole or not at
// all, and waiting for ARP as one.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <vector>

#include "stack/testing/fragments_test_host.h"

namespace aether::testing {
namespace {

using std::chrono::seconds;

constexpr size_t kLargest = 65507;
constexpr Ipv4Endpoint kTo{kPeerIp, 9};

// The UDP payload that `frames` carry, its checksum checked.
Frame UdpPayload(const std::vector<Frame>& frames, uint16_t mtu) {
  const Frame datagram = Rejoin(frames, mtu);
  EXPECT_GE(datagram.size(), 8u);
  EXPECT_EQ(NaiveChecksumWithPseudoHeader(kOurIp.value, kPeerIp.value, 17, datagram), 0);
  return {datagram.begin() + 8, datagram.end()};
}

// [RFC 791 3.2] every size around the edges of one fragment and of all, at several MTUs.
TEST(FragmentsOut, UdpDatagramsOfAllSizes) {
  for (const uint16_t mtu : std::to_array<uint16_t>({68, 69, 75, 576, 1500, 9000, 65535})) {
    Host host(HostConfig(mtu));
    host.Meet();
    const UdpSocketId socket = *host.stack.UdpBind(7, {});
    std::set<size_t> sizes{0, 1, kLargest - 1, kLargest};
    const size_t piece = (mtu - 20u) / 8 * 8;
    for (const size_t near : {mtu - size_t{28}, 2 * piece - 8, 3 * piece - 8, 7 * piece - 8}) {
      for (size_t size = near - 9; size <= near + 9; ++size) {
        if (size <= kLargest) sizes.insert(size);
      }
    }
    for (const size_t size : sizes) {
      ASSERT_TRUE(host.stack.UdpSend(socket, kTo, Pattern(size)).has_value()) << size;
      const std::vector<Frame> frames = host.Drain();
      EXPECT_EQ(frames.size(), size + 28 <= mtu ? 1 : (size + 8 + piece - 1) / piece);
      ASSERT_EQ(UdpPayload(frames, mtu), Pattern(size)) << mtu << " " << size;
    }
    EXPECT_EQ(host.counters().udp_out, sizes.size());
  }
}

// [RFC 791 3.1] no datagram has more than 65,535 bytes.
TEST(FragmentsOut, LargerThanTheLargest) {
  Host host;
  host.Meet();
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  EXPECT_EQ(host.stack.UdpSend(socket, kTo, Frame(kLargest + 1)).error(), Error::kTooLong);
  EXPECT_TRUE(host.Drain().empty());
}

// A datagram that waits for ARP waits as one packet, and leaves whole.
TEST(FragmentsOut, WaitsForTheNextHopAsOne) {
  Host host;
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  // More than a neighbour may have waiting: the oldest gives way with all of its fragments.
  const uint8_t waiting_max =
      static_cast<uint8_t>(host.stack.config().net.arp_queue_per_neighbor_max);
  for (uint8_t i = 0; i < waiting_max + 2; ++i) {
    ASSERT_TRUE(host.stack.UdpSend(socket, kTo, Pattern(20000, i)).has_value());
  }
  host.stack.CheckInvariants();
  EXPECT_EQ(host.counters().neighbor_queue_full, 2u);
  ASSERT_EQ(host.Drain().size(), 1u);  // the question
  host.Feed(BuildArp({.operation = 2, .target_mac = kOurMac}));
  const std::vector<Frame> frames = host.Drain();
  const size_t each = (20008 + 1479) / 1480;
  ASSERT_EQ(frames.size(), waiting_max * each);
  for (uint8_t i = 0; i < waiting_max; ++i) {
    const auto from = frames.begin() + static_cast<ptrdiff_t>(i * each);
    const std::vector<Frame> datagram(from, from + static_cast<ptrdiff_t>(each));
    EXPECT_EQ(UdpPayload(datagram, 1500), Pattern(20000, static_cast<uint8_t>(i + 2)));
    for (const Frame& frame : datagram) {
      EXPECT_TRUE(std::ranges::equal(Bytes(frame).first(6), kPeerMac.octets));
    }
  }
}

TEST(FragmentsOut, NextHopThatNeverAnswersHoldsNothing) {
  Host host;
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(host.stack.UdpSend(socket, kTo, Pattern(kLargest)).has_value()) << round;
    for (int i = 0; i < 4; ++i) host.Wait(seconds(1));
    host.Drain();
    host.stack.CheckInvariants();
  }
  EXPECT_EQ(host.counters().neighbor_unreachable, 50u);
}

// Fragments are queued whole or not at all, and leave room for others.
TEST(FragmentsOut, QueueAtTheLimit) {
  Config config = HostConfig();
  config.net.output_fragments_max = 100;
  Host host(config);
  host.Meet();
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  const auto send = [&](size_t size) { return host.stack.UdpSend(socket, kTo, Pattern(size)); };
  EXPECT_TRUE(send(kLargest).has_value());  // 44 frames after the first
  EXPECT_TRUE(send(kLargest).has_value());
  EXPECT_EQ(send(kLargest).error(), Error::kQueueFull);
  EXPECT_EQ(send(1480u * 13).error(), Error::kQueueFull);
  EXPECT_TRUE(send(1480u * 12).has_value());
  EXPECT_EQ(send(1473).error(), Error::kQueueFull);
  EXPECT_TRUE(send(1472).has_value());
  EXPECT_EQ(host.counters().output_queue_full, 3u);
  host.stack.CheckInvariants();
  EXPECT_EQ(host.Drain().size(), 45u * 2 + 13 + 1);
  EXPECT_TRUE(send(kLargest).has_value());
}

// The limit is raised to what one datagram of the largest size takes.
TEST(FragmentsOut, OneLargestDatagramAlwaysFits) {
  Config config = HostConfig(68);
  config.net.output_fragments_max = 0;
  Host host(config);
  host.Meet();
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  EXPECT_TRUE(host.stack.UdpSend(socket, kTo, Pattern(kLargest)).has_value());
  EXPECT_EQ(host.Drain().size(), (kLargest + 8 + 47) / 48);
}

TEST(FragmentsOut, AnotherAddressForgetsWhatWaits) {
  Host host;
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  ASSERT_TRUE(host.stack.UdpSend(socket, kTo, Pattern(kLargest)).has_value());
  EXPECT_EQ(host.Drain().size(), 1u);  // the question
  host.Meet({.operation = 1,
             .sender_mac = {{2, 0, 0, 0, 0, 7}},
             .sender_ip = Ipv4Address::Of(10, 0, 0, 7)});
  const Ipv4Endpoint known{Ipv4Address::Of(10, 0, 0, 7), 9};
  ASSERT_TRUE(host.stack.UdpSend(socket, known, Pattern(kLargest)).has_value());
  host.stack.SetAddress({Ipv4Address::Of(10, 0, 0, 9), 24}, std::nullopt);
  host.stack.CheckInvariants();
  EXPECT_TRUE(host.Drain().empty());
}

// [RFC 6864 4.2] datagrams that may be split have identifications that do not repeat soon.
TEST(FragmentsOut, IdentificationsDoNotRepeat) {
  Host host;
  host.Meet();
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  std::set<uint16_t> seen;
  int neighbors = 0;
  uint16_t last = 0;
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(host.stack.UdpSend(socket, kTo, Frame(i % 2 == 0 ? 2000u : 10u)).has_value());
    const std::vector<Frame> frames = host.Drain();
    const uint16_t identification = NaiveParse(frames[0])->ip->identification;
    EXPECT_TRUE(seen.insert(identification).second);
    if (identification == static_cast<uint16_t>(last + 1)) ++neighbors;
    last = identification;
  }
  EXPECT_LE(neighbors, 3);
}

// Two stacks: what one cuts the other puts together.
TEST(FragmentsOut, FromOneStackToTheOther) {
  for (const uint16_t mtu : std::to_array<uint16_t>({296, 576, 1500})) {
    Host host(HostConfig(mtu));
    Config config = HostConfig(mtu);
    config.mac = kPeerMac;
    Host peer(config);
    peer.stack.SetAddress({kPeerIp, 24}, std::nullopt);
    const UdpSocketId from = *host.stack.UdpBind(7, {});
    const UdpSocketId to = *peer.stack.UdpBind(9, {});
    for (const size_t size : {size_t{10}, size_t{mtu}, size_t{5000}, kLargest}) {
      ASSERT_TRUE(host.stack.UdpSend(from, kTo, Pattern(size)).has_value());
      for (int i = 0; i < 3; ++i) {
        peer.Feed(host.Drain());
        host.Feed(peer.Drain());
      }
      const std::optional<Datagram> datagram = peer.stack.UdpPeek(to);
      ASSERT_TRUE(datagram.has_value()) << mtu << " " << size;
      EXPECT_TRUE(std::ranges::equal(datagram->payload, Pattern(size)));
      peer.stack.UdpPop(to);
    }
    EXPECT_EQ(peer.counters().ipv4_reassembled, 3u);
  }
}

}  // namespace
}  // namespace aether::testing
