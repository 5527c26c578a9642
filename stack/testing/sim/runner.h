// Runs scenarios in processes of their own, so that a run that aborts (a CHECK of the stack, P4) is
// a result like any other, and several run at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stack/testing/sim/reductions.h"
#include "stack/testing/sim/simulation.h"

namespace aether::testing::sim {

// What is kept of a run.
struct Outcome {
  std::optional<Violation> violation{};
  std::vector<std::string> last_frames{};
  uint64_t trace_hash = 0;
  uint64_t frames = 0;
  uint64_t delivered_bytes = 0;
  uint64_t retransmitted_segments = 0;
  std::map<std::string, uint64_t> reached{};
};

struct RunnerOptions {
  uint32_t jobs = 1;
  bool twice = false;  // each run is repeated, and its trace has to be the same (P15)
  HostFactory make_host = MakeHost;
};

// In this process. The scenario of `spec` must exist.
Outcome RunOnce(const RunSpec& spec, const RunnerOptions& options);
Outcome RunIsolated(const RunSpec& spec, const RunnerOptions& options);
// Calls `done` for every spec as its run ends, in no particular order; false from it stops the
// rest.
void RunAll(const std::vector<RunSpec>& specs, const RunnerOptions& options,
            const std::function<bool(size_t index, const Outcome&)>& done);

}  // namespace aether::testing::sim
