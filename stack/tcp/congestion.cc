#include "stack/tcp/congestion.h"

#include <algorithm>

#include "stack/tcp/cubic.h"

namespace aether::tcp {

void Congestion::Start(CongestionAlgorithm algorithm, uint32_t mss_bytes,
                       uint32_t initial_segments) {
  *this = Congestion{};
  if (algorithm == CongestionAlgorithm::kNone) return;
  cwnd_ = std::min(initial_segments * mss_bytes, std::max(2 * mss_bytes, initial_segments * 1460));
}

void Congestion::OnSent(const Context& context, uint32_t pipe_bytes) {
  // [RFC 9438 5.8] [RFC 7661 4.4.1] no growth of a window that the sender does not fill; slow start
  // may run at half of it.
  context.epoch.is_filled =
      InSlowStart() ? 2 * uint64_t{pipe_bytes} >= cwnd_ : pipe_bytes + context.mss_bytes >= cwnd_;
}

void Congestion::Grow(const Context& context, uint32_t acked_bytes, uint32_t srtt_us, Instant now) {
  const uint32_t mss_bytes = context.mss_bytes;
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
  if (context.algorithm == CongestionAlgorithm::kCubic) {
    CubicAvoid(context, acked_bytes, srtt_us, now);
  } else {
    NewRenoAvoid(context, acked_bytes);
  }
  cwnd_ = std::min(cwnd_, kUnlimited);
}

// [RFC 5681 3.1] one segment per window of acknowledged bytes.
void Congestion::NewRenoAvoid(const Context& context, uint32_t acked_bytes) {
  context.epoch.acked += acked_bytes;
  if (context.epoch.acked < cwnd_) return;
  context.epoch.acked -= cwnd_;
  cwnd_ += context.mss_bytes;
}

void Congestion::CubicAvoid(const Context& context, uint32_t acked_bytes, uint32_t srtt_us,
                            Instant now) {
  Epoch& epoch = context.epoch;
  const uint32_t mss_bytes = context.mss_bytes;
  if (!epoch.started) {
    // [RFC 9438 4.2, 4.3] a new stage of congestion avoidance begins.
    epoch.started = true;
    epoch.start = now;
    epoch.acked = 0;
    epoch.est_acked = 0;
    epoch.w_est = cwnd_;
    if (cwnd_ < w_max_) {
      epoch.origin = w_max_;
      epoch.k_ms = cubic::PlateauTimeMs(w_max_ - cwnd_, mss_bytes);
    } else {
      epoch.origin = cwnd_;
      epoch.k_ms = 0;
    }
  }
  const uint64_t elapsed_ms = static_cast<uint64_t>((now - epoch.start).count()) / 1'000'000;
  const uint32_t curve =
      cubic::WindowAt(epoch.origin, epoch.k_ms, elapsed_ms + srtt_us / 1000, mss_bytes);
  // [RFC 9438 4.4] the target is at least the window and at most half as much again.
  const uint32_t target = std::clamp(curve, cwnd_, cwnd_ + cwnd_ / 2);
  // [RFC 9438 4.3] what Reno would have reached: alpha is 9/17 until the old maximum, then 1.
  epoch.est_acked += acked_bytes;
  const uint64_t alpha_numerator = epoch.w_est < w_max_ ? 9 : 17;
  const uint64_t per_segment = uint64_t{cwnd_} * 17 / alpha_numerator;
  while (epoch.est_acked >= per_segment) {
    epoch.est_acked -= static_cast<uint32_t>(per_segment);
    epoch.w_est += mss_bytes;
  }
  if (epoch.w_est > std::max(cwnd_, curve)) {
    cwnd_ = epoch.w_est;
    return;
  }
  // [RFC 9438 4.4] (target - cwnd) / cwnd for each acknowledged segment.
  epoch.acked += acked_bytes;
  const uint64_t grow = uint64_t{target - cwnd_} * epoch.acked / cwnd_;
  if (grow >= mss_bytes || grow > 0) {
    cwnd_ += static_cast<uint32_t>(std::min<uint64_t>(grow, target - cwnd_));
    epoch.acked = 0;
  }
}

void Congestion::OnCongestion(const Context& context, uint32_t flight_bytes) {
  const uint32_t mss_bytes = context.mss_bytes;
  if (context.algorithm == CongestionAlgorithm::kNone) return;
  if (context.algorithm == CongestionAlgorithm::kCubic) {
    // [RFC 9438 4.7] fast convergence: who was stopped earlier than last time leaves room for
    // others.
    w_max_ = cwnd_ < w_max_ ? static_cast<uint32_t>(uint64_t{cwnd_} * 17 / 20) : cwnd_;
    // [RFC 9438 4.6] beta is 0.7, of the window: it may be taken instead of the flight where a
    // window that is not used does not grow. The flight says little here, acknowledgements of the
    // same batch have lowered it already.
    ssthresh_ = std::max(static_cast<uint32_t>(uint64_t{cwnd_} * 7 / 10), 2 * mss_bytes);
    context.epoch.started = false;
  } else {
    // [RFC 5681 3.1] equation 4.
    ssthresh_ = std::max(flight_bytes / 2, 2 * mss_bytes);
  }
  cwnd_ = ssthresh_;
  context.epoch.acked = 0;
}

void Congestion::OnTimeout(const Context& context, uint32_t flight_bytes, bool first) {
  if (context.algorithm == CongestionAlgorithm::kNone) return;
  if (first) OnCongestion(context, flight_bytes);
  cwnd_ = context.mss_bytes;
  context.epoch.acked = 0;
  context.epoch.started = false;
}

void Congestion::OnIdle(uint32_t mss_bytes, uint32_t initial_segments) {
  // Without congestion control it stays.
  if (cwnd_ != kUnlimited) cwnd_ = std::min(cwnd_, initial_segments * mss_bytes);
}

void Congestion::Undo(const Context& context, const Congestion& before) {
  if (context.algorithm == CongestionAlgorithm::kNone) return;
  cwnd_ = std::max(cwnd_, before.cwnd_);
  ssthresh_ = before.ssthresh_;
  w_max_ = before.w_max_;
  context.epoch.started = false;
}

void Congestion::OnMssChange(uint32_t mss_bytes) { cwnd_ = std::max(cwnd_, mss_bytes); }

}  // namespace aether::tcp
