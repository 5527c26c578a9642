// How long a busy loop lets frames gather before it reads again. A loop that reads as soon as it
// can finds one frame at a time and pays a dry read for each; one that waits for a few pays it once
// for all of them.
//
// Waiting must not starve the clients: whoever has few requests on the way would wait for us while
// we wait for him. So the loop waits only for an eighth of the frames that were lately seen to come
// at once, at the rate at which they come, and never for long. With fewer than 16 at once it does
// not wait at all. Time spent on the last batch counts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "stack/base/time.h"

namespace aether::runtime {

class Pacer {
 public:
  static constexpr Duration kPauseMax = std::chrono::microseconds(50);
  // Share of the peak that is waited for, and the time in which the peak is forgotten to three
  // quarters.
  static constexpr size_t kPeakShare = 8;
  static constexpr Duration kPeakDecay = std::chrono::milliseconds(100);

  // A batch of `frames` was read at `now`; when to read the next one at the earliest.
  Instant NextRead(size_t frames, Instant now) {
    if (frames == 0) return now;
    const Duration sample = std::min((now - last_) / static_cast<int64_t>(frames), kGapMax);
    gap_ += (sample - gap_) / 8;
    last_ = now;
    if (now >= decay_at_) {
      peak_ -= peak_ / 4;
      decay_at_ = now + kPeakDecay;
    }
    peak_ = std::max(peak_, frames);
    const size_t wanted = peak_ / kPeakShare;
    if (wanted < 2) return now;
    return now + std::min(gap_ * static_cast<int64_t>(wanted), kPauseMax);
  }

 private:
  static constexpr Duration kGapMax = std::chrono::milliseconds(1);

  Duration gap_ = kGapMax;  // mean time between frames
  size_t peak_ = 0;
  Instant last_{};
  Instant decay_at_{};
};

}  // namespace aether::runtime
