// A node's own idea of the time: it started elsewhere and runs faster or slower than the
// simulation's.
#pragma once

#include <cstdint>

#include "stack/base/time.h"

namespace aether::testing::sim {

class SkewedClock {
 public:
  // `skew_ppm` in (-1000000, 1000000); good for a month of simulated time.
  SkewedClock(Duration offset, int32_t skew_ppm) : offset_(offset), skew_ppm_(skew_ppm) {}

  Instant Local(Instant global) const {
    const int64_t g = global.time_since_epoch().count();
    return Instant(offset_ +
                   Duration(g + g / kMillion * skew_ppm_ + Floor(g % kMillion * skew_ppm_)));
  }
  // The first instant of the simulation at which the node's clock shows `local` or more; kNever
  // stays.
  Instant Global(Instant local) const {
    if (local == kNever) return kNever;
    const int64_t wanted = (local.time_since_epoch() - offset_).count();
    if (wanted <= 0) return Instant{};
    // The clock shows floor(g * speed / a million) after g: the inverse, rounded up, in steps that
    // cannot overflow.
    const int64_t speed = kMillion + skew_ppm_;
    const int64_t rest = wanted % speed * kMillion;
    const int64_t g = wanted / speed * kMillion + (rest + speed - 1) / speed;
    return Instant(Duration(g));
  }

 private:
  static constexpr int64_t kMillion = 1'000'000;

  // Divides by a million, rounding down.
  static int64_t Floor(int64_t value) {
    const int64_t quotient = value / kMillion;
    return value % kMillion < 0 ? quotient - 1 : quotient;
  }

  Duration offset_;
  int32_t skew_ppm_;
};

}  // namespace aether::testing::sim
