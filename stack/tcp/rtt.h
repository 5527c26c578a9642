// The round-trip time and the retransmission timeout, in microseconds: [RFC 9293 3.8.1 MUST-18] as
// RFC 6298 computes it. Twelve bytes, integers only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/time.h"

namespace aether::tcp {

class RttEstimator {
 public:
  // [RFC 6298 2.1] before the first sample.
  static constexpr uint32_t kInitialRtoUs = 1'000'000;
  // [RFC 6298 5.7] the same, once a SYN had to be sent again.
  static constexpr uint32_t kFallbackRtoUs = 3'000'000;
  // A sample above this says more about the peer than about the path; it is cut (and cannot
  // overflow what follows).
  static constexpr uint32_t kSampleMaxUs = 60'000'000;

  bool HasSample() const { return srtt_us_ != 0; }
  uint32_t srtt_us() const { return srtt_us_; }
  uint32_t rttvar_us() const { return rttvar_us_; }

  // A measurement of a segment that was sent once (Karn), or by a timestamp that came back.
  void AddSample(Duration sample) {
    const int64_t us = sample.count() / 1000;
    const uint32_t r = static_cast<uint32_t>(std::clamp<int64_t>(us, 1, kSampleMaxUs));
    if (srtt_us_ == 0) {
      // [RFC 6298 2.2] the first one.
      srtt_us_ = r;
      rttvar_us_ = r / 2;
    } else {
      // [RFC 6298 2.3] alpha = 1/8, beta = 1/4; the variance first, with the old average.
      const uint32_t distance = srtt_us_ > r ? srtt_us_ - r : r - srtt_us_;
      rttvar_us_ = rttvar_us_ - rttvar_us_ / 4 + distance / 4;
      srtt_us_ = std::max(1u, srtt_us_ - srtt_us_ / 8 + r / 8);
    }
    backoff_ = 0;
  }

  // [RFC 6298 5.5] the timer ran out: twice as long next time.
  void Backoff() {
    if (backoff_ < kBackoffMax) ++backoff_;
  }
  void ClearBackoff() { backoff_ = 0; }
  // The handshake took more than one try: until there is a sample, the timer begins higher.
  void FallBack() { fallback_ = true; }
  uint32_t backoff() const { return backoff_; }

  // [RFC 6298 2.3, 2.4, 2.5, 5.5] RTO = SRTT + 4 RTTVAR, doubled per backoff, within [min, max].
  Duration Rto(Duration min, Duration max) const {
    const uint64_t base =
        srtt_us_ == 0 ? (fallback_ ? kFallbackRtoUs : kInitialRtoUs)
                      : uint64_t{srtt_us_} + std::max(4 * uint64_t{rttvar_us_}, uint64_t{1000});
    const Duration floor = std::clamp(Duration(std::chrono::microseconds(base)), min, max);
    return std::min(floor * (int64_t{1} << backoff_), max);
  }

 private:
  // 2^16 times the smallest RTO is far beyond any maximum.
  static constexpr uint32_t kBackoffMax = 16;
  uint32_t srtt_us_ = 0;  // 0: no sample yet
  uint32_t rttvar_us_ = 0;
  uint16_t backoff_ = 0;
  bool fallback_ = false;
};

}  // namespace aether::tcp
