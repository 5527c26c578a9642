#include "fuzz/stateful/world.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "fuzz/stateful/arena.h"
#include "stack/testing/frame_builder.h"

namespace aether::fuzz {
namespace {

using std::chrono::seconds;

class RecordingWorld : public World {
 public:
  using World::World;
  std::vector<testing::NaiveFrame> sent;
  std::vector<Event> events;

 protected:
  void OnEvent(const Event& event) override { events.push_back(event); }
  void OnSent(const testing::NaiveFrame& frame, Bytes) override { sent.push_back(frame); }
};

std::unique_ptr<RecordingWorld> Configured() {
  auto world = std::make_unique<RecordingWorld>(SmallConfig());
  world->stack().SetAddress(kStackNetwork, {});
  world->Settle();
  world->sent.clear();
  return world;
}

TEST(World, DeliversAndTakesOut) {
  const auto world = Configured();
  world->Deliver(testing::BuildIcmp({.payload = testing::Pattern(100)}));
  // The answer needs an ARP answer, which comes by itself.
  ASSERT_EQ(world->sent.size(), 2u);
  EXPECT_TRUE(world->sent[0].arp);
  EXPECT_TRUE(world->sent[1].icmp);
  world->Deliver(testing::BuildIcmp({.payload = testing::Pattern(100)}));
  EXPECT_EQ(world->sent.size(), 3u);
}

TEST(World, ADamagedFrameChangesNothing) {
  const auto world = Configured();
  const testing::Frame echo = testing::Padded(testing::BuildIcmp({}), 60);
  for (size_t bit = 0; bit < echo.size() * 8; ++bit) world->DeliverDamaged(echo, 14, bit);
  EXPECT_TRUE(world->sent.empty());
  world->Deliver(echo);
  EXPECT_EQ(world->sent.size(), 2u);
}

TEST(World, TimePassesToDeadlines) {
  const auto world = Configured();
  ASSERT_TRUE(world->stack().TcpConnect({kPeerIp, 80}, {}));
  world->Settle();
  const Instant begin = world->now();
  EXPECT_TRUE(world->AdvanceToDeadline(seconds(10)));
  EXPECT_GT(world->now(), begin);
  world->Advance(seconds(20));
  EXPECT_GE(world->now(), begin + seconds(20));
  // SYNs at 0, 1, 3, 7 and 15 seconds.
  EXPECT_GE(world->sent.size(), 5u);
}

TEST(World, ABlockedDeviceKeepsFramesBack) {
  const auto world = Configured();
  world->Deliver(testing::BuildIcmp({}));
  world->sent.clear();
  world->BlockDevice(2);
  world->Deliver(testing::BuildIcmp({}));
  EXPECT_TRUE(world->sent.empty());
  world->Settle();
  EXPECT_TRUE(world->sent.empty());
  world->Settle();
  EXPECT_EQ(world->sent.size(), 1u);
}

TEST(World, WhatIsLetGoIsGone) {
  const auto world = Configured();
  const auto id = world->stack().TcpConnect({kPeerIp, 80}, {});
  ASSERT_TRUE(id);
  world->Settle();
  world->stack().Close(*id);
  world->CheckNeutral();
}

TEST(WorldDeathTest, WhatIsKeptShows) {
  const auto world = Configured();
  ASSERT_TRUE(world->stack().TcpConnect({kPeerIp, 80}, {}));
  EXPECT_DEATH(world->CheckNeutral(), "property P5");
}

// A frame that the stack should drop is taken in: what P13 is there for.
TEST(WorldDeathTest, ADamagedFrameThatIsTakenInShows) {
  const auto world = Configured();
  // The first bit of the link address of the sender, which no checksum covers.
  EXPECT_DEATH(world->DeliverDamaged(testing::BuildIcmp({}), 6, 7), "property P13");
}

TEST(Arena, BlocksComeAgainAndHoldTheNonce) {
  const size_t before = LargeBlocksInUse();
  const auto block = [] {
    const ArenaScope scope;
    return std::make_unique_for_overwrite<uint8_t[]>(10'000);
  };
  auto first = block();
  EXPECT_EQ(LargeBlocksInUse(), before + 1);
  EXPECT_TRUE(HoldsNonce(Bytes(first.get(), 10'000)));
  for (size_t at = 0; at < 16; ++at) EXPECT_TRUE(HoldsNonce(Bytes(first.get() + at, 11)));
  EXPECT_FALSE(HoldsNonce(Bytes(first.get(), 7)));
  std::fill_n(first.get(), 10'000, uint8_t{0});
  EXPECT_FALSE(HoldsNonce(Bytes(first.get(), 10'000)));
  const uint8_t* const where = first.get();
  first.reset();
  EXPECT_EQ(LargeBlocksInUse(), before);
  const auto second = block();
  EXPECT_EQ(second.get(), where);
  EXPECT_TRUE(HoldsNonce(Bytes(second.get(), 10'000)));
}

}  // namespace
}  // namespace aether::fuzz
