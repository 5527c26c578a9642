#include "stack/testing/unpredictable.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "stack/base/random.h"

namespace aether::testing {
namespace {

std::string Judge(const std::function<uint32_t(uint32_t)>& draw, int bits = 32) {
  std::vector<uint32_t> values;
  for (uint32_t i = 0; i < 1000; ++i) values.push_back(draw(i));
  return Suspicion(values, bits);
}

TEST(Unpredictable, AGoodGeneratorPasses) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random({seed, 1});
    for (const int bits : {8, 14, 16, 26, 32}) {
      EXPECT_EQ(Judge([&](uint32_t) { return random.Next32(); }, bits), "") << seed << ' ' << bits;
    }
  }
}

TEST(Unpredictable, WhatCanBeToldIsSeen) {
  Random random({7, 7});
  EXPECT_NE(Judge([](uint32_t) { return 5u; }), "");
  EXPECT_NE(Judge([](uint32_t i) { return i; }, 16), "");
  EXPECT_NE(Judge([](uint32_t i) { return i * 0x9e3779b9u; }), "");
  EXPECT_NE(Judge([x = 1u](uint32_t) mutable { return x = x * 1664525u + 1013904223u; }), "");
  // A counter with a random step, a random number that lives for two draws, a low bit that is
  // always set, a high byte that stands still.
  EXPECT_NE(Judge([&, x = 0u](uint32_t) mutable { return x += random.Next32() % 1000; }), "");
  EXPECT_NE(
      Judge([&, x = 0u](uint32_t i) mutable { return x = i % 2 == 0 ? random.Next32() : x + 1; }),
      "");
  EXPECT_NE(Judge([&](uint32_t) { return random.Next32() | 1; }), "");
  EXPECT_NE(Judge([&](uint32_t) { return random.Next32() & 0x00ffffffu; }), "");
  EXPECT_NE(Judge([&, x = 0u](uint32_t) mutable { return x = x * 75 + 74; }, 16), "");
}

}  // namespace
}  // namespace aether::testing
