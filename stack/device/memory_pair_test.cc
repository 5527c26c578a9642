// The queue and the pair: order, both bounds at their edge, frames that wrap around the ring.
#include "stack/device/memory_pair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace aether::device {
namespace {

using Frame = std::vector<uint8_t>;

Frame FrameOf(size_t size, uint8_t first) {
  Frame frame(size);
  for (size_t i = 0; i < size; ++i) frame[i] = static_cast<uint8_t>(first + i);
  return frame;
}

Frame ReceiveFrom(MemoryDevice& device) {
  Frame into(kFrameBytesMax);
  into.resize(device.Receive(into));
  return into;
}

TEST(MemoryPair, CarriesFramesBothWaysInOrder) {
  MemoryPair pair;
  EXPECT_TRUE(pair.a().Send(FrameOf(60, 1)));
  EXPECT_TRUE(pair.a().Send(FrameOf(70, 2)));
  EXPECT_TRUE(pair.b().Send(FrameOf(80, 3)));
  EXPECT_EQ(pair.b().waiting(), 2u);
  EXPECT_EQ(ReceiveFrom(pair.b()), FrameOf(60, 1));
  EXPECT_EQ(ReceiveFrom(pair.b()), FrameOf(70, 2));
  EXPECT_EQ(ReceiveFrom(pair.b()), Frame());
  EXPECT_EQ(ReceiveFrom(pair.a()), FrameOf(80, 3));
  EXPECT_EQ(ReceiveFrom(pair.a()), Frame());
  EXPECT_EQ(pair.a().NextDeadline(), kNever);
}

TEST(MemoryPair, RefusesTheFrameBeyondTheCount) {
  MemoryPair pair({.frames_max = 2, .bytes_max = 1000});
  EXPECT_TRUE(pair.a().Send(FrameOf(60, 1)));
  EXPECT_TRUE(pair.a().Send(FrameOf(60, 2)));
  EXPECT_FALSE(pair.a().Send(FrameOf(60, 3)));
  EXPECT_EQ(ReceiveFrom(pair.b()), FrameOf(60, 1));
  EXPECT_TRUE(pair.a().Send(FrameOf(60, 3)));
  EXPECT_EQ(ReceiveFrom(pair.b()), FrameOf(60, 2));
  EXPECT_EQ(ReceiveFrom(pair.b()), FrameOf(60, 3));
}

TEST(MemoryPair, RefusesTheByteBeyondTheBound) {
  MemoryPair pair({.frames_max = 10, .bytes_max = 100});
  EXPECT_TRUE(pair.a().Send(FrameOf(60, 1)));
  EXPECT_FALSE(pair.a().Send(FrameOf(41, 2)));
  EXPECT_TRUE(pair.a().Send(FrameOf(40, 3)));
  EXPECT_FALSE(pair.a().Send(FrameOf(1, 4)));
  EXPECT_EQ(ReceiveFrom(pair.b()).size(), 60u);
  EXPECT_EQ(ReceiveFrom(pair.b()), FrameOf(40, 3));
}

TEST(FrameQueue, WrapsAroundAnywhere) {
  FrameQueue queue(4, 50);
  Frame into(50);
  for (size_t round = 0; round < 500; ++round) {
    const Frame first = FrameOf(1 + round % 25, static_cast<uint8_t>(round));
    const Frame second = FrameOf(1 + round % 7, static_cast<uint8_t>(round * 3));
    ASSERT_TRUE(queue.Push(first));
    ASSERT_TRUE(queue.Push(second));
    ASSERT_EQ(queue.bytes(), first.size() + second.size());
    ASSERT_EQ(Frame(into.begin(), into.begin() + static_cast<long>(queue.Pop(into))), first);
    ASSERT_EQ(Frame(into.begin(), into.begin() + static_cast<long>(queue.Pop(into))), second);
  }
  EXPECT_EQ(queue.bytes(), 0u);
  EXPECT_EQ(queue.discarded(), 0u);
}

TEST(FrameQueue, DiscardsWhatCouldNeverFit) {
  FrameQueue queue(4, 50);
  EXPECT_TRUE(queue.Push(FrameOf(51, 0)));
  EXPECT_TRUE(queue.Push({}));
  EXPECT_EQ(queue.discarded(), 2u);
  EXPECT_EQ(queue.frames(), 0u);
  EXPECT_TRUE(queue.Push(FrameOf(50, 0)));
}

TEST(FrameQueue, SkipsAFrameLargerThanTheReadersBuffer) {
  FrameQueue queue(4, 100);
  ASSERT_TRUE(queue.Push(FrameOf(20, 1)));
  ASSERT_TRUE(queue.Push(FrameOf(10, 2)));
  Frame into(10);
  EXPECT_EQ(queue.Pop(into), 10u);
  EXPECT_EQ(into, FrameOf(10, 2));
  EXPECT_EQ(queue.discarded(), 1u);
  EXPECT_EQ(queue.Pop(into), 0u);
}

}  // namespace
}  // namespace aether::device
