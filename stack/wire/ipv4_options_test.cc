// IPv4 headers with options: the walk over them, and what a malformed one does to the packet.
#include <gtest/gtest.h>

#include "stack/wire/ipv4.h"
#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

const std::vector<uint8_t> kPacket = {
    0x46, 0x00, 0x00, 0x20,  // a header of 24 bytes
    0xab, 0xcd, 0x00, 0x00,  //
    0x40, 0x11, 0xb7, 0xe2,  //
    0xc0, 0xa8, 0x00, 0x01,  //
    0xc0, 0xa8, 0x00, 0xc7,  //
    0x94, 0x04, 0x00, 0x00,  // router alert
    1,    2,    3,    4,    5, 6, 7, 8,
};

struct Option {
  uint8_t kind;
  std::vector<uint8_t> data;
  bool operator==(const Option&) const = default;
};

struct Walked {
  std::vector<Option> options;
  bool malformed = false;
};

Walked Walk(const std::vector<uint8_t>& bytes) {
  const ExactBytes exact(bytes);
  Ipv4OptionIterator walk{Bytes(exact)};
  Walked walked;
  uint8_t kind;
  Bytes data;
  while (walk.Next(kind, data)) {
    walked.options.push_back({kind, ToVector(data)});
    if (walked.options.size() > bytes.size()) ADD_FAILURE() << "the walk does not advance";
    if (walked.options.size() > bytes.size()) break;
  }
  walked.malformed = walk.malformed();
  // The end is final.
  EXPECT_FALSE(walk.Next(kind, data));
  return walked;
}

// The packet above with other options, 40 bytes at most, padded with the end of the list.
std::vector<uint8_t> PacketWith(std::vector<uint8_t> options) {
  while (options.size() % 4 != 0) options.push_back(0);
  std::vector<uint8_t> packet =
      Join({ToVector(Bytes(kPacket).first(20)), options, {1, 2, 3, 4, 5, 6, 7, 8}});
  packet[0] = static_cast<uint8_t>(0x40 | (20 + options.size()) / 4);
  StoreBe<uint16_t>(packet.data() + 2, static_cast<uint16_t>(packet.size()));
  StoreBe<uint16_t>(packet.data() + 10, 0);
  StoreBe<uint16_t>(packet.data() + 10,
                    ChecksumOf(SumBytes(Bytes(packet).first(20 + options.size()))));
  return packet;
}

TEST(Ipv4OptionsTest, Deconstruct) {
  const ExactBytes packet(kPacket);
  const auto view = Ipv4View::Parse(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->header_size(), 24u);
  EXPECT_EQ(ToVector(view->options()), (std::vector<uint8_t>{0x94, 4, 0, 0}));
  EXPECT_EQ(view->payload().size(), 8u);
  EXPECT_EQ(PacketWith({0x94, 4, 0, 0}), kPacket);
}

TEST(Ipv4OptionsTest, EveryTruncatedPrefixIsRejected) {
  ForEachProperPrefix(kPacket, [](Bytes prefix) {
    const auto view = Ipv4View::Parse(prefix);
    ASSERT_FALSE(view) << prefix.size();
    EXPECT_EQ(view.error(), prefix.size() < 20   ? Drop::kIpv4TooShort
                            : prefix.size() < 24 ? Drop::kIpv4BadHeaderLength
                                                 : Drop::kIpv4BadTotalLength);
  });
}

TEST(Ipv4OptionsTest, TotalLengthInsideTheOptions) {
  for (uint16_t total = 20; total < 24; ++total) {
    std::vector<uint8_t> packet = kPacket;
    StoreBe<uint16_t>(packet.data() + 2, total);
    const auto view = Ipv4View::Parse(packet);
    ASSERT_FALSE(view);
    EXPECT_EQ(view.error(), Drop::kIpv4BadTotalLength);
  }
}

TEST(Ipv4OptionsTest, Walks) {
  EXPECT_TRUE(Walk({}).options.empty());
  EXPECT_TRUE(Walk({0}).options.empty());
  EXPECT_TRUE(Walk({1, 1, 1, 1}).options.empty());
  EXPECT_EQ(Walk({1, 7, 3, 4, 1, 0x94, 4, 0, 0, 0}).options,
            (std::vector<Option>{{7, {4}}, {0x94, {0, 0}}}));
  // What stands behind the end is never read.
  EXPECT_EQ(Walk({7, 2, 0, 0xff, 0xff}).options, (std::vector<Option>{{7, {}}}));
  EXPECT_FALSE(Walk({7, 2, 0, 0xff, 0xff}).malformed);
}

TEST(Ipv4OptionsTest, LengthsThatLeadNowhere) {
  const std::vector<std::vector<uint8_t>> all = {
      {0xff, 0, 0, 0}, {7, 0},         {7, 1},       {7},          {1, 1, 1, 7},
      {7, 5, 0, 0},    {7, 255, 0, 0}, {7, 3, 0, 7}, {7, 2, 7, 3},
  };
  for (const auto& options : all)
    EXPECT_TRUE(Walk(options).malformed) << testing::PrintToString(options);
}

TEST(Ipv4OptionsTest, MalformedOptionsRejectThePacket) {
  for (const std::vector<uint8_t>& options :
       {std::vector<uint8_t>{0xff, 0, 0, 0}, {7, 1, 0, 0}, {7, 5, 0, 0}, {1, 1, 1, 7}}) {
    const auto view = Ipv4View::Parse(ExactBytes(PacketWith(options)));
    ASSERT_FALSE(view);
    EXPECT_EQ(view.error(), Drop::kIpv4BadOptions);
  }
  EXPECT_TRUE(Ipv4View::Parse(ExactBytes(PacketWith({1, 1, 1, 0}))));
  EXPECT_TRUE(Ipv4View::Parse(ExactBytes(PacketWith({7, 4, 4, 0}))));
}

TEST(Ipv4OptionsTest, LongestOptions) {
  std::vector<uint8_t> options(40, 1);
  const auto nops = Ipv4View::Parse(ExactBytes(PacketWith(options)));
  ASSERT_TRUE(nops);
  EXPECT_EQ(nops->header_size(), 60u);
  options[0] = 7;
  options[1] = 40;
  EXPECT_TRUE(Ipv4View::Parse(ExactBytes(PacketWith(options))));
  options[1] = 41;
  const auto beyond = Ipv4View::Parse(ExactBytes(PacketWith(options)));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error(), Drop::kIpv4BadOptions);
}

// Any bytes at all: the walk ends, and what it hands out lies inside of them.
TEST(Ipv4OptionsTest, RandomBytesEnd) {
  Random random(Seed{6, 1});
  for (int round = 0; round < 50000; ++round) {
    std::vector<uint8_t> bytes = RandomBytes(random, random.Below(41));
    for (uint8_t& byte : bytes) {
      if (random.Below(2) == 0) byte = static_cast<uint8_t>(byte % 8);
    }
    const Walked walked = Walk(bytes);
    size_t total = 0;
    for (const Option& option : walked.options) total += 2 + option.data.size();
    ASSERT_LE(total, bytes.size());
  }
}

}  // namespace
}  // namespace aether
