// Congestion control: one interface, three answers (none, NewReno, CUBIC). [RFC 9293 3.8.2 MUST-19,
// MAY-18] slow start and congestion avoidance, the standard one or another. A controller is told
// what happened and owns two numbers, cwnd and ssthresh, in bytes; which segments are lost and what
// is sent next is not its business. A plain value of 12 bytes rather than a virtual object: it
// lives in the connection, and is copied to undo a mistake. What counts only while data is in
// flight, the Epoch, lives with the flight.
#pragma once

#include <cstdint>

#include "stack/base/time.h"
#include "stack/tcp/profile.h"

namespace aether::tcp {

class Congestion {
 public:
  static constexpr uint32_t kUnlimited = 0x40000000;

  // A stage of congestion avoidance (RFC 9438 4.1), in bytes and milliseconds. A pause
  // ends it: the next flight begins a curve of its own from where the window is.
  struct Epoch {
    uint32_t acked = 0;  // bytes acknowledged towards the next increase
    bool started = false;
    bool is_filled = true;   // the window was, when data last left
    uint32_t w_est = 0;      // what Reno would have
    uint32_t est_acked = 0;  // bytes towards the next increase of w_est
    uint32_t origin = 0;     // the plateau of the curve
    uint32_t k_ms = 0;       // when the curve reaches it
    Instant start{};
  };
  struct Context {
    CongestionAlgorithm algorithm;
    Epoch& epoch;
    uint32_t mss_bytes;
  };

  // [RFC 6928 2] the initial window: min(10 MSS, max(2 MSS, 14600)).
  void Start(CongestionAlgorithm algorithm, uint32_t mss_bytes, uint32_t initial_segments);

  uint32_t cwnd_bytes() const { return cwnd_; }
  uint32_t ssthresh_bytes() const { return ssthresh_; }
  bool InSlowStart() const { return cwnd_ < ssthresh_; }

  // Data left, and `pipe_bytes` are in the network now. A window that was not filled then does not
  // grow (RFC 7661, RFC 9438 5.8). It is asked here and not when acknowledgements arrive, because
  // they come in batches: while one is worked on, what is in flight only falls.
  void OnSent(const Context& context, uint32_t pipe_bytes);
  // `acked_bytes` were newly acknowledged outside of recovery.
  void OnAck(const Context& context, uint32_t acked_bytes, uint32_t srtt_us, Instant now) {
    if (context.algorithm == CongestionAlgorithm::kNone || !context.epoch.is_filled) return;
    Grow(context, acked_bytes, srtt_us, now);
  }
  // A loss or an ECN echo, once per window: [RFC 5681 3.2] [RFC 9438 4.6] cwnd and ssthresh are
  // reduced.
  void OnCongestion(const Context& context, uint32_t flight_bytes);
  // [RFC 5681 3.1] the retransmission timer ran out: the loss window is one segment. `first`: not a
  // repetition for the same data, for which ssthresh stays.
  void OnTimeout(const Context& context, uint32_t flight_bytes, bool first);
  // [RFC 5681 4.1] nothing was sent for longer than an RTO: the window starts again.
  void OnIdle(uint32_t mss_bytes, uint32_t initial_segments);
  // A reduction turned out to be a mistake (RFC 4015): back to `before` it.
  void Undo(const Context& context, const Congestion& before);
  // The path's MSS became smaller.
  void OnMssChange(uint32_t mss_bytes);

 private:
  void Grow(const Context& context, uint32_t acked_bytes, uint32_t srtt_us, Instant now);
  void NewRenoAvoid(const Context& context, uint32_t acked_bytes);
  void CubicAvoid(const Context& context, uint32_t acked_bytes, uint32_t srtt_us, Instant now);

  uint32_t cwnd_ = kUnlimited;
  uint32_t ssthresh_ = kUnlimited;
  uint32_t w_max_ = 0;  // RFC 9438 4.1: the window before the last reduction
};
static_assert(sizeof(Congestion) == 12);

}  // namespace aether::tcp
