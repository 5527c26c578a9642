// The timer wheel against a list of deadlines: nothing expires early, nothing is left behind once
// its tick has passed, and NextDeadline() is never late, so that who sleeps until then misses
// nothing.
#include <array>

#include "fuzz/records.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/base/timer_wheel.h"

namespace aether::fuzz {
namespace {

constexpr uint32_t kTimers = 24;
// Far enough for timers beyond the wheel's horizon, and so near that no sum overflows.
constexpr Duration kFuture{int64_t{1} << 57};
constexpr int64_t kTickNs = TimerWheel::kTick.count();

struct Model {
  struct Timer {
    bool is_armed = false;
    Instant deadline{};
    uint64_t due_tick = 0;  // the last tick at which it may expire
  };
  std::array<Timer, kTimers> timers;
  uint32_t armed = 0;

  AETHER_UNCOUNTED uint64_t EarliestTick() const {
    uint64_t earliest = ~uint64_t{0};
    for (const Timer& timer : timers) {
      if (timer.is_armed) earliest = std::min(earliest, timer.due_tick);
    }
    return earliest;
  }
};

class Run {
 public:
  explicit Run(Instant origin) : origin_(origin), now_(origin), wheel_(kTimers, origin) {}

  void Step(Records& records) {
    const uint8_t op = records.Byte();
    const uint32_t id = records.Below(kTimers);
    switch (op % 6) {
      case 0:
      case 1:
        Schedule(id, Later(records));
        break;
      case 2:  // the past
        Schedule(id, now_ - records.Time(std::chrono::hours(24 * 365)));
        break;
      case 3:
        wheel_.Cancel(id);
        if (model_.timers[id].is_armed) --model_.armed;
        model_.timers[id].is_armed = false;
        break;
      case 4:
        Advance(Later(records), records);
        break;
      default:
        AdvanceToNext(records);
        break;
    }
    FUZZ_CHECK(P4, wheel_.armed() == model_.armed);
    FUZZ_CHECK(P4, wheel_.IsArmed(id) == model_.timers[id].is_armed);
    CheckNextDeadline();
  }

  // Sleeping from deadline to deadline comes to an end with nothing armed (P8).
  void Finish() {
    Records none({});
    for (uint32_t i = 0; model_.armed > 0; ++i) {
      // A step or two per level, and one more for each time around of the outermost level.
      FUZZ_CHECK(P8, i < kTimers * 256);
      AdvanceToNext(none);
    }
    FUZZ_CHECK(P5, wheel_.armed() == 0 && wheel_.NextDeadline() == kNever);
  }

 private:
  uint64_t FloorTick(Instant when) const {
    return when <= origin_ ? 0 : static_cast<uint64_t>((when - origin_).count() / kTickNs);
  }
  uint64_t CeilTick(Instant when) const {
    return when <= origin_
               ? 0
               : static_cast<uint64_t>(((when - origin_).count() + kTickNs - 1) / kTickNs);
  }

  Instant Later(Records& records) const {
    return std::max(now_, std::min(now_ + records.Time(), origin_ + kFuture));
  }

  void Schedule(uint32_t id, Instant deadline) {
    wheel_.Schedule(id, deadline);
    Model::Timer& timer = model_.timers[id];
    if (!timer.is_armed) ++model_.armed;
    // What is due already is due at the next tick.
    timer = {true, deadline, std::max(CeilTick(deadline), FloorTick(now_) + 1)};
  }

  void Advance(Instant to, Records& records) {
    FUZZ_CHECK(P8, to >= now_);
    now_ = to;
    const uint64_t now_tick = FloorTick(now_);
    uint64_t last_tick = 0;
    int rearmed = 0;
    wheel_.Advance(now_, [&](uint32_t id) {
      FUZZ_CHECK(P4, id < kTimers);
      Model::Timer& timer = model_.timers[id];
      FUZZ_CHECK(P8, timer.is_armed && !wheel_.IsArmed(id));
      FUZZ_CHECK(P8, timer.deadline <= now_);
      // In the order of their ticks.
      FUZZ_CHECK(P8, rearmed > 0 || timer.due_tick >= last_tick);
      last_tick = timer.due_tick;
      timer.is_armed = false;
      --model_.armed;
      CurrentTrace().Add(id);
      // Some are armed again, or cancel another one, while the wheel turns.
      if (records.empty() || rearmed == 8) return;
      const uint8_t what = records.Byte();
      const uint32_t other = what / 4 % kTimers;
      if (what % 4 == 1) {
        ++rearmed;
        Schedule(id, Later(records));
      } else if (what % 4 == 2) {
        ++rearmed;
        Schedule(other, now_ - records.Time(std::chrono::seconds(1)));
      } else if (what % 4 == 3) {
        wheel_.Cancel(other);
        if (model_.timers[other].is_armed) --model_.armed;
        model_.timers[other].is_armed = false;
      }
    });
    FUZZ_CHECK(P8, model_.EarliestTick() > now_tick);
  }

  void AdvanceToNext(Records& records) {
    const Instant next = wheel_.NextDeadline();
    FUZZ_CHECK(P8, (next == kNever) == (model_.armed == 0));
    if (next == kNever) return;
    // Or whoever sleeps until then would never sleep.
    FUZZ_CHECK(P8, next > now_);
    Advance(next, records);
  }

  void CheckNextDeadline() const {
    const Instant next = wheel_.NextDeadline();
    FUZZ_CHECK(P8, (next == kNever) == (model_.armed == 0));
    if (model_.armed > 0) FUZZ_CHECK(P8, FloorTick(next) <= model_.EarliestTick());
  }

  const Instant origin_;
  Instant now_;
  TimerWheel wheel_;
  Model model_;
};

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return -1;
  aether::fuzz::Records records({data, size});
  aether::fuzz::Run run(aether::Instant{} + records.Time());
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
