#include "stack/tcp/reassembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "stack/base/random.h"

namespace aether::tcp {
namespace {

class ReassemblerTest : public ::testing::Test {
 protected:
  ReassemblyPools pools() { return {chunks_, ranges_}; }
  bool Insert(uint32_t offset, uint32_t size, uint32_t ranges_max = 16) {
    std::vector<uint8_t> text(size);
    for (uint32_t i = 0; i < size; ++i) text[i] = Byte(offset + i);
    duplicate_ = {};
    const bool kept = held_.Insert(pools(), kBase + offset, text, ranges_max, &duplicate_);
    held_.CheckInvariants(ranges_, kBase);
    return kept;
  }
  static uint8_t Byte(uint32_t offset) { return static_cast<uint8_t>(offset * 131 >> 3); }
  std::vector<SackBlock> Blocks(size_t wanted) {
    std::vector<SackBlock> blocks(wanted);
    blocks.resize(held_.SackBlocks(ranges_, blocks));
    return blocks;
  }

  static constexpr Seq kBase{0xfffff000u};
  ChunkPool chunks_{256};
  Pool<HeldRange> ranges_{32};
  Reassembler held_;
  SackBlock duplicate_;
};

TEST_F(ReassemblerTest, HandsOverWhatHasBecomeContiguous) {
  EXPECT_TRUE(Insert(100, 50));
  EXPECT_TRUE(Insert(200, 50));
  ChunkQueue stream;
  EXPECT_EQ(held_.TakeInOrder(pools(), kBase + 50, stream), 0u);
  EXPECT_EQ(held_.TakeInOrder(pools(), kBase + 120, stream), 30u);
  EXPECT_EQ(stream.size(), 30u);
  EXPECT_EQ(stream.Front(chunks_, 0)[0], Byte(120));
  EXPECT_EQ(held_.held_bytes(), 50u);
  stream.Clear(chunks_);
  held_.Clear(pools());
  EXPECT_EQ(chunks_.used() + ranges_.used(), 0u);
}

// [RFC 2018 4] the block that changed last comes first; [RFC 2883 4] what came twice is told.
TEST_F(ReassemblerTest, ReportsTheLatestBlockFirstAndDuplicates) {
  Insert(100, 50);
  Insert(300, 50);
  Insert(500, 50);
  EXPECT_EQ(Blocks(3), (std::vector<SackBlock>{{kBase + 500, kBase + 550},
                                               {kBase + 300, kBase + 350},
                                               {kBase + 100, kBase + 150}}));
  Insert(150, 50);
  EXPECT_EQ(Blocks(2),
            (std::vector<SackBlock>{{kBase + 100, kBase + 200}, {kBase + 500, kBase + 550}}));
  EXPECT_EQ(duplicate_, SackBlock{});
  Insert(120, 30);
  EXPECT_EQ(duplicate_, (SackBlock{kBase + 120, kBase + 150}));
  EXPECT_EQ(Blocks(1), (std::vector<SackBlock>{{kBase + 100, kBase + 200}}));
  held_.Clear(pools());
}

TEST_F(ReassemblerTest, RangesThatTouchAreOneBlock) {
  Insert(200, 50);
  Insert(100, 100);
  EXPECT_EQ(Blocks(4), (std::vector<SackBlock>{{kBase + 100, kBase + 250}}));
  held_.Clear(pools());
}

// CVE-2018-5390: one byte here and there, and nothing but the limit holds it.
TEST_F(ReassemblerTest, RangesAreBounded) {
  for (uint32_t i = 0; i < 8; ++i) EXPECT_TRUE(Insert(10 + 2 * i, 1, 8));
  EXPECT_FALSE(Insert(100, 1, 8));
  EXPECT_EQ(held_.range_count(), 8u);
  EXPECT_TRUE(Insert(25, 1, 8)) << "what continues a range needs no new one";
  held_.Clear(pools());
}

// Random overlapping pieces against a flag per byte: the stream is right whatever came how.
TEST(Reassembler, AgreesWithABitmap) {
  Random random({21, 22});
  for (int round = 0; round < 400; ++round) {
    ChunkPool chunks(512);
    Pool<HeldRange> ranges(64);
    const ReassemblyPools pools{chunks, ranges};
    Reassembler held;
    ChunkQueue stream;
    const Seq base(random.Next32());
    std::vector<uint8_t> data(3000);
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(random.Next32());
    std::vector<bool> has(data.size());
    uint32_t nxt = 0;
    while (nxt < data.size()) {
      uint32_t start = nxt + random.Below(static_cast<uint32_t>(data.size()) - nxt);
      if (random.Below(3) == 0) start = nxt;
      const uint32_t size =
          1 + random.Below(std::min<uint32_t>(400, static_cast<uint32_t>(data.size()) - start));
      const Bytes text = Bytes(data).subspan(start, size);
      if (start == nxt) {
        ASSERT_TRUE(stream.Append(chunks, text));
        nxt += size;
        nxt += held.TakeInOrder(pools, base + nxt, stream);
      } else {
        SackBlock duplicate{};
        bool any = false;
        for (uint32_t i = start; i < start + size; ++i) any = any || has[i];
        if (held.Insert(pools, base + start, text, 64, &duplicate)) {
          ASSERT_EQ(any, duplicate != SackBlock{});
          for (uint32_t i = start; i < start + size; ++i) has[i] = true;
        }
      }
      while (nxt < data.size() && has[nxt])
        FAIL() << "held bytes that are contiguous were not taken";
      held.CheckInvariants(ranges, base + nxt);
      uint32_t expected = 0;
      for (size_t i = nxt; i < data.size(); ++i) expected += has[i] ? 1u : 0u;
      ASSERT_EQ(held.held_bytes(), expected);
    }
    size_t at = 0;
    while (at < data.size()) {
      const Bytes piece = stream.Front(chunks, at);
      ASSERT_FALSE(piece.empty());
      ASSERT_TRUE(
          std::equal(piece.begin(), piece.end(), data.begin() + static_cast<ptrdiff_t>(at)));
      at += piece.size();
    }
    stream.Clear(chunks);
    ASSERT_TRUE(held.empty());
    ASSERT_EQ(chunks.used() + ranges.used(), 0u);
  }
}

}  // namespace
}  // namespace aether::tcp
