// A whole replay as the command line asks for it: survey, replay by one or several workers, and
// the frames alone once more at full speed.
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "replay/replay_options.h"
#include "replay/replay_result.h"

namespace aether::replay {

// What is printed while it runs: of 0 to 1, how much of the capture was read.
using ShowProgress = std::function<void(double)>;

// The error is a sentence. `show` may be empty.
std::expected<ReplayResult, std::string> RunReplay(const ReplayOptions& options,
                                                   const ShowProgress& show);

}  // namespace aether::replay
