// What a connection sends next, and what follows from its leaving, compiled into whoever sends.
// Plan decides and changes nothing; the timers ask the same functions, so the two cannot disagree.
#pragma once

#include <algorithm>
#include <optional>

#include "stack/base/check.h"
#include "stack/base/inline.h"
#include "stack/tcp/connection.h"

namespace aether::tcp {

// What the congestion window still admits.
AETHER_INLINE uint32_t Connection::AdmittedByCongestion(const Control& control,
                                                        const Env& env) const {
  const uint32_t cwnd = control.congestion.cwnd_bytes();
  if (control.recovery == kNoIndex) return cwnd;
  const Recovery::Context context = RecoveryContext(const_cast<Control&>(control), env);
  const uint32_t pipe = env.buffers.recoveries[control.recovery].PipeBytes(context);
  return cwnd > pipe ? cwnd - pipe : 0;
}

// Into `plan`, field by field, so that a caller who sends it keeps it in registers.
AETHER_INLINE bool Connection::PlanNewData(const Control& control, const Env& env,
                                           SegmentPlan& plan) const {
  if (Has(kFinSent)) return false;
  const uint32_t unsent = static_cast<uint32_t>(snd_.queue.unsent());
  if (unsent == 0 && !Has(kFinQueued)) return false;
  const bool tracked = env.profile().retransmission;
  if (tracked) {
    if (!Flight::CanAdd(env.buffers.segments)) return false;
    if (control.recovery == kNoIndex) {
      if (env.buffers.recoveries.used() == env.buffers.recoveries.capacity()) return false;
    } else if (env.buffers.recoveries[control.recovery].flight.segments() >=
               env.limits().flight_segments_max) {
      return false;
    }
  }
  const uint32_t usable = snd_.usable_bytes();
  uint32_t admitted = usable;
  if (!Has(kLossProbeDue)) {
    const uint32_t congestion = AdmittedByCongestion(control, env);
    // Less than a segment of congestion window is none, unless it is all that there is to send.
    if (congestion < std::min<uint32_t>(unsent, mss_bytes)) return false;
    admitted = std::min(usable, congestion);
  }
  plan.kind = SegmentPlan::Kind::kData;
  plan.seq = snd_.nxt;
  plan.payload_bytes = snd_.NextPayload(mss_bytes, admitted,
                                        Has(kSmallAllowed) || !env.profile().zero_window_probes);
  plan.flags = tcp_flags::kAck;
  plan.record = kNoIndex;
  const bool is_last = plan.payload_bytes == unsent;
  // The FIN takes one number of the window, too.
  const bool fin = is_last && Has(kFinQueued) && usable > plan.payload_bytes;
  if (plan.payload_bytes == 0 && !fin) return false;
  // [RFC 9293 3.7.4 SHLD-7] Nagle: a small segment waits while anything is unacknowledged.
  // [RFC 9293 3.9.1.2 MAY-16, SHLD-27, SHLD-28] what gathers leaves as one, a full segment at once,
  // and [RFC 9293 3.9.1.2 MUST-60] nothing waits for more than an acknowledgement.
  if (env.profile().nagle && !Has(kNoDelay) && !Has(kFinQueued) && plan.payload_bytes < mss_bytes &&
      snd_.flight_bytes() > 0) {
    return false;
  }
  // [RFC 9293 3.9.1.2 MUST-61] the end of what is queued.
  if (plan.payload_bytes > 0 && is_last) plan.flags |= tcp_flags::kPsh;
  if (fin) plan.flags |= tcp_flags::kFin;
  if (Has(kCwrDue) && plan.payload_bytes > 0) plan.flags |= tcp_flags::kCwr;
  return true;
}

AETHER_INLINE std::optional<SegmentPlan> Connection::PlanHere(const Control& control,
                                                              const Env& env) const {
  SegmentPlan plan{.kind = SegmentPlan::Kind::kAck,
                   .seq = snd_.nxt,
                   .payload_bytes = 0,
                   .flags = tcp_flags::kAck,
                   .record = kNoIndex};
  switch (state_) {
    case State::kSynSent:
      if (!Has(kSynDue)) return std::nullopt;
      plan.kind = SegmentPlan::Kind::kSyn;
      plan.seq = snd_.una;
      plan.flags = tcp_flags::kSyn;
      // [RFC 3168 6.1.1] an ECN SYN; [RFC 3168 6.1.1.1] not when it is repeated.
      if (env.profile().ecn && env.profile().ecn_request && tries == 0)
        plan.flags |= tcp_flags::kEce | tcp_flags::kCwr;
      return plan;
    case State::kSynReceived:
      if (!Has(kSynDue)) break;
      // [RFC 9293 3.10.7.2] SYN-ACK: <SEQ=ISS><ACK=RCV.NXT>.
      plan.kind = SegmentPlan::Kind::kSyn;
      plan.seq = snd_.una;
      plan.flags = tcp_flags::kSyn | tcp_flags::kAck;
      if (Has(kEcn)) plan.flags |= tcp_flags::kEce;
      return plan;
    case State::kEstablished:
    case State::kCloseWait:
    case State::kFinWait1:
    case State::kClosing:
    case State::kLastAck: {
      std::optional<SegmentPlan> data;
      if (HasFlight(control)) data = PlanRetransmission(control, env);
      if (SegmentPlan next; !data && PlanNewData(control, env, next)) data = next;
      if (data) {
        if (Has(kEcnEcho)) data->flags |= tcp_flags::kEce;
        return data;
      }
      break;
    }
    default:
      break;
  }
  if (Has(kEcnEcho)) plan.flags |= tcp_flags::kEce;
  if (Has(kProbeDue)) {
    // [RFC 9293 3.8.4 SHLD-12] an old number without data: unacceptable, so the peer answers with
    // where it stands.
    plan.kind = SegmentPlan::Kind::kProbe;
    plan.seq = snd_.una - 1;
    return plan;
  }
  if (!Has(kAckNow)) return std::nullopt;
  return plan;
}

AETHER_INLINE void Connection::OnSent(const SegmentPlan& plan, Control& control, const Env& env) {
  // Every segment but a SYN acknowledges.
  if ((plan.flags & tcp_flags::kAck) != 0) {
    Unset(kAckNow);
    control.ack_deadline.Clear();
    control.last_ack_sent = rcv_.nxt;
    if (control.out_of_order != kNoIndex) OnDuplicateReported(control, env);
  }
  switch (plan.kind) {
    case SegmentPlan::Kind::kSyn:
      Unset(kSynDue);
      snd_.nxt = snd_.una + 1;
      if (tries == 0) control.unacked_since_ms = env.now_ms();
      if (tries < 255) ++tries;
      ArmSendTimer(/*restart=*/true, control, env);
      return;
    case SegmentPlan::Kind::kProbe:
      Unset(kProbeDue);
      return;
    case SegmentPlan::Kind::kAck:
      return;
    case SegmentPlan::Kind::kRetransmit:
    case SegmentPlan::Kind::kData:
      break;
  }
  const uint32_t length = plan.payload_bytes + ((plan.flags & tcp_flags::kFin) != 0 ? 1 : 0);
  const bool is_new = plan.kind == SegmentPlan::Kind::kData;
  if (is_new) {
    if (snd_.flight_bytes() == 0) control.unacked_since_ms = env.now_ms();
    Unset(kSmallAllowed);
    if ((plan.flags & tcp_flags::kFin) != 0) Set(kFinSent);
    if ((plan.flags & tcp_flags::kCwr) != 0) Unset(kCwrDue);
  }
  if (env.profile().retransmission) {
    if (is_new && control.recovery == kNoIndex) {
      control.recovery = env.buffers.recoveries.Allocate();
      AETHER_CHECK(control.recovery != kNoIndex);
    }
    Recovery& recovery = env.buffers.recoveries[control.recovery];
    const Recovery::Context context = RecoveryContext(control, env);
    if (is_new) {
      recovery.OnSent(context, plan.seq, plan.seq + length);
      if ((plan.flags & tcp_flags::kPsh) != 0)
        env.buffers.segments[recovery.flight.tail()].flags |= SentSegment::kPushed;
    } else {
      ++env.counters.tcp_retransmissions;
      recovery.OnRetransmitted(
          context, plan.record,
          Has(kTimestamps) ? std::optional(TimestampNow(control, env)) : std::nullopt);
    }
    control.congestion.OnSent(CongestionContext(recovery, env), recovery.flight.pipe_bytes());
    if (Has(kLossProbeDue)) {
      Unset(kLossProbeDue);
      ++env.counters.tcp_loss_probes;
      recovery.OnProbe(is_new ? snd_.nxt + length : snd_.nxt, !is_new);
    }
  }
  if (is_new) snd_.nxt += length;
  ArmSendTimer(/*restart=*/false, control, env);
}

}  // namespace aether::tcp
