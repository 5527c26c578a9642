// The command line of aether-sim.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stack/testing/sim/reductions.h"

namespace aether::testing::sim {

struct SimOptions {
  std::vector<RunSpec> runs;           // every scenario with every seed
  std::vector<std::string> replays{};  // files of saved runs, to be run instead
  std::string profile = "full";
  bool twice = false;
  bool shrink = false;
  bool table = false;
  bool help = false;
  std::string pcap;
  std::string save;      // where failures are written to; empty for nowhere
  std::string reaching;  // lists the first runs that reach this
  bool reached = false;  // prints what all runs together reached
  uint32_t jobs = 1;
};

// The error is a sentence for a person.
std::expected<SimOptions, std::string> ParseSimOptions(std::span<const std::string_view> arguments);
std::string SimUsage();

}  // namespace aether::testing::sim
