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
  std::vector<RunSpec> runs;  // every scenario with every seed; from scripts, too
  std::string profile = "full";
  bool twice = false;
  bool shrink = false;
  bool table = false;
  bool help = false;
  std::string pcap;
  uint32_t jobs = 1;
};

// The error is a sentence for a person.
std::expected<SimOptions, std::string> ParseSimOptions(std::span<const std::string_view> arguments);
std::string SimUsage();

// A file of failing runs: a line is what follows the name of the program on the command line that
// repeats the run; lines that begin with '#' are remarks.
std::expected<std::vector<RunSpec>, std::string> ParseSimScript(std::string_view text);

}  // namespace aether::testing::sim
