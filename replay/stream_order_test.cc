// Text leaves once and in order, in whatever order it came.
#include "replay/stream_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "stack/base/random.h"

namespace aether::replay {
namespace {

TEST(StreamOrder, AnyOrderAndOverlap) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>('a' + i % 26);
  const Bytes bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  Random random(Seed{1, 2});
  for (int round = 0; round < 200; ++round) {
    const Seq first(0xffffff80);  // wraps
    StreamOrder order;
    order.Begin(first);
    std::vector<std::pair<uint32_t, uint32_t>> pieces;
    for (uint32_t at = 0; at < text.size();) {
      const uint32_t size = 1 + random.Below(20);
      const uint32_t from = at - std::min(at, random.Below(5));
      pieces.emplace_back(
          from, std::min<uint32_t>(static_cast<uint32_t>(text.size()) - from, size + (at - from)));
      at += size;
    }
    for (size_t i = pieces.size(); i > 1; --i)
      std::swap(pieces[i - 1], pieces[random.Below(static_cast<uint32_t>(i))]);
    std::string out;
    for (const auto& [from, size] : pieces) {
      order.Add(first + from, bytes.subspan(from, size),
                [&](Bytes piece) { out.append(piece.begin(), piece.end()); });
    }
    EXPECT_EQ(out, text);
    EXPECT_EQ(order.ahead_bytes(), 0u);
    EXPECT_FALSE(order.lost());
  }
}

TEST(StreamOrder, TooMuchAheadIsLost) {
  StreamOrder order;
  order.Begin(Seq(0));
  const std::vector<uint8_t> piece(10);
  for (uint32_t i = 0; i <= StreamOrder::kAheadPiecesMax; ++i)
    order.Add(Seq(100 + 10 * i), piece, [](Bytes) { FAIL(); });
  EXPECT_TRUE(order.lost());
  EXPECT_EQ(order.ahead_bytes(), 10 * StreamOrder::kAheadPiecesMax);
}

}  // namespace
}  // namespace aether::replay
