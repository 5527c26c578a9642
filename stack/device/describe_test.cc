// Known frames give known lines; any other bytes give some line.
#include "stack/device/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "stack/base/random.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"
#include "stack/wire/udp.h"

namespace aether::device {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using Frame = std::vector<uint8_t>;

constexpr MacAddress kMacA{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kMacB{{2, 0, 0, 0, 0, 0xab}};
constexpr Ipv4Address kA = Ipv4Address::Of(10, 0, 0, 1);
constexpr Ipv4Address kB = Ipv4Address::Of(10, 0, 0, 2);

Frame Ethernet(uint16_t type, const Frame& payload) {
  Frame frame(EthernetHeader::kSize + payload.size());
  EthernetHeader{.destination = kMacB, .source = kMacA, .type = type}.Emit(frame);
  std::copy(payload.begin(), payload.end(), frame.begin() + EthernetHeader::kSize);
  return frame;
}

Frame Ip(uint8_t protocol, const Frame& payload, uint16_t offset_bytes = 0, bool more = false) {
  Frame packet(Ipv4Header::kSize + payload.size());
  Ipv4Header{.payload_length = static_cast<uint16_t>(payload.size()),
             .identification = 77,
             .more_fragments = more,
             .fragment_offset_bytes = offset_bytes,
             .protocol = protocol,
             .source = kA,
             .destination = kB}
      .Emit(packet);
  std::copy(payload.begin(), payload.end(), packet.begin() + Ipv4Header::kSize);
  return Ethernet(0x0800, packet);
}

Frame Tcp(const TcpHeader& header, const Frame& payload = {}) {
  Frame segment(header.Size() + payload.size());
  std::copy(payload.begin(), payload.end(), segment.end() - static_cast<long>(payload.size()));
  header.Emit(segment, kA, kB, payload.size(), SumBytes(payload));
  return Ip(6, segment);
}

TcpHeader TcpWith(uint8_t flags) {
  TcpHeader header;
  header.flags = flags;
  return header;
}

TEST(Describe, Arp) {
  Frame packet(ArpPacket::kSize);
  ArpPacket arp{.operation = ArpOperation::kRequest,
                .sender_mac = kMacA,
                .sender_ip = kA,
                .target_mac = {},
                .target_ip = kB};
  arp.Emit(packet);
  EXPECT_EQ(DescribeFrame(Ethernet(0x0806, packet)),
            "ARP who-has 10.0.0.2 tell 10.0.0.1 (02:00:00:00:00:01)");
  arp.operation = ArpOperation::kReply;
  arp.target_mac = kMacB;
  arp.Emit(packet);
  EXPECT_EQ(DescribeFrame(Ethernet(0x0806, packet)),
            "ARP 10.0.0.1 is-at 02:00:00:00:00:01, to 10.0.0.2 (02:00:00:00:00:ab)");
  packet.resize(27);
  EXPECT_EQ(DescribeFrame(Ethernet(0x0806, packet)), "ARP (arp_too_short)");
}

TEST(Describe, Tcp) {
  const Frame mss = {2, 4, 0x05, 0xb4};
  TcpHeader header = TcpWith(tcp_flags::kSyn);
  header.source_port = 40000;
  header.destination_port = 80;
  header.sequence = Seq(1);
  header.window = 64240;
  header.options = mss;
  EXPECT_EQ(DescribeFrame(Tcp(header)),
            "IP 10.0.0.1.40000 > 10.0.0.2.80: S seq 1 win 64240 [mss 1460]");
  header.options = {};
  header.flags = tcp_flags::kAck | tcp_flags::kPsh | tcp_flags::kFin;
  header.acknowledgment = Seq(9);
  EXPECT_EQ(DescribeFrame(Tcp(header, {'G', 'E', 'T', '\r', '\n', '"', 0x80})),
            "IP 10.0.0.1.40000 > 10.0.0.2.80: FP. seq 1 ack 9 win 64240 len 7 "
            "\"GET\\r\\n\\\"\\x80\"");
  header.flags = 0;
  EXPECT_THAT(DescribeFrame(Tcp(header)), HasSubstr(": no-flags seq 1 ack 9"));
}

TEST(Describe, TcpOptions) {
  const Frame options = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6,
                         1, 3, 3, 7,   1, 1, 5, 10, 0, 0, 0, 8, 0, 0, 0, 9};
  TcpHeader header = TcpWith(tcp_flags::kSyn | tcp_flags::kAck);
  header.options = options;
  EXPECT_THAT(DescribeFrame(Tcp(header)),
              EndsWith("S. seq 0 ack 0 win 0 [mss 1460,sackOK,TS 5/6,wscale 7,sack 8:9]"));
}

TEST(Describe, LongPayloadsAreCut) {
  const std::string line = DescribeFrame(Tcp(TcpWith(tcp_flags::kAck), Frame(100, 'x')));
  EXPECT_THAT(line, EndsWith("len 100 \"" + std::string(32, 'x') + "\"..."));
}

TEST(Describe, WhatIsWrongStandsInTheLine) {
  Frame frame = Tcp(TcpWith(tcp_flags::kAck), {1});
  frame.back() ^= 1;
  EXPECT_THAT(DescribeFrame(frame), EndsWith("(tcp_bad_checksum)"));
  frame[20] ^= 0x40;
  EXPECT_EQ(DescribeFrame(frame), "IP (ipv4_bad_checksum)");
  EXPECT_EQ(DescribeFrame({}), "0 bytes (ethernet_too_short)");
  EXPECT_EQ(DescribeFrame(Ip(6, Frame(19))), "IP 10.0.0.1 > 10.0.0.2: TCP (tcp_too_short)");
  EXPECT_EQ(DescribeFrame(Ip(17, Frame(7))), "IP 10.0.0.1 > 10.0.0.2: UDP (udp_too_short)");
  EXPECT_EQ(DescribeFrame(Ip(1, Frame(7))), "IP 10.0.0.1 > 10.0.0.2: ICMP (icmp_too_short)");
}

TEST(Describe, Udp) {
  Frame datagram = {0, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'};
  UdpHeader{.source_port = 5000, .destination_port = 7}.Emit(datagram, kA, kB);
  EXPECT_EQ(DescribeFrame(Ip(17, datagram)), "IP 10.0.0.1.5000 > 10.0.0.2.7: UDP len 2 \"hi\"");
  datagram[8] ^= 1;
  EXPECT_THAT(DescribeFrame(Ip(17, datagram)), EndsWith("(udp_bad_checksum)"));
}

TEST(Describe, Icmp) {
  Frame message(8 + 4);
  IcmpHeader{.type = 8, .rest_of_header = 0x00010002}.Emit(message);
  EXPECT_EQ(DescribeFrame(Ip(1, message)),
            "IP 10.0.0.1 > 10.0.0.2: ICMP echo request id 1 seq 2 len 4");
  IcmpHeader{.type = 0, .code = 1}.Emit(message);
  EXPECT_THAT(DescribeFrame(Ip(1, message)), EndsWith("ICMP echo reply id 0 seq 0 len 4 code 1"));
  IcmpHeader{.type = 3, .code = 3}.Emit(message);
  EXPECT_THAT(DescribeFrame(Ip(1, message)), EndsWith("unreachable code 3 quoting 4 bytes"));
  IcmpHeader{.type = 13}.Emit(message);
  EXPECT_THAT(DescribeFrame(Ip(1, message)), EndsWith("ICMP type 13"));
}

TEST(Describe, OtherFrames) {
  EXPECT_EQ(DescribeFrame(Ip(6, Frame(16), 8, true)),
            "IP 10.0.0.1 > 10.0.0.2: fragment of 77 at 8 len 16+ protocol 6");
  EXPECT_EQ(DescribeFrame(Ip(99, Frame(5))), "IP 10.0.0.1 > 10.0.0.2: protocol 99 len 5");
  EXPECT_EQ(DescribeFrame(Ethernet(0x86dd, Frame(40))),
            "type 0x86dd 02:00:00:00:00:01 > 02:00:00:00:00:ab len 40");
}

TEST(Describe, SurvivesAnyBytes) {
  Random random(Seed{3, 4});
  const Frame options = {2, 4, 5, 180, 1, 3, 3, 7};
  TcpHeader syn = TcpWith(tcp_flags::kSyn);
  syn.options = options;
  const std::vector<Frame> valid = {Tcp(syn, Frame(20, 'a')), Ip(17, Frame(30)), Ip(1, Frame(30)),
                                    Ethernet(0x0806, Frame(28))};
  for (int round = 0; round < 50'000; ++round) {
    Frame frame = valid[random.Below(4)];
    for (uint32_t i = 0; i < 1 + random.Below(6); ++i) {
      frame[random.Below(static_cast<uint32_t>(frame.size()))] =
          static_cast<uint8_t>(random.Next32());
    }
    frame.resize(random.Below(static_cast<uint32_t>(frame.size() + 1)));
    // A copy of the exact size, so that a read beyond the end is noticed.
    const std::string line = DescribeFrame(Frame(frame.begin(), frame.end()));
    ASSERT_FALSE(line.empty());
    for (char c : line) ASSERT_TRUE(c >= 0x20 && c < 0x7f);
  }
}

TEST(TraceLine, ShowsTimeAndDirection) {
  EXPECT_EQ(TraceLine(Instant(Duration(1'234'567)), '<', {}),
            "0.001234 < 0 bytes (ethernet_too_short)");
  EXPECT_EQ(TraceLine(Instant(Duration(-1'500'000'000)), '>', {}),
            "-1.500000 > 0 bytes (ethernet_too_short)");
}

}  // namespace
}  // namespace aether::device
