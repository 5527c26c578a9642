// What a fault injector does to frames, and how that is written on a command line:
//
//   drop=0.01,dup=0.02,reorder=0.05,delay=20ms,jitter=5ms,corrupt=0.001,rate=10M,seed=7
//
// drop, dup, reorder and corrupt are probabilities in [0, 1]; delay and jitter take us, ms or s;
// rate is in bits per second and takes k, M or G. A key holds for both directions, `in.` or `out.`
// before it for one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "stack/base/time.h"

namespace aether::device {

// Of one direction. Probabilities are thresholds in [0, 2^32]: a fault happens when a random 32-bit
// number is below.
struct FaultRates {
  static constexpr uint64_t kAlways = uint64_t{1} << 32;

  uint64_t drop = 0;
  uint64_t duplicate = 0;
  // Held back until one to three later frames have passed; others that are held back do not count.
  uint64_t reorder = 0;
  // One random bit of the frame is flipped; the Internet checksum notices any single one that it
  // covers.
  uint64_t corrupt = 0;
  // Every frame comes this much later, and up to `jitter` more; jitter reorders.
  Duration delay{0};
  Duration jitter{0};
  // 0: no limit.
  uint64_t rate_bits_per_second = 0;

  constexpr bool Any() const { return *this != FaultRates{}; }
  constexpr bool operator==(const FaultRates&) const = default;
};

struct FaultOptions {
  static constexpr Duration kDelayMax = std::chrono::seconds(60);
  static constexpr uint64_t kRateMin = 1'000;
  static constexpr uint64_t kRateMax = 1'000'000'000'000;

  FaultRates in;
  FaultRates out;
  uint64_t seed = 0;
  // Frames that each direction holds back: more are dropped, as a router does.
  size_t held_frames_max = 1024;
  size_t held_bytes_max = size_t{4} * 1024 * 1024;

  // The empty text means no faults. The error is a sentence.
  static std::expected<FaultOptions, std::string> Parse(std::string_view text);
  // The threshold of a probability in [0, 1].
  static uint64_t Threshold(double probability);

  constexpr bool operator==(const FaultOptions&) const = default;
};

}  // namespace aether::device
