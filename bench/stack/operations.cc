#include "bench/stack/operations.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bench/stack/bulk.h"
#include "bench/stack/counted_region.h"
#include "bench/stack/scenario.h"
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
};

int Print(const Totals& totals, const std::string& wrong) {
  if (!wrong.empty()) {
    std::fprintf(stderr, "WRONG RESULT: %s\n", wrong.c_str());
    return 4;
  }
  // What the processor (or the tool that plays it) lets the stack choose.
  const char* const unit = IsAvailable(ChecksumUnit::kAvx512) ? "avx512"
                           : IsAvailable(ChecksumUnit::kAvx2) ? "avx2"
                                                              : "portable";
  std::printf("operations %llu\nframes_in %llu\nframes_out %llu\nchecksum_unit %s\n",
              static_cast<unsigned long long>(totals.operations),
              static_cast<unsigned long long>(totals.frames_in),
              static_cast<unsigned long long>(totals.frames_out), unit);
  return 0;
}

int RunScenario(const ScenarioOptions& options, uint64_t operations) {
  Scenario scenario(options);
  Totals totals;
  while (totals.operations < operations) {
    scenario.Record();
    aether_counted_region([&] { scenario.RunWhole(); });
    totals.operations += scenario.operations_per_chunk();
    totals.frames_in += scenario.frames_in();
    totals.frames_out += scenario.frames_out();
  }
  return Print(totals, scenario.Wrong());
}

int RunBulk(bool both_ways, uint64_t operations) {
  Bulk bulk(both_ways, /*check=*/false);
  Totals totals;
  const uint64_t frames_before = bulk.frames();
  while (totals.operations < operations) {
    aether_counted_region([&] { bulk.RunChunk(); });
    totals.operations += Bulk::kSegmentsPerChunk;
  }
  // Each frame is sent by one stack and taken in by the other.
  totals.frames_in = totals.frames_out = bulk.frames() - frames_before;
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
