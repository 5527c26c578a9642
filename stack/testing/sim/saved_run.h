// A run in a file of corpora/scripts: a failure that was found and fixed, or a run that reaches
// what few others do. Readable, and what repeats it stands in it as one would type it:
//
//   # Remarks: what it is about.
//   aether-sim --scenario lossy --seed 42 --profile full --without skew
//   violated: P1 the byte delivered at offset 7 is 3, not 4
//   reaches: tcp_spurious_recoveries, flow_zero_windows
//   trace: 00c0ffee00c0ffee
//
// `violated` is what the run did when it was saved; a replay has to be clean. `reaches` names what
// must still happen in it (RunResult::reached). `trace` is the hash that it had when it was last
// recorded: another one is no failure, since whatever changes what TCP sends changes it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stack/testing/sim/reductions.h"
#include "stack/testing/sim/runner.h"

namespace aether::testing::sim {

struct SavedRun {
  RunSpec spec;
  std::vector<std::string> remarks;
  std::string violated;
  std::vector<std::string> reaches;
  std::optional<uint64_t> trace;
};

std::string FormatSavedRun(const SavedRun& run);
// The error is a sentence for a person.
std::expected<SavedRun, std::string> ParseSavedRun(std::string_view text);
std::expected<SavedRun, std::string> ReadSavedRun(const std::string& path);
// Under a name made of the run's; the path.
std::expected<std::string, std::string> WriteSavedRun(const SavedRun& run,
                                                      const std::string& directory);

// What is wrong with a replay; empty for nothing.
std::string CheckReplay(const SavedRun& run, const Outcome& outcome);

}  // namespace aether::testing::sim
