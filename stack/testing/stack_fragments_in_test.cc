// Fragments that arrive, through the whole stack: what becomes of their datagrams, what is said
// about those that never become whole, and that every frame is accounted for.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stack/base/random.h"
#include "stack/testing/counting_allocator.h"
#include "stack/testing/fragments_test_host.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kLargest = 65507;

Frame LargeUdp(size_t size, uint16_t identification = 1, uint16_t port = 7) {
  return BuildUdp({.ip = {.identification = identification},
                   .destination_port = port,
                   .payload = Pattern(size)});
}

TEST(FragmentsIn, LargestUdpDatagramReachesItsSocket) {
  Host host;
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  const std::vector<Frame> frames = Cut(LargeUdp(kLargest), 1480);
  ASSERT_EQ(frames.size(), 45u);
  host.Feed(frames);
  EXPECT_EQ(host.counters().delivered, 45u);
  EXPECT_EQ(host.counters().ipv4_fragments_in, 45u);
  EXPECT_EQ(host.counters().ipv4_reassembled, 1u);
  EXPECT_EQ(host.counters().udp_in, 1u);
  EXPECT_EQ(host.PollCount(), 1u);
  const std::optional<Datagram> datagram = host.stack.UdpPeek(socket);
  ASSERT_TRUE(datagram.has_value());
  EXPECT_EQ(datagram->source.port, 5000);
  EXPECT_TRUE(std::ranges::equal(datagram->payload, Pattern(kLargest)));
  host.stack.UdpPop(socket);
  EXPECT_FALSE(host.stack.UdpPeek(socket).has_value());
}

TEST(FragmentsIn, LargeAndSmallDatagramsKeepTheirOrder) {
  Host host;
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  const std::vector<size_t> sizes{5, 3000, 0, kLargest, 1472, 1473, 9, 20000};
  for (size_t i = 0; i < sizes.size(); ++i) {
    host.Feed(Cut(LargeUdp(sizes[i], static_cast<uint16_t>(i)), 1480));
  }
  for (const size_t size : sizes) {
    const std::optional<Datagram> datagram = host.stack.UdpPeek(socket);
    ASSERT_TRUE(datagram.has_value());
    EXPECT_TRUE(std::ranges::equal(datagram->payload, Pattern(size)));
    host.stack.UdpPop(socket);
  }
}

TEST(FragmentsIn, LargeDatagramsInSocketsAtTheLimit) {
  Config config = HostConfig();
  config.udp.large_datagrams_max = 3;
  Host host(config);
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  const UdpSocketId other = *host.stack.UdpBind(8, {});
  for (uint16_t i = 0; i < 4; ++i) host.Feed(Cut(LargeUdp(4000, i), 1480));
  EXPECT_EQ(host.counters().udp_in, 3u);
  EXPECT_EQ(host.counters().ipv4_reassembled_refused, 1u);
  host.Feed(LargeUdp(1000, 9));  // small ones still go in
  EXPECT_EQ(host.counters().udp_in, 4u);
  host.stack.UdpPop(socket);
  host.Feed(Cut(LargeUdp(4000, 10, 8), 1480));
  EXPECT_EQ(host.counters().udp_in, 5u);
  host.stack.CheckInvariants();
  host.stack.UdpClose(socket);
  for (uint16_t i = 0; i < 2; ++i) host.Feed(Cut(LargeUdp(4000, i, 8), 1480));
  EXPECT_EQ(host.counters().udp_in, 7u);
  host.stack.UdpClose(other);
}

// [RFC 1122 3.2.2.6] all of an echo request goes back.
TEST(FragmentsIn, LargestPingIsAnsweredInFragments) {
  Host host;
  host.Meet();
  for (const size_t size : {size_t{1473}, size_t{1481}, size_t{8000}, kLargest}) {
    const Frame request = BuildIcmp({.payload = Pattern(size)});
    host.Feed(Cut(request, 1480));
    const Frame reply = Rejoin(host.Drain(), 1500);
    ASSERT_EQ(reply.size(), size + 8);
    EXPECT_EQ(reply[0], 0);
    EXPECT_EQ(NaiveChecksum(reply), 0);
    EXPECT_TRUE(std::ranges::equal(Bytes(reply).subspan(8), Pattern(size)));
  }
  EXPECT_EQ(host.counters().icmp_echo_replies_out, 4u);
  EXPECT_EQ(host.counters().ipv4_datagrams_split, 4u);
}

TEST(FragmentsIn, TcpSegmentInFragmentsIsProcessed) {
  Host host;
  host.Meet();
  ASSERT_TRUE(host.stack.TcpListen(80, {}).has_value());
  const Frame syn =
      BuildTcp({.sequence = 1000, .flags = tcp_flags::kSyn, .options = MssOption(1460)});
  std::vector<Frame> frames = Cut(syn, 8);
  ASSERT_EQ(frames.size(), 3u);
  std::ranges::reverse(frames);
  host.Feed(frames);
  const std::vector<Frame> out = host.Drain();
  ASSERT_EQ(out.size(), 1u);
  const auto parsed = NaiveParse(out[0]);
  ASSERT_TRUE(parsed.has_value() && parsed->tcp.has_value());
  EXPECT_EQ(parsed->tcp->flags, tcp_flags::kSyn | tcp_flags::kAck);
  EXPECT_EQ(parsed->tcp->acknowledgment, 1001u);
}

// A datagram that its layer refuses: the frames were delivered, the datagram is counted apart, and
// the sender hears of it as of any other.
TEST(FragmentsIn, RefusedDatagramIsNoDroppedFrame) {
  Host host;
  host.Meet();
  host.Feed(Cut(LargeUdp(3000, 1, 9), 1480));
  EXPECT_EQ(host.counters().TotalDrops(), 0u);
  EXPECT_EQ(host.counters().ipv4_reassembled, 1u);
  EXPECT_EQ(host.counters().ipv4_reassembled_refused, 1u);
  const std::vector<Frame> out = host.Drain();
  ASSERT_EQ(out.size(), 1u);
  const auto parsed = NaiveParse(out[0]);
  ASSERT_TRUE(parsed.has_value() && parsed->icmp.has_value());
  EXPECT_EQ(parsed->icmp->type, 3);
  EXPECT_EQ(parsed->icmp->code, 3);
  // FRG009: the quote is cut from the bytes that arrived.
  EXPECT_LE(out[0].size(), 14u + 576);
  const Bytes quote = parsed->icmp->payload;
  ASSERT_GT(quote.size(), 28u);
  EXPECT_TRUE(std::ranges::equal(quote.subspan(28), Pattern(quote.size() - 28)));

  Frame bad = LargeUdp(3000, 2);
  bad.back() ^= 1;
  ASSERT_TRUE(host.stack.UdpBind(7, {}).has_value());
  host.Feed(Cut(bad, 1480));
  EXPECT_EQ(host.counters().ipv4_reassembled_refused, 2u);
  EXPECT_EQ(host.counters().udp_in, 0u);
  EXPECT_EQ(host.counters().TotalDrops(), 0u);
}

// [RFC 1122 3.3.2] [RFC 792 Time Exceeded] when the time is over the sender hears of it, with
// fragment zero quoted as it came.
TEST(FragmentsIn, TimeExceededQuotesFragmentZero) {
  Host host;
  host.Meet();
  const std::vector<Frame> frames = Cut(LargeUdp(3000), 1480);
  host.Feed(frames[1]);
  host.Wait(seconds(1));
  host.Feed(frames[0]);
  EXPECT_LE(host.stack.NextDeadline(), Instant{} + seconds(60));
  host.Wait(seconds(59) - milliseconds(1));
  EXPECT_TRUE(host.Drain().empty());
  host.Meet();  // or the next hop would have to be asked for
  host.Wait(milliseconds(1));
  const std::vector<Frame> out = host.Drain();
  ASSERT_EQ(out.size(), 1u);
  ASSERT_TRUE(IsTimeExceeded(out[0]));
  EXPECT_TRUE(std::ranges::equal(Bytes(out[0]).first(6), kPeerMac.octets));
  EXPECT_EQ(LoadBe<uint32_t>(&out[0][kIpv4At + 16]), kPeerIp.value);
  const Bytes quote = Bytes(out[0]).subspan(kIpv4PayloadAt + 8);
  ASSERT_EQ(quote.size(), 576u - 28);
  EXPECT_TRUE(std::ranges::equal(quote, Bytes(frames[0]).subspan(14, quote.size())));
  EXPECT_EQ(host.counters().icmp_time_exceeded_out, 1u);
  EXPECT_EQ(host.counters().ipv4_reassembly_timeouts, 1u);
}

// [RFC 1122 3.3.2, 3.2.2] no word about datagrams without fragment zero, to groups, or about ICMP
// errors; nor more of them than the rate allows.
TEST(FragmentsIn, TimeExceededIsNotAlwaysSent) {
  Config config = HostConfig();
  config.net.neighbor_lifetime = seconds(600);
  Host host(config);
  host.Meet();
  const std::vector<Frame> frames = Cut(LargeUdp(3000), 1480);
  host.Feed(frames[1]);
  host.Feed(Cut(BuildUdp({.ip = {.ethernet = {.destination = MacAddress::Broadcast()},
                                 .destination = Ipv4Address::Broadcast()},
                          .payload = Pattern(3000)}),
                1480)[0]);
  host.Feed(Cut(BuildIcmp({.type = 3, .payload = Pattern(3000)}), 1480)[0]);
  EXPECT_EQ(host.counters().ipv4_fragments_in, 3u);
  host.Wait(seconds(60));
  EXPECT_TRUE(host.Drain().empty());
  EXPECT_EQ(host.counters().ipv4_reassembly_timeouts, 3u);

  for (uint16_t i = 0; i < 100; ++i) host.Feed(Cut(LargeUdp(3000, i), 1480)[0]);
  host.Wait(seconds(60));
  const size_t sent = host.Drain().size();
  EXPECT_GT(sent, 0u);
  EXPECT_LE(sent, config.net.icmp_errors_per_destination);
  EXPECT_EQ(host.counters().icmp_rate_limited, 100 - sent);
}

// [RFC 5722 section 3] a datagram that was given up for an overlap ends silently, and is counted
// once.
TEST(FragmentsIn, AbandonedDatagramEndsSilently) {
  Host host;
  host.Meet();
  const Frame datagram = LargeUdp(3000);
  host.Feed(Cut(datagram, 1480)[0]);
  host.Feed(Cut(datagram, 1472)[1]);
  EXPECT_EQ(host.Drops(Drop::kIpv4FragmentOverlap), 1u);
  host.Feed(Cut(datagram, 1480));
  EXPECT_EQ(host.Drops(Drop::kIpv4FragmentAbandoned), 3u);
  host.Wait(seconds(60));
  EXPECT_TRUE(host.Drain().empty());
  EXPECT_EQ(host.counters().ipv4_reassembly_abandoned, 1u);
  EXPECT_EQ(host.counters().ipv4_reassembly_timeouts, 0u);
  EXPECT_EQ(host.counters().ipv4_reassembled, 0u);
}

TEST(FragmentsIn, SourceRouteInAFragmentIsRefused) {
  Host host;
  host.Feed(BuildIpv4({.more_fragments = true, .options = {131, 3, 4, 0}}, Pattern(16)));
  EXPECT_EQ(host.Drops(Drop::kIpv4SourceRoute), 1u);
  EXPECT_EQ(host.counters().ipv4_fragments_in, 0u);
}

TEST(FragmentsIn, AnotherAddressForgetsFragments) {
  Host host;
  ASSERT_TRUE(host.stack.UdpBind(7, {}).has_value());
  const std::vector<Frame> frames = Cut(LargeUdp(2000), 1480);
  host.Feed(frames[0]);
  EXPECT_EQ(host.stack.NextDeadline(), Instant{} + seconds(60));
  host.stack.SetAddress({Ipv4Address::Of(10, 0, 0, 9), 24}, std::nullopt);
  EXPECT_EQ(host.stack.NextDeadline(), kNever);
  host.stack.SetAddress(kOurNetwork, std::nullopt);
  host.Feed(frames[1]);
  EXPECT_EQ(host.counters().ipv4_reassembled, 0u);
}

// Nothing is allocated for a fragment.
TEST(FragmentsIn, NoAllocationPerPacket) {
  Host host;
  host.Meet();
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  const std::vector<Frame> udp = Cut(LargeUdp(kLargest), 1480);
  const std::vector<Frame> ping = Cut(BuildIcmp({.payload = Pattern(kLargest)}), 1480);
  const std::vector<Frame> lone = Cut(LargeUdp(3000, 77), 1480);
  Frame buffer(host.stack.frame_size_max());
  size_t out = 0;
  const auto round = [&] {
    host.Feed(udp);
    host.Feed(ping);
    host.Feed(lone[0]);
    if (host.stack.UdpSend(socket, {kPeerIp, 9}, host.stack.UdpPeek(socket)->payload)) ++out;
    host.stack.UdpPop(socket);
    while (host.stack.Transmit(buffer, host.now) != 0) ++out;
  };
  round();
  const AllocationScope scope;
  for (int i = 0; i < 10; ++i) round();
  EXPECT_EQ(scope.count(), 0u);
  EXPECT_GT(out, 11u * 90);
}

// A small pool of fragments, damaged or not, in every order, with time going by: nothing breaks,
// and every frame is delivered or dropped.
TEST(FragmentsIn, RandomFragmentsAreAccountedFor) {
  Config config = HostConfig();
  config.net.reassembly_datagrams_max = 12;
  config.net.reassembly_bytes_max = 70000;
  Host host(config);
  host.Meet();
  const UdpSocketId socket = *host.stack.UdpBind(7, {});
  Random random({21, 22});
  std::vector<Frame> frames;
  for (uint16_t i = 0; i < 8; ++i) {
    const size_t size = 1 + random.Below(8000);
    const size_t piece = 8 * size_t{1 + random.Below(180)};
    for (const Frame& whole :
         {LargeUdp(size, i), BuildIcmp({.ip = {.identification = i}, .payload = Pattern(size)}),
          BuildTcp({.ip = {.identification = i}, .payload = Pattern(size)})}) {
      for (const Frame& frame : Cut(whole, piece)) frames.push_back(frame);
    }
  }
  for (int i = 0; i < 100000; ++i) {
    Frame frame = frames[random.Below(static_cast<uint32_t>(frames.size()))];
    if (random.Below(4) == 0) {
      frame[kIpv4At + random.Below(12)] ^= static_cast<uint8_t>(1u << random.Below(8));
      frame = WithIpv4Checksum(std::move(frame));
    }
    if (random.Below(64) == 0) frame.resize(random.Below(static_cast<uint32_t>(frame.size())));
    host.now += milliseconds(random.Below(200));
    host.Feed(frame);
    if (random.Below(8) == 0) {
      host.Drain();
      host.stack.UdpPop(socket);
      host.stack.CheckInvariants();
    }
  }
  const Counters& counters = host.counters();
  EXPECT_EQ(counters.frames_in, counters.delivered + counters.TotalDrops());
  EXPECT_GT(counters.ipv4_reassembled, 100u);
  EXPECT_GT(counters.ipv4_reassembly_abandoned, 100u);
  EXPECT_GT(counters.udp_in, 10u);
}

}  // namespace
}  // namespace aether::testing
