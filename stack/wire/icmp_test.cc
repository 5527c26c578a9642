#include "stack/wire/icmp.h"

#include <gtest/gtest.h>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

const std::vector<uint8_t> kEchoRequest = {
    0x08, 0x00,              // echo request
    0x21, 0x62,              // checksum
    0x12, 0x34, 0x00, 0x07,  // identifier, sequence number
    'a',  'b',  'c',         // an odd number of bytes
};

TEST(IcmpTest, Deconstruct) {
  const ExactBytes message(kEchoRequest);
  const auto view = IcmpView::Parse(message);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->type(), static_cast<uint8_t>(IcmpType::kEchoRequest));
  EXPECT_EQ(view->code(), 0);
  EXPECT_EQ(view->rest_of_header(), 0x12340007u);
  EXPECT_EQ(ToVector(view->payload()), (std::vector<uint8_t>{'a', 'b', 'c'}));
}

TEST(IcmpTest, Construct) {
  ExactBytes out(
      std::vector<uint8_t>{0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 'a', 'b', 'c'});
  const IcmpHeader header{.type = 8, .code = 0, .rest_of_header = 0x12340007};
  EXPECT_EQ(header.Emit(out.mutable_bytes()), 11u);
  EXPECT_EQ(ToVector(out), kEchoRequest);
}

TEST(IcmpTest, EveryTruncatedPrefixIsRejected) {
  ForEachProperPrefix(kEchoRequest, [](Bytes prefix) {
    const auto view = IcmpView::Parse(prefix);
    ASSERT_FALSE(view) << prefix.size();
    EXPECT_EQ(view.error(), prefix.size() < 8 ? Drop::kIcmpTooShort : Drop::kIcmpBadChecksum);
  });
}

// [RFC 1122 3.2.2] the checksum covers the whole message: no single bit of it can flip unseen.
TEST(IcmpTest, EveryFlippedBitIsNoticed) {
  for (size_t bit = 0; bit < 8 * kEchoRequest.size(); ++bit) {
    std::vector<uint8_t> bytes = kEchoRequest;
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ (1u << bit % 8));
    const auto view = IcmpView::Parse(ExactBytes(bytes));
    ASSERT_FALSE(view) << bit;
    EXPECT_EQ(view.error(), Drop::kIcmpBadChecksum);
  }
}

TEST(IcmpTest, RoundTripOfEverySize) {
  Random random(Seed{3, 1});
  for (size_t size = 8; size < 1600; size += 1 + size / 40) {
    ExactBytes out(RandomBytes(random, size));
    const std::vector<uint8_t> payload = ToVector(Bytes(out).subspan(8));
    const IcmpHeader header{.type = static_cast<uint8_t>(random.Next32()),
                            .code = static_cast<uint8_t>(random.Next32()),
                            .rest_of_header = random.Next32()};
    ASSERT_EQ(header.Emit(out.mutable_bytes()), size);
    const auto view = IcmpView::Parse(out);
    ASSERT_TRUE(view) << size;
    ASSERT_EQ((IcmpHeader{view->type(), view->code(), view->rest_of_header()}), header);
    ASSERT_EQ(ToVector(view->payload()), payload);
    const std::vector<uint8_t> first = ToVector(out);
    IcmpHeader{view->type(), view->code(), view->rest_of_header()}.Emit(out.mutable_bytes());
    ASSERT_EQ(ToVector(out), first);
  }
}

// [RFC 1122 3.2.2] errors are about other datagrams; queries and replies are not.
TEST(IcmpTest, ErrorTypes) {
  for (unsigned type = 0; type < 256; ++type) {
    const bool is_error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    EXPECT_EQ(IcmpTypeIsError(static_cast<uint8_t>(type)), is_error) << type;
  }
}

TEST(IcmpDeathTest, EmitNeedsRoom) {
  std::vector<uint8_t> out(7);
  EXPECT_DEATH(IcmpHeader{}.Emit(out), "out.size");
}

}  // namespace
}  // namespace aether
