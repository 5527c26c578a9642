// The builders agree with the parsers of wire/, which were written separately.
#include "stack/testing/frame_builder.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/udp.h"

namespace aether::testing {
namespace {

Ipv4View Ipv4Of(const Frame& frame) {
  const auto ip = Ipv4View::Parse(EthernetView::Parse(frame)->payload());
  EXPECT_TRUE(ip.has_value()) << DropName(ip.error());
  return *ip;
}

TEST(FrameBuilder, ArpIsWhatWireReads) {
  const Frame frame = BuildArp({});
  const auto ethernet = EthernetView::Parse(frame);
  ASSERT_TRUE(ethernet.has_value());
  EXPECT_EQ(ethernet->destination(), kOurMac);
  EXPECT_EQ(ethernet->source(), kPeerMac);
  EXPECT_EQ(ethernet->type(), 0x0806);
  const auto arp = ArpPacket::Parse(ethernet->payload());
  ASSERT_TRUE(arp.has_value());
  EXPECT_EQ(*arp, (ArpPacket{.operation = ArpOperation::kRequest,
                             .sender_mac = kPeerMac,
                             .sender_ip = kPeerIp,
                             .target_mac = {},
                             .target_ip = kOurIp}));
}

TEST(FrameBuilder, Ipv4IsWhatWireReads) {
  const Frame frame = BuildIpv4({.type_of_service = 4,
                                 .identification = 0xbeef,
                                 .dont_fragment = true,
                                 .more_fragments = true,
                                 .fragment_offset_bytes = 800,
                                 .time_to_live = 3,
                                 .protocol = 99,
                                 .options = {1, 1, 1, 0}},
                                Pattern(11));
  const Ipv4View ip = Ipv4Of(frame);
  EXPECT_EQ(ip.type_of_service(), 4);
  EXPECT_EQ(ip.identification(), 0xbeef);
  EXPECT_TRUE(ip.dont_fragment());
  EXPECT_TRUE(ip.more_fragments());
  EXPECT_EQ(ip.fragment_offset_bytes(), 800u);
  EXPECT_EQ(ip.time_to_live(), 3);
  EXPECT_EQ(ip.protocol(), 99);
  EXPECT_EQ(ip.source(), kPeerIp);
  EXPECT_EQ(ip.destination(), kOurIp);
  EXPECT_EQ(ip.header_size(), 24u);
  EXPECT_TRUE(std::ranges::equal(ip.payload(), Pattern(11)));
}

TEST(FrameBuilder, UdpTcpAndIcmpAreWhatWireReads) {
  for (size_t size : {0u, 1u, 2u, 33u, 1400u}) {
    const Frame udp_frame = BuildUdp({.payload = Pattern(size)});
    const auto udp = UdpView::Parse(Ipv4Of(udp_frame).payload());
    ASSERT_TRUE(udp.has_value());
    EXPECT_TRUE(udp->ChecksumIsValid(kPeerIp, kOurIp));
    EXPECT_NE(udp->checksum(), 0);
    EXPECT_TRUE(std::ranges::equal(udp->payload(), Pattern(size)));

    const Frame tcp_frame = BuildTcp({.sequence = 1,
                                      .acknowledgment = 2,
                                      .flags = 0x12,
                                      .window = 3,
                                      .urgent_pointer = 4,
                                      .options = MssOption(536),
                                      .payload = Pattern(size)});
    const auto tcp = TcpView::Parse(Ipv4Of(tcp_frame).payload());
    ASSERT_TRUE(tcp.has_value());
    EXPECT_TRUE(tcp->ChecksumIsValid(kPeerIp, kOurIp));
    EXPECT_EQ(tcp->sequence(), Seq(1));
    EXPECT_EQ(tcp->acknowledgment(), Seq(2));
    EXPECT_EQ(tcp->flags(), 0x12);
    EXPECT_EQ(tcp->window(), 3);
    EXPECT_EQ(tcp->urgent_pointer(), 4);
    EXPECT_TRUE(std::ranges::equal(tcp->options(), MssOption(536)));
    EXPECT_TRUE(std::ranges::equal(tcp->payload(), Pattern(size)));

    const Frame icmp_frame = BuildIcmp({.payload = Pattern(size)});
    const auto icmp = IcmpView::Parse(Ipv4Of(icmp_frame).payload());
    ASSERT_TRUE(icmp.has_value());
    EXPECT_TRUE(std::ranges::equal(icmp->payload(), Pattern(size)));
  }
  const Frame bare = BuildUdp({.with_checksum = false});
  EXPECT_EQ(UdpView::Parse(Ipv4Of(bare).payload())->checksum(), 0);
}

TEST(FrameBuilder, RepairsChecksumsAfterAChange) {
  for (Frame frame : {BuildTcp({.payload = Pattern(9)}), BuildUdp({.payload = Pattern(9)}),
                      BuildIcmp({.payload = Pattern(9)})}) {
    const Frame original = frame;
    frame[kIpv4At + 8] = 5;  // time to live
    frame.at(kIpv4PayloadAt + 1) ^= 0xee;
    EXPECT_FALSE(Ipv4View::Parse(Bytes(frame).subspan(14)).has_value());
    frame = WithPayloadChecksum(WithIpv4Checksum(frame));
    EXPECT_EQ(Ipv4Of(frame).time_to_live(), 5);
    EXPECT_EQ(WithPayloadChecksum(WithIpv4Checksum(original)), original);
    const Ipv4View ip = Ipv4Of(frame);
    switch (ip.protocol()) {
      case 1:
        EXPECT_TRUE(IcmpView::Parse(ip.payload()).has_value());
        break;
      case 6:
        EXPECT_TRUE(TcpView::Parse(ip.payload())->ChecksumIsValid(kPeerIp, kOurIp));
        break;
      default:
        EXPECT_TRUE(UdpView::Parse(ip.payload())->ChecksumIsValid(kPeerIp, kOurIp));
        break;
    }
  }
}

TEST(FrameBuilder, RepairLeavesAloneWhatHasNoPlaceForAChecksum) {
  const Frame frame = BuildTcp({});
  for (size_t size = 0; size < frame.size(); ++size) {
    const Frame cut(frame.begin(), frame.begin() + static_cast<long>(size));
    EXPECT_EQ(WithPayloadChecksum(cut), cut) << size;
    EXPECT_EQ(WithIpv4Checksum(cut).size(), size);
  }
}

TEST(FrameBuilder, PatternsDiffer) {
  EXPECT_EQ(Pattern(3), (Frame{0, 1, 2}));
  EXPECT_NE(Pattern(3, 1), Pattern(3));
  EXPECT_NE(Pattern(300)[256], Pattern(300)[0]);
}

}  // namespace
}  // namespace aether::testing
