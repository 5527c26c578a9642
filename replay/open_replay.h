// Replays the frames of a capture as they are: hostile traffic, inputs of fuzzers. The stack
// gets the address of the capture's server; frames that come from that address are left out, and
// neighbours that it asks for are answered for.
#pragma once

#include <expected>
#include <string>

#include "replay/host_driver.h"
#include "replay/replay_result.h"
#include "replay/replay_setup.h"

namespace aether::replay {

// The error is a sentence.
std::expected<ReplayResult, std::string> RunOpenReplay(const ReplaySetup& setup,
                                                       const ReplayHostOptions& host,
                                                       SpeedLog* log);

}  // namespace aether::replay
