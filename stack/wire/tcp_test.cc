#include "stack/wire/tcp.h"

#include <gtest/gtest.h>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

const Ipv4Address kSource = Ipv4Address::Of(10, 0, 0, 1);
const Ipv4Address kDestination = Ipv4Address::Of(10, 0, 0, 2);

const std::vector<uint8_t> kData = {
    0x04, 0xd2, 0x00, 0x50,  // 1234 to 80
    0x01, 0x02, 0x03, 0x04,  // sequence
    0x05, 0x06, 0x07, 0x08,  // acknowledgment
    0x50, 0x18, 0x10, 0x00,  // no options, PSH and ACK, window
    0x32, 0xbd, 0x00, 0x00,  // checksum
    'h',  'e',  'l',  'l',  'o',
};

const std::vector<uint8_t> kSyn = {
    0x04, 0xd2, 0x00, 0x50,  //
    0x01, 0x02, 0x03, 0x04,  //
    0x00, 0x00, 0x00, 0x00,  //
    0x60, 0x02, 0xff, 0xff,  // 24 bytes, SYN
    0x7a, 0xfc, 0x00, 0x00,  //
    0x02, 0x04, 0x05, 0xb4,  // MSS 1460
};

TEST(TcpTest, Deconstruct) {
  const ExactBytes segment(kData);
  const auto view = TcpView::Parse(segment);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source_port(), 1234);
  EXPECT_EQ(view->destination_port(), 80);
  EXPECT_EQ(view->sequence(), Seq(0x01020304));
  EXPECT_EQ(view->acknowledgment(), Seq(0x05060708));
  EXPECT_EQ(view->flags(), tcp_flags::kPsh | tcp_flags::kAck);
  EXPECT_EQ(view->window(), 0x1000);
  EXPECT_EQ(view->urgent_pointer(), 0);
  EXPECT_EQ(view->header_size(), 20u);
  EXPECT_TRUE(view->options().empty());
  EXPECT_EQ(ToVector(view->payload()), (std::vector<uint8_t>{'h', 'e', 'l', 'l', 'o'}));
  EXPECT_TRUE(view->ChecksumIsValid(kSource, kDestination));

  const ExactBytes syn(kSyn);
  const auto syn_view = TcpView::Parse(syn);
  ASSERT_TRUE(syn_view);
  EXPECT_EQ(ToVector(syn_view->options()), (std::vector<uint8_t>{2, 4, 5, 0xb4}));
  EXPECT_TRUE(syn_view->payload().empty());
  EXPECT_TRUE(syn_view->ChecksumIsValid(kSource, kDestination));
}

TEST(TcpTest, Construct) {
  const TcpHeader header = {.source_port = 1234,
                            .destination_port = 80,
                            .sequence = Seq(0x01020304),
                            .acknowledgment = Seq(0x05060708),
                            .flags = tcp_flags::kPsh | tcp_flags::kAck,
                            .window = 0x1000};
  const std::vector<uint8_t> payload = {'h', 'e', 'l', 'l', 'o'};
  ExactBytes out(Join({std::vector<uint8_t>(20, 0x55), payload}));
  EXPECT_EQ(header.Emit(out.mutable_bytes(), kSource, kDestination, 5, SumBytes(payload)), 25u);
  EXPECT_EQ(ToVector(out), kData);

  const std::vector<uint8_t> options = {2, 4, 5, 0xb4};
  const TcpHeader syn = {.source_port = 1234,
                         .destination_port = 80,
                         .sequence = Seq(0x01020304),
                         .flags = tcp_flags::kSyn,
                         .window = 0xffff,
                         .options = options};
  ExactBytes syn_out(std::vector<uint8_t>(24, 0x55));
  EXPECT_EQ(syn.Size(), 24u);
  EXPECT_EQ(syn.Emit(syn_out.mutable_bytes(), kSource, kDestination, 0, 0), 24u);
  EXPECT_EQ(ToVector(syn_out), kSyn);

  // Options that were written where they belong.
  ExactBytes in_place(Join({std::vector<uint8_t>(20, 0x55), options}));
  TcpHeader again = syn;
  again.options = Bytes(in_place).subspan(20);
  EXPECT_EQ(again.Emit(in_place.mutable_bytes(), kSource, kDestination, 0, 0), 24u);
  EXPECT_EQ(ToVector(in_place), kSyn);
}

TEST(TcpTest, EveryTruncatedPrefixOfTheHeaderIsRejected) {
  ForEachProperPrefix(kSyn, [](Bytes prefix) {
    const auto view = TcpView::Parse(prefix);
    ASSERT_FALSE(view) << prefix.size();
    EXPECT_EQ(view.error(), prefix.size() < 20 ? Drop::kTcpTooShort : Drop::kTcpBadDataOffset);
  });
}

TEST(TcpTest, TruncatedPayloadFailsTheChecksum) {
  for (size_t size = 20; size < kData.size(); ++size) {
    const ExactBytes prefix(Bytes(kData).first(size));
    const auto view = TcpView::Parse(prefix);
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->ChecksumIsValid(kSource, kDestination)) << size;
  }
}

// Every data offset in segments of every size up to the longest header, the reserved bits set and
// not.
TEST(TcpTest, EveryDataOffset) {
  for (size_t size = 20; size <= 64; ++size) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::vector<uint8_t> segment(size, 0x11);
      segment[12] = static_cast<uint8_t>(byte);
      const ExactBytes exact(segment);
      const auto view = TcpView::Parse(exact);
      const size_t header_size = size_t{byte >> 4} * 4;
      if (header_size < 20 || header_size > size) {
        ASSERT_FALSE(view) << byte << " " << size;
        ASSERT_EQ(view.error(), Drop::kTcpBadDataOffset);
      } else {
        ASSERT_TRUE(view) << byte << " " << size;
        ASSERT_EQ(view->options().size(), header_size - 20);
        ASSERT_EQ(view->payload().size(), size - header_size);
      }
    }
  }
}

// [RFC 9293 3.1 MUST-3] no single bit of header or payload flips unseen.
TEST(TcpTest, EveryFlippedBitIsNoticed) {
  for (size_t bit = 0; bit < 8 * kData.size(); ++bit) {
    std::vector<uint8_t> bytes = kData;
    bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ (1u << bit % 8));
    const ExactBytes exact(bytes);
    const auto view = TcpView::Parse(exact);
    if (view) {
      EXPECT_FALSE(view->ChecksumIsValid(kSource, kDestination)) << bit;
    }
  }
  const ExactBytes exact(kData);
  const auto view = TcpView::Parse(exact);
  EXPECT_FALSE(view->ChecksumIsValid(kSource, Ipv4Address::Of(10, 0, 0, 3)));
}

// [RFC 9293 3.1 MUST-2] what Emit writes is valid; what Parse reads is what was written.
TEST(TcpTest, RoundTrip) {
  Random random(Seed{7, 1});
  for (int round = 0; round < 2000; ++round) {
    const std::vector<uint8_t> options = RandomBytes(random, 4 * random.Below(11));
    const std::vector<uint8_t> payload = RandomBytes(random, random.Below(1461));
    const Ipv4Address source{random.Next32()};
    const Ipv4Address destination{random.Next32()};
    const TcpHeader header = {.source_port = static_cast<uint16_t>(random.Next32()),
                              .destination_port = static_cast<uint16_t>(random.Next32()),
                              .sequence = Seq(random.Next32()),
                              .acknowledgment = Seq(random.Next32()),
                              .flags = static_cast<uint8_t>(random.Next32()),
                              .window = static_cast<uint16_t>(random.Next32()),
                              .urgent_pointer = static_cast<uint16_t>(random.Next32()),
                              .options = options};
    ExactBytes out(Join({std::vector<uint8_t>(header.Size(), 0x55), payload}));
    const size_t size =
        header.Emit(out.mutable_bytes(), source, destination, payload.size(), SumBytes(payload));
    ASSERT_EQ(size, Bytes(out).size());
    const auto view = TcpView::Parse(out);
    ASSERT_TRUE(view);
    ASSERT_TRUE(view->ChecksumIsValid(source, destination));
    ASSERT_EQ(view->source_port(), header.source_port);
    ASSERT_EQ(view->destination_port(), header.destination_port);
    ASSERT_EQ(view->sequence(), header.sequence);
    ASSERT_EQ(view->acknowledgment(), header.acknowledgment);
    ASSERT_EQ(view->flags(), header.flags);
    ASSERT_EQ(view->window(), header.window);
    ASSERT_EQ(view->urgent_pointer(), header.urgent_pointer);
    ASSERT_EQ(ToVector(view->options()), options);
    ASSERT_EQ(ToVector(view->payload()), payload);
  }
}

TEST(TcpDeathTest, EmitRefusesWhatCannotBe) {
  std::vector<uint8_t> out(100);
  const std::vector<uint8_t> odd(3);
  const std::vector<uint8_t> long_options(44);
  EXPECT_DEATH((TcpHeader{.options = odd}.Emit(out, kSource, kDestination, 0, 0)), "options.size");
  EXPECT_DEATH((TcpHeader{.options = long_options}.Emit(out, kSource, kDestination, 0, 0)),
               "options.size");
  EXPECT_DEATH((TcpHeader{}.Emit(out, kSource, kDestination, 81, 0)), "out.size");
}

}  // namespace
}  // namespace aether
