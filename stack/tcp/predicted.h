// Header prediction (RFC 1323 appendix E, Jacobson): the next in-order segment of an open
// connection, nothing special about it, in one piece of code that a layer compiles into its input;
// and the steps that this way and the long one (connection.cc, acknowledge.cc) share. No rule
// stands here twice: what is predicted is left out because it would find nothing to do.
#pragma once

#include <algorithm>

#include "stack/tcp/connection.h"

namespace aether::tcp {

// What is asked, and which steps of OnSegment it answers for.
inline bool Connection::IsPredicted(const Segment& segment, const SegmentOptions& options,
                                    const Control& control, const Env& env) const {
  using tcp_flags::kAck;
  constexpr uint8_t kLooked = tcp_flags::kFin | tcp_flags::kSyn | tcp_flags::kRst |
                              tcp_flags::kUrg | kAck | tcp_flags::kEce | tcp_flags::kCwr;
  // ESTABLISHED: both sides may send, neither has a FIN queued, sent or taken, and the connection
  // has an owner or waits for one (CheckInvariants). No state follows from what comes.
  if (state_ != State::kEstablished) return false;
  // First step: begins where the window does, and ends in it: acceptable, nothing to cut off,
  // nothing old to report, no gap.
  if (segment.seq != rcv_.nxt || segment.payload.size() > rcv_.window_bytes()) return false;
  // Second, fourth, sixth, eighth: no RST, SYN, URG, FIN. Fifth: it has an ACK. No sign of ECN.
  if ((segment.flags & kLooked) != kAck || segment.ecn == Ecn::kCongestion) return false;
  // Fifth: it acknowledges what is in flight, or nothing: plausible, and not from the past, so its
  // window is the newest. No blocks of a SACK.
  if (!segment.ack.AfterOrAt(snd_.una) || !segment.ack.BeforeOrAt(snd_.nxt) ||
      options.sack_count != 0) {
    return false;
  }
  if (!env.profile().reassembly && !Has(kTimestamps)) return true;
  // PAWS: timestamps where they were agreed on, no older than the last.
  if (Has(kTimestamps) &&
      (!options.has_timestamps || static_cast<int32_t>(options.ts_value - control.ts_recent) < 0)) {
    return false;
  }
  // Nothing is held: no gap to close, no FIN or urgent mark ahead, no duplicate to report.
  return control.out_of_order == kNoIndex;
}

// [RFC 7323 4.3 (2)] TS.Recent follows segments that touch what was acknowledged last.
inline void Connection::TakeTimestamp(const Segment& segment, const SegmentOptions& options,
                                      Control& control, const Env& env) {
  if (!Has(kTimestamps) || !segment.seq.BeforeOrAt(control.last_ack_sent)) return;
  if (Has(kTsRecentValid) && static_cast<int32_t>(options.ts_value - control.ts_recent) < 0) return;
  control.ts_recent = options.ts_value;
  control.ts_recent_hour = TimestampHour(env.now);
  Set(kTsRecentValid);
}

// [RFC 9293 3.8.6.3 SHLD-18, SHLD-19] [RFC 5681 4.2] at least every second full-sized segment at
// once, the rest within half a second.
inline void Connection::ScheduleAck(Control& control, const Env& env) {
  if (!env.profile().delayed_ack || Has(kQuickAck) ||
      rcv_.nxt.DistanceFrom(control.last_ack_sent) > control.peer_segment_bytes) {
    AckNow();
  } else if (!control.ack_deadline.IsSet()) {
    control.ack_deadline.SetNoLater(env.now + env.limits().delayed_ack);
  }
}

// [RFC 5681 4.2] full-sized is at most what we offered, also where a device joined segments.
inline void Connection::NotePeerSegment(size_t size, Control& control, const Env& env) {
  if (size > control.peer_segment_bytes)
    control.peer_segment_bytes =
        static_cast<uint16_t>(std::min<size_t>(size, size_t{env.config.mtu} - 40));
}

// Text that comes next, all of which is in the window. False when there is no memory for it.
inline bool Connection::StoreText(Bytes text, Control& control, const Env& env, Arrival& arrival) {
  // When memory runs short, its last quarter is for those who have queued the least: a few
  // connections that do not read cannot starve all others.
  const ChunkPool& chunks = env.buffers.chunks;
  const bool is_short = uint64_t{chunks.used()} * 4 > uint64_t{chunks.capacity()} * 3;
  if ((is_short && rcv_.queue.size() > Chunk::kBytes) ||
      !rcv_.queue.Append(env.buffers.chunks, text)) {
    // Not acknowledged: the peer sends it again.
    arrival.drop = Drop::kTcpNoBuffer;
    return false;
  }
  rcv_.nxt += static_cast<uint32_t>(text.size());
  env.counters.tcp_data_bytes_in += text.size();
  arrival.events |= tcp_event::kReadable;
  ScheduleAck(control, env);
  return true;
}

inline void Connection::AcknowledgeQueue(Seq ack, Control& control, const Env& env,
                                         Arrival& arrival) {
  const bool fin_acknowledged = Has(kFinSent) && ack == snd_.nxt;
  const uint32_t bytes = ack.DistanceFrom(snd_.una) - (fin_acknowledged ? 1 : 0);
  if (bytes > 0) {
    snd_.queue.Acknowledge(env.buffers, bytes);
    if (!Has(kFinQueued)) arrival.events |= tcp_event::kWritable;
  }
  snd_.una = ack;
  arrival.progress = true;
  Unset(kLossProbeDue);
  control.unacked_since_ms = env.now_ms();
  tries = 0;
  if (fin_acknowledged) OnFinAcknowledged(arrival);
}

inline void Connection::SampleRtt(const AckSummary& summary, const SegmentOptions& options,
                                  bool advanced, Control& control, const Env& env) {
  if (summary.rtt_valid && !summary.retransmitted_acked) {
    control.rtt.AddSample(env.now - summary.rtt_sent_at);
  } else if (advanced && Has(kTimestamps) && options.has_timestamps && options.ts_echo != 0) {
    // [RFC 7323 4.1] an echo tells the round trip even of what was sent twice.
    const uint32_t ms = TimestampNow(control, env) - options.ts_echo;
    if (ms < 0x7fffffff) control.rtt.AddSample(std::chrono::milliseconds(std::max(ms, 1u)));
  }
}

// After an acknowledgement that leaves nothing for the reordering timer to find.
inline void Connection::StopReorderTimer(bool all_acknowledged, Control& control) {
  if (all_acknowledged) {
    Unset(kCwrWindow);
    send_timer = SendTimer::kNone;
    control.send_deadline = kNever;
  } else if (send_timer == SendTimer::kReorder) {
    send_timer = SendTimer::kNone;
  }
}

inline void Connection::RearmAfterAck(bool advanced, Control& control, const Env& env) {
  if (send_timer == SendTimer::kPersist && !WindowHoldsBack(env)) {
    send_timer = SendTimer::kNone;
    control.send_deadline = kNever;
    tries = 0;
  }
  if (send_timer != SendTimer::kReorder) ArmSendTimer(advanced, control, env);
}

// An acknowledgement of something new finds nothing in doubt: without ECN there is no echo to take
// and no window that was reduced, and Recovery says the rest.
inline bool Connection::IsAckPlain(const Control& control, const Env& env) const {
  return !Has(kEcn) && control.recovery != kNoIndex &&
         env.buffers.recoveries[control.recovery].IsPlain();
}

// AcceptAck then.
inline void Connection::AcceptPlainAck(const Segment& segment, const SegmentOptions& options,
                                       Control& control, const Env& env, Arrival& arrival) {
  AcknowledgeQueue(segment.ack, control, env, arrival);
  Recovery& recovery = env.buffers.recoveries[control.recovery];
  Recovery::Ack ack{.una = snd_.una,
                    .nxt = snd_.nxt,
                    .advanced = true,
                    .is_duplicate = false,
                    .dsack = false,
                    .blocks = {},
                    .ts_echo = std::nullopt};
  if (Has(kTimestamps) && options.has_timestamps) ack.ts_echo = options.ts_echo;
  AckSummary summary;
  recovery.OnPlainAck(RecoveryContext(control, env), ack, summary);
  SampleRtt(summary, options, /*advanced=*/true, control, env);
  if (summary.acked_bytes > 0) {
    control.congestion.OnAck(CongestionContext(recovery, env), summary.acked_bytes,
                             control.rtt.srtt_us(), env.now);
  }
  StopReorderTimer(recovery.flight.empty(), control);
  RearmAfterAck(/*advanced=*/true, control, env);
}

inline Arrival Connection::OnPredicted(const Segment& segment, const SegmentOptions& options,
                                       Control& control, const Env& env) {
  Arrival arrival;
  control.heard_ms = env.now_ms();
  probes_sent = 0;
  if (Has(kTimestamps)) TakeTimestamp(segment, options, control, env);
  const uint32_t window = uint32_t{segment.window} << snd_scale;
  const bool changed = window != snd_.wnd;
  snd_.SetWindow(window, segment.seq, segment.ack);
  if (segment.ack != snd_.una && IsAckPlain(control, env)) {
    AcceptPlainAck(segment, options, control, env, arrival);
  } else if (segment.ack != snd_.una || HasFlight(control) || changed) {
    AcceptAck(segment, options, changed, control, env, arrival);
  }
  if (!segment.payload.empty()) {
    NotePeerSegment(segment.payload.size(), control, env);
    StoreText(segment.payload, control, env, arrival);
  }
  return arrival;
}

}  // namespace aether::tcp
