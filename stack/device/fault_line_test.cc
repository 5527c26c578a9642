// Each fault alone at probability one, frequencies at a known seed, the order of frames, and the
// bounds at their edge.
#include "stack/device/fault_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "stack/device/device.h"

namespace aether::device {
namespace {

using ::testing::ElementsAre;
using Frame = std::vector<uint8_t>;
using namespace std::chrono_literals;

constexpr uint64_t kAlways = FaultRates::kAlways;
constexpr Instant kStart{1s};

FaultLine LineOf(const FaultRates& rates, size_t frames_max = 64, size_t bytes_max = 100'000) {
  return FaultLine(rates, Seed{7, 1}, frames_max, bytes_max);
}

// The first byte of every frame that is due.
std::vector<int> Take(FaultLine& line, Instant now) {
  std::vector<int> taken;
  for (Bytes frame = line.Front(now); !frame.empty(); frame = line.Front(now)) {
    taken.push_back(frame[0]);
    line.PopFront();
  }
  return taken;
}

void OfferNumbered(FaultLine& line, uint8_t number, Instant now) {
  line.Offer(Frame(60, number), now);
}

TEST(FaultLine, WithoutFaultsIsNotActive) {
  EXPECT_FALSE(LineOf({}).active());
  EXPECT_TRUE(LineOf({.drop = 1}).active());
}

TEST(FaultLine, Drops) {
  FaultLine line = LineOf({.drop = kAlways});
  for (uint8_t i = 0; i < 10; ++i) OfferNumbered(line, i, kStart);
  EXPECT_THAT(Take(line, kStart + 1h), ElementsAre());
  EXPECT_EQ(line.counts(), (FaultCounts{.offered = 10, .dropped = 10}));
  EXPECT_EQ(line.NextDeadline(), kNever);
}

TEST(FaultLine, Duplicates) {
  FaultLine line = LineOf({.duplicate = kAlways});
  OfferNumbered(line, 1, kStart);
  OfferNumbered(line, 2, kStart);
  EXPECT_THAT(Take(line, kStart), ElementsAre(1, 1, 2, 2));
  EXPECT_EQ(line.counts(), (FaultCounts{.offered = 2, .released = 4, .duplicated = 2}));
  EXPECT_EQ(line.held_bytes(), 0u);
}

TEST(FaultLine, CorruptsExactlyOneBit) {
  FaultLine line = LineOf({.corrupt = kAlways});
  std::vector<int> touched(60 * 8);
  for (int round = 0; round < 20'000; ++round) {
    line.Offer(Frame(60, 0), kStart);
    const Bytes frame = line.Front(kStart);
    ASSERT_EQ(frame.size(), 60u);
    int flipped = 0;
    for (size_t i = 0; i < frame.size(); ++i) {
      flipped += std::popcount(frame[i]);
      for (size_t bit = 0; bit < 8; ++bit) touched[i * 8 + bit] += frame[i] >> bit & 1;
    }
    ASSERT_EQ(flipped, 1);
    line.PopFront();
  }
  for (int count : touched) EXPECT_GT(count, 0);
  EXPECT_EQ(line.counts().corrupted, 20'000u);
}

TEST(FaultLine, DelaysByTheFixedTime) {
  FaultLine line = LineOf({.delay = 20ms});
  OfferNumbered(line, 1, kStart);
  OfferNumbered(line, 2, kStart + 5ms);
  EXPECT_EQ(line.NextDeadline(), kStart + 20ms);
  EXPECT_THAT(Take(line, kStart + 20ms - 1ns), ElementsAre());
  EXPECT_THAT(Take(line, kStart + 20ms), ElementsAre(1));
  EXPECT_EQ(line.NextDeadline(), kStart + 25ms);
  EXPECT_THAT(Take(line, kStart + 25ms), ElementsAre(2));
  EXPECT_EQ(line.counts().delayed, 2u);
}

TEST(FaultLine, JitterStaysInItsRange) {
  FaultLine line = LineOf({.delay = 10ms, .jitter = 5ms});
  Instant earliest = kNever;
  Instant latest = Instant::min();
  for (int round = 0; round < 2000; ++round) {
    OfferNumbered(line, 1, kStart);
    const Instant due = line.NextDeadline();
    earliest = std::min(earliest, due);
    latest = std::max(latest, due);
    ASSERT_THAT(Take(line, due), ElementsAre(1));
  }
  EXPECT_GE(earliest, kStart + 10ms);
  EXPECT_LE(earliest, kStart + 10ms + 100us);
  EXPECT_LE(latest, kStart + 15ms);
  EXPECT_GE(latest, kStart + 15ms - 100us);
}

TEST(FaultLine, AReorderedFrameComesAfterThoseThatOvertakeIt) {
  // Of many, each comes one to three places late, and all three happen; more only where another
  // that was held back passed it as well.
  FaultLine line = LineOf({.reorder = kAlways / 10});
  std::vector<int> order;
  for (uint8_t i = 0; i < 200; ++i) {
    OfferNumbered(line, i, kStart);
    for (int number : Take(line, kStart)) order.push_back(number);
  }
  for (int number : Take(line, kStart + 1s)) order.push_back(number);
  ASSERT_EQ(order.size(), 200u);
  EXPECT_GT(line.counts().reordered, 5u);
  std::vector<int> late(6);
  for (size_t place = 0; place + 5 < order.size(); ++place) {
    const int overtaken_by =
        static_cast<int>(std::count_if(order.begin(), order.begin() + static_cast<long>(place),
                                       [&](int other) { return other > order[place]; }));
    ASSERT_LT(overtaken_by, 6);
    ++late[static_cast<size_t>(overtaken_by)];
  }
  EXPECT_GT(late[0], 100);
  for (size_t by : {1u, 2u, 3u}) EXPECT_GT(late[by], 0) << by;
}

TEST(FaultLine, AReorderedFrameComesAtLastWhenNothingFollows) {
  FaultLine line = LineOf({.reorder = kAlways});
  OfferNumbered(line, 1, kStart);
  EXPECT_THAT(Take(line, kStart), ElementsAre());
  EXPECT_EQ(line.NextDeadline(), kStart + FaultLine::kReorderHold);
  EXPECT_THAT(Take(line, kStart + FaultLine::kReorderHold - 1ns), ElementsAre());
  EXPECT_THAT(Take(line, kStart + FaultLine::kReorderHold), ElementsAre(1));
}

TEST(FaultLine, RateSpacesFramesOut) {
  FaultLine line = LineOf({.rate_bits_per_second = 480'000});  // 60 bytes take 1 ms
  for (uint8_t i = 0; i < 3; ++i) OfferNumbered(line, i, kStart);
  EXPECT_THAT(Take(line, kStart + 1ms - 1ns), ElementsAre());
  EXPECT_THAT(Take(line, kStart + 1ms), ElementsAre(0));
  EXPECT_THAT(Take(line, kStart + 3ms), ElementsAre(1, 2));
  // An idle line starts anew.
  OfferNumbered(line, 9, kStart + 1s);
  EXPECT_EQ(line.NextDeadline(), kStart + 1s + 1ms);
}

TEST(FaultLine, HoldsNoMoreFramesThanAllowed) {
  FaultLine line = LineOf({.delay = 1ms}, 3);
  for (uint8_t i = 0; i < 5; ++i) OfferNumbered(line, i, kStart);
  EXPECT_EQ(line.held_frames(), 3u);
  EXPECT_EQ(line.counts().overflowed, 2u);
  EXPECT_THAT(Take(line, kStart + 1ms), ElementsAre(0, 1, 2));
  OfferNumbered(line, 7, kStart + 1ms);
  EXPECT_THAT(Take(line, kStart + 2ms), ElementsAre(7));
}

TEST(FaultLine, HoldsNoMoreBytesThanAllowed) {
  FaultLine line = LineOf({.delay = 1ms}, 64, 120);
  OfferNumbered(line, 1, kStart);
  line.Offer(Frame(61, 2), kStart);
  EXPECT_EQ(line.counts().overflowed, 1u);
  OfferNumbered(line, 3, kStart);
  EXPECT_EQ(line.held_bytes(), 120u);
  line.Offer(Frame(1, 4), kStart);
  EXPECT_EQ(line.counts().overflowed, 2u);
  EXPECT_THAT(Take(line, kStart + 1ms), ElementsAre(1, 3));
}

TEST(FaultLine, HoldsFramesOfAnySize) {
  FaultLine line = LineOf({.delay = 1ms}, 4, kFrameBytesMax * 2);
  line.Offer(Frame(kFrameBytesMax, 1), kStart);
  line.Offer(Frame(kFrameBytesMax + 1, 2), kStart);
  line.Offer({}, kStart);
  EXPECT_EQ(line.counts().overflowed, 2u);
  EXPECT_EQ(line.Front(kStart + 1ms).size(), kFrameBytesMax);
}

TEST(FaultLine, HitsAboutAsOftenAsAsked) {
  FaultLine line = LineOf({.drop = kAlways / 100, .duplicate = kAlways / 50});
  for (int i = 0; i < 100'000; ++i) {
    OfferNumbered(line, 1, kStart);
    Take(line, kStart);
  }
  EXPECT_NEAR(static_cast<double>(line.counts().dropped), 1000, 120);
  EXPECT_NEAR(static_cast<double>(line.counts().duplicated), 1980, 160);
  EXPECT_EQ(line.counts().released,
            line.counts().offered - line.counts().dropped + line.counts().duplicated);
}

TEST(FaultLine, OneRateLeavesTheOtherFaultsWhereTheyAre) {
  const auto duplicated = [](FaultRates rates) {
    rates.duplicate = kAlways / 4;
    FaultLine line = LineOf(rates);
    std::vector<int> numbers;
    for (uint8_t i = 0; i < 100; ++i) {
      OfferNumbered(line, i, kStart);
      const std::vector<int> taken = Take(line, kStart);
      if (taken.size() != 1) numbers.push_back(i);
    }
    return numbers;
  };
  const std::vector<int> alone = duplicated({});
  EXPECT_GT(alone.size(), 10u);
  // As good as never, but not switched off.
  EXPECT_EQ(alone, duplicated({.drop = 1}));
  EXPECT_EQ(alone, duplicated({.reorder = 1}));
  EXPECT_EQ(alone, duplicated({.corrupt = 1}));
}

}  // namespace
}  // namespace aether::device
