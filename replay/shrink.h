// Reduces a capture to the smallest part of it that still shows what the whole shows when it is
// replayed: a crash, a replay without end, an unanswered request, a difference. Whole connections
// are left out first, then packets. Each try is a process of its own, so that a crash is an answer.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "replay/replay_options.h"
#include "replay/replay_result.h"

namespace aether::replay {

// What a replay shows, ordered by how bad it is.
struct Verdict {
  enum class Kind : uint8_t { kClean, kDifference, kFailure, kHang, kCrash };
  Kind kind = Kind::kClean;
  // Of kDifference: a bit for each kind of difference that some connection has; of kCrash the
  // signal.
  uint32_t detail = 0;

  static Verdict Of(const ReplayResult& result);
  // Shows what `whole` shows.
  bool Covers(const Verdict& whole) const;
};
std::string Describe(const Verdict& verdict);

struct Shrunk {
  Verdict verdict;
  uint64_t packets_before = 0;
  uint64_t packets = 0;
  uint32_t tries = 0;
};

struct ShrinkLimits {
  uint64_t capture_bytes_max = uint64_t{256} << 20;
  uint32_t tries_max = 2000;
  uint32_t try_seconds_max = 20;
  // What is done with each part, in a process of its own; nothing: RunReplay.
  std::function<std::expected<ReplayResult, std::string>(const ReplayOptions&)> run{};
};

// Writes options.shrink, unless nothing is to be seen in the capture. The error is a sentence.
std::expected<Shrunk, std::string> Shrink(const ReplayOptions& options, const ShrinkLimits& limits);

}  // namespace aether::replay
