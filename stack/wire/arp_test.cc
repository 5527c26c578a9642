#include "stack/wire/arp.h"

#include <gtest/gtest.h>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

const std::vector<uint8_t> kReply = {
    0x00, 0x01,                          // hardware: Ethernet
    0x08, 0x00,                          // protocol: IPv4
    0x06, 0x04,                          // their lengths
    0x00, 0x02,                          // reply
    0x02, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,  // sender
    0xc0, 0xa8, 0x01, 0x02,              //
    0x02, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e,  // target
    0xc0, 0xa8, 0x01, 0x63,
};

const ArpPacket kReplyValue = {.operation = ArpOperation::kReply,
                               .sender_mac = {{0x02, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e}},
                               .sender_ip = Ipv4Address::Of(192, 168, 1, 2),
                               .target_mac = {{0x02, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e}},
                               .target_ip = Ipv4Address::Of(192, 168, 1, 99)};

TEST(ArpTest, Deconstruct) {
  const ExactBytes bytes(kReply);
  const auto packet = ArpPacket::Parse(bytes);
  ASSERT_TRUE(packet);
  EXPECT_EQ(*packet, kReplyValue);
}

TEST(ArpTest, Construct) {
  ExactBytes out(std::vector<uint8_t>(28, 0x55));
  EXPECT_EQ(kReplyValue.Emit(out.mutable_bytes()), 28u);
  EXPECT_EQ(ToVector(out), kReply);
}

TEST(ArpTest, PaddingBehindThePacketIsIgnored) {
  std::vector<uint8_t> padded = kReply;
  padded.resize(46, 0xee);
  const auto packet = ArpPacket::Parse(padded);
  ASSERT_TRUE(packet);
  EXPECT_EQ(*packet, kReplyValue);
}

TEST(ArpTest, EveryTruncatedPrefixIsRejected) {
  ForEachProperPrefix(kReply, [](Bytes prefix) {
    const auto packet = ArpPacket::Parse(prefix);
    ASSERT_FALSE(packet) << prefix.size();
    EXPECT_EQ(packet.error(), Drop::kArpTooShort);
  });
}

// [RFC 826 Packet Reception] every value of the six fixed bytes but the right one is refused.
TEST(ArpTest, EveryOtherFormatIsRejected) {
  for (size_t at = 0; at < 6; ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      std::vector<uint8_t> bytes = kReply;
      if (bytes[at] == value) continue;
      bytes[at] = static_cast<uint8_t>(value);
      const auto packet = ArpPacket::Parse(ExactBytes(bytes));
      ASSERT_FALSE(packet) << at << " " << value;
      EXPECT_EQ(packet.error(), Drop::kArpBadFormat);
    }
  }
}

TEST(ArpTest, OnlyRequestAndReplyAreOperations) {
  for (uint32_t operation = 0; operation <= 0xffff; ++operation) {
    std::vector<uint8_t> bytes = kReply;
    StoreBe<uint16_t>(bytes.data() + 6, static_cast<uint16_t>(operation));
    const auto packet = ArpPacket::Parse(bytes);
    if (operation == 1 || operation == 2) {
      ASSERT_TRUE(packet);
      EXPECT_EQ(packet->operation, static_cast<ArpOperation>(operation));
    } else {
      ASSERT_FALSE(packet) << operation;
      ASSERT_EQ(packet.error(), Drop::kArpBadOperation);
    }
  }
}

TEST(ArpTest, RoundTrip) {
  Random random(Seed{2, 1});
  for (int round = 0; round < 1000; ++round) {
    std::vector<uint8_t> bytes = kReply;
    FillRandom(random, MutableBytes(bytes).subspan(8));
    bytes[7] = static_cast<uint8_t>(1 + random.Below(2));
    const auto packet = ArpPacket::Parse(bytes);
    ASSERT_TRUE(packet);
    ExactBytes out(std::vector<uint8_t>(28));
    packet->Emit(out.mutable_bytes());
    ASSERT_EQ(ToVector(out), bytes);
    ASSERT_EQ(*ArpPacket::Parse(out), *packet);
  }
}

TEST(ArpDeathTest, EmitNeedsRoom) {
  std::vector<uint8_t> out(27);
  EXPECT_DEATH(kReplyValue.Emit(out), "out.size");
}

}  // namespace
}  // namespace aether
