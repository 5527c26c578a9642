#include "stack/wire/udp.h"

#include <gtest/gtest.h>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

const Ipv4Address kSource = Ipv4Address::Of(10, 0, 0, 1);
const Ipv4Address kDestination = Ipv4Address::Of(10, 0, 0, 2);

// By hand: 0a00+0001+0a00+0002+0011+000b of the pseudo header and 04d2+0035+000b+6162+6300 of the
// datagram are dd93.
const std::vector<uint8_t> kDatagram = {
    0x04, 0xd2,  // 1234
    0x00, 0x35,  // 53
    0x00, 0x0b,  // 11
    0x00, 0x00,  // checksum, filled in below
    'a',  'b',  'c',
};
constexpr uint16_t kChecksum = 0x226c;

std::vector<uint8_t> WithChecksum(uint16_t checksum) {
  std::vector<uint8_t> bytes = kDatagram;
  StoreBe<uint16_t>(bytes.data() + 6, checksum);
  return bytes;
}

TEST(UdpTest, Deconstruct) {
  const ExactBytes bytes(WithChecksum(kChecksum));
  const auto view = UdpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source_port(), 1234);
  EXPECT_EQ(view->destination_port(), 53);
  EXPECT_EQ(view->length(), 11);
  EXPECT_EQ(view->checksum(), kChecksum);
  EXPECT_EQ(ToVector(view->payload()), (std::vector<uint8_t>{'a', 'b', 'c'}));
  EXPECT_TRUE(view->ChecksumIsValid(kSource, kDestination));
}

TEST(UdpTest, Construct) {
  ExactBytes out(WithChecksum(0x5555));
  std::fill_n(out.mutable_bytes().begin(), 8, uint8_t{0x55});
  const UdpHeader header{.source_port = 1234, .destination_port = 53};
  EXPECT_EQ(header.Emit(out.mutable_bytes(), kSource, kDestination), 11u);
  EXPECT_EQ(ToVector(out), WithChecksum(kChecksum));
}

TEST(UdpTest, EveryTruncatedPrefixIsRejected) {
  ForEachProperPrefix(WithChecksum(kChecksum), [](Bytes prefix) {
    const auto view = UdpView::Parse(prefix);
    ASSERT_FALSE(view) << prefix.size();
    EXPECT_EQ(view.error(), prefix.size() < 8 ? Drop::kUdpTooShort : Drop::kUdpBadLength);
  });
}

TEST(UdpTest, EveryLengthFieldOfADatagram) {
  for (uint32_t length = 0; length <= 0xffff; ++length) {
    std::vector<uint8_t> bytes = kDatagram;
    StoreBe<uint16_t>(bytes.data() + 4, static_cast<uint16_t>(length));
    const auto view = UdpView::Parse(bytes);
    if (length < 8 || length > bytes.size()) {
      ASSERT_FALSE(view) << length;
      ASSERT_EQ(view.error(), Drop::kUdpBadLength);
    } else {
      ASSERT_TRUE(view) << length;
      ASSERT_EQ(view->payload().size(), length - 8);
    }
  }
}

TEST(UdpTest, BytesBehindTheLengthAreNotPayload) {
  std::vector<uint8_t> bytes = WithChecksum(kChecksum);
  bytes.insert(bytes.end(), {0xde, 0xad, 0xbe});
  const auto view = UdpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->payload().size(), 3u);
  EXPECT_TRUE(view->ChecksumIsValid(kSource, kDestination));
}

// [RFC 1122 4.1.3.4] of the 65,536 values of the field, zero (none computed) and the right one are
// accepted.
TEST(UdpTest, EveryChecksumValue) {
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    const std::vector<uint8_t> bytes = WithChecksum(static_cast<uint16_t>(value));
    const auto view = UdpView::Parse(bytes);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->ChecksumIsValid(kSource, kDestination), value == 0 || value == kChecksum)
        << value;
  }
}

TEST(UdpTest, ChecksumCoversTheAddresses) {
  const ExactBytes bytes(WithChecksum(kChecksum));
  const auto view = UdpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_FALSE(view->ChecksumIsValid(kSource, Ipv4Address::Of(10, 0, 0, 3)));
  EXPECT_FALSE(view->ChecksumIsValid(Ipv4Address::Of(11, 0, 0, 1), kDestination));
}

// [RFC 768] a checksum that computes to zero goes out as all ones, and comes in as valid. The first
// two bytes of the payload walk through every value, so one of them hits it.
TEST(UdpTest, ComputedZeroIsSentAsAllOnes) {
  int hits = 0;
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    std::vector<uint8_t> bytes(10);
    StoreBe<uint16_t>(bytes.data() + 8, static_cast<uint16_t>(value));
    UdpHeader{.source_port = 7, .destination_port = 9}.Emit(bytes, kSource, kDestination);
    const auto view = UdpView::Parse(bytes);
    ASSERT_TRUE(view);
    ASSERT_NE(view->checksum(), 0) << value;
    ASSERT_TRUE(view->ChecksumIsValid(kSource, kDestination)) << value;
    if (view->checksum() == 0xffff) ++hits;
  }
  EXPECT_EQ(hits, 1);
}

TEST(UdpTest, RoundTrip) {
  Random random(Seed{4, 1});
  for (int round = 0; round < 1000; ++round) {
    ExactBytes out(RandomBytes(random, 8 + random.Below(1500)));
    const std::vector<uint8_t> payload = ToVector(Bytes(out).subspan(8));
    const Ipv4Address source{random.Next32()};
    const Ipv4Address destination{random.Next32()};
    const UdpHeader header{static_cast<uint16_t>(random.Next32()),
                           static_cast<uint16_t>(random.Next32())};
    header.Emit(out.mutable_bytes(), source, destination);
    const auto view = UdpView::Parse(out);
    ASSERT_TRUE(view);
    ASSERT_EQ((UdpHeader{view->source_port(), view->destination_port()}), header);
    ASSERT_EQ(ToVector(view->payload()), payload);
    ASSERT_TRUE(view->ChecksumIsValid(source, destination));
    const std::vector<uint8_t> first = ToVector(out);
    UdpHeader{view->source_port(), view->destination_port()}.Emit(out.mutable_bytes(), source,
                                                                  destination);
    ASSERT_EQ(ToVector(out), first);
  }
}

TEST(UdpTest, LargestDatagram) {
  Random random(Seed{4, 2});
  std::vector<uint8_t> bytes = RandomBytes(random, 0xffff);
  EXPECT_EQ(UdpHeader{}.Emit(bytes, kSource, kDestination), 0xffffu);
  const auto view = UdpView::Parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->length(), 0xffff);
  EXPECT_TRUE(view->ChecksumIsValid(kSource, kDestination));
}

TEST(UdpDeathTest, EmitNeedsAFittingSize) {
  std::vector<uint8_t> small(7);
  std::vector<uint8_t> large(0x10000);
  EXPECT_DEATH(UdpHeader{}.Emit(small, kSource, kDestination), "out.size");
  EXPECT_DEATH(UdpHeader{}.Emit(large, kSource, kDestination), "out.size");
}

}  // namespace
}  // namespace aether
