#include "stack/base/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "stack/base/random.h"

namespace aether {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kOrigin{seconds(1000)};

std::vector<uint32_t> Expired(TimerWheel& wheel, Instant now) {
  std::vector<uint32_t> ids;
  wheel.Advance(now, [&](uint32_t id) { ids.push_back(id); });
  return ids;
}

TEST(TimerWheel, FiresAtItsDeadlineAndNotBefore) {
  TimerWheel wheel(4, kOrigin);
  wheel.Schedule(2, kOrigin + 10 * TimerWheel::kTick);
  EXPECT_TRUE(wheel.IsArmed(2));
  EXPECT_FALSE(wheel.IsArmed(1));
  EXPECT_TRUE(Expired(wheel, kOrigin + 10 * TimerWheel::kTick - Duration(1)).empty());
  EXPECT_EQ(Expired(wheel, kOrigin + 10 * TimerWheel::kTick), std::vector<uint32_t>{2});
  EXPECT_FALSE(wheel.IsArmed(2));
  EXPECT_EQ(wheel.NextDeadline(), kNever);
}

TEST(TimerWheel, CancelledTimerStaysSilent) {
  TimerWheel wheel(4, kOrigin);
  wheel.Schedule(0, kOrigin + seconds(1));
  wheel.Schedule(1, kOrigin + seconds(1));
  wheel.Cancel(0);
  wheel.Cancel(3);  // never armed
  EXPECT_EQ(Expired(wheel, kOrigin + seconds(2)), std::vector<uint32_t>{1});
}

TEST(TimerWheel, LaterDeadlineIsStoredAndHonoured) {
  TimerWheel wheel(1, kOrigin);
  wheel.Schedule(0, kOrigin + seconds(1));
  wheel.Schedule(0, kOrigin + seconds(5));
  EXPECT_TRUE(Expired(wheel, kOrigin + seconds(4)).empty());
  EXPECT_EQ(Expired(wheel, kOrigin + seconds(5) + TimerWheel::kTick), std::vector<uint32_t>{0});
}

TEST(TimerWheel, EarlierDeadlineIsHonoured) {
  TimerWheel wheel(1, kOrigin);
  wheel.Schedule(0, kOrigin + seconds(50));
  wheel.Schedule(0, kOrigin + milliseconds(20));
  EXPECT_EQ(Expired(wheel, kOrigin + milliseconds(22)), std::vector<uint32_t>{0});
}

// As a connection's timer goes with every request. It stays in the slot of the nearest deadline
// until that comes up, and whichever deadline it was given last is the one that counts.
TEST(TimerWheel, GoesToAndFroAndExpiresByTheLastDeadline) {
  for (const Duration last : std::initializer_list<Duration>{milliseconds(35), milliseconds(45),
                                                             milliseconds(200), seconds(3)}) {
    TimerWheel wheel(1, kOrigin);
    Instant now = kOrigin;
    for (int request = 0; request < 20; ++request) {
      now += milliseconds(1);
      EXPECT_TRUE(Expired(wheel, now).empty());
      wheel.Schedule(0, now + milliseconds(40));
      EXPECT_LE(wheel.NextDeadline(), now + milliseconds(40) + TimerWheel::kTick);
      wheel.Schedule(0, now + milliseconds(200));
    }
    wheel.Schedule(0, now + last);
    EXPECT_EQ(wheel.armed(), 1u);
    EXPECT_TRUE(Expired(wheel, now + last - milliseconds(1)).empty());
    EXPECT_EQ(Expired(wheel, now + last + TimerWheel::kTick), std::vector<uint32_t>{0});
    EXPECT_EQ(wheel.NextDeadline(), kNever);
  }
}

TEST(TimerWheel, ExpiryMayArmAgainAndCancelOthers) {
  TimerWheel wheel(2, kOrigin);
  wheel.Schedule(0, kOrigin + milliseconds(10));
  wheel.Schedule(1, kOrigin + milliseconds(10));
  int fired = 0;
  wheel.Advance(kOrigin + milliseconds(20), [&](uint32_t id) {
    ++fired;
    wheel.Cancel(1 - id);
    wheel.Schedule(id, kOrigin + seconds(1));
  });
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(wheel.armed(), 1u);
}

TEST(TimerWheel, DeadlineBeyondTheHorizonComesBack) {
  TimerWheel wheel(1, kOrigin);
  const Instant far = kOrigin + hours(24 * 120);
  wheel.Schedule(0, far);
  EXPECT_TRUE(Expired(wheel, far - seconds(1)).empty());
  EXPECT_EQ(Expired(wheel, far + TimerWheel::kTick), std::vector<uint32_t>{0});
}

// The wheel against a sorted map, with random deadlines over every level and random steps of time.
TEST(TimerWheel, AgreesWithASortedMap) {
  Random random({1, 2});
  TimerWheel wheel(64, kOrigin);
  std::map<uint32_t, Instant> model;
  Instant now = kOrigin;
  for (int step = 0; step < 20000; ++step) {
    const uint32_t id = random.Below(64);
    const uint32_t action = random.Below(4);
    if (action < 2) {
      const Duration delay{static_cast<int64_t>(random.Next64() >> (24 + random.Below(38)))};
      wheel.Schedule(id, now + delay);
      model[id] = now + delay;
    } else if (action == 2) {
      wheel.Cancel(id);
      model.erase(id);
    } else {
      now += Duration{static_cast<int64_t>(random.Next64() >> (26 + random.Below(36)))};
      const Instant next = wheel.NextDeadline();
      for (const auto& [armed, deadline] : model) {
        ASSERT_LE(next, std::max(now, deadline) + 2 * TimerWheel::kTick)
            << "the wheel would sleep past a deadline";
      }
      for (uint32_t expired : Expired(wheel, now)) {
        ASSERT_TRUE(model.contains(expired));
        ASSERT_LE(model[expired], now);
        model.erase(expired);
      }
      for (const auto& [armed, deadline] : model) {
        ASSERT_GT(deadline + 2 * TimerWheel::kTick, now) << "timer " << armed << " is late";
      }
    }
    ASSERT_EQ(wheel.armed(), model.size());
  }
}

}  // namespace
}  // namespace aether
