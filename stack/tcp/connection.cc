#include "stack/tcp/connection.h"

#include "stack/base/check.h"

namespace aether::tcp {
namespace {

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kPsh = tcp_flags::kPsh;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;

}  // namespace

// Header prediction (RFC 1323 appendix E, Jacobson): the next in-order segment of an open
// connection, nothing special about it. All steps of the long way would pass.
bool Connection::IsPredicted(const Segment& segment) const {
  return state_ == State::kEstablished &&
         (segment.flags & (kFin | kSyn | kRst | kUrg | kAck)) == kAck && segment.seq == rcv_.nxt &&
         segment.payload.size() <= rcv_.window_bytes() && segment.ack.AfterOrAt(snd_.una) &&
         segment.ack.BeforeOrAt(snd_.nxt);
}

Arrival Connection::OnSegment(const Segment& segment, Buffers& buffers, const TcpLimits& limits,
                              Counters& counters) {
  Arrival arrival;
  if (IsPredicted(segment)) [[likely]] {
    if (segment.ack != snd_.una) AcceptAck(segment.ack, buffers, arrival);
    snd_.SetWindow(segment.window, segment.seq, segment.ack);
    if (!segment.payload.empty()) TakeText(segment, buffers, limits, counters, arrival);
    return arrival;
  }
  // [RFC 9293 3.10.7.4] the steps in its order; each may end the processing. There is no third
  // (security) step here.
  Segment rest = segment;
  if (!CheckSequence(rest, arrival)) return arrival;
  if (!CheckReset(rest, arrival)) return arrival;
  if (!CheckSyn(rest, arrival)) return arrival;
  if (!CheckAck(rest, buffers, arrival)) return arrival;
  // [RFC 9293 3.8.5] the sixth step, urgent data: it is delivered in line like any other, the
  // pointer is not used.
  if (!TakeText(rest, buffers, limits, counters, arrival)) return arrival;
  if (rest.Has(kFin)) TakeFin(arrival);
  return arrival;
}

// [RFC 9293 3.10.7.4] first: what lies outside the window is answered with an ACK and dropped, a
// reset just dropped.
bool Connection::CheckSequence(Segment& segment, Arrival& arrival) {
  // What a reset carries is no data; only where it stands counts.
  const uint32_t length = segment.Has(kRst) ? 0 : segment.Length();
  if (!rcv_.IsAcceptable(segment.seq, length)) {
    if (rcv_.window_bytes() == 0 && segment.seq == rcv_.nxt && !segment.Has(kRst) &&
        !segment.Has(kSyn)) {
      // [RFC 9293 3.10.7.4] with a window of zero, acknowledgements are still taken from what
      // cannot be stored.
      segment.payload = {};
      segment.flags = static_cast<uint8_t>(segment.flags & ~kFin);
      Set(kAckNow);
      arrival.drop = Drop::kTcpOutOfWindow;
      return true;
    }
    if (segment.Has(kRst)) {
      arrival.drop = Drop::kTcpBadRst;
      return false;
    }
    if (state_ == State::kSynReceived && segment.Has(kSyn) && segment.seq + 1 == rcv_.nxt) {
      // The SYN again: our SYN-ACK was lost.
      Set(kSynAckDue);
      arrival.drop = Drop::kTcpDuplicate;
      return false;
    }
    const bool is_old = length > 0 && (segment.seq + length).BeforeOrAt(rcv_.nxt);
    arrival.drop = is_old ? Drop::kTcpDuplicate : Drop::kTcpOutOfWindow;
    if (length > 0) {
      Set(kAckNow);
    } else {
      arrival.challenge = true;
    }
    return false;
  }
  return true;
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
  if (state_ == State::kSynReceived) {
    // [RFC 9293 3.10.7.4] fourth: a connection that came from LISTEN goes back to it.
    arrival.end = Arrival::End::kClosed;
    return false;
  }
  arrival.challenge = true;
  return false;
}

// [RFC 9293 3.10.7.4] fifth.
bool Connection::CheckAck(const Segment& segment, Buffers& buffers, Arrival& arrival) {
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
    SetState(State::kEstablished);
    snd_.una = segment.ack;
    snd_.SetWindow(segment.window, segment.seq, segment.ack);
    return true;
  }
  if (!snd_.IsAckPlausible(segment.ack)) {
    // [RFC 9293 3.10.7.4] an ACK of something not sent yet is answered with an ACK; [RFC 5961 5.2]
    // so is an ancient one.
    arrival.drop = Drop::kTcpBadAck;
    arrival.challenge = true;
    return false;
  }
  if (segment.ack.After(snd_.una)) AcceptAck(segment.ack, buffers, arrival);
  if (segment.ack.AfterOrAt(snd_.una)) snd_.UpdateWindow(segment.window, segment.seq, segment.ack);
  return true;
}

void Connection::AcceptAck(Seq ack, Buffers& buffers, Arrival& arrival) {
  const bool fin_acknowledged = Has(kFinSent) && ack == snd_.nxt;
  const uint32_t bytes = ack.DistanceFrom(snd_.una) - (fin_acknowledged ? 1 : 0);
  if (bytes > 0) {
    snd_.queue.Acknowledge(buffers, bytes);
    if (!Has(kFinQueued)) arrival.events |= tcp_event::kWritable;
  }
  snd_.una = ack;
  arrival.progress = true;
  if (fin_acknowledged) OnFinAcknowledged(arrival);
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

// [RFC 9293 3.10.7.4] seventh. False when the text, and with it a FIN behind it, was not taken.
bool Connection::TakeText(const Segment& segment, Buffers& buffers, const TcpLimits& limits,
                          Counters& counters, Arrival& arrival) {
  if (segment.payload.empty() && !segment.Has(kFin)) return true;
  // [RFC 9293 3.10.7.4] after the peer's FIN there is no text.
  if (!CanReceive(state_)) {
    arrival.drop = Drop::kTcpDataAfterClose;
    return false;
  }
  if (segment.seq.After(rcv_.nxt)) {
    arrival.drop = Drop::kTcpOutOfOrder;
    Set(kAckNow);
    return false;
  }
  // Trimmed to what is new on the left and what the window admits on the right.
  const uint32_t old_bytes = rcv_.nxt.DistanceFrom(segment.seq);
  Bytes text = segment.payload.subspan(std::min<size_t>(old_bytes, segment.payload.size()));
  const bool cut = text.size() > rcv_.window_bytes();
  if (cut) text = text.first(rcv_.window_bytes());
  if (!text.empty()) {
    if (Has(kReleased)) {
      // [RFC 2525 2.17] nobody will read this: the peer is told by a reset.
      arrival.drop = Drop::kTcpDataAfterClose;
      arrival.reset_reply = true;
      arrival.end = Arrival::End::kClosed;
      return false;
    }
    AETHER_CHECK(rcv_.queue.size() + text.size() <= limits.receive_buffer_bytes);
    // When memory runs short, its last quarter is for those who have queued the least: a few
    // connections that do not read cannot starve all others.
    const bool is_short =
        uint64_t{buffers.chunks.used()} * 4 > uint64_t{buffers.chunks.capacity()} * 3;
    if ((is_short && rcv_.queue.size() > Chunk::kBytes) ||
        !rcv_.queue.Append(buffers.chunks, text)) {
      // Not acknowledged: the peer sends it again.
      arrival.drop = Drop::kTcpNoBuffer;
      return false;
    }
    rcv_.nxt += static_cast<uint32_t>(text.size());
    counters.tcp_data_bytes_in += text.size();
    arrival.events |= tcp_event::kReadable;
  }
  Set(kAckNow);
  // A FIN counts only when all text before it was taken and the window has a number left for it.
  return !cut && (!segment.Has(kFin) || rcv_.window_bytes() > 0);
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
  Set(kAckNow);
  arrival.events |= tcp_event::kPeerClosed;
}

std::optional<SegmentPlan> Connection::Plan() const {
  SegmentPlan plan{.seq = snd_.nxt, .payload_bytes = 0, .flags = kAck};
  switch (state_) {
    case State::kSynReceived:
      if (!Has(kSynAckDue)) break;
      // [RFC 9293 3.10.7.2] SYN-ACK: <SEQ=ISS><ACK=RCV.NXT>.
      plan.seq = snd_.una;
      plan.flags = kSyn | kAck;
      return plan;
    case State::kEstablished:
    case State::kCloseWait:
    case State::kFinWait1:
    case State::kClosing:
    case State::kLastAck: {
      if (Has(kFinSent)) break;
      plan.payload_bytes = snd_.NextPayload(mss_bytes);
      const bool is_last = plan.payload_bytes == snd_.queue.unsent();
      // The FIN takes one number of the window, too.
      const bool fin = is_last && Has(kFinQueued) && snd_.usable_bytes() > plan.payload_bytes;
      if (plan.payload_bytes > 0 && is_last) plan.flags |= kPsh;
      if (fin) plan.flags |= kFin;
      if (plan.payload_bytes > 0 || fin) return plan;
      break;
    }
    default:
      break;
  }
  if (!Has(kAckNow)) return std::nullopt;
  return plan;
}

void Connection::OnSent(const SegmentPlan& plan) {
  Unset(kAckNow);
  if ((plan.flags & kSyn) != 0) {
    Unset(kSynAckDue);
    snd_.nxt = snd_.una + 1;
    return;
  }
  snd_.nxt += plan.payload_bytes;
  if ((plan.flags & kFin) != 0) {
    snd_.nxt += 1;
    Set(kFinSent);
  }
}

// [RFC 9293 3.10.4] CLOSE: the FIN follows what is queued, and the state changes now.
void Connection::QueueFin() {
  if (Has(kFinQueued)) return;
  if (state_ == State::kEstablished) {
    SetState(State::kFinWait1);
  } else if (state_ == State::kCloseWait) {
    SetState(State::kLastAck);
  } else {
    return;
  }
  Set(kFinQueued);
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

Snapshot Connection::TakeSnapshot() const {
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
          .receive_queue_bytes = static_cast<uint32_t>(rcv_.queue.size())};
}

void Connection::CheckInvariants(const TcpLimits& limits) const {
  AETHER_CHECK(snd_.una.BeforeOrAt(snd_.nxt));
  if (state_ == State::kClosed || state_ == State::kTimeWait) return;
  const uint32_t syn = state_ == State::kSynReceived ? snd_.flight_bytes() : 0;
  const uint32_t fin = Has(kFinSent) && state_ != State::kFinWait2 ? 1 : 0;
  AETHER_CHECK(syn <= 1 &&
               snd_.flight_bytes() == syn + fin + snd_.queue.size() - snd_.queue.unsent());
  AETHER_CHECK(!Has(kFinSent) || (Has(kFinQueued) && snd_.queue.unsent() == 0));
  AETHER_CHECK(rcv_.queue.size() <= limits.receive_buffer_bytes);
  AETHER_CHECK(rcv_.window_bytes() <= limits.receive_buffer_bytes);
  AETHER_CHECK(!Has(kReleased) || !Has(kOwned));
}

}  // namespace aether::tcp
