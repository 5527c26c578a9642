#include "stack/tcp/time_wait.h"

#include <gtest/gtest.h>

#include <list>

#include "stack/base/random.h"

namespace aether::tcp {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TimeWaitRecord Record(uint16_t port) {
  TimeWaitRecord record;
  record.flow.remote_port = port;
  return record;
}

TEST(TimeWait, RecordsExpireAfterTwoMslAndNotBefore) {
  TimeWaitTable table(4, seconds(60));
  EXPECT_EQ(table.NextDeadline(), kNever);
  const Instant start{seconds(5000)};
  table.Add(Record(1), start);
  EXPECT_FALSE(table.OldestIsDue(start + seconds(60) - milliseconds(1)));
  EXPECT_TRUE(table.OldestIsDue(start + seconds(60) + milliseconds(70)));
  EXPECT_GE(table.NextDeadline(), start + seconds(60));
}

TEST(TimeWait, ExpiryIsRightAcrossTheWrapOfTheClockAndForTheLongestDuration) {
  for (const Duration duration : {Duration(seconds(1)), Duration(minutes(15))}) {
    for (int step = 0; step < 400; ++step) {
      TimeWaitTable table(1, duration);
      const Instant start{seconds(step * 7)};
      table.Add(Record(1), start);
      ASSERT_FALSE(table.OldestIsDue(start + duration - milliseconds(1))) << step;
      ASSERT_TRUE(table.OldestIsDue(start + duration + milliseconds(70))) << step;
    }
  }
}

TEST(TimeWait, RestartMovesARecordToTheEndOfTheLine) {
  TimeWaitTable table(3, seconds(60));
  const Instant start{};
  const uint32_t first = table.Add(Record(1), start);
  const uint32_t second = table.Add(Record(2), start + seconds(1));
  table.Restart(first, start + seconds(30));
  EXPECT_EQ(table.oldest(), second);
  table.Remove(second);
  EXPECT_EQ(table.oldest(), first);
  EXPECT_FALSE(table.OldestIsDue(start + seconds(89)));
  EXPECT_TRUE(table.OldestIsDue(start + seconds(91)));
}

TEST(TimeWait, KeepsItsOrderAgainstAList) {
  Random random({1, 1});
  TimeWaitTable table(64, seconds(60));
  std::list<uint32_t> model;
  Instant now{};
  for (int step = 0; step < 50000; ++step) {
    now += milliseconds(random.Below(50));
    const uint32_t action = random.Below(3);
    if (action == 0 && !table.IsFull()) {
      model.push_back(table.Add(Record(static_cast<uint16_t>(step)), now));
    } else if (!model.empty()) {
      auto chosen = model.begin();
      std::advance(chosen, random.Below(static_cast<uint32_t>(model.size())));
      const uint32_t index = *chosen;
      model.erase(chosen);
      if (action == 1) {
        table.Remove(index);
      } else {
        table.Restart(index, now);
        model.push_back(index);
      }
    }
    ASSERT_EQ(table.size(), model.size());
    ASSERT_EQ(table.oldest(), model.empty() ? kNoIndex : model.front());
  }
}

}  // namespace
}  // namespace aether::tcp
