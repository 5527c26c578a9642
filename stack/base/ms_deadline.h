// A deadline in half the size of an Instant: whole milliseconds, modulo 2^32 (49 days).
// It is only right while it lies less than 24 days from the time that it is compared with; whoever
// lets time pass sees to that.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/time.h"

namespace aether {

// The milliseconds of `now`, modulo 2^32.
constexpr uint32_t MsOf(Instant now) {
  return static_cast<uint32_t>(now.time_since_epoch().count() / 1'000'000);
}

class MsDeadline {
 public:
  // Time may pass in steps of this much without harm to any deadline.
  static constexpr Duration kStepMax = std::chrono::hours(24 * 20);

  constexpr bool IsSet() const { return value_ != 0; }
  constexpr void Clear() { value_ = 0; }
  // At the first whole millisecond that is not before `at`.
  constexpr void Set(Instant at) { SetNoLater(at + Duration(999'999)); }
  // At the last whole millisecond that is not after `at`.
  constexpr void SetNoLater(Instant at) {
    // 0 stands for none: one millisecond of 2^32 comes a millisecond late.
    value_ = MsOf(at);
    if (value_ == 0) value_ = 1;
  }
  constexpr bool IsDue(Instant now) const {
    return value_ != 0 && static_cast<int32_t>(value_ - MsOf(now)) <= 0;
  }
  // kNever when not set; may lie in the past.
  constexpr Instant At(Instant now) const { return Earliest(now, *this, {}, {}); }
  // The first of three.
  static constexpr Instant Earliest(Instant now, MsDeadline a, MsDeadline b, MsDeadline c) {
    if ((a.value_ | b.value_ | c.value_) == 0) return kNever;
    const int64_t whole_ms = now.time_since_epoch().count() / 1'000'000;
    const uint32_t ms = static_cast<uint32_t>(whole_ms);
    const int64_t ahead = std::min({a.Ahead(ms), b.Ahead(ms), c.Ahead(ms)});
    return Instant(std::chrono::milliseconds(whole_ms + ahead));
  }

 private:
  // Milliseconds from `ms` on, more than any deadline lies ahead when not set.
  constexpr int64_t Ahead(uint32_t ms) const {
    return value_ == 0 ? int64_t{1} << 32 : static_cast<int32_t>(value_ - ms);
  }
  uint32_t value_ = 0;
};

}  // namespace aether
