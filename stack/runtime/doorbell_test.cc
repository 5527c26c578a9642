#include "stack/runtime/doorbell.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "stack/base/spsc_ring.h"

namespace aether::runtime {
namespace {

bool IsReadable(int fd, int timeout_ms) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, timeout_ms) == 1;
}

TEST(DoorbellTest, RingingNobodyCostsNoSystemCall) {
  Doorbell bell;
  for (int i = 0; i < 10; ++i) bell.Ring();
  EXPECT_EQ(bell.rings(), 0u);
  // Nor does it count for a later sleep: the work would have been seen by `quiet`.
  bell.SleepIf([] { return true; }, [](int fd) { EXPECT_FALSE(IsReadable(fd, 0)); });
}

TEST(DoorbellTest, DoesNotSleepWhenThereIsWork) {
  Doorbell bell;
  bool slept = false;
  bell.SleepIf([] { return false; }, [&](int) { slept = true; });
  EXPECT_FALSE(slept);
}

TEST(DoorbellTest, RingBetweenTheFlagAndTheSleepWakes) {
  Doorbell bell;
  bool woken = false;
  bell.SleepIf(
      [&] {
        bell.Ring();  // the ringer is quicker than poll
        return true;
      },
      [&](int fd) { woken = IsReadable(fd, 0); });
  EXPECT_TRUE(woken);
  EXPECT_EQ(bell.rings(), 1u);
  bell.SleepIf([] { return true; }, [](int fd) { EXPECT_FALSE(IsReadable(fd, 0)); });
}

// Two threads that hand numbers over and sleep whenever there is nothing to do: a single lost
// wake-up ends in a timeout.
TEST(DoorbellTest, NoWakeUpIsLost) {
  constexpr uint64_t kNumbers = 100000;
  SpscRing<uint64_t> there(4);
  SpscRing<uint64_t> back(4);
  Doorbell consumer_bell;
  Doorbell producer_bell;
  int timeouts = 0;
  const auto wait_for = [](SpscRing<uint64_t>& ring, Doorbell& bell, int& lost) {
    bell.SleepIf([&] { return ring.Empty(); }, [&](int fd) { lost += !IsReadable(fd, 5000); });
  };
  std::thread consumer([&] {
    int lost = 0;
    for (uint64_t next = 0; next < kNumbers;) {
      uint64_t* number = there.Front();
      if (number == nullptr) {
        wait_for(there, consumer_bell, lost);
        continue;
      }
      ASSERT_EQ(*number, next);
      ++next;
      there.Pop();
      *back.Reserve() = next;
      back.Commit();
      producer_bell.Ring();
    }
    ASSERT_EQ(lost, 0);
  });
  uint64_t answered = 0;
  for (uint64_t sent = 0; answered < kNumbers;) {
    while (sent < kNumbers && sent - answered < 1 + sent % 4) {
      *there.Reserve() = sent++;
      there.Commit();
      consumer_bell.Ring();
    }
    if (back.Front() == nullptr) wait_for(back, producer_bell, timeouts);
    while (back.Front() != nullptr) {
      ++answered;
      back.Pop();
    }
  }
  consumer.join();
  EXPECT_EQ(timeouts, 0);
}

}  // namespace
}  // namespace aether::runtime
