// The whole stack in memory: the HTTP server on it answers requests on connections that stay, or a
// connection for each; beside it a stateless reflector that gets the same script. See scenario.h.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

#include "bench/common/suite.h"
#include "bench/stack/lock_count.h"
#include "bench/stack/operations.h"
#include "bench/stack/resident.h"
#include "bench/stack/rows.h"
#include "bench/stack/scenario.h"
#include "bench/stack/stack_cases.h"
#include "stack/testing/counting_allocator.h"

namespace aether::bench {
namespace {

// Only one scenario is in memory; a million connections take their time to open.
Scenario& ScenarioOf(const std::string& row, const ScenarioOptions& options) {
  static std::string current;
  static std::unique_ptr<Scenario> scenario;
  if (current != row) {
    scenario.reset();
    scenario = std::make_unique<Scenario>(options);
    current = row;
  }
  return *scenario;
}

void Time(benchmark::State& state, const std::string& row, const ScenarioOptions& options) {
  Scenario& scenario = ScenarioOf(row, options);
  scenario.Record();
  scenario.RunWarmUp();
  while (state.KeepRunningBatch(scenario.operations_timed())) {
    scenario.RunTimed();
    state.PauseTiming();
    scenario.Record();
    scenario.RunWarmUp();
    state.ResumeTiming();
  }
  // The chunk that is prepared already must not be lost to the server.
  scenario.RunTimed();
  const std::string wrong = scenario.Wrong();
  if (!wrong.empty()) state.SkipWithError(wrong.c_str());
  const double per_operation = 1.0 / scenario.operations_per_chunk();
  state.counters["frames_in"] = static_cast<double>(scenario.frames_in()) * per_operation;
  state.counters["frames_out"] = static_cast<double>(scenario.frames_out()) * per_operation;
  state.counters["allocations"] = static_cast<double>(scenario.allocations());
  state.counters["locks"] = static_cast<double>(scenario.locks());
}

// The same at a size that is quickly gone through, every frame compared.
std::string CheckExactly(ScenarioOptions options) {
  options.connections = std::min(options.connections, 300u);
  options.idle = std::min(options.idle, 300u);
  options.time_wait_max = 512;
  options.strict = true;
  Scenario scenario(options);
  for (int chunk = 0; chunk < 2; ++chunk) {
    scenario.Record();
    scenario.RunExact();
  }
  scenario.Record();
  scenario.RunWarmUp();
  scenario.RunTimed();
  return scenario.Wrong();
}

std::string CheckCounting() {
  const testing::AllocationScope scope;
  const uint64_t locks = LockCount();
  std::mutex mutex;
  const std::lock_guard guard(mutex);
  const auto number = std::make_unique<int>(1);
  benchmark::DoNotOptimize(number.get());
  if (scope.count() == 0) return "allocations are not counted";
  if (LockCount() == locks) return "locks are not counted";
  return {};
}

void AddScenario(Suite& suite, const std::string& row, const ScenarioOptions& options) {
  suite.Add(
      row, [options] { return CheckExactly(options); },
      [row, options](benchmark::State& state) { Time(state, row, options); });
}

void AddWithReflector(Suite& suite, const std::string& row, ScenarioOptions options) {
  AddScenario(suite, row, options);
  options.server = ServerKind::kReflector;
  suite.AddCheck(row + "/bound:reflector", [options] { return CheckExactly(options); });
  suite.AddBound(row, "reflector", [row, options](benchmark::State& state) {
    Time(state, row + "/bound:reflector", options);
  });
}

void Fill(Suite& suite) {
  suite.AddCheck("counting", CheckCounting);
  const uint32_t time_wait_max = suite.Pick(131072u, 2048u);
  for (const bool close : {false, true}) {
    for (const uint32_t connections : {1u, 100u, 10'000u, suite.Pick(1'000'000u, 20'000u)}) {
      for (const uint32_t batch : {1u, 32u}) {
        if (batch > connections) continue;
        AddWithReflector(suite,
                         std::string("stack/") + (close ? "close/" : "keepalive/") +
                             std::to_string(connections) + "/batch_" + std::to_string(batch),
                         {.close = close,
                          .connections = connections,
                          .batch = batch,
                          .time_wait_max = time_wait_max});
      }
    }
  }
  // What the HTTP server has in it.
  AddScenario(suite, "stack/without_http/keepalive/100/batch_32",
              {.server = ServerKind::kBare, .connections = 100, .batch = 32});
  AddScenario(suite, "stack/without_http/close/100/batch_32",
              {.server = ServerKind::kBare,
               .close = true,
               .connections = 100,
               .batch = 32,
               .time_wait_max = time_wait_max});
  // 64 that are busy, beside as many that are not.
  const ScenarioOptions busy{.connections = 64, .batch = 32};
  ScenarioOptions beside = busy;
  beside.idle = suite.Pick(1'000'000u, 20'000u);
  const std::string row = "stack/64_active/beside_" + std::to_string(beside.idle) + "_idle";
  AddScenario(suite, row, beside);
  suite.AddBound(row, "alone",
                 [row, busy](benchmark::State& state) { Time(state, row + "/bound:alone", busy); });
  AddBulkRows(suite);
  AddMemoryRows(suite);
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) {
  namespace bench = aether::bench;
  if (bench::IsOperationsCall(argc, argv)) {
    return bench::RunOperations(argc, argv, bench::kStackCases,
                                [](auto name, auto operations, auto& totals) {
                                  return bench::RunStackCase(name, operations, totals);
                                });
  }
  bench::KeepTablesApart();
  return bench::SuiteMain(argc, argv, bench::Fill);
}
