// Command lines on top of Abseil's flags. Abseil's own parser ends the program with 1 on a flag it
// does not know; ours returns a sentence, and main decides. Flags are --name=value, --name value,
// --name and --noname for switches; "--" ends them. Other arguments only where the program takes
// some.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace aether::runtime {

struct CommandLine {
  // What the program is called, and whether it takes arguments that are no flags.
  std::string_view program = "aether-run";
  bool takes_arguments = false;
  // What was found.
  bool help = false;
  std::vector<std::string> arguments{};
};

// `arguments` without the program's name. Sets the flags; kInvalidArgument with one sentence when
// something is wrong, and flags set before that stay set.
absl::Status ParseCommandLine(std::span<const char* const> arguments, CommandLine& result);

// All flags with their defaults, one per line.
std::string FlagHelp();

}  // namespace aether::runtime
