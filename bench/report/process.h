// Runs one program after the other, with their output in a file. SIGINT and SIGTERM end what runs
// and are remembered, so that the caller can write down what it has.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace aether::perf {

// From now on SIGINT and SIGTERM only set what StopRequested says.
void CatchStopSignals();
bool StopRequested();

struct Command {
  std::vector<std::string> arguments = {};
  // Added to the environment.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // Standard output and error; empty: nowhere.
  std::string output = {};
};

// The exit code, or 128 and the signal; a program that cannot be started is an error, and so is a
// stop that was asked for.
absl::StatusOr<int> Run(const Command& command);

// The same, for one that has to end with 0: else a sentence with the end of its output.
absl::Status RunOrSay(const Command& command);

// Where a program of this name is on the path; empty when it is nowhere.
std::string FindProgram(const std::string& name);

}  // namespace aether::perf
