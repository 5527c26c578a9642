// IPv4 headers without options; those with are in ipv4_options_test.cc.
#include "stack/wire/ipv4.h"

#include <gtest/gtest.h>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

const std::vector<uint8_t> kPacket = {
    0x45, 0xb8, 0x00, 0x1c,  // version, header size, type of service, total length
    0x1c, 0x46, 0x40, 0x00,  // identification, don't fragment
    0x40, 0x06, 0xb1, 0x4e,  // time to live, protocol, checksum
    0xac, 0x10, 0x0a, 0x63,  // source
    0xac, 0x10, 0x0a, 0x0c,  // destination
    1,    2,    3,    4,    5, 6, 7, 8,
};

const Ipv4Header kHeader = {.type_of_service = 0xb8,
                            .payload_length = 8,
                            .identification = 0x1c46,
                            .dont_fragment = true,
                            .time_to_live = 64,
                            .protocol = 6,
                            .source = Ipv4Address::Of(172, 16, 10, 99),
                            .destination = Ipv4Address::Of(172, 16, 10, 12)};

// Puts a right checksum into a header whose other bytes a test has changed.
void FixChecksum(std::vector<uint8_t>& packet) {
  const size_t header_size =
      std::min<size_t>(size_t{packet[0] & 0x0fu} * 4, packet.size() & ~size_t{3});
  StoreBe<uint16_t>(packet.data() + 10, 0);
  StoreBe<uint16_t>(packet.data() + 10, ChecksumOf(SumBytes(Bytes(packet).first(header_size))));
}

Ipv4Header HeaderOf(const Ipv4View& view) {
  return {.type_of_service = view.type_of_service(),
          .payload_length = static_cast<uint16_t>(view.payload().size()),
          .identification = view.identification(),
          .dont_fragment = view.dont_fragment(),
          .more_fragments = view.more_fragments(),
          .fragment_offset_bytes = static_cast<uint16_t>(view.fragment_offset_bytes()),
          .time_to_live = view.time_to_live(),
          .protocol = view.protocol(),
          .source = view.source(),
          .destination = view.destination()};
}

TEST(Ipv4Test, Deconstruct) {
  const ExactBytes packet(kPacket);
  const auto view = Ipv4View::Parse(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(HeaderOf(*view), kHeader);
  EXPECT_EQ(view->header_size(), 20u);
  EXPECT_EQ(view->total_length(), 28);
  EXPECT_FALSE(view->IsFragment());
  EXPECT_TRUE(view->options().empty());
  EXPECT_EQ(ToVector(view->payload()), (std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(ToVector(view->packet()), kPacket);
}

TEST(Ipv4Test, Construct) {
  ExactBytes out(std::vector<uint8_t>(20, 0x55));
  EXPECT_EQ(kHeader.Emit(out.mutable_bytes()), 20u);
  EXPECT_EQ(ToVector(out), ToVector(Bytes(kPacket).first(20)));
}

TEST(Ipv4Test, EveryTruncatedPrefixIsRejected) {
  ForEachProperPrefix(kPacket, [](Bytes prefix) {
    const auto view = Ipv4View::Parse(prefix);
    ASSERT_FALSE(view) << prefix.size();
    EXPECT_EQ(view.error(), prefix.size() < 20 ? Drop::kIpv4TooShort : Drop::kIpv4BadTotalLength);
  });
}

TEST(Ipv4Test, PaddingIsNotPayload) {
  std::vector<uint8_t> padded = kPacket;
  padded.resize(46, 0xee);
  const auto view = Ipv4View::Parse(padded);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->payload().size(), 8u);
  EXPECT_EQ(ToVector(view->packet()), kPacket);
}

// [RFC 1122 3.2.1.1] any version but 4 is discarded. The header size says 5 in all, then everything
// else.
TEST(Ipv4Test, EveryFirstByte) {
  for (unsigned first = 0; first < 256; ++first) {
    std::vector<uint8_t> packet = kPacket;
    packet[0] = static_cast<uint8_t>(first);
    FixChecksum(packet);
    const auto view = Ipv4View::Parse(ExactBytes(packet));
    const size_t header_size = size_t{first & 0xf} * 4;
    if (first >> 4 != 4) {
      ASSERT_FALSE(view);
      EXPECT_EQ(view.error(), Drop::kIpv4BadVersion);
    } else if (header_size < 20 || header_size > packet.size()) {
      ASSERT_FALSE(view) << first;
      EXPECT_EQ(view.error(), Drop::kIpv4BadHeaderLength) << first;
    } else if (view) {
      EXPECT_EQ(view->payload().size(), packet.size() - header_size);
    }
  }
}

TEST(Ipv4Test, EveryTotalLength) {
  for (uint32_t total = 0; total <= 0xffff; ++total) {
    std::vector<uint8_t> packet = kPacket;
    StoreBe<uint16_t>(packet.data() + 2, static_cast<uint16_t>(total));
    FixChecksum(packet);
    const auto view = Ipv4View::Parse(packet);
    if (total < 20 || total > packet.size()) {
      ASSERT_FALSE(view) << total;
      ASSERT_EQ(view.error(), Drop::kIpv4BadTotalLength);
    } else {
      ASSERT_TRUE(view) << total;
      ASSERT_EQ(view->payload().size(), total - 20);
    }
  }
}

// [RFC 1122 3.2.1.2] no single bit of the header flips unseen, and the payload is none of its
// business.
TEST(Ipv4Test, EveryFlippedBitOfTheHeaderIsNoticed) {
  for (size_t bit = 0; bit < 8 * kPacket.size(); ++bit) {
    std::vector<uint8_t> packet = kPacket;
    packet[bit / 8] = static_cast<uint8_t>(packet[bit / 8] ^ (1u << bit % 8));
    const auto view = Ipv4View::Parse(ExactBytes(packet));
    EXPECT_EQ(view.has_value(), bit >= 160) << bit;
    if (!view && bit >= 32) {
      EXPECT_EQ(view.error(), Drop::kIpv4BadChecksum) << bit;
    }
  }
}

TEST(Ipv4Test, OnlyOneChecksumIsRight) {
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    std::vector<uint8_t> packet = kPacket;
    StoreBe<uint16_t>(packet.data() + 10, static_cast<uint16_t>(value));
    const auto view = Ipv4View::Parse(packet);
    ASSERT_EQ(view.has_value(), value == 0xb14e) << value;
    if (!view) {
      ASSERT_EQ(view.error(), Drop::kIpv4BadChecksum);
    }
  }
}

TEST(Ipv4Test, FragmentFields) {
  for (uint32_t word = 0; word <= 0xffff; ++word) {
    std::vector<uint8_t> packet = kPacket;
    StoreBe<uint16_t>(packet.data() + 6, static_cast<uint16_t>(word));
    FixChecksum(packet);
    const auto view = Ipv4View::Parse(packet);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->dont_fragment(), (word >> 14 & 1) != 0);
    ASSERT_EQ(view->more_fragments(), (word >> 13 & 1) != 0);
    ASSERT_EQ(view->fragment_offset_bytes(), word % 0x2000 * 8);
    ASSERT_EQ(view->IsFragment(), word % 0x4000 != 0);
  }
}

TEST(Ipv4Test, RoundTrip) {
  Random random(Seed{5, 1});
  for (int round = 0; round < 2000; ++round) {
    const Ipv4Header header = {
        .type_of_service = static_cast<uint8_t>(random.Next32()),
        .payload_length = static_cast<uint16_t>(random.Below(1481)),
        .identification = static_cast<uint16_t>(random.Next32()),
        .dont_fragment = random.Below(2) == 1,
        .more_fragments = random.Below(2) == 1,
        .fragment_offset_bytes = static_cast<uint16_t>(random.Below(0x2000) * 8),
        .time_to_live = static_cast<uint8_t>(random.Next32()),
        .protocol = static_cast<uint8_t>(random.Next32()),
        .source = {random.Next32()},
        .destination = {random.Next32()}};
    ExactBytes packet(std::vector<uint8_t>(size_t{20} + header.payload_length));
    header.Emit(packet.mutable_bytes());
    const auto view = Ipv4View::Parse(packet);
    ASSERT_TRUE(view);
    ASSERT_EQ(HeaderOf(*view), header);
    std::vector<uint8_t> again(20);
    HeaderOf(*view).Emit(again);
    ASSERT_EQ(again, ToVector(Bytes(packet).first(20)));
  }
}

TEST(Ipv4DeathTest, EmitRefusesWhatCannotBe) {
  std::vector<uint8_t> out(20);
  EXPECT_DEATH(kHeader.Emit(MutableBytes(out).first(19)), "out.size");
  EXPECT_DEATH((Ipv4Header{.payload_length = 65516}.Emit(out)), "payload_length");
  EXPECT_DEATH((Ipv4Header{.fragment_offset_bytes = 4}.Emit(out)), "fragment_offset");
  EXPECT_EQ((Ipv4Header{.payload_length = 65515}.Emit(out)), 20u);
}

}  // namespace
}  // namespace aether
