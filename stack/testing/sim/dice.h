// Draws of the simulator: whole numbers only, all from a seed, so that a run is the same
// everywhere.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "stack/base/random.h"
#include "stack/base/time.h"

namespace aether::testing::sim {

// Probabilities are in parts per million.
inline constexpr uint32_t kCertain = 1'000'000;

class Dice {
 public:
  explicit Dice(Seed seed) : random_(seed) {}

  // Draws nothing when the answer is known.
  bool Chance(uint32_t ppm) {
    if (ppm == 0) return false;
    return ppm >= kCertain || random_.Below(kCertain) < ppm;
  }
  // Uniform in [low, high]; low <= high.
  int64_t Between(int64_t low, int64_t high) {
    const uint64_t count = static_cast<uint64_t>(high - low) + 1;
    return low + static_cast<int64_t>(random_.Next64() % count);
  }
  uint32_t Between32(uint32_t low, uint32_t high) {
    return static_cast<uint32_t>(Between(low, high));
  }
  Duration Between(Duration low, Duration high) {
    return Duration(Between(low.count(), high.count()));
  }
  // In [low, high], every order of magnitude as likely as the next; 0 < low.
  int64_t Scaled(int64_t low, int64_t high) {
    const int bits = static_cast<int>(Between(BitWidth(low), BitWidth(high)));
    const int64_t top = int64_t{1} << (bits - 1);
    return std::clamp(Between(top, 2 * top - 1), low, high);
  }
  Duration Scaled(Duration low, Duration high) {
    return Duration(Scaled(low.count(), high.count()));
  }
  // The sum of twelve uniform numbers has a standard deviation of about `spread` around 0, and
  // never leaves [-6 spread, 6 spread].
  int64_t NormalLike(int64_t spread) {
    int64_t sum = 0;
    for (int i = 0; i < 12; ++i) sum += Between(0, spread);
    return sum - 6 * spread;
  }
  // Mostly below `scale`; every doubling is four times as rare; at most 1,024 times `scale`.
  int64_t HeavyTail(int64_t scale) {
    int64_t value = Between(0, scale);
    for (int i = 0; i < 10 && Chance(250'000); ++i) value *= 2;
    return value;
  }
  template <typename T, size_t kCount>
  const T& Pick(const std::array<T, kCount>& from) {
    return from[random_.Below(static_cast<uint32_t>(kCount))];
  }
  template <typename T>
  const T& Pick(std::span<const T> from) {
    return from[random_.Below(static_cast<uint32_t>(from.size()))];
  }
  Seed NextSeed() { return random_.NextSeed(); }
  uint64_t Next64() { return random_.Next64(); }
  uint32_t Next32() { return random_.Next32(); }

 private:
  static int BitWidth(int64_t value) { return 64 - std::countl_zero(static_cast<uint64_t>(value)); }

  Random random_;
};

}  // namespace aether::testing::sim
