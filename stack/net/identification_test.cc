#include "stack/net/identification.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace aether::net {
namespace {

// [RFC 6864 4.2] [RFC 791 3.2] a value is not used again while a datagram may still be under way.
TEST(IdentificationDeck, NoValueComesAgainSoon) {
  for (const uint32_t cards : {2u, 16u, 4096u, 65536u}) {
    IdentificationDeck deck({1, 2}, cards);
    EXPECT_EQ(deck.distinct(), cards / 2);
    std::vector<uint32_t> drawn_at(65536);
    for (uint32_t i = 1; i <= 300000; ++i) {
      uint32_t& before = drawn_at[deck.Next()];
      if (before != 0) {
        ASSERT_GT(i - before, deck.distinct());
      }
      before = i;
    }
    // Nearly all of them were drawn by now, and nothing else.
    EXPECT_LE(65536 - std::ranges::count(drawn_at, 0u), cards);
    EXPECT_GE(65536 - std::ranges::count(drawn_at, 0u), cards - cards / 1024);
  }
}

TEST(IdentificationDeck, TheNumberOfCardsIsCutToAPowerOfTwo) {
  EXPECT_EQ(IdentificationDeck({1, 2}, 0).distinct(), 1u);
  EXPECT_EQ(IdentificationDeck({1, 2}, 1000).distinct(), 256u);
  EXPECT_EQ(IdentificationDeck({1, 2}, 0xffffffffu).distinct(), 32768u);
}

// Every bit, and the difference from one to the next, looks like chance from the first draw on.
TEST(IdentificationDeck, IsSpreadEvenly) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    IdentificationDeck deck({seed, 99});
    std::array<uint32_t, 16> ones{};
    std::array<uint32_t, 16> changes{};
    std::array<uint32_t, 256> steps{};
    uint16_t last = deck.Next();
    constexpr uint32_t kDraws = 10000;
    for (uint32_t i = 0; i < kDraws; ++i) {
      const uint16_t value = deck.Next();
      for (uint32_t bit = 0; bit < 16; ++bit) {
        ones[bit] += value >> bit & 1u;
        changes[bit] += (value ^ last) >> bit & 1u;
      }
      ++steps[static_cast<uint16_t>(value - last) >> 8];
      last = value;
    }
    for (uint32_t bit = 0; bit < 16; ++bit) {
      EXPECT_NEAR(ones[bit], kDraws / 2.0, 500) << bit;
      EXPECT_NEAR(changes[bit], kDraws / 2.0, 500) << bit;
    }
    for (const uint32_t count : steps) EXPECT_NEAR(count, kDraws / 256.0, 40);
  }
}

TEST(IdentificationDeck, SeedsDiffer) {
  IdentificationDeck a({1, 2}), b({1, 3}), again({1, 2});
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint16_t value = a.Next();
    EXPECT_EQ(value, again.Next());
    if (value == b.Next()) ++equal;
  }
  EXPECT_LT(equal, 5);
}

}  // namespace
}  // namespace aether::net
