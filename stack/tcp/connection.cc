// Segment arrival (RFC 9293 3.10.7): the named steps in its order.
#include "stack/tcp/connection.h"

#include <algorithm>

#include "stack/tcp/predicted.h"

namespace aether::tcp {
namespace {

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;
constexpr uint8_t kCwr = tcp_flags::kCwr;

// [RFC 7323 5.5] a timestamp that is older than 24 days says nothing any more.
constexpr uint16_t kTsRecentHoursMax = 24 * 24;

}  // namespace

Arrival Connection::OnSegment(const Segment& segment, const SegmentOptions& options,
                              Control& control, const Env& env) {
  if (IsPredicted(segment, options, control, env)) [[likely]]
    return OnPredicted(segment, options, control, env);
  Arrival arrival;
  // [RFC 9293 3.10.7.4] the steps in its order; each may end the processing. There is no third
  // (security) step here.
  Segment rest = segment;
  if (!CheckPaws(rest, options, control, env, arrival)) return arrival;
  if (!CheckSequence(rest, control, env, arrival)) return arrival;
  if (!CheckReset(rest, arrival)) return arrival;
  if (!CheckSyn(rest, arrival)) return arrival;
  // [RFC 7323 2.2] the window of a SYN is not scaled: only that of a simultaneous open comes here.
  const uint32_t window = uint32_t{segment.window} << (segment.Has(kSyn) ? 0 : snd_scale);
  if (!CheckAck(rest, window, options, control, env, arrival)) return arrival;
  control.heard_ms = env.now_ms();
  probes_sent = 0;
  if (options.has_timestamps) TakeTimestamp(segment, options, control, env);
  if (arrival.end != Arrival::End::kNone) return arrival;
  if (Has(kEcn)) {
    // [RFC 3168 6.1.3] every acknowledgement echoes a mark on data until the sender has answered
    // it.
    if (rest.Has(kCwr)) Unset(kEcnEcho);
    // [RFC 3168 6.1.4] bare acknowledgements cannot be marked. Where it happens all the same, two
    // ends would otherwise answer each other's for ever.
    if (rest.ecn == Ecn::kCongestion && rest.Length() > 0) {
      Set(kEcnEcho);
      AckNow();
    }
  }
  if (rest.Has(kUrg)) TakeUrgent(segment, control, env, arrival);
  if (!TakeText(rest, control, env, arrival)) return arrival;
  if (rest.Has(kFin)) TakeFin(arrival);
  return arrival;
}

// [RFC 7323 5.3 R1] a segment with an old timestamp is an old duplicate, whatever its number.
bool Connection::CheckPaws(const Segment& segment, const SegmentOptions& options, Control& control,
                           const Env& env, Arrival& arrival) {
  // [RFC 7323 5.2] resets are not subject to it.
  if (!Has(kTimestamps) || segment.Has(kRst)) return true;
  if (!options.has_timestamps) {
    // [RFC 7323 3.2] once negotiated, a segment without timestamps is dropped; a SYN is judged by
    // its number.
    if (segment.Has(kSyn)) return true;
    arrival.drop = Drop::kTcpMissingTimestamp;
    return false;
  }
  if (!Has(kTsRecentValid) || static_cast<int32_t>(options.ts_value - control.ts_recent) >= 0)
    return true;
  const uint16_t age_hours = static_cast<uint16_t>(TimestampHour(env.now) - control.ts_recent_hour);
  if (age_hours > kTsRecentHoursMax) {
    Unset(kTsRecentValid);
    return true;
  }
  arrival.drop = Drop::kTcpPaws;
  if (segment.Length() > 0) {
    AckNow();
  } else {
    arrival.challenge = true;
  }
  return false;
}

// [RFC 9293 3.10.7.4] first: what lies outside the window is answered with an ACK and dropped, a
// reset just dropped.
bool Connection::CheckSequence(Segment& segment, Control& control, const Env& env,
                               Arrival& arrival) {
  // [RFC 9293 3.5.3 SHLD-2] a reset may carry something, but no data; only where it stands counts.
  const uint32_t length = segment.Has(kRst) ? 0 : segment.Length();
  if (rcv_.IsAcceptable(segment.seq, length)) return true;
  if (rcv_.window_bytes() == 0 && segment.seq == rcv_.nxt && !segment.Has(kRst) &&
      !segment.Has(kSyn)) {
    // [RFC 9293 3.10.7.4] [RFC 9293 3.4 MUST-66] with a window of zero, acknowledgements and urgent
    // marks are still taken from what cannot be stored, and resets below.
    segment.payload = {};
    segment.flags = static_cast<uint8_t>(segment.flags & ~kFin);
    AckNow();
    arrival.drop = Drop::kTcpOutOfWindow;
    return true;
  }
  if (segment.Has(kRst)) {
    arrival.drop = Drop::kTcpBadRst;
    return false;
  }
  if (state_ == State::kSynReceived && segment.Has(kSyn) && segment.seq + 1 == rcv_.nxt) {
    if (segment.Has(kAck) && segment.ack.After(snd_.una) && segment.ack.BeforeOrAt(snd_.nxt)) {
      // [RFC 9293 3.5] the SYN-ACK of a simultaneous open: its SYN has been taken, its ACK is new.
      // It is acknowledged: its sender may never have heard our own.
      AckNow();
      segment.seq += 1;
      segment.flags = static_cast<uint8_t>(segment.flags & ~kSyn);
      return true;
    }
    arrival.drop = Drop::kTcpDuplicate;
    if (segment.Has(kAck)) {
      // A SYN-ACK to something else. Were it answered with ours, two ends that opened at once and
      // do not agree about their numbers would answer each other for ever.
      arrival.challenge = true;
    } else {
      // The SYN again: our SYN-ACK was lost.
      Set(kSynDue);
    }
    return false;
  }
  const bool is_old = length > 0 && (segment.seq + length).BeforeOrAt(rcv_.nxt);
  arrival.drop = is_old ? Drop::kTcpDuplicate : Drop::kTcpOutOfWindow;
  if (length == 0) {
    arrival.challenge = true;
    return false;
  }
  AckNow();
  // [RFC 2883 4] the duplicate is reported.
  if (is_old && Has(kSack) && !segment.payload.empty()) {
    ReportDuplicate({segment.seq, segment.seq + static_cast<uint32_t>(segment.payload.size())},
                    control, env);
  }
  return false;
}

// [RFC 9293 3.10.7.4] second, with [RFC 5961 3.2]: only a reset at exactly RCV.NXT is obeyed,
// another one in the window is answered with a challenge.
bool Connection::CheckReset(const Segment& segment, Arrival& arrival) {
  if (!segment.Has(kRst)) return true;
  if (segment.seq != rcv_.nxt) {
    arrival.drop = Drop::kTcpBadRst;
    arrival.challenge = true;
    return false;
  }
  arrival.events = tcp_event::kReset;
  arrival.end = Arrival::End::kClosed;
  return false;
}

// [RFC 9293 3.10.7.4] fourth, with [RFC 5961 4.2]: a SYN never ends a synchronised connection, it
// is challenged.
bool Connection::CheckSyn(const Segment& segment, Arrival& arrival) {
  if (!segment.Has(kSyn)) return true;
  arrival.drop = Drop::kTcpUnexpectedSyn;
  if (state_ == State::kSynReceived && !Has(kActive)) {
    // [RFC 9293 3.10.7.4] fourth, [RFC 9293 3.5 MUST-11]: a connection that came from LISTEN goes
    // back to it.
    arrival.end = Arrival::End::kClosed;
    return false;
  }
  arrival.challenge = true;
  return false;
}

// [RFC 9293 3.10.7.4] fifth.
bool Connection::CheckAck(const Segment& segment, uint32_t window_bytes,
                          const SegmentOptions& options, Control& control, const Env& env,
                          Arrival& arrival) {
  if (!segment.Has(kAck)) {
    arrival.drop = Drop::kTcpMissingAck;
    return false;
  }
  if (state_ == State::kSynReceived) {
    // [RFC 9293 3.10.7.4] an ACK that does not acknowledge our SYN is answered with a reset.
    if (!segment.ack.After(snd_.una) || !segment.ack.BeforeOrAt(snd_.nxt)) {
      arrival.drop = Drop::kTcpBadAck;
      arrival.reset_reply = true;
      return false;
    }
    SampleHandshake(options.has_timestamps ? options.ts_echo : 0, control, env);
    snd_.una = segment.ack;
    snd_.SetWindow(window_bytes, segment.seq, segment.ack);
    // [RFC 9293 3.5] of a simultaneous open: the SYN-ACK that would have acknowledged the peer's
    // SYN has not left yet, and is not needed any more.
    if (Has(kActive) && Has(kSynDue)) AckNow();
    Open(control, env);
    if (Has(kActive)) arrival.events |= tcp_event::kConnected;
    return true;
  }
  if (!snd_.IsAckPlausible(segment.ack)) {
    // [RFC 9293 3.10.7.4] an ACK of something not sent yet is answered with an ACK; [RFC 5961 5.2]
    // [RFC 9293 3.10.7.4 MAY-12] so is an ancient one.
    arrival.drop = Drop::kTcpBadAck;
    arrival.challenge = true;
    return false;
  }
  if (segment.ack.AfterOrAt(snd_.una)) {
    const bool changed = snd_.UpdateWindow(window_bytes, segment.seq, segment.ack);
    AcceptAck(segment, options, changed, control, env, arrival);
  }
  return true;
}

void Connection::OnFinAcknowledged(Arrival& arrival) {
  switch (state_) {
    case State::kFinWait1:
      SetState(State::kFinWait2);
      break;
    case State::kClosing:
      // [RFC 9293 3.10.7.4] fifth, CLOSING: our FIN is acknowledged, and the peer's came before.
      SetState(State::kTimeWait);
      arrival.end = Arrival::End::kTimeWait;
      arrival.events |= tcp_event::kFinished;
      break;
    case State::kLastAck:
      arrival.end = Arrival::End::kClosed;
      arrival.events |= tcp_event::kFinished;
      break;
    default:
      break;
  }
}

// [RFC 9293 3.10.7.4] seventh. False when the text, and with it a FIN behind it, was not taken in
// order.
bool Connection::TakeText(const Segment& segment, Control& control, const Env& env,
                          Arrival& arrival) {
  if (segment.payload.empty() && !segment.Has(kFin)) return true;
  // [RFC 9293 3.10.7.4] after the peer's FIN there is no text.
  if (!CanReceive(state_)) {
    arrival.drop = Drop::kTcpDataAfterClose;
    return false;
  }
  const size_t size = segment.payload.size();
  const Bytes payload = BeforeHeldFin(segment, control, env);
  NotePeerSegment(size, control, env);
  if (segment.seq.After(rcv_.nxt)) {
    // [RFC 9293 3.10.7.4 MAY-13] the peer learns of the gap.
    AckNow();
    return HoldText(segment, control, env, arrival);
  }
  // Trimmed to what is new on the left and what the window admits on the right.
  const uint32_t old_bytes = rcv_.nxt.DistanceFrom(segment.seq);
  Bytes text = payload.subspan(std::min<size_t>(old_bytes, payload.size()));
  const bool cut = text.size() > rcv_.window_bytes();
  if (cut) text = text.first(rcv_.window_bytes());
  if (old_bytes > 0 && size > 0 && Has(kSack)) {
    ReportDuplicate({segment.seq, rcv_.nxt}, control, env);
    AckNow();
  }
  if (!text.empty()) {
    if (Has(kReleased)) {
      // [RFC 2525 2.17] [RFC 9293 3.6.1 MAY-1, SHLD-3] nobody will read this: the peer is told by a
      // reset.
      arrival.drop = Drop::kTcpDataAfterClose;
      arrival.reset_reply = true;
      arrival.end = Arrival::End::kClosed;
      return false;
    }
    if (!StoreText(text, control, env, arrival)) return false;
  } else {
    AckNow();
  }
  if (control.out_of_order != kNoIndex && env.buffers.out_of_orders[control.out_of_order].HasGap())
      [[unlikely]]
    JoinHeld(control, env, arrival);
  // A FIN counts only when all text before it was taken and the window has a number left for it;
  // and when none is held in its place, for which memory is missing: there a peer contradicts
  // itself.
  return !cut && (!segment.Has(kFin) || (rcv_.window_bytes() > 0 &&
                                         segment.seq + static_cast<uint32_t>(size) == rcv_.nxt &&
                                         !IsNextHeld(control, env)));
}

// [RFC 9293 3.10.7.4] after the peer's FIN there is no text, also while that FIN waits behind a
// gap: what a peer that contradicts itself sends there is cut off.
Bytes Connection::BeforeHeldFin(const Segment& segment, const Control& control, const Env& env) {
  if (control.out_of_order == kNoIndex) [[likely]]
    return segment.payload;
  const OutOfOrder& out_of_order = env.buffers.out_of_orders[control.out_of_order];
  if (!out_of_order.fin_held) return segment.payload;
  if (!out_of_order.fin_at.After(segment.seq)) return {};
  return segment.payload.first(
      std::min<size_t>(segment.payload.size(), out_of_order.fin_at.DistanceFrom(segment.seq)));
}

OutOfOrder* Connection::MakeOutOfOrder(Control& control, const Env& env) {
  Pool<OutOfOrder>& pool = env.buffers.out_of_orders;
  if (control.out_of_order == kNoIndex) control.out_of_order = pool.Allocate();
  return control.out_of_order == kNoIndex ? nullptr : &pool[control.out_of_order];
}

// [RFC 2883 4] the next acknowledgement says what arrived twice.
void Connection::ReportDuplicate(SackBlock block, Control& control, const Env& env) {
  if (OutOfOrder* const out_of_order = MakeOutOfOrder(control, env))
    out_of_order->duplicate = block;
}

void Connection::OnDuplicateReported(Control& control, const Env& env) {
  OutOfOrder& out_of_order = env.buffers.out_of_orders[control.out_of_order];
  out_of_order.duplicate = {};
  FreeOutOfOrderIfUnused(control, env);
}

void Connection::FreeOutOfOrderIfUnused(Control& control, const Env& env) {
  if (!env.buffers.out_of_orders[control.out_of_order].IsUnused()) return;
  env.buffers.out_of_orders.Free(control.out_of_order);
  control.out_of_order = kNoIndex;
}

// Text ahead of a gap. [RFC 9293 3.10.7.4 SHLD-31] it is kept, bounded in ranges by the limits and
// in bytes by the window.
bool Connection::HoldText(const Segment& segment, Control& control, const Env& env,
                          Arrival& arrival) {
  arrival.drop = Drop::kTcpOutOfOrder;
  if (!env.profile().reassembly || Has(kReleased)) return false;
  const uint32_t room = rcv_.window_bytes() - segment.seq.DistanceFrom(rcv_.nxt);
  const Bytes payload = BeforeHeldFin(segment, control, env);
  const Bytes text = payload.first(std::min<size_t>(payload.size(), room));
  SackBlock duplicate = {};
  // What is held is memory that nobody may read yet: when memory runs short, it is not taken.
  const ChunkPool& chunks = env.buffers.chunks;
  const bool is_short = uint64_t{chunks.used()} * 4 > uint64_t{chunks.capacity()} * 3;
  OutOfOrder* const out_of_order = is_short ? nullptr : MakeOutOfOrder(control, env);
  if (!text.empty()) {
    if (out_of_order == nullptr ||
        !out_of_order->held.Insert(env.buffers.reassembly(), segment.seq, text,
                                   env.limits().held_ranges_max, &duplicate)) {
      ++env.counters.tcp_held_refused;
    } else {
      arrival.drop = Drop::kNone;
      ++env.counters.tcp_held_segments;
    }
    // [RFC 2883 4] also a duplicate of what is held is reported.
    if (Has(kSack) && duplicate.start != duplicate.end) out_of_order->duplicate = duplicate;
  }
  if (out_of_order == nullptr) return false;
  if (segment.Has(kFin) && text.size() == segment.payload.size() && room > text.size()) {
    out_of_order->fin_held = true;
    out_of_order->fin_at = segment.seq + static_cast<uint32_t>(text.size());
    arrival.drop = Drop::kNone;
  }
  FreeOutOfOrderIfUnused(control, env);
  return false;
}

// A gap may have closed.
void Connection::JoinHeld(Control& control, const Env& env, Arrival& arrival) {
  OutOfOrder& out_of_order = env.buffers.out_of_orders[control.out_of_order];
  const uint32_t joined =
      out_of_order.held.TakeInOrder(env.buffers.reassembly(), rcv_.nxt, rcv_.queue);
  // [RFC 9293 3.8.6.3] [RFC 5681 4.2] what fills a gap, wholly or in part, is acknowledged at once.
  AckNow();
  rcv_.nxt += joined;
  env.counters.tcp_data_bytes_in += joined;
  if (out_of_order.fin_held && out_of_order.held.empty() && rcv_.nxt == out_of_order.fin_at) {
    out_of_order.fin_held = false;
    TakeFin(arrival);
  }
  FreeOutOfOrderIfUnused(control, env);
}

// [RFC 9293 3.10.7.4] eighth: all text before the FIN has been taken.
void Connection::TakeFin(Arrival& arrival) {
  switch (state_) {
    case State::kEstablished:
      SetState(State::kCloseWait);
      break;
    case State::kFinWait1:
      // Our own FIN is not acknowledged yet: both sides closed at once.
      SetState(State::kClosing);
      break;
    case State::kFinWait2:
      SetState(State::kTimeWait);
      arrival.end = Arrival::End::kTimeWait;
      arrival.events |= tcp_event::kFinished;
      break;
    default:
      return;
  }
  rcv_.nxt += 1;
  Set(kFinReceived);
  AckNow();
  arrival.events |= tcp_event::kPeerClosed;
}

bool Connection::MayChallenge(Instant now) {
  constexpr uint8_t kChallengesPerSecond = 10;
  const uint16_t second = static_cast<uint16_t>(now.time_since_epoch() / std::chrono::seconds(1));
  if (second != challenge_second_) {
    challenge_second_ = second;
    challenges_ = 0;
  }
  if (challenges_ >= kChallengesPerSecond) return false;
  ++challenges_;
  return true;
}

void Connection::ForgetIdlePath(Control& control, Buffers& buffers) {
  if (control.recovery == kNoIndex || HasFlight(control)) return;
  buffers.recoveries.Free(control.recovery);
  control.recovery = kNoIndex;
}

void Connection::ReleaseBuffers(Control& control, Buffers& buffers) {
  snd_.queue.Clear(buffers);
  if (control.out_of_order != kNoIndex) {
    buffers.out_of_orders[control.out_of_order].held.Clear(buffers.reassembly());
    buffers.out_of_orders.Free(control.out_of_order);
    control.out_of_order = kNoIndex;
  }
  if (control.recovery != kNoIndex) {
    buffers.recoveries[control.recovery].flight.Clear(buffers.segments);
    buffers.recoveries.Free(control.recovery);
    control.recovery = kNoIndex;
  }
}

}  // namespace aether::tcp
