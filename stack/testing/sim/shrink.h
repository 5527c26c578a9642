// Looks for the smallest form of a failing run: connections are left out, features switched off,
// and transfers shortened, one at a time, for as long as the same oracle speaks.
#pragma once

#include <cstdint>
#include <functional>

#include "stack/testing/sim/reductions.h"
#include "stack/testing/sim/runner.h"

namespace aether::testing::sim {

struct Shrunk {
  RunSpec spec;
  Outcome outcome;
  uint32_t runs = 0;
};

// `failing` is what happened to `spec`; `run` repeats a run.
Shrunk Shrink(const RunSpec& spec, const Outcome& failing,
              const std::function<Outcome(const RunSpec&)>& run, uint32_t runs_max = 400);

}  // namespace aether::testing::sim
