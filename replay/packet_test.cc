// What is read of captured frames, which need not be right, and how datagrams are readdressed.
#include "replay/packet.h"

#include <gtest/gtest.h>

#include "replay/packet_rewrite.h"
#include "stack/base/random.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"

namespace aether::replay {
namespace {

using testing::Frame;
using Kind = Packet::Kind;

Frame Tcp() {
  return testing::BuildTcp({.sequence = 5,
                            .acknowledgment = 9,
                            .flags = tcp_flags::kAck | tcp_flags::kFin,
                            .options = testing::TimestampOption(7, 8),
                            .payload = testing::ToFrame("hello")});
}

TEST(Packet, ASegment) {
  const Frame frame = Tcp();
  const Packet packet = ParsePacket(frame);
  ASSERT_EQ(packet.kind, Kind::kTcp);
  EXPECT_EQ(packet.source, (Ipv4Endpoint{testing::kPeerIp, 40000}));
  EXPECT_EQ(packet.destination, (Ipv4Endpoint{testing::kOurIp, 80}));
  EXPECT_EQ(packet.seq, Seq(5));
  EXPECT_EQ(packet.End(), Seq(11));
  EXPECT_EQ(packet.options.timestamps, (TcpTimestamps{7, 8}));
  EXPECT_EQ(packet.link_source, testing::kPeerMac);
}

TEST(Packet, ChecksumsDoNotCount) {
  Frame frame = Tcp();
  frame[testing::kIpv4At + 10] ^= 1;
  frame[testing::kIpv4PayloadAt + 16] ^= 1;
  EXPECT_EQ(ParsePacket(frame).kind, Kind::kTcp);
}

TEST(Packet, PaddingIsNoText) {
  EXPECT_EQ(ParsePacket(testing::Padded(Tcp(), 200)).payload.size(), 5u);
}

TEST(Packet, RecordedInPart) {
  Frame frame = Tcp();
  frame.resize(frame.size() - 3);
  const Packet packet = ParsePacket(frame);
  ASSERT_EQ(packet.kind, Kind::kTcp);
  EXPECT_EQ(packet.payload.size(), 2u);
  EXPECT_EQ(packet.payload_bytes, 5u);
  EXPECT_EQ(packet.End(), Seq(11));
}

TEST(Packet, ATotalLengthOfZeroIsTheCardsBusiness) {
  Frame frame = Tcp();
  frame[testing::kIpv4At + 2] = frame[testing::kIpv4At + 3] = 0;
  EXPECT_EQ(ParsePacket(frame).payload_bytes, 5u);
}

TEST(Packet, Kinds) {
  EXPECT_EQ(ParsePacket(testing::BuildUdp({})).kind, Kind::kUdp);
  EXPECT_EQ(ParsePacket(testing::BuildIcmp({})).kind, Kind::kIcmp);
  EXPECT_EQ(ParsePacket(testing::BuildArp({})).kind, Kind::kArp);
  EXPECT_EQ(ParsePacket(testing::BuildEthernet({.type = 0x86dd}, Frame(40))).kind, Kind::kIpv6);
  EXPECT_EQ(ParsePacket(testing::BuildEthernet({.type = 0x1234}, Frame(40))).kind, Kind::kOther);
  EXPECT_EQ(ParsePacket(testing::BuildIpv4({.protocol = 99}, Frame(8))).kind, Kind::kOther);
  EXPECT_EQ(ParsePacket(testing::BuildIpv4({.more_fragments = true}, Frame(8))).kind,
            Kind::kFragment);
  EXPECT_EQ(ParsePacket(Frame(13)).kind, Kind::kMalformed);
  EXPECT_EQ(ParsePacket(testing::BuildEthernet({}, Frame(10))).kind, Kind::kMalformed);
}

TEST(Packet, AnythingWillDo) {
  Random random(Seed{7, 8});
  const Frame good = Tcp();
  for (int round = 0; round < 20000; ++round) {
    Frame frame = good;
    for (int i = 0; i < 3; ++i)
      frame[random.Below(static_cast<uint32_t>(frame.size()))] =
          static_cast<uint8_t>(random.Next32());
    frame.resize(random.Below(static_cast<uint32_t>(frame.size())) + 1);
    const Packet packet = ParsePacket(frame);
    ASSERT_LE(packet.payload.size(), frame.size());
    if (packet.kind == Kind::kTcp) {
      ASSERT_LE(packet.payload.size(), packet.payload_bytes);
    }
  }
}

class RewriteTest : public ::testing::Test {
 protected:
  LiveEnds ends_{.client_mac = testing::kPeerMac,
                 .server_mac = testing::kOurMac,
                 .client = {Ipv4Address::Of(10, 9, 8, 7), 0},
                 .server = {Ipv4Address::Of(10, 9, 8, 1), 0}};
  FrameBatch out_;
};

TEST_F(RewriteTest, DatagramsGetOtherAddresses) {
  const Frame frame = testing::BuildUdp({.payload = testing::ToFrame("odd")});
  ASSERT_TRUE(AddRewritten(ParsePacket(frame), ends_, out_));
  const auto parsed = testing::NaiveParse(out_[0]);
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->ip->source, ends_.client.address.value);
  EXPECT_EQ(parsed->ip->destination, ends_.server.address.value);
  EXPECT_EQ(parsed->udp->destination_port, 7);
}

TEST_F(RewriteTest, WithoutAChecksumThereIsNone) {
  const Frame frame =
      testing::BuildUdp({.with_checksum = false, .payload = testing::ToFrame("odd")});
  ASSERT_TRUE(AddRewritten(ParsePacket(frame), ends_, out_));
  EXPECT_EQ(LoadBe<uint16_t>(out_[0].data() + testing::kIpv4PayloadAt + 6), 0);
}

TEST_F(RewriteTest, Pings) {
  const Frame frame = testing::BuildIcmp({.payload = testing::ToFrame("ping")});
  ASSERT_TRUE(AddRewritten(ParsePacket(frame), ends_, out_));
  EXPECT_TRUE(testing::NaiveParse(out_[0]));
}

TEST_F(RewriteTest, WhatCannotBe) {
  Frame cut = testing::BuildUdp({.payload = testing::ToFrame("hello")});
  cut.resize(cut.size() - 2);
  EXPECT_FALSE(AddRewritten(ParsePacket(cut), ends_, out_));
  EXPECT_FALSE(AddRewritten(ParsePacket(Tcp()), ends_, out_));
  const Frame fragment = testing::BuildIpv4({.more_fragments = true}, Frame(8));
  EXPECT_FALSE(AddRewritten(ParsePacket(fragment), ends_, out_));
  EXPECT_TRUE(out_.empty());
  ends_.client.address = testing::kPeerIp;
  ends_.server.address = testing::kOurIp;
  EXPECT_TRUE(AddRewritten(ParsePacket(fragment), ends_, out_));
}

TEST_F(RewriteTest, WhoIsAskedForAnswers) {
  const Frame request = testing::BuildArp({});
  EXPECT_TRUE(AnswerArp(request, out_));
  const auto reply = testing::NaiveParse(out_[0]);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->arp->operation, 2);
  EXPECT_EQ(reply->arp->sender_ip, testing::kOurIp.value);
  out_.Clear();
  // An announcement wants no answer.
  EXPECT_TRUE(AnswerArp(testing::BuildArp({.target_ip = testing::kPeerIp}), out_));
  EXPECT_TRUE(out_.empty());
  EXPECT_FALSE(AnswerArp(Tcp(), out_));
}

}  // namespace
}  // namespace aether::replay
