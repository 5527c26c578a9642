#include "stack/wire/seq.h"

#include <gtest/gtest.h>

#include <vector>

namespace aether {
namespace {

// Numbers around 0, 2^31 and 2^32, and a spread of the rest, so that every pair of them crosses
// every wrap.
std::vector<uint32_t> Spread() {
  std::vector<uint32_t> values;
  for (const uint32_t centre : {0u, 0x40000000u, 0x80000000u, 0xc0000000u}) {
    for (uint32_t step = 0; step <= 256; ++step) values.push_back(centre + step - 128);
  }
  for (uint32_t high = 0; high < 256; ++high) values.push_back(high << 24 | 0x5a5a5a);
  return values;
}

// [RFC 9293 3.4] a number is before another when it takes fewer than 2^31 steps up to reach it.
TEST(SeqTest, OrderOfEveryPair) {
  const std::vector<uint32_t> values = Spread();
  for (const uint32_t a : values) {
    for (const uint32_t b : values) {
      const uint64_t up = (uint64_t{b} + (uint64_t{1} << 32) - a) % (uint64_t{1} << 32);
      const bool before = up != 0 && up < (uint64_t{1} << 31);
      const bool after = up > (uint64_t{1} << 31);
      ASSERT_EQ(Seq(a).Before(Seq(b)), before) << a << " " << b;
      ASSERT_EQ(Seq(a).After(Seq(b)), after) << a << " " << b;
      ASSERT_EQ(Seq(a).BeforeOrAt(Seq(b)), before || a == b) << a << " " << b;
      ASSERT_EQ(Seq(a).AfterOrAt(Seq(b)), after || a == b) << a << " " << b;
      ASSERT_EQ(Seq(a) == Seq(b), a == b);
      ASSERT_EQ(Seq(b).DistanceFrom(Seq(a)), up);
    }
  }
}

// Two numbers 2^31 apart satisfied both comparisons in a stack that cast the difference to signed.
TEST(SeqTest, OppositeNumbersHaveNoOrder) {
  for (const uint32_t value : Spread()) {
    const Seq a(value);
    const Seq b(value + 0x80000000u);
    ASSERT_FALSE(a.Before(b) || a.After(b) || a.BeforeOrAt(b) || a.AfterOrAt(b)) << value;
    ASSERT_FALSE(a == b);
  }
}

TEST(SeqTest, Arithmetic) {
  EXPECT_EQ(Seq(0xffffffffu) + 1, Seq(0));
  EXPECT_EQ(Seq(0) - 1, Seq(0xffffffffu));
  Seq seq(0xfffffff0u);
  seq += 0x20;
  EXPECT_EQ(seq.value(), 0x10u);
  EXPECT_EQ(Seq().value(), 0u);
}

TEST(SeqTest, WindowOfEverySize) {
  for (const uint32_t start : {0u, 0x7fffff80u, 0x80000000u, 0xffffff80u, 0xffffffffu}) {
    for (const uint32_t size : {0u, 1u, 127u, 128u, 65535u, 0x40000000u}) {
      for (const uint32_t offset : {0u, 1u, 126u, 127u, 128u, 65534u, 65535u, 0x3fffffffu,
                                    0x40000000u, 0x80000000u, 0xfffffffeu, 0xffffffffu}) {
        ASSERT_EQ(Seq(start + offset).InWindow(Seq(start), size), offset < size)
            << start << " " << size << " " << offset;
      }
    }
  }
}

}  // namespace
}  // namespace aether
