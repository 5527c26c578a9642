// The time of a run, in microseconds of the Unix epoch: either the real one, or a virtual one that
// moves only when it is told to, so that a script of minutes runs in milliseconds and its result
// does not depend on the machine.
#pragma once

#include <chrono>
#include <cstdint>

#include "replay/packetdrill/options.h"
#include "stack/base/time.h"

namespace aether::packetdrill {

class Clock {
 public:
  static constexpr int64_t kNeverUs = INT64_MAX;

  explicit Clock(ClockKind kind);

  bool is_virtual() const { return kind_ == ClockKind::kVirtual; }
  int64_t NowUs() const;
  // Virtual time only; never back.
  void MoveTo(int64_t time_us);
  // Real time only: the instant of the machine's steady clock that NowUs() will show as `time_us`.
  std::chrono::steady_clock::time_point SteadyAt(int64_t time_us) const;

  static Instant InstantOf(int64_t time_us) { return Instant(std::chrono::microseconds(time_us)); }
  // Rounded up: at that microsecond the deadline has passed.
  static int64_t MicrosecondsOf(Instant instant) {
    if (instant == kNever) return kNeverUs;
    return std::chrono::ceil<std::chrono::microseconds>(instant.time_since_epoch()).count();
  }

 private:
  ClockKind kind_;
  int64_t virtual_us_;  // with real time: when it started
  std::chrono::steady_clock::time_point steady_start_;
};

}  // namespace aether::packetdrill
