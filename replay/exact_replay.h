// Repeats a recording of aether-run: the same host gets the same calls with the same frames at the
// same times, and must send the same bytes. Hashes within the recording tell whether it does, and
// up to where a recording is good that broke off.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "replay/replay_result.h"
#include "stack/device/capture_sink.h"

namespace aether::replay {

struct ExactSetup {
  std::string path;
  // May be null, and empty; see ReplaySetup.
  device::CaptureSink* out = nullptr;
  std::function<void(Duration virtual_time, uint64_t bytes_read, uint64_t bytes_in_all)> pace;
};

// The error is a sentence; what the replay found is in the result's `exact`.
std::expected<ReplayResult, std::string> RunExactReplay(const ExactSetup& setup);

}  // namespace aether::replay
