// Peers in memory, through the same scripts as our stack, side by side: `aether` and `lwip`, with
// at most 1,024 connections in TIME-WAIT each. Both stay in memory, so that repetitions can
// interleave
// (--benchmark_enable_random_interleaving). A peer that is absent is a line of the output and an
// entry of the JSON's context.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "bench/common/suite.h"
#include "bench/peers/lwip_server.h"
#include "bench/stack/scenario.h"

namespace aether::bench {
namespace {

void Time(benchmark::State& state, const std::string& row, const ScenarioOptions& options) {
  static std::map<std::string, std::unique_ptr<Scenario>> scenarios;
  std::unique_ptr<Scenario>& scenario = scenarios[row];
  if (scenario == nullptr) scenario = std::make_unique<Scenario>(options);
  scenario->Record();
  scenario->RunWarmUp();
  while (state.KeepRunningBatch(scenario->operations_timed())) {
    scenario->RunTimed();
    state.PauseTiming();
    scenario->Record();
    scenario->RunWarmUp();
    state.ResumeTiming();
  }
  scenario->RunTimed();
  const std::string wrong = scenario->Wrong();
  if (!wrong.empty()) state.SkipWithError(wrong.c_str());
}

std::string CheckExactly(ScenarioOptions options) {
  options.connections = std::min(options.connections, 100u);
  options.time_wait_max = 256;
  options.strict = true;
  Scenario scenario(options);
  for (int chunk = 0; chunk < 2; ++chunk) {
    scenario.Record();
    scenario.RunExact();
  }
  return scenario.Wrong();
}

void AddRow(Suite& suite, const std::string& row, const ScenarioOptions& options) {
  suite.Add(
      row, [options] { return CheckExactly(options); },
      [row, options](benchmark::State& state) { Time(state, row, options); });
}

void Fill(Suite& suite) {
  const std::string missing = WhatLwipMisses();
  if (!missing.empty()) std::printf("lwip: absent: %s\n", missing.c_str());
  benchmark::AddCustomContext("peer_lwip", missing.empty() ? "present" : "absent: " + missing);
  for (const bool close : {false, true}) {
    for (const uint32_t connections : {1u, 100u, suite.Pick(10'000u, 300u)}) {
      const ScenarioOptions ours{
          .close = close, .connections = connections, .batch = 1, .time_wait_max = 1024};
      ScenarioOptions lwip = ours;
      lwip.is_peer = true;
      lwip.profile.timestamps = false;
      lwip.make_server = MakeLwipServer;
      const std::string row =
          std::string("peers/") + (close ? "close/" : "keepalive/") + std::to_string(connections);
      AddRow(suite, row + "/aether", ours);
      if (missing.empty()) AddRow(suite, row + "/lwip", lwip);
    }
  }
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
