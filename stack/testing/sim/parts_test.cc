// Clock, stream and dice.
#include <gtest/gtest.h>

#include <vector>

#include "stack/testing/sim/dice.h"
#include "stack/testing/sim/skewed_clock.h"
#include "stack/testing/sim/stream.h"

namespace aether::testing::sim {
namespace {

TEST(SkewedClockTest, RunsFasterOrSlower) {
  const SkewedClock fast(std::chrono::hours(5), 100'000);
  EXPECT_EQ(fast.Local(Instant{}), Instant(std::chrono::hours(5)));
  EXPECT_EQ(fast.Local(Instant(std::chrono::seconds(10))),
            Instant(std::chrono::hours(5) + std::chrono::seconds(11)));
  const SkewedClock slow(Duration{0}, -100'000);
  EXPECT_EQ(slow.Local(Instant(std::chrono::seconds(10))), Instant(std::chrono::seconds(9)));
}

TEST(SkewedClockTest, GlobalIsTheFirstInstantThatShowsTheLocalTime) {
  Dice dice(Seed{1, 1});
  for (int i = 0; i < 2000; ++i) {
    const SkewedClock clock(dice.Between(Duration{0}, std::chrono::hours(2000)),
                            static_cast<int32_t>(dice.Between(-900'000, 900'000)));
    const Instant start = clock.Local(Instant{});
    const Instant local = start + dice.Scaled(Duration{1}, std::chrono::hours(48));
    const Instant global = clock.Global(local);
    ASSERT_GE(clock.Local(global), local);
    ASSERT_LT(clock.Local(global - Duration{1}), local);
  }
  EXPECT_EQ(SkewedClock(Duration{5}, 7).Global(kNever), kNever);
  EXPECT_EQ(SkewedClock(Duration{5}, 7).Global(Instant{}), Instant{});
}

TEST(StreamTest, FillIsAtAndMatchFindsTheFirstOtherByte) {
  const Stream stream(77);
  for (const uint64_t offset : {0u, 1u, 7u, 8u, 12345u}) {
    std::vector<uint8_t> bytes(100);
    stream.Fill(offset, bytes);
    for (size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], stream.At(offset + i));
    EXPECT_EQ(stream.MatchLength(offset, bytes), 100u);
    bytes[61] ^= 1;
    EXPECT_EQ(stream.MatchLength(offset, bytes), 61u);
    bytes[61] ^= 1;
    // A byte too early or too late is no match for long.
    EXPECT_LT(stream.MatchLength(offset + 1, bytes), 4u);
  }
  EXPECT_NE(Stream(1).At(0) << 8 | Stream(1).At(1), Stream(2).At(0) << 8 | Stream(2).At(1));
}

TEST(DiceTest, DrawsStayInTheirBounds) {
  Dice dice(Seed{9, 9});
  for (int i = 0; i < 5000; ++i) {
    const int64_t scaled = dice.Scaled(3, 1000);
    ASSERT_TRUE(scaled >= 3 && scaled <= 1000);
    ASSERT_LE(std::abs(dice.NormalLike(10)), 60);
    ASSERT_LE(dice.HeavyTail(5), 5 * 1024);
    const int64_t between = dice.Between(-2, 2);
    ASSERT_TRUE(between >= -2 && between <= 2);
  }
  EXPECT_FALSE(dice.Chance(0));
  EXPECT_TRUE(dice.Chance(kCertain));
}

TEST(DiceTest, NormalIsWideAsAskedAndTheTailIsHeavy) {
  Dice dice(Seed{9, 8});
  int64_t squares = 0;
  int beyond = 0;
  for (int i = 0; i < 10'000; ++i) {
    const int64_t value = dice.NormalLike(1000);
    squares += value * value;
    beyond += dice.HeavyTail(1000) > 4000 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(squares) / 10'000, 1e6, 1e5);
  EXPECT_GT(beyond, 50);
  EXPECT_LT(beyond, 1000);
}

}  // namespace
}  // namespace aether::testing::sim
