#include "stack/tcp/congestion.h"

#include <algorithm>

#include "stack/tcp/cubic.h"

namespace aether::tcp {

void Congestion::Start(CongestionAlgorithm algorithm, uint32_t mss_bytes,
                       uint32_t initial_segments) {
  *this = Congestion{};
  algorithm_ = algorithm;
  if (algorithm_ == CongestionAlgorithm::kNone) return;
  cwnd_ = std::min(initial_segments * mss_bytes, std::max(2 * mss_bytes, initial_segments * 1460));
}

void Congestion::OnSent(uint32_t pipe_bytes, uint32_t mss_bytes) {
  // [RFC 9438 5.8] [RFC 7661 4.4.1] no growth of a window that the sender does not fill; slow start
  // may run at half of it.
  is_filled_ = InSlowStart() ? 2 * uint64_t{pipe_bytes} >= cwnd_ : pipe_bytes + mss_bytes >= cwnd_;
}

void Congestion::OnAck(uint32_t acked_bytes, uint32_t mss_bytes, uint32_t srtt_us, Instant now) {
  if (algorithm_ == CongestionAlgorithm::kNone || !is_filled_) return;
  if (InSlowStart()) {
    // [RFC 5681 3.1] [RFC 3465 2.1] by what was acknowledged. [RFC 3465 2.3] after a timeout at
    // most two segments per ACK: one may acknowledge what left the network long ago. Before the
    // first loss all of it counts, as [RFC 9406 4.2] permits: peers join segments, dozens at a
    // time, and a fixed limit would keep the window far behind what they have acknowledged.
    const uint32_t limit = ssthresh_ == kUnlimited ? acked_bytes : 2 * mss_bytes;
    const uint32_t grow = std::min({acked_bytes, limit, ssthresh_ - cwnd_});
    cwnd_ += grow;
    return;
  }
  if (algorithm_ == CongestionAlgorithm::kCubic) {
    CubicAvoid(acked_bytes, mss_bytes, srtt_us, now);
  } else {
    NewRenoAvoid(acked_bytes, mss_bytes);
  }
  cwnd_ = std::min(cwnd_, kUnlimited);
}

// [RFC 5681 3.1] one segment per window of acknowledged bytes.
void Congestion::NewRenoAvoid(uint32_t acked_bytes, uint32_t mss_bytes) {
  acked_ += acked_bytes;
  if (acked_ < cwnd_) return;
  acked_ -= cwnd_;
  cwnd_ += mss_bytes;
}

void Congestion::CubicAvoid(uint32_t acked_bytes, uint32_t mss_bytes, uint32_t srtt_us,
                            Instant now) {
  if (!epoch_started_) {
    // [RFC 9438 4.2, 4.3] a new stage of congestion avoidance begins.
    epoch_started_ = true;
    epoch_start_ = now;
    acked_ = 0;
    est_acked_ = 0;
    w_est_ = cwnd_;
    if (cwnd_ < w_max_) {
      origin_ = w_max_;
      k_ms_ = cubic::PlateauTimeMs(w_max_ - cwnd_, mss_bytes);
    } else {
      origin_ = cwnd_;
      k_ms_ = 0;
    }
  }
  const uint64_t elapsed_ms = static_cast<uint64_t>((now - epoch_start_).count()) / 1'000'000;
  const uint32_t curve = cubic::WindowAt(origin_, k_ms_, elapsed_ms + srtt_us / 1000, mss_bytes);
  // [RFC 9438 4.4] the target is at least the window and at most half as much again.
  const uint32_t target = std::clamp(curve, cwnd_, cwnd_ + cwnd_ / 2);
  // [RFC 9438 4.3] what Reno would have reached: alpha is 9/17 until the old maximum, then 1.
  est_acked_ += acked_bytes;
  const uint64_t alpha_numerator = w_est_ < w_max_ ? 9 : 17;
  const uint64_t per_segment = uint64_t{cwnd_} * 17 / alpha_numerator;
  while (est_acked_ >= per_segment) {
    est_acked_ -= static_cast<uint32_t>(per_segment);
    w_est_ += mss_bytes;
  }
  if (w_est_ > std::max(cwnd_, curve)) {
    cwnd_ = w_est_;
    return;
  }
  // [RFC 9438 4.4] (target - cwnd) / cwnd for each acknowledged segment.
  acked_ += acked_bytes;
  const uint64_t grow = uint64_t{target - cwnd_} * acked_ / cwnd_;
  if (grow >= mss_bytes || grow > 0) {
    cwnd_ += static_cast<uint32_t>(std::min<uint64_t>(grow, target - cwnd_));
    acked_ = 0;
  }
}

void Congestion::OnCongestion(uint32_t flight_bytes, uint32_t mss_bytes, Instant) {
  if (algorithm_ == CongestionAlgorithm::kNone) return;
  if (algorithm_ == CongestionAlgorithm::kCubic) {
    // [RFC 9438 4.7] fast convergence: who was stopped earlier than last time leaves room for
    // others.
    w_max_ = cwnd_ < w_max_ ? static_cast<uint32_t>(uint64_t{cwnd_} * 17 / 20) : cwnd_;
    // [RFC 9438 4.6] beta is 0.7, of the window: it may be taken instead of the flight where a
    // window that is not used does not grow. The flight says little here, acknowledgements of the
    // same batch have lowered it already.
    ssthresh_ = std::max(static_cast<uint32_t>(uint64_t{cwnd_} * 7 / 10), 2 * mss_bytes);
    epoch_started_ = false;
  } else {
    // [RFC 5681 3.1] equation 4.
    ssthresh_ = std::max(flight_bytes / 2, 2 * mss_bytes);
  }
  cwnd_ = ssthresh_;
  acked_ = 0;
}

void Congestion::OnTimeout(uint32_t flight_bytes, uint32_t mss_bytes, bool first, Instant now) {
  if (algorithm_ == CongestionAlgorithm::kNone) return;
  if (first) OnCongestion(flight_bytes, mss_bytes, now);
  cwnd_ = mss_bytes;
  acked_ = 0;
  epoch_started_ = false;
}

void Congestion::OnIdle(uint32_t mss_bytes, uint32_t initial_segments) {
  if (algorithm_ == CongestionAlgorithm::kNone) return;
  cwnd_ = std::min(cwnd_, initial_segments * mss_bytes);
  epoch_started_ = false;
}

void Congestion::Undo(const Mark& before) {
  if (algorithm_ == CongestionAlgorithm::kNone) return;
  cwnd_ = std::max(cwnd_, before.cwnd);
  ssthresh_ = before.ssthresh;
  w_max_ = before.w_max;
  epoch_started_ = false;
}

void Congestion::OnMssChange(uint32_t mss_bytes) {
  if (algorithm_ == CongestionAlgorithm::kNone) return;
  cwnd_ = std::max(cwnd_, mss_bytes);
}

}  // namespace aether::tcp
