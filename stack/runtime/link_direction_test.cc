// Frames through one direction of a link: passing, late, lost, twice, and at a far end that is
// full.
#include "stack/runtime/link_direction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "stack/device/memory_pair.h"

namespace aether::runtime {
namespace {

using device::FaultRates;
using device::MemoryDevice;
using device::MemoryPair;
using ::testing::ElementsAre;
using Frame = std::vector<uint8_t>;
using namespace std::chrono_literals;

constexpr Instant kStart{1s};

// near.a - near.b -> direction -> far.a - far.b
class LinkDirectionTest : public ::testing::Test {
 protected:
  using Direction = LinkDirection<MemoryDevice, MemoryDevice>;

  Direction Make(MemoryPair& far, const FaultRates& rates, size_t frames_max = 8,
                 size_t bytes_max = 10'000) {
    return Direction(near_.b(), far.a(), rates, Seed{7, 1}, frames_max, bytes_max);
  }
  void Arrive(uint8_t number, size_t bytes = 60) {
    EXPECT_TRUE(near_.a().Send(Frame(bytes, number)));
  }
  // The first byte of each frame at the far end.
  static std::vector<int> Taken(MemoryPair& far) {
    std::vector<int> taken;
    Frame into(device::kFrameBytesMax);
    while (far.b().Receive(into) > 0) taken.push_back(into[0]);
    return taken;
  }

  MemoryPair near_;
  MemoryPair far_;
};

TEST_F(LinkDirectionTest, PassesFramesInOrderWithoutFaults) {
  Direction link = Make(far_, {});
  for (uint8_t i = 1; i <= 3; ++i) Arrive(i);
  EXPECT_FALSE(link.Turn(kStart));
  EXPECT_THAT(Taken(far_), ElementsAre(1, 2, 3));
  EXPECT_EQ(link.NextDeadline(), kNever);
  EXPECT_EQ(link.counts().frames_in, 3u);
  EXPECT_EQ(link.counts().frames_out, 3u);
  EXPECT_EQ(link.counts().bytes_out, 180u);
}

TEST_F(LinkDirectionTest, OneTurnTakesNoMoreThanItsCap) {
  Direction link = Make(far_, {});
  for (int i = 0; i <= Direction::kFramesPerTurnMax; ++i) Arrive(1);
  EXPECT_TRUE(link.Turn(kStart));
  EXPECT_EQ(Taken(far_).size(), size_t{Direction::kFramesPerTurnMax});
  EXPECT_FALSE(link.Turn(kStart));
  EXPECT_EQ(Taken(far_).size(), 1u);
}

TEST_F(LinkDirectionTest, DelayedFramesLeaveWhenTheyAreDue) {
  Direction link = Make(far_, {.delay = 20ms});
  Arrive(1);
  link.Turn(kStart);
  Arrive(2);
  link.Turn(kStart + 5ms);
  EXPECT_EQ(link.NextDeadline(), kStart + 20ms);
  EXPECT_EQ(link.held_frames(), 2u);
  link.Turn(kStart + 20ms - 1ns);
  EXPECT_THAT(Taken(far_), ElementsAre());
  link.Turn(kStart + 20ms);
  EXPECT_THAT(Taken(far_), ElementsAre(1));
  EXPECT_EQ(link.NextDeadline(), kStart + 25ms);
  link.Turn(kStart + 25ms);
  EXPECT_THAT(Taken(far_), ElementsAre(2));
  EXPECT_EQ(link.NextDeadline(), kNever);
  EXPECT_EQ(link.held_frames(), 0u);
}

TEST_F(LinkDirectionTest, FaultsAreCounted) {
  Direction link = Make(far_, {.duplicate = FaultRates::kAlways, .corrupt = FaultRates::kAlways});
  Arrive(1);
  link.Turn(kStart);
  EXPECT_EQ(Taken(far_).size(), 2u);
  EXPECT_EQ(link.faults().duplicated, 1u);
  EXPECT_EQ(link.faults().corrupted, 1u);
  EXPECT_EQ(link.counts().frames_in, 1u);
  EXPECT_EQ(link.counts().frames_out, 2u);
}

TEST_F(LinkDirectionTest, HoldsNoMoreFramesThanAllowed) {
  Direction link = Make(far_, {.delay = 1ms}, /*frames_max=*/3);
  for (uint8_t i = 1; i <= 5; ++i) Arrive(i);
  link.Turn(kStart);
  link.Turn(kStart + 1ms);
  EXPECT_THAT(Taken(far_), ElementsAre(1, 2, 3));
  EXPECT_EQ(link.faults().overflowed, 2u);
}

TEST_F(LinkDirectionTest, HoldsNoMoreBytesThanAllowed) {
  Direction link = Make(far_, {.delay = 1ms}, /*frames_max=*/8, /*bytes_max=*/2000);
  for (uint8_t i = 1; i <= 3; ++i) Arrive(i, 1000);
  link.Turn(kStart);
  link.Turn(kStart + 1ms);
  EXPECT_THAT(Taken(far_), ElementsAre(1, 2));
  EXPECT_EQ(link.faults().overflowed, 1u);
}

TEST_F(LinkDirectionTest, AFullFarEndKeepsOneFrameAndTheOrderWithoutFaults) {
  MemoryPair far({.frames_max = 2, .bytes_max = 10'000});
  Direction link = Make(far, {});
  for (uint8_t i = 1; i <= 5; ++i) Arrive(i);
  EXPECT_FALSE(link.Turn(kStart));
  EXPECT_TRUE(link.blocked());
  EXPECT_FALSE(link.WantsFrames());  // asking for more would wake us again and again
  EXPECT_EQ(near_.b().waiting(), 2u);
  EXPECT_THAT(Taken(far), ElementsAre(1, 2));
  link.Turn(kStart);
  EXPECT_THAT(Taken(far), ElementsAre(3, 4));
  link.Turn(kStart);
  EXPECT_FALSE(link.blocked());
  EXPECT_THAT(Taken(far), ElementsAre(5));
}

TEST_F(LinkDirectionTest, AFullFarEndKeepsWhatIsDueAndWaitsForRoomNotForTime) {
  MemoryPair far({.frames_max = 1, .bytes_max = 10'000});
  Direction link = Make(far, {.delay = 1ms});
  for (uint8_t i = 1; i <= 3; ++i) Arrive(i);
  link.Turn(kStart);
  link.Turn(kStart + 1ms);
  EXPECT_TRUE(link.blocked());
  EXPECT_TRUE(link.WantsFrames());
  EXPECT_EQ(link.NextDeadline(), kNever);
  EXPECT_EQ(link.held_frames(), 2u);
  EXPECT_THAT(Taken(far), ElementsAre(1));
  link.Turn(kStart + 2ms);
  EXPECT_THAT(Taken(far), ElementsAre(2));
  link.Turn(kStart + 2ms);
  EXPECT_THAT(Taken(far), ElementsAre(3));
  EXPECT_FALSE(link.blocked());
}

}  // namespace
}  // namespace aether::runtime
