// What a replay of frames (open, adaptive) is made of, whichever mode: the capture, and the stack
// that it is played to.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "replay/replay_host.h"
#include "replay/survey.h"
#include "stack/base/time.h"
#include "stack/device/capture_sink.h"

namespace aether::replay {

struct ReplaySetup {
  std::string path;
  std::string filter;
  tcp::Profile profile = tcp::kFull;
  Seed seed{1, 0};
  std::optional<MacAddress> mac;
  std::optional<Ipv4Network> address;
  // The replay of one worker out of several: connections are shared out among them.
  uint32_t share = 0;
  uint32_t shares = 1;
  // Called before each step with the virtual time since the beginning: may wait, and show progress.
  std::function<void(Duration virtual_time, uint64_t bytes_read, uint64_t bytes_in_all)> pace;
  // May be null.
  device::CaptureSink* out = nullptr;
};

// When the first packet is played: later than the birth of the stack.
inline constexpr Instant kReplayBegin{std::chrono::seconds(1)};

// Reads the capture once. The error is a sentence; damage within the file is none.
std::expected<void, std::string> ReadSurvey(const ReplaySetup& setup, Survey& survey);

// The host that the survey asks for.
ReplayHostOptions HostOptionsFor(const ReplaySetup& setup, Survey& survey);

}  // namespace aether::replay
