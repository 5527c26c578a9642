// Congestion control: one interface, three answers (none, NewReno, CUBIC). [RFC 9293 3.8.2 MUST-19,
// MAY-18] slow start and congestion avoidance, the standard one or another. A controller is told
// what happened and owns two numbers, cwnd and ssthresh, in bytes; which segments are lost and what
// is sent next is not its business. A tagged value of 48 bytes rather than a virtual object: it
// lives in the connection, and is copied to undo a mistake.
#pragma once

#include <cstdint>

#include "stack/base/time.h"
#include "stack/tcp/profile.h"

namespace aether::tcp {

class Congestion {
 public:
  static constexpr uint32_t kUnlimited = 0x40000000;

  // [RFC 6928 2] the initial window: min(10 MSS, max(2 MSS, 14600)).
  void Start(CongestionAlgorithm algorithm, uint32_t mss_bytes, uint32_t initial_segments);

  uint32_t cwnd_bytes() const { return cwnd_; }
  uint32_t ssthresh_bytes() const { return ssthresh_; }
  bool InSlowStart() const { return cwnd_ < ssthresh_; }

  // `acked_bytes` were newly acknowledged outside of recovery. `flight_bytes`: what was in flight
  // before; a window that was not used does not grow (RFC 7661, RFC 9438 5.8).
  void OnAck(uint32_t acked_bytes, uint32_t flight_bytes, uint32_t mss_bytes, uint32_t srtt_us,
             Instant now);
  // A loss or an ECN echo, once per window: [RFC 5681 3.2] [RFC 9438 4.6] cwnd and ssthresh are
  // reduced.
  void OnCongestion(uint32_t flight_bytes, uint32_t mss_bytes, Instant now);
  // [RFC 5681 3.1] the retransmission timer ran out: the loss window is one segment. `first`: not a
  // repetition for the same data, for which ssthresh stays.
  void OnTimeout(uint32_t flight_bytes, uint32_t mss_bytes, bool first, Instant now);
  // [RFC 5681 4.1] nothing was sent for longer than an RTO: the window starts again.
  void OnIdle(uint32_t mss_bytes, uint32_t initial_segments);
  // What a reduction changes, to be kept until it is known to have been right.
  struct Mark {
    uint32_t cwnd = 0;
    uint32_t ssthresh = 0;
    uint32_t w_max = 0;
  };
  Mark TakeMark() const { return {cwnd_, ssthresh_, w_max_}; }
  // A reduction turned out to be a mistake (RFC 4015): back to what was before it.
  void Undo(const Mark& before);
  // The path's MSS became smaller.
  void OnMssChange(uint32_t mss_bytes);

 private:
  void NewRenoAvoid(uint32_t acked_bytes, uint32_t mss_bytes);
  void CubicAvoid(uint32_t acked_bytes, uint32_t mss_bytes, uint32_t srtt_us, Instant now);

  uint32_t cwnd_ = kUnlimited;
  uint32_t ssthresh_ = kUnlimited;
  uint32_t acked_ = 0;  // bytes acknowledged towards the next increase
  CongestionAlgorithm algorithm_ = CongestionAlgorithm::kNone;

  // CUBIC (RFC 9438 4.1): in bytes and milliseconds.
  bool epoch_started_ = false;
  uint32_t w_max_ = 0;
  uint32_t w_est_ = 0;      // what Reno would have
  uint32_t est_acked_ = 0;  // bytes towards the next increase of w_est_
  uint32_t origin_ = 0;     // the plateau of the curve
  uint32_t k_ms_ = 0;       // when the curve reaches it
  Instant epoch_start_{};
};

}  // namespace aether::tcp
