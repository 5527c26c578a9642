// What a loop does when it is dry: a small state machine over time that is told, without a clock of
// its own.
//
//   adaptive  spins, then yields, then sleeps 50 us at a time, and after a longer silence blocks
//   until a frame comes or the
//             next deadline. An idle stack uses no CPU, a busy one answers without a wake-up.
//   spin      never gives the CPU away.
//   poll      blocks whenever it is dry.
//
// Spinning while the client waits for this very core only delays the client. Whoever yields and
// comes back late shares the core with somebody; from then on adaptive yields at once, until yields
// come back quickly again.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/time.h"

namespace aether::runtime {

enum class BackoffMode : uint8_t { kAdaptive, kSpin, kPoll };

class Backoff {
 public:
  enum class Step : uint8_t { kSpin, kYield, kSleep, kBlock };

  // Silence after which the next stage begins.
  static constexpr Duration kSpinMax = std::chrono::microseconds(50);
  static constexpr Duration kYieldMax = std::chrono::microseconds(500);
  static constexpr Duration kSleepMax = std::chrono::milliseconds(10);
  // A short wait without a system call, before the next look: an eighth of the silence so far,
  // within these bounds. What comes is late by no more than that, and a silence costs tens of
  // looks, not hundreds.
  static constexpr Duration kPauseMin = std::chrono::microseconds(1);
  static constexpr Duration kPauseMax = std::chrono::microseconds(50);
  static constexpr Duration kSleepStep = std::chrono::microseconds(50);
  // A yield that took longer gave the core to somebody.
  static constexpr Duration kQuickYield = std::chrono::microseconds(10);
  // Quick yields in a row that it takes to believe that the core is ours again.
  static constexpr uint32_t kCrowdedMemory = 4;

  explicit Backoff(BackoffMode mode) : mode_(mode) {}

  // A frame or a deadline was served: silence begins anew.
  void Worked() { silent_ = false; }

  // The loop found nothing to do at `now`.
  Step Next(Instant now) {
    if (mode_ == BackoffMode::kSpin) return Step::kSpin;
    if (mode_ == BackoffMode::kPoll) return Step::kBlock;
    if (!silent_) {
      silent_ = true;
      silent_since_ = now;
    }
    const Duration silence = now - silent_since_;
    if (silence < kSpinMax && crowded_ == 0) return Step::kSpin;
    if (silence < kYieldMax) return Step::kYield;
    return silence < kSleepMax ? Step::kSleep : Step::kBlock;
  }

  // How long to look away after kSpin, and after a yield that nobody took.
  Duration Pause(Instant now) const {
    if (mode_ != BackoffMode::kAdaptive) return kPauseMin;
    return std::clamp((now - silent_since_) / 8, kPauseMin, kPauseMax);
  }

  // How long a yield took.
  void Yielded(Duration took) {
    if (took > kQuickYield) {
      crowded_ = kCrowdedMemory;
    } else if (crowded_ > 0) {
      --crowded_;
    }
  }

  bool crowded() const { return crowded_ > 0; }
  BackoffMode mode() const { return mode_; }

 private:
  BackoffMode mode_;
  bool silent_ = false;
  uint32_t crowded_ = 0;
  Instant silent_since_{};
};

}  // namespace aether::runtime
