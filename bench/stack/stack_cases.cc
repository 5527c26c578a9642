#include "bench/stack/stack_cases.h"

#include <cstdio>

#include "bench/stack/bulk.h"
#include "bench/stack/counted_region.h"
#include "bench/stack/lock_count.h"
#include "bench/stack/scenario.h"
#include "bench/stack/wait_count.h"
#include "stack/testing/counting_allocator.h"

namespace aether::bench {
namespace {

std::optional<ScenarioOptions> ParseCase(std::string_view text) {
  ScenarioOptions options{.time_wait_max = 1024};
  if (TakePrefix(text, "reflector/")) options.server = ServerKind::kReflector;
  if (TakePrefix(text, "bare/")) options.server = ServerKind::kBare;
  TakePrefix(text, "http/");
  if (TakePrefix(text, "close/")) {
    options.close = true;
  } else if (!TakePrefix(text, "keepalive/")) {
    return std::nullopt;
  }
  unsigned connections = 0;
  unsigned batch = 0;
  if (std::sscanf(std::string(text).c_str(), "%u/batch_%u", &connections, &batch) != 2 ||
      batch == 0 || batch > connections || batch > 64) {
    return std::nullopt;
  }
  options.connections = connections;
  options.batch = batch;
  return options;
}

uint64_t RetransmissionsOf(const Counters& counters) {
  return counters.tcp_retransmissions + counters.tcp_loss_probes;
}

std::string RunScenario(const ScenarioOptions& options, uint64_t operations,
                        OperationTotals& totals) {
  Scenario scenario(options);
  const Stack* const stack = scenario.measured().stack();
  const Counters before = stack != nullptr ? stack->counters() : Counters{};
  while (totals.operations < operations) {
    scenario.Record();
    aether_counted_region([&] { scenario.RunWhole(); });
    totals.operations += scenario.operations_per_chunk();
    totals.frames_in += scenario.frames_in();
    totals.frames_out += scenario.frames_out();
  }
  if (stack != nullptr) {
    const Counters& after = stack->counters();
    totals.bytes_out = after.bytes_out - before.bytes_out;
    totals.pure_acks_out = after.tcp_pure_acks_out - before.tcp_pure_acks_out;
    totals.retransmissions = RetransmissionsOf(after) - RetransmissionsOf(before);
  }
  totals.allocations = scenario.allocations();
  totals.locks = scenario.locks();
  totals.waits = scenario.waits();
  return scenario.Wrong();
}

std::string RunBulk(const BulkOptions& options, uint64_t operations, OperationTotals& totals) {
  Bulk bulk(options);
  const uint64_t frames_before = bulk.frames();
  const testing::AllocationScope allocations;
  const uint64_t locks_before = LockCount();
  const uint64_t waits_before = WaitCount();
  while (totals.operations < operations) {
    aether_counted_region([&] { bulk.RunChunk(); });
    totals.operations += Bulk::kSegmentsPerChunk;
  }
  // Each frame is sent by one stack and taken in by the other.
  totals.frames_in = totals.frames_out = bulk.frames() - frames_before;
  totals.allocations = allocations.count();
  totals.locks = LockCount() - locks_before;
  totals.waits = WaitCount() - waits_before;
  return bulk.Wrong();
}

}  // namespace

std::optional<std::string> RunStackCase(std::string_view name, uint64_t operations,
                                        OperationTotals& totals, const tcp::Profile& profile) {
  if (name == "bulk/one_way" || name == "bulk/both_ways")
    return RunBulk({.both_ways = name == "bulk/both_ways", .profile = profile}, operations, totals);
  std::optional<ScenarioOptions> options = ParseCase(name);
  if (!options) return std::nullopt;
  options->profile = profile;
  return RunScenario(*options, operations, totals);
}

}  // namespace aether::bench
