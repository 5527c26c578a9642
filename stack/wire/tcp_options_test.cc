#include "stack/wire/tcp_options.h"

#include <gtest/gtest.h>

#include "stack/wire/wire_test_util.h"

namespace aether {
namespace {

std::expected<TcpOptions, Drop> Parse(const std::vector<uint8_t>& bytes) {
  const ExactBytes exact(bytes);
  return TcpOptions::Parse(exact);
}

std::vector<uint8_t> Emit(const TcpOptions& options) {
  std::vector<uint8_t> out(40, 0x55);
  const size_t size = options.Emit(out);
  EXPECT_TRUE(std::all_of(out.begin() + static_cast<ptrdiff_t>(size), out.end(),
                          [](uint8_t byte) { return byte == 0x55; }));
  out.resize(size);
  return out;
}

void ExpectMalformed(const std::vector<uint8_t>& bytes) {
  const auto options = Parse(bytes);
  ASSERT_FALSE(options) << testing::PrintToString(bytes);
  EXPECT_EQ(options.error(), Drop::kTcpBadOptions);
}

// The options of a SYN as Linux writes them.
const std::vector<uint8_t> kSyn = {
    2, 4,  0x05, 0xb4,                          // MSS 1460
    4, 2,                                       // SACK permitted
    8, 10, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0,  // timestamps
    1, 3,  3,    7,                             // NOP, window scale 7
};

const TcpOptions kSynValue = {.mss = 1460,
                              .window_scale = 7,
                              .sack_permitted = true,
                              .timestamps = TcpTimestamps{0x11223344, 0}};

TEST(TcpOptionsTest, Deconstruct) {
  const auto options = Parse(kSyn);
  ASSERT_TRUE(options);
  EXPECT_EQ(*options, kSynValue);
}

TEST(TcpOptionsTest, Construct) {
  EXPECT_EQ(Emit(kSynValue), kSyn);
  EXPECT_TRUE(Emit(TcpOptions{}).empty());
  EXPECT_EQ(Emit({.mss = 536}), (std::vector<uint8_t>{2, 4, 2, 24}));
  EXPECT_EQ(Emit({.window_scale = 0}), (std::vector<uint8_t>{1, 3, 3, 0}));
  EXPECT_EQ(Emit({.sack_permitted = true}), (std::vector<uint8_t>{1, 1, 4, 2}));
  EXPECT_EQ(Emit({.timestamps = TcpTimestamps{1, 2}}),
            (std::vector<uint8_t>{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}));
}

// Every prefix of good options either ends between two of them or is refused.
TEST(TcpOptionsTest, EveryTruncatedPrefix) {
  const std::vector<size_t> whole = {0, 4, 6, 16, 17};
  ForEachProperPrefix(kSyn, [&whole](Bytes prefix) {
    const auto options = TcpOptions::Parse(prefix);
    const bool is_whole = std::find(whole.begin(), whole.end(), prefix.size()) != whole.end();
    EXPECT_EQ(options.has_value(), is_whole) << prefix.size();
    if (!options) {
      EXPECT_EQ(options.error(), Drop::kTcpBadOptions);
    }
  });
}

// [RFC 9293 3.1 MUST-7] lengths of zero and one, lengths past the end, and kinds without a length.
TEST(TcpOptionsTest, LengthsThatLeadNowhere) {
  ExpectMalformed({0xff, 0, 0, 0});
  ExpectMalformed({0xff, 1, 0, 0});
  ExpectMalformed({2, 0, 5, 0xb4});
  ExpectMalformed({2, 1, 5, 0xb4});
  ExpectMalformed({2, 5, 5, 0xb4});
  ExpectMalformed({2, 255, 5, 0xb4});
  ExpectMalformed({3, 2, 3, 3});
  ExpectMalformed({1, 1, 1, 2});
  ExpectMalformed({0x22});
  // Good ones before a bad one do not save it.
  ExpectMalformed({2, 4, 5, 0xb4, 1, 1, 3, 3});
  // Exactly at the end is good.
  EXPECT_TRUE(Parse({0xff, 4, 0, 0}));
  EXPECT_TRUE(Parse({0xff, 2}));
}

// For each kind, each length from 0 on in a field of eight bytes.
TEST(TcpOptionsTest, EveryKindWithEveryLength) {
  for (unsigned kind = 2; kind < 256; ++kind) {
    for (unsigned length = 0; length < 256; ++length) {
      std::vector<uint8_t> bytes(8, 1);
      bytes[0] = static_cast<uint8_t>(kind);
      bytes[1] = static_cast<uint8_t>(length);
      const auto options = Parse(bytes);
      ASSERT_EQ(options.has_value(), length >= 2 && length <= 8) << kind << " " << length;
      if (!options) continue;
      ASSERT_EQ(options->mss.has_value(), kind == 2 && length == 4);
      ASSERT_EQ(options->window_scale.has_value(), kind == 3 && length == 3);
      ASSERT_EQ(options->sack_permitted, kind == 4 && length == 2);
      ASSERT_FALSE(options->timestamps);
      ASSERT_EQ(options->sack_block_count, 0u);
    }
  }
}

// [RFC 9293 3.1 MUST-6] unknown kinds are stepped over, and what stands behind them counts.
TEST(TcpOptionsTest, UnknownKindsAreSkipped) {
  const auto options = Parse({0x1e, 6, 1, 2, 3, 4, 2, 4, 5, 0xb4, 0xfd, 2});
  ASSERT_TRUE(options);
  EXPECT_EQ(*options, (TcpOptions{.mss = 1460}));
}

TEST(TcpOptionsTest, NopsAndEnd) {
  EXPECT_EQ(*Parse({}), TcpOptions{});
  EXPECT_EQ(*Parse(std::vector<uint8_t>(40, 1)), TcpOptions{});
  EXPECT_EQ(*Parse(std::vector<uint8_t>(40, 0)), TcpOptions{});
  // What stands behind the end is padding, however it looks.
  EXPECT_EQ(*Parse({2, 4, 5, 0xb4, 0, 3, 3, 9}), (TcpOptions{.mss = 1460}));
  EXPECT_EQ(*Parse({2, 4, 5, 0xb4, 0, 0xff, 0, 0}), (TcpOptions{.mss = 1460}));
}

// [RFC 7323 2.3] a shift count above 14 is used as 14.
TEST(TcpOptionsTest, WindowScaleIsAtMostFourteen) {
  for (unsigned shift = 0; shift < 256; ++shift) {
    const auto options = Parse({3, 3, static_cast<uint8_t>(shift), 1});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->window_scale, std::min(shift, 14u)) << shift;
  }
}

TEST(TcpOptionsTest, TheLastOfTwoCounts) {
  EXPECT_EQ(Parse({2, 4, 5, 0xb4, 2, 4, 2, 24})->mss, 536);
  // One with a length that is not its own does not count.
  EXPECT_EQ(Parse({2, 4, 5, 0xb4, 2, 3, 9, 1})->mss, 1460);
}

TEST(TcpOptionsTest, TimestampsOfOtherLengthsAreSkipped) {
  for (uint8_t length = 2; length <= 12; ++length) {
    std::vector<uint8_t> bytes(length, 0x33);
    bytes[0] = 8;
    bytes[1] = length;
    const auto options = Parse(bytes);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->timestamps.has_value(), length == 10) << int{length};
  }
}

std::vector<uint8_t> SackOption(size_t blocks) {
  std::vector<uint8_t> bytes = {5, static_cast<uint8_t>(2 + 8 * blocks)};
  for (size_t i = 0; i < 8 * blocks; ++i) bytes.push_back(static_cast<uint8_t>(i));
  return bytes;
}

// [RFC 2018 3] up to four blocks fit; a fifth would need a longer header than there is, and is not
// looked at.
TEST(TcpOptionsTest, ZeroToFiveSackBlocks) {
  for (size_t blocks = 0; blocks <= 5; ++blocks) {
    const auto options = Parse(SackOption(blocks));
    ASSERT_TRUE(options) << blocks;
    ASSERT_EQ(options->sack_block_count, std::min<size_t>(blocks, 4));
    for (size_t i = 0; i < options->sack_block_count; ++i) {
      const uint32_t first = static_cast<uint32_t>(8 * i);
      const uint32_t start = first << 24 | (first + 1) << 16 | (first + 2) << 8 | (first + 3);
      EXPECT_EQ(options->sack_blocks[i].start, Seq(start));
      EXPECT_EQ(options->sack_blocks[i].end, Seq(start + 0x04040404));
    }
  }
}

TEST(TcpOptionsTest, SackOfOtherLengthsIsSkipped) {
  for (uint8_t length = 2; length <= 40; ++length) {
    std::vector<uint8_t> bytes(length, 0);
    bytes[0] = 5;
    bytes[1] = length;
    const auto options = Parse(bytes);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->sack_block_count,
              length > 2 && (length - 2) % 8 == 0 ? (length - 2u) / 8 : 0u);
  }
}

TcpOptions RandomOptions(Random& random) {
  TcpOptions options;
  if (random.Below(2) == 0) options.mss = static_cast<uint16_t>(random.Next32());
  if (random.Below(2) == 0) options.window_scale = static_cast<uint8_t>(random.Below(15));
  options.sack_permitted = random.Below(2) == 0;
  if (random.Below(2) == 0) options.timestamps = TcpTimestamps{random.Next32(), random.Next32()};
  // As many blocks as the 40 bytes leave room for.
  const size_t used = (options.mss ? 4u : 0u) + (options.window_scale ? 4u : 0u) +
                      (options.timestamps       ? 12u
                       : options.sack_permitted ? 4u
                                                : 0u);
  const uint32_t room = static_cast<uint32_t>((40 - used - 4) / 8);
  options.sack_block_count = random.Below(std::min(room, 4u) + 1);
  for (size_t i = 0; i < options.sack_block_count; ++i) {
    options.sack_blocks[i] = {Seq(random.Next32()), Seq(random.Next32())};
  }
  return options;
}

TEST(TcpOptionsTest, RoundTrip) {
  Random random(Seed{8, 1});
  for (int round = 0; round < 20000; ++round) {
    const TcpOptions options = RandomOptions(random);
    const std::vector<uint8_t> bytes = Emit(options);
    ASSERT_EQ(bytes.size() % 4, 0u);
    ASSERT_LE(bytes.size(), 40u);
    const auto parsed = Parse(bytes);
    ASSERT_TRUE(parsed) << testing::PrintToString(bytes);
    ASSERT_EQ(*parsed, options) << testing::PrintToString(bytes);
    ASSERT_EQ(Emit(*parsed), bytes);
  }
}

// Emit needs no more room than it says.
TEST(TcpOptionsTest, EmitsIntoAnExactBuffer) {
  ExactBytes out(std::vector<uint8_t>(kSyn.size()));
  EXPECT_EQ(kSynValue.Emit(out.mutable_bytes()), kSyn.size());
  EXPECT_EQ(ToVector(out), kSyn);
}

TEST(TcpOptionsTest, RandomBytesEnd) {
  Random random(Seed{8, 2});
  for (int round = 0; round < 50000; ++round) {
    std::vector<uint8_t> bytes = RandomBytes(random, random.Below(41));
    for (uint8_t& byte : bytes) {
      if (random.Below(2) == 0) byte = static_cast<uint8_t>(byte % 11);
    }
    const ExactBytes exact(bytes);
    TcpOptionIterator walk{Bytes(exact)};
    size_t steps = 0;
    uint8_t kind;
    Bytes data;
    while (walk.Next(kind, data)) {
      ASSERT_LT(++steps, 21u);
      ASSERT_NE(kind, 0);
      ASSERT_NE(kind, 1);
    }
    ASSERT_EQ(Parse(bytes).has_value(), !walk.malformed());
  }
}

// Blocks of the first of two SACK options stood behind those of the second.
TEST(TcpOptionsTest, OfTwoSackOptionsNothingOfTheFirstStays) {
  const auto options = Parse({5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,  //
                              5, 10, 0, 0, 0, 5, 0, 0, 0, 6});
  ASSERT_TRUE(options);
  const TcpOptions expected{.sack_blocks = {SackBlock{Seq(5), Seq(6)}}, .sack_block_count = 1};
  EXPECT_EQ(*options, expected);
}

TEST(TcpOptionsDeathTest, EmitRefusesWhatDoesNotFit) {
  std::vector<uint8_t> out(60);
  TcpOptions options{.timestamps = TcpTimestamps{1, 2}, .sack_block_count = 4};
  EXPECT_DEATH(options.Emit(out), "size <= 40");
  options.sack_block_count = 3;
  EXPECT_EQ(options.Emit(out), 40u);
  EXPECT_DEATH(options.Emit(MutableBytes(out).first(39)), "out.size");
}

}  // namespace
}  // namespace aether
