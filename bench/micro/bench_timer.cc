// The timer wheel with one timer per connection: re-arm (a later deadline is only stored), to and
// fro between a near and a far one, insert, cancel, expire. Timers come in a random order, as
// connections do. Bound: a store into a random timer's place.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/common/generators.h"
#include "bench/common/suite.h"
#include "stack/base/timer_wheel.h"

namespace aether::bench {
namespace {

constexpr Instant kOrigin{std::chrono::seconds(1000)};

struct Timers {
  explicit Timers(uint32_t count)
      : wheel(count, kOrigin), order(Generator(count).Permutation(count)) {
    Generator generator(7);
    // From 40 ms, a delayed acknowledgement, to 60 s, an idle connection.
    for (uint32_t i = 0; i < count; ++i)
      delays.push_back(std::chrono::microseconds(40'000 + generator.Below(60'000'000)));
  }
  void ArmAll(Instant now) {
    for (const uint32_t id : order) wheel.Schedule(id, now + delays[id]);
  }
  uint32_t count() const { return static_cast<uint32_t>(order.size()); }

  TimerWheel wheel;
  std::vector<uint32_t> order;
  std::vector<Duration> delays;
};

void TimeRearm(benchmark::State& state, uint32_t count) {
  Timers timers(count);
  timers.ArmAll(kOrigin);
  size_t at = 0;
  Duration later{};
  TimeEach(state, [&](size_t) {
    const uint32_t id = timers.order[at];
    timers.wheel.Schedule(id, kOrigin + timers.delays[id] + later);
    if (++at == timers.order.size()) {
      at = 0;
      later += std::chrono::microseconds(100);
    }
  });
}

// As a connection's timer goes with every request: the delayed acknowledgement is nearer than the
// retransmission that it was set for, and after the answer that is what counts again. One operation
// is both.
void TimeToAndFro(benchmark::State& state, uint32_t count) {
  Timers timers(count);
  const auto far_of = [](Instant now) { return now + std::chrono::milliseconds(200); };
  Instant now = kOrigin;
  for (const uint32_t id : timers.order) timers.wheel.Schedule(id, far_of(now));
  size_t at = 0;
  TimeEach(state, [&](size_t) {
    const uint32_t id = timers.order[at];
    timers.wheel.Schedule(id, now + std::chrono::milliseconds(40));
    timers.wheel.Schedule(id, far_of(now));
    if (++at == timers.order.size()) {
      at = 0;
      now += std::chrono::microseconds(100);
    }
  });
}

// Rounds over all timers; of insert and cancel one half is timed, and the other not.
void TimeInsertOrCancel(benchmark::State& state, uint32_t count, bool insert) {
  Timers timers(count);
  const auto cancel_all = [&] {
    for (const uint32_t id : timers.order) timers.wheel.Cancel(id);
  };
  if (!insert) timers.ArmAll(kOrigin);
  while (state.KeepRunningBatch(count)) {
    if (insert) {
      timers.ArmAll(kOrigin);
      state.PauseTiming();
      cancel_all();
      state.ResumeTiming();
    } else {
      cancel_all();
      state.PauseTiming();
      timers.ArmAll(kOrigin);
      state.ResumeTiming();
    }
  }
}

// All of a round, in steps in which some 16 come up: what a timer costs from the slot that it was
// put into, with the moves to lower levels, to its call.
void TimeExpire(benchmark::State& state, uint32_t count) {
  Timers timers(count);
  Instant now = kOrigin;
  uint64_t expired = 0;
  uint64_t expected = 0;
  const Duration step =
      std::max<Duration>(std::chrono::milliseconds(1), std::chrono::seconds(60 * 16) / count);
  while (state.KeepRunningBatch(count)) {
    state.PauseTiming();
    timers.ArmAll(now);
    expected += count;
    const Instant end = now + std::chrono::milliseconds(60'042) + step;
    state.ResumeTiming();
    while (now < end) {
      now += step;
      timers.wheel.Advance(now, [&](uint32_t) { ++expired; });
    }
  }
  if (expired != expected) state.SkipWithError("not every timer expired");
}

// A busy loop asks again and again, and nothing is due.
void TimeNothingDue(benchmark::State& state, uint32_t count) {
  Timers timers(count);
  for (const uint32_t id : timers.order)
    timers.wheel.Schedule(id, kOrigin + std::chrono::hours(1) + timers.delays[id]);
  Instant now = kOrigin;
  TimeEach(state, [&](size_t) {
    now += std::chrono::microseconds(1);
    timers.wheel.Advance(now, [&](uint32_t) { state.SkipWithError("expires early"); });
  });
}

void TimeStores(benchmark::State& state, uint32_t count) {
  const std::vector<uint32_t> order = Generator(count).Permutation(count);
  struct Place {
    uint64_t tick;
    uint64_t rest;
  };
  std::vector<Place> places(count);
  size_t at = 0;
  TimeEach(state, [&](size_t i) {
    places[order[at]].tick = i;
    if (++at == order.size()) at = 0;
  });
  benchmark::DoNotOptimize(places.data());
}

// The wheel against a sorted map, over random calls.
std::string CheckAgainstMap() {
  constexpr uint32_t kCount = 200;
  TimerWheel wheel(kCount, kOrigin);
  std::map<uint32_t, Instant> model;
  Generator generator(9);
  Instant now = kOrigin;
  for (int step = 0; step < 20'000; ++step) {
    const uint32_t id = generator.Below(kCount);
    switch (generator.Below(4)) {
      case 0:
      case 1: {
        model[id] = now + std::chrono::microseconds(generator.Below(5'000'000));
        wheel.Schedule(id, model[id]);
        break;
      }
      case 2:
        model.erase(id);
        wheel.Cancel(id);
        break;
      default: {
        now += std::chrono::microseconds(generator.Below(20'000));
        std::string wrong;
        wheel.Advance(now, [&](uint32_t expired) {
          if (!model.contains(expired) || model[expired] > now) wrong = "expires early";
          model.erase(expired);
        });
        if (!wrong.empty()) return wrong;
        for (const auto& [armed, deadline] : model) {
          // A tick is 1.05 ms.
          if (deadline + 2 * TimerWheel::kTick < now) return "does not expire";
          if (!wheel.IsArmed(armed)) return "forgets a timer";
        }
      }
    }
  }
  return {};
}

void Fill(Suite& suite) {
  suite.AddCheck("timer", CheckAgainstMap);
  const auto none = [] { return std::string(); };
  for (const uint32_t count : {1000u, 1u << 16, suite.Pick(1u << 20, 1u << 14)}) {
    const std::string row = "timer/" + std::to_string(count);
    suite.Add(row + "/rearm", none, [count](benchmark::State& state) { TimeRearm(state, count); });
    suite.Add(row + "/to_and_fro", none,
              [count](benchmark::State& state) { TimeToAndFro(state, count); });
    suite.Add(row + "/insert", none,
              [count](benchmark::State& state) { TimeInsertOrCancel(state, count, true); });
    suite.Add(row + "/cancel", none,
              [count](benchmark::State& state) { TimeInsertOrCancel(state, count, false); });
    suite.Add(row + "/expire", none,
              [count](benchmark::State& state) { TimeExpire(state, count); });
    suite.Add(row + "/nothing_due", none,
              [count](benchmark::State& state) { TimeNothingDue(state, count); });
    suite.AddBound(row, "random_store",
                   [count](benchmark::State& state) { TimeStores(state, count); });
  }
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
