#include "stack/base/spsc_ring.h"

#include <gtest/gtest.h>

#include <thread>

namespace aether {
namespace {

TEST(SpscRing, FullAndEmptyAreAnswered) {
  SpscRing<int> ring(2);
  EXPECT_EQ(ring.Front(), nullptr);
  *ring.Reserve() = 1;
  EXPECT_EQ(ring.Front(), nullptr) << "visible before Commit";
  ring.Commit();
  *ring.Reserve() = 2;
  ring.Commit();
  EXPECT_EQ(ring.Reserve(), nullptr);
  EXPECT_EQ(*ring.Front(), 1);
  EXPECT_EQ(*ring.Peek(1), 2);
  EXPECT_EQ(ring.Peek(2), nullptr);
  ring.Pop();
  EXPECT_NE(ring.Reserve(), nullptr);
  ring.Pop();
  EXPECT_TRUE(ring.Empty());
}

// Found by fuzzing: a ring emptied without a look showed an old slot as its front.
TEST(SpscRing, WhatWasPoppedUnseenIsGone) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 3; ++i) {
    *ring.Reserve() = i;
    ring.Commit();
  }
  ring.Pop(2);
  EXPECT_EQ(*ring.Front(), 2);
  *ring.Reserve() = 3;
  ring.Commit();
  ring.Pop(2);
  EXPECT_EQ(ring.Front(), nullptr);
  EXPECT_EQ(ring.Peek(1), nullptr);
}

TEST(SpscRing, TwoThreadsKeepTheOrder) {
  SpscRing<uint64_t> ring(64);
  constexpr uint64_t kCount = 200000;
  std::thread producer([&] {
    for (uint64_t i = 0; i < kCount;) {
      if (uint64_t* slot = ring.Reserve()) {
        *slot = i++;
        ring.Commit();
      } else {
        std::this_thread::yield();
      }
    }
  });
  uint64_t expected = 0;
  while (expected < kCount) {
    if (const uint64_t* slot = ring.Front()) {
      ASSERT_EQ(*slot, expected++);
      ring.Pop();
    } else {
      std::this_thread::yield();
    }
  }
  producer.join();
}

}  // namespace
}  // namespace aether
