// Durations in buckets whose width is a sixteenth of their size: percentiles within 6 %, in 8 KiB.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "stack/base/time.h"

namespace aether::replay {

class Histogram {
 public:
  void Add(Duration duration) {
    const uint64_t value = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
    ++buckets_[BucketOf(value)];
    ++count_;
    max_ = std::max(max_, value);
  }
  void Add(const Histogram& other) {
    for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  uint64_t count() const { return count_; }
  Duration max() const { return Duration(static_cast<int64_t>(max_)); }
  // At most so much for `percent` of all; the upper end of the bucket.
  Duration Percentile(double percent) const {
    const double wanted = static_cast<double>(count_) * percent / 100.0;
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > 0 && static_cast<double>(seen) >= wanted)
        return Duration(static_cast<int64_t>(std::min(UpperEnd(i), max_)));
    }
    return Duration{0};
  }

 private:
  static constexpr size_t kSteps = 16;
  static size_t BucketOf(uint64_t value) {
    if (value < kSteps) return value;
    const size_t octave = static_cast<size_t>(std::bit_width(value)) - 5;
    return octave * kSteps + static_cast<size_t>(value >> octave);
  }
  static uint64_t UpperEnd(size_t bucket) {
    if (bucket < 2 * kSteps) return bucket;
    const size_t octave = bucket / kSteps - 1;
    return (((bucket % kSteps + kSteps) + 1) << octave) - 1;
  }

  std::array<uint64_t, 62 * kSteps> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace aether::replay
