// aether-sim: runs scenarios of the simulator. See --help.
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stack/device/pcap_writer.h"
#include "stack/testing/sim/runner.h"
#include "stack/testing/sim/saved_run.h"
#include "stack/testing/sim/shrink.h"
#include "stack/testing/sim/sim_options.h"
#include "stack/testing/sim/transfer_table.h"

namespace {

using namespace aether;                // NOLINT(google-build-using-namespace)
using namespace aether::testing::sim;  // NOLINT(google-build-using-namespace)

constexpr int kExitClean = 0;
constexpr int kExitViolation = 1;
constexpr int kExitUsage = 2;
constexpr uint32_t kReachingMax = 10;
constexpr const char* kSavedRuns = "corpora/scripts";

void Report(const RunSpec& spec, const Outcome& outcome) {
  for (const std::string& frame : outcome.last_frames) std::printf("  %s\n", frame.c_str());
  const int64_t nanoseconds = outcome.violation->when.time_since_epoch().count();
  std::printf("VIOLATION %s at %" PRId64 ".%09" PRId64 " s, scenario %s, seed %" PRIu64 ": %s\n",
              outcome.violation->oracle.c_str(), nanoseconds / 1'000'000'000,
              nanoseconds % 1'000'000'000, spec.scenario.c_str(), spec.seed,
              outcome.violation->text.c_str());
  std::printf("repeat: %s\n", CommandOf(spec).c_str());
}

// Totals over all runs; the digest does not depend on the order in which they end.
struct Totals {
  uint64_t runs = 0;
  uint64_t frames = 0;
  uint64_t bytes = 0;
  uint64_t retransmitted = 0;
  uint64_t digest = 0;
  std::map<std::string, std::pair<uint64_t, uint64_t>> reached{};  // runs, and times in all

  void Add(size_t index, const Outcome& outcome) {
    ++runs;
    frames += outcome.frames;
    bytes += outcome.delivered_bytes;
    retransmitted += outcome.retransmitted_segments;
    digest += (outcome.trace_hash ^ index) * 0x9e3779b97f4a7c15u;
    for (const auto& [name, count] : outcome.reached) {
      ++reached[name].first;
      reached[name].second += count;
    }
  }
  void PrintReached() const {
    std::printf("%-32s %12s %14s\n", "reached", "in runs", "times");
    for (const auto& [name, counts] : reached) {
      std::printf("%-32s %12" PRIu64 " %14" PRIu64 "\n", name.c_str(), counts.first, counts.second);
    }
  }
};

// The run again in this process, with what node 0 sees written to a file. A run that aborts leaves
// what was written until then.
int RecordRun(const SimOptions& options) {
  RunSpec spec;
  if (options.replays.empty()) {
    spec = options.runs.front();
  } else {
    std::expected<SavedRun, std::string> saved = ReadSavedRun(options.replays.front());
    if (!saved) {
      std::fprintf(stderr, "aether-sim: %s\n", saved.error().c_str());
      return kExitUsage;
    }
    spec = std::move(saved->spec);
  }
  std::expected<std::unique_ptr<device::PcapWriter>, std::string> writer =
      device::PcapWriter::Create(options.pcap, {});
  if (!writer) {
    std::fprintf(stderr, "aether-sim: %s\n", writer.error().c_str());
    return kExitUsage;
  }
  RunOptions run;
  run.capture = writer->get();
  const RunResult result = RunScenario(*MakeScenario(spec), run);
  (*writer)->Flush();
  if (!(*writer)->error().empty()) {
    std::fprintf(stderr, "aether-sim: %s\n", (*writer)->error().c_str());
    return kExitUsage;
  }
  if (result.violation) {
    Report(spec, {.violation = result.violation, .last_frames = result.last_frames});
  }
  std::printf("aether-sim: 1 run, %" PRIu64 " frames, recorded in %s\n", result.frames,
              options.pcap.c_str());
  return result.violation ? kExitViolation : kExitClean;
}

// A failing run becomes a file, so that it is run again for ever.
void Save(const SimOptions& options, const RunSpec& spec, const Outcome& outcome) {
  const std::string directory = !options.save.empty() ? options.save
                                : std::filesystem::is_directory(kSavedRuns)
                                    ? std::string(kSavedRuns)
                                    : std::string();
  if (directory.empty()) return;
  const std::expected<std::string, std::string> path =
      WriteSavedRun({.spec = spec,
                     .remarks = {},
                     .violated = outcome.violation->oracle + " " + outcome.violation->text,
                     .reaches = {},
                     .trace = std::nullopt},
                    directory);
  if (path) {
    std::printf("saved: %s\n", path->c_str());
  } else {
    std::fprintf(stderr, "aether-sim: %s\n", path.error().c_str());
  }
}

void OnFailure(const SimOptions& options, const RunnerOptions& runner, const RunSpec& spec,
               const Outcome& failure) {
  Report(spec, failure);
  if (!options.shrink) {
    Save(options, spec, failure);
    return;
  }
  std::fprintf(stderr, "aether-sim: looking for a smaller form\n");
  const Shrunk shrunk =
      Shrink(spec, failure, [&](const RunSpec& smaller) { return RunIsolated(smaller, runner); });
  std::printf("smallest of %u runs:\n", shrunk.runs);
  Report(shrunk.spec, shrunk.outcome);
  Save(options, shrunk.spec, shrunk.outcome);
}

int RunMany(const SimOptions& options) {
  const RunnerOptions runner{.jobs = options.jobs, .twice = options.twice};
  Totals totals;
  std::optional<size_t> failed;
  Outcome failure;
  uint32_t reaching = 0;
  const size_t tenth = options.runs.size() / 10 + 1;
  RunAll(options.runs, runner, [&](size_t index, const Outcome& outcome) {
    totals.Add(index, outcome);
    if (options.runs.size() >= 100 && totals.runs % tenth == 0) {
      std::fprintf(stderr, "aether-sim: %" PRIu64 " of %zu runs\n", totals.runs,
                   options.runs.size());
    }
    if (outcome.reached.contains(options.reaching) && ++reaching <= kReachingMax) {
      std::printf("reached: %s\n", CommandOf(options.runs[index]).c_str());
    }
    if (!outcome.violation) return true;
    failed = index;
    failure = outcome;
    return false;
  });
  if (failed) OnFailure(options, runner, options.runs[*failed], failure);
  if (options.reached) totals.PrintReached();
  std::printf("aether-sim: %" PRIu64 " runs%s, %" PRIu64 " frames, %" PRIu64
              " bytes delivered, %" PRIu64
              " segments retransmitted, %d violations, digest %016" PRIx64 "\n",
              totals.runs, options.twice ? " (each twice)" : "", totals.frames, totals.bytes,
              totals.retransmitted, failed ? 1 : 0, totals.digest);
  return failed ? kExitViolation : kExitClean;
}

// Files of saved runs, each twice.
int Replay(const SimOptions& options) {
  int failures = 0;
  for (const std::string& path : options.replays) {
    const std::expected<SavedRun, std::string> run = ReadSavedRun(path);
    if (!run) {
      std::fprintf(stderr, "aether-sim: %s\n", run.error().c_str());
      return kExitUsage;
    }
    const Outcome outcome = RunIsolated(run->spec, {.twice = true});
    const std::string problem = CheckReplay(*run, outcome);
    if (!problem.empty()) ++failures;
    if (outcome.violation) Report(run->spec, outcome);
    const bool is_other = run->trace && *run->trace != outcome.trace_hash;
    std::printf("%s: %s, trace: %016" PRIx64 "%s\n", path.c_str(),
                problem.empty() ? "clean" : problem.c_str(), outcome.trace_hash,
                is_other ? " (not the recorded one)" : "");
  }
  std::printf("aether-sim: %zu saved runs, %d failures\n", options.replays.size(), failures);
  return failures == 0 ? kExitClean : kExitViolation;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const std::expected<SimOptions, std::string> options = ParseSimOptions(arguments);
  if (!options) {
    std::fprintf(stderr, "aether-sim: %s\n", options.error().c_str());
    return kExitUsage;
  }
  if (options->help) {
    std::fputs(SimUsage().c_str(), stdout);
    return kExitClean;
  }
  if (options->table) {
    std::fputs(TransferTable(options->profile).c_str(), stdout);
    return kExitClean;
  }
  if (!options->pcap.empty()) return RecordRun(*options);
  return options->replays.empty() ? RunMany(*options) : Replay(*options);
}
