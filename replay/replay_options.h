// The command line of aether-replay.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stack/tcp/profile.h"
#include "stack/wire/address.h"

namespace aether::replay {

enum class ReplayMode : uint8_t { kAdaptive, kOpen, kExact };

struct ReplayOptions {
  static constexpr uint32_t kWorkersMax = 64;

  std::string capture;
  ReplayMode mode = ReplayMode::kAdaptive;
  bool mode_given = false;
  // Virtual seconds in a real one; nothing: as fast as it goes.
  std::optional<double> speed;
  tcp::Profile profile = tcp::kFull;
  uint32_t workers = 1;
  uint64_t seed = 1;
  std::optional<MacAddress> mac;
  std::optional<Ipv4Network> address;
  std::string filter;
  std::string out;
  std::string report;
  std::string summary;
  std::string shrink;
  bool shrinks = false;
  bool json = false;
  bool help = false;
  // Times that the frames are run alone, at full speed; 0: not.
  uint32_t rounds = 3;
};

// The error is a sentence.
std::expected<ReplayOptions, std::string> ParseReplayOptions(
    std::span<const std::string_view> arguments);
std::string ReplayUsage();

}  // namespace aether::replay
