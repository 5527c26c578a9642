// What a connection shows of itself, and what must hold of it between any two steps.
#include "stack/tcp/snapshot.h"

#include "stack/base/check.h"
#include "stack/tcp/connection.h"

namespace aether::tcp {

Snapshot Connection::TakeSnapshot(const Control& control, const Env& env) const {
  const Recovery* recovery =
      control.recovery == kNoIndex ? nullptr : &env.buffers.recoveries[control.recovery];
  return {.state = state_,
          .local = {flow.local, flow.local_port},
          .remote = {flow.remote, flow.remote_port},
          .snd_una = snd_.una,
          .snd_nxt = snd_.nxt,
          .snd_wnd_bytes = snd_.wnd,
          .rcv_nxt = rcv_.nxt,
          .rcv_wnd_bytes = rcv_.window_bytes(),
          .mss_bytes = mss_bytes,
          .send_queue_bytes = static_cast<uint32_t>(snd_.queue.size()),
          .receive_queue_bytes = static_cast<uint32_t>(rcv_.queue.size()),
          .cwnd_bytes = control.congestion.cwnd_bytes(),
          .ssthresh_bytes = control.congestion.ssthresh_bytes(),
          .srtt_us = control.rtt.srtt_us(),
          .rttvar_us = control.rtt.rttvar_us(),
          .backoff = control.rtt.backoff(),
          .held_bytes = control.out_of_order == kNoIndex
                            ? 0
                            : env.buffers.out_of_orders[control.out_of_order].held.held_bytes(),
          .lost_bytes = recovery == nullptr ? 0 : recovery->flight.lost_bytes(),
          .sacked_bytes = recovery == nullptr ? 0 : recovery->flight.sacked_bytes(),
          .urgent_bytes = UrgentBytes(control, env),
          .soft_error = control.soft_error,
          .timestamps = Has(kTimestamps),
          .sack = Has(kSack),
          .window_scaling = Has(kScaling),
          .ecn = Has(kEcn)};
}

void Connection::CheckInvariants(const Control& control, const Env& env) const {
  AETHER_CHECK(snd_.una.BeforeOrAt(snd_.nxt));
  if (state_ == State::kClosed || state_ == State::kTimeWait) return;
  const bool handshake = state_ == State::kSynReceived || state_ == State::kSynSent;
  const uint32_t syn = handshake ? snd_.flight_bytes() : 0;
  const uint32_t fin = Has(kFinSent) && state_ != State::kFinWait2 ? 1 : 0;
  AETHER_CHECK(syn <= 1 &&
               snd_.flight_bytes() == syn + fin + snd_.queue.size() - snd_.queue.unsent());
  AETHER_CHECK(!Has(kFinSent) || (Has(kFinQueued) && snd_.queue.unsent() == 0));
  AETHER_CHECK(!Has(kReleased) || !Has(kOwned));
  // Header prediction relies on it.
  AETHER_CHECK(state_ != State::kEstablished ||
               (flags & (kFinQueued | kFinSent | kFinReceived | kReleased)) == 0);
  if (control.out_of_order != kNoIndex) {
    const OutOfOrder& out_of_order = env.buffers.out_of_orders[control.out_of_order];
    AETHER_CHECK(!out_of_order.IsUnused());
    AETHER_CHECK(out_of_order.held.range_count() <= env.limits().held_ranges_max);
    out_of_order.held.CheckInvariants(env.buffers.ranges, rcv_.nxt);
  }
  if (control.recovery != kNoIndex) {
    env.buffers.recoveries[control.recovery].flight.CheckInvariants(env.buffers.segments, snd_.una,
                                                                    snd_.nxt);
  }
  // Whoever waits for an acknowledgement has a timer that runs.
  if (env.profile().retransmission && !handshake && snd_.flight_bytes() > 0) {
    AETHER_CHECK(control.recovery != kNoIndex && send_timer != SendTimer::kNone &&
                 control.send_deadline != kNever);
  }
}

}  // namespace aether::tcp
