#include "bench/stack/operations.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bench/stack/bulk.h"
#include "bench/stack/counted_region.h"
#include "bench/stack/lock_count.h"
#include "bench/stack/scenario.h"
#include "bench/stack/wait_count.h"
#include "stack/testing/counting_allocator.h"
#include "stack/wire/checksum.h"

namespace aether::bench {
namespace {

constexpr std::string_view kOperations = "--operations=";
constexpr std::string_view kCase = "--case=";

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

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

struct Totals {
  uint64_t operations = 0;
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  // Zero for the reflector.
  uint64_t bytes_out = 0;
  uint64_t pure_acks_out = 0;
  uint64_t retransmissions = 0;
  uint64_t allocations = 0;
  uint64_t locks = 0;
  uint64_t waits = 0;
};

// The build whose instructions are counted.
#ifdef __clang__
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

uint64_t RetransmissionsOf(const Counters& counters) {
  return counters.tcp_retransmissions + counters.tcp_loss_probes;
}

int Print(const Totals& totals, const std::string& wrong) {
  if (!wrong.empty()) {
    std::fprintf(stderr, "WRONG RESULT: %s\n", wrong.c_str());
    return 4;
  }
  // What the processor (or the tool that plays it) lets the stack choose.
  const char* const unit = IsAvailable(ChecksumUnit::kAvx512) ? "avx512"
                           : IsAvailable(ChecksumUnit::kAvx2) ? "avx2"
                                                              : "portable";
  const auto print = [](const char* name, uint64_t value) {
    std::printf("%s %llu\n", name, static_cast<unsigned long long>(value));
  };
  print("operations", totals.operations);
  print("frames_in", totals.frames_in);
  print("frames_out", totals.frames_out);
  print("bytes_out", totals.bytes_out);
  print("pure_acks_out", totals.pure_acks_out);
  print("retransmissions", totals.retransmissions);
  print("allocations", totals.allocations);
  print("locks", totals.locks);
  print("waits", totals.waits);
  std::printf("checksum_unit %s\ncompiler %s\n", unit, kCompiler);
  return 0;
}

int RunScenario(const ScenarioOptions& options, uint64_t operations) {
  Scenario scenario(options);
  Totals totals;
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
  return Print(totals, scenario.Wrong());
}

int RunBulk(bool both_ways, uint64_t operations) {
  Bulk bulk(both_ways, /*check=*/false);
  Totals totals;
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
  return Print(totals, bulk.Wrong());
}

}  // namespace

bool IsOperationsCall(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(kOperations) || argument.starts_with(kCase)) return true;
  }
  return false;
}

int RunOperations(int argc, char** argv) {
  uint64_t operations = 0;
  std::string_view name;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (TakePrefix(argument, kOperations)) {
      operations = std::strtoull(std::string(argument).c_str(), nullptr, 10);
    } else if (TakePrefix(argument, kCase)) {
      name = argument;
    } else {
      std::fprintf(stderr, "%s: unknown argument %s\n", argv[0], argv[i]);
      return 1;
    }
  }
  if (operations > 0 && (name == "bulk/one_way" || name == "bulk/both_ways"))
    return RunBulk(name == "bulk/both_ways", operations);
  const std::optional<ScenarioOptions> options = ParseCase(name);
  if (operations == 0 || !options) {
    std::fprintf(stderr,
                 "usage: %s --operations=N --case=CASE, where CASE is bulk/one_way, "
                 "bulk/both_ways or [http/|bare/|reflector/](keepalive|close)/N/batch_B\n",
                 argv[0]);
    return 1;
  }
  return RunScenario(*options, operations);
}

}  // namespace aether::bench
