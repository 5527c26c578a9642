// How a scenario is made smaller while it keeps its name and seed: parts of it are switched off,
// its transfers are shortened or left out. What a command line says, and what shrinking looks for.
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {

struct Reductions {
  std::set<std::string, std::less<>> without;                 // of FeatureNames()
  uint64_t bytes_max = std::numeric_limits<uint64_t>::max();  // of each piece that is sent
  uint32_t first_connection = 0;
  uint32_t connections_max = std::numeric_limits<uint32_t>::max();

  bool operator==(const Reductions&) const = default;
};

// What can be switched off.
std::vector<std::string_view> FeatureNames();
// True when switching the feature off changes the scenario.
bool HasFeature(const Scenario& scenario, std::string_view feature);
void Reduce(Scenario& scenario, const Reductions& reductions);

// A run by name: enough to repeat it.
struct RunSpec {
  std::string scenario;
  uint64_t seed = 1;
  std::string profile = "full";
  Reductions reductions{};
};

// Nothing for an unknown scenario or profile.
std::optional<Scenario> MakeScenario(const RunSpec& spec);
// The command that repeats the run.
std::string CommandOf(const RunSpec& spec);

}  // namespace aether::testing::sim
