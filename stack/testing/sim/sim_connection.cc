#include "stack/testing/sim/sim_connection.h"

#include <algorithm>

namespace aether::testing::sim {
namespace {

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kAck = 0x10;

}  // namespace

SimConnection::SimConnection(const Ends& ends, uint32_t iss, const SimTcpOptions& options)
    : ends_(ends),
      options_(options),
      iss_(iss),
      una_(iss),
      nxt_(iss),
      max_(iss),
      cwnd_(4u * options.mss_bytes),
      mss_(options.mss_bytes) {}

SimConnection SimConnection::Active(const Ends& ends, uint32_t iss, const SimTcpOptions& options) {
  SimConnection made(ends, iss, options);
  made.syn_due_ = true;
  return made;
}

SimConnection SimConnection::Passive(const Ends& ends, uint32_t iss, const SimTcpOptions& options,
                                     const NaiveTcp& syn) {
  SimConnection made(ends, iss, options);
  made.state_ = State::kSynReceived;
  made.rcv_nxt_ = syn.sequence + 1;
  made.edge_ = made.rcv_nxt_;
  made.mss_ = std::min(made.mss_, syn.mss.value_or(536));
  made.syn_due_ = true;
  return made;
}

void SimConnection::Fail(tcp_event::Mask event) {
  state_ = State::kClosed;
  events_ |= event;
  retransmit_at_ = give_up_at_ = kNever;
  syn_due_ = ack_due_ = false;
}

void SimConnection::Open(uint32_t ack, const NaiveTcp& segment) {
  state_ = State::kOpen;
  una_ = ack;
  if (Before(nxt_, una_)) nxt_ = una_;
  wnd_ = segment.window;
  wl1_ = segment.sequence;
  wl2_ = ack;
  retransmit_at_ = kNever;
  backoff_ = tries_ = 0;
  events_ |= tcp_event::kWritable;
}

void SimConnection::OnSynSent(const NaiveTcp& segment, Instant now) {
  const bool has_ack = (segment.flags & kAck) != 0;
  if (has_ack && segment.acknowledgment != iss_ + 1) return;  // the host answers with a reset
  if ((segment.flags & kRst) != 0) {
    if (has_ack) Fail(tcp_event::kReset);
    return;
  }
  if ((segment.flags & kSyn) == 0) return;
  rcv_nxt_ = segment.sequence + 1;
  edge_ = rcv_nxt_;
  mss_ = std::min(mss_, segment.mss.value_or(536));
  if (!has_ack) {
    // Both opened at once.
    state_ = State::kSynReceived;
    syn_due_ = true;
    return;
  }
  if (is_timing_) SampleRtt(now - timed_at_);
  is_timing_ = false;
  Open(segment.acknowledgment, segment);
  ack_due_ = true;
}

void SimConnection::OnSegment(const NaiveTcp& segment, Instant now) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kSynSent) {
    OnSynSent(segment, now);
    return;
  }
  if (state_ == State::kTimeWait) {
    OnTimeWait(segment, now);
    return;
  }
  const uint32_t length = static_cast<uint32_t>(segment.payload.size()) +
                          ((segment.flags & kFin) != 0 ? 1 : 0) +
                          ((segment.flags & kSyn) != 0 ? 1 : 0);
  if ((segment.flags & kRst) != 0) {
    if (segment.sequence == rcv_nxt_) Fail(tcp_event::kReset);
    return;
  }
  if ((segment.flags & kSyn) != 0) {
    // Its SYN again: ours, or our acknowledgement, was lost.
    if (state_ == State::kSynReceived) {
      syn_due_ = true;
    } else {
      ack_due_ = true;
    }
    return;
  }
  if ((segment.flags & kAck) == 0 || !OnAck(segment, now)) return;
  if (length > 0) {
    OnText(segment, now);
  } else if (segment.sequence + 1 == rcv_nxt_) {
    // Somebody asks whether we are still there.
    ack_due_ = true;
  }
}

bool SimConnection::OnAck(const NaiveTcp& segment, Instant now) {
  const uint32_t ack = segment.acknowledgment;
  if (state_ == State::kSynReceived) {
    if (ack != iss_ + 1) return false;
    Open(ack, segment);
    return true;
  }
  if (Before(max_, ack)) {
    ack_due_ = true;
    return false;
  }
  const bool is_new = Before(una_, ack);
  if (is_new) TakeAcknowledged(ack, now);
  if (state_ != State::kOpen) return false;
  // A repeated segment may carry the newest acknowledgement; its window belongs to that, although
  // its sequence number is old.
  if (AtOrBefore(una_, ack) && (is_new || Before(wl1_, segment.sequence) ||
                                (wl1_ == segment.sequence && AtOrBefore(wl2_, ack)))) {
    const bool opened = wnd_ == 0 && segment.window != 0;
    wnd_ = segment.window;
    wl1_ = segment.sequence;
    wl2_ = ack;
    tries_ = 0;
    if (opened) {
      // What was sent into the closed window is lost.
      nxt_ = una_;
      probe_due_ = false;
      backoff_ = 0;
      retransmit_at_ = kNever;
    }
  }
  return true;
}

void SimConnection::TakeAcknowledged(uint32_t ack, Instant now) {
  const uint32_t count = ack - una_;
  const uint32_t bytes = std::min(count, static_cast<uint32_t>(send_.size()));
  send_.Drop(bytes);
  una_ = ack;
  if (Before(nxt_, una_)) nxt_ = una_;
  if (is_timing_ && Before(timed_seq_, ack)) {
    SampleRtt(now - timed_at_);
    is_timing_ = false;
  }
  cwnd_ = std::min<uint32_t>(cwnd_ + mss_, 1u << 20);
  backoff_ = tries_ = 0;
  retransmit_at_ = una_ == nxt_ ? kNever : now + Timeout();
  if (bytes > 0 && !fin_queued_) events_ |= tcp_event::kWritable;
  if (count > bytes) {
    fin_acknowledged_ = true;
    if (fin_received_) OnBothClosed(now);
  }
}

void SimConnection::OnBothClosed(Instant now) {
  events_ |= tcp_event::kFinished;
  retransmit_at_ = kNever;
  // The last acknowledgement is still to be sent.
  if (closed_after_peer_) {
    state_ = State::kClosed;
    give_up_at_ = kNever;
  } else {
    state_ = State::kTimeWait;
    give_up_at_ = now + options_.time_wait;
  }
}

void SimConnection::OnText(const NaiveTcp& segment, Instant now) {
  ack_due_ = true;
  const uint32_t old = rcv_nxt_ - segment.sequence;
  if (static_cast<int32_t>(old) < 0 || fin_received_) return;  // ahead of a gap, or behind the end
  Bytes text = segment.payload;
  const bool fin = (segment.flags & kFin) != 0;
  if (old > text.size()) return;
  text = text.subspan(old);
  const uint32_t window = edge_ - rcv_nxt_;
  const bool cut = text.size() > window;
  if (cut) text = text.first(window);
  if (!text.empty()) {
    if (released_) {
      // Nobody will read it, and the peer shall know.
      reset_due_ = true;
      Fail(0);
      return;
    }
    receive_.Append(text);
    rcv_nxt_ += static_cast<uint32_t>(text.size());
    events_ |= tcp_event::kReadable;
  }
  if (fin && !cut && edge_ != rcv_nxt_) OnFin(now);
}

void SimConnection::OnFin(Instant now) {
  rcv_nxt_ += 1;
  fin_received_ = true;
  events_ |= tcp_event::kPeerClosed;
  if (!fin_queued_) closed_after_peer_ = true;
  if (fin_acknowledged_) OnBothClosed(now);
}

void SimConnection::OnTimeWait(const NaiveTcp& segment, Instant now) {
  if ((segment.flags & kRst) != 0) return;  // RFC 1337
  if (segment.payload.empty() && (segment.flags & (kFin | kSyn)) == 0) return;
  ack_due_ = true;
  if ((segment.flags & kFin) != 0) give_up_at_ = now + options_.time_wait;
}

void SimConnection::SampleRtt(Duration rtt) {
  // [RFC 6298 2.2, 2.3] with shifts instead of fractions.
  if (srtt_ == Duration{0}) {
    srtt_ = std::max(rtt, Duration{1});
    rttvar_ = rtt / 2;
    return;
  }
  const Duration error = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
  rttvar_ = (3 * rttvar_ + error) / 4;
  srtt_ = (7 * srtt_ + rtt) / 8;
}

Duration SimConnection::Timeout() const {
  const Duration base =
      srtt_ == Duration{0} ? Duration(std::chrono::seconds(1)) : srtt_ + 4 * rttvar_;
  Duration timeout = std::clamp(base, options_.rto_min, options_.rto_max);
  for (uint32_t i = 0; i < backoff_ && timeout < options_.rto_max; ++i) timeout *= 2;
  return std::min(timeout, options_.rto_max);
}

void SimConnection::OnTime(Instant now) {
  if (give_up_at_ <= now) {
    give_up_at_ = kNever;
    // TIME-WAIT is over, or the peer never closed.
    state_ = State::kClosed;
    retransmit_at_ = kNever;
    return;
  }
  if (retransmit_at_ <= now) OnRetransmissionTimeout(now);
}

void SimConnection::OnRetransmissionTimeout(Instant) {
  retransmit_at_ = kNever;
  is_timing_ = false;
  const bool opening = !IsSynchronized();
  if (++tries_ > (opening ? options_.syn_tries_max : options_.tries_max)) {
    Fail(tcp_event::kTimedOut);
    return;
  }
  ++backoff_;
  if (opening) {
    syn_due_ = true;
    return;
  }
  cwnd_ = mss_;
  nxt_ = una_;
  if (wnd_ == 0) probe_due_ = true;
}

uint32_t SimConnection::Room() const {
  const uint32_t window = std::min(wnd_, cwnd_);
  const uint32_t flight = nxt_ - una_;
  if (probe_due_) return flight == 0 ? 1 : 0;
  return window > flight ? window - flight : 0;
}

bool SimConnection::HasUnsent() const {
  const uint32_t end =
      una_ + static_cast<uint32_t>(send_.size()) + (fin_queued_ && !fin_acknowledged_ ? 1 : 0);
  return Before(nxt_, end);
}

std::optional<SimSegment> SimConnection::NextText(Instant now) {
  if (state_ != State::kOpen || !HasUnsent()) return std::nullopt;
  const uint32_t offset = nxt_ - una_;
  const uint32_t unsent =
      static_cast<uint32_t>(send_.size()) - std::min(offset, static_cast<uint32_t>(send_.size()));
  const uint32_t room = Room();
  uint32_t size = std::min({unsent, room, uint32_t{mss_}});
  // No small segment while others are on their way, unless it is the last.
  if (size < unsent && size < mss_ && offset > 0) size = 0;
  const bool fin = fin_queued_ && size == unsent && room > size;
  if (size == 0 && !fin) {
    if (retransmit_at_ == kNever) retransmit_at_ = now + Timeout();
    return std::nullopt;
  }
  probe_due_ = false;
  const uint8_t flags =
      static_cast<uint8_t>(kAck | (size == unsent && size > 0 ? kPsh : 0) | (fin ? kFin : 0));
  const SimSegment segment =
      Build(nxt_, flags, send_.View().subspan(std::min<size_t>(offset, send_.size()), size));
  if (Before(nxt_, max_)) {
    ++retransmissions_;
  } else if (!is_timing_) {
    is_timing_ = true;
    timed_seq_ = nxt_;
    timed_at_ = now;
  }
  nxt_ += size + (fin ? 1 : 0);
  if (Before(max_, nxt_)) max_ = nxt_;
  if (retransmit_at_ == kNever) retransmit_at_ = now + Timeout();
  return segment;
}

std::optional<SimSegment> SimConnection::Next(Instant now) {
  if (reset_due_) {
    reset_due_ = false;
    return Build(nxt_, kRst | kAck, {});
  }
  if (released_ && fin_acknowledged_ && state_ == State::kOpen && give_up_at_ == kNever) {
    give_up_at_ = now + options_.linger;
  }
  if (syn_due_) {
    syn_due_ = false;
    if (nxt_ == iss_) {
      is_timing_ = true;
      timed_seq_ = iss_;
      timed_at_ = now;
    } else {
      ++retransmissions_;
      is_timing_ = false;
    }
    nxt_ = max_ = iss_ + 1;
    retransmit_at_ = now + Timeout();
    SimSegment segment = Build(iss_, state_ == State::kSynSent ? kSyn : kSyn | kAck, {});
    segment.mss = options_.mss_bytes;
    return segment;
  }
  if (std::optional<SimSegment> text = NextText(now)) return text;
  if (!ack_due_) return std::nullopt;
  return Build(nxt_, kAck, {});
}

SimSegment SimConnection::Build(uint32_t seq, uint8_t flags, Bytes payload) {
  SimSegment segment{
      .seq = seq, .ack = 0, .flags = flags, .window = 0, .mss = 0, .payload = payload};
  if ((flags & kAck) != 0) {
    ack_due_ = false;
    segment.ack = rcv_nxt_;
  }
  const uint32_t queued = static_cast<uint32_t>(receive_.size());
  const uint32_t free =
      options_.receive_buffer_bytes - std::min(options_.receive_buffer_bytes, queued);
  if ((flags & kAck) != 0) {
    // The right edge moves right only, and by a worthwhile step.
    const uint32_t edge = rcv_nxt_ + free;
    const uint32_t step = std::min<uint32_t>(options_.receive_buffer_bytes / 2, options_.mss_bytes);
    if (!fin_received_ && AtOrBefore(edge_ + step, edge)) edge_ = edge;
    segment.window = static_cast<uint16_t>(std::min<uint32_t>(edge_ - rcv_nxt_, 65535));
    // What does not fit into the field was not promised.
    edge_ = rcv_nxt_ + segment.window;
  } else {
    segment.window = static_cast<uint16_t>(std::min<uint32_t>(free, 65535));
  }
  return segment;
}

Instant SimConnection::NextDeadline() const { return std::min(retransmit_at_, give_up_at_); }

void SimConnection::Consume(size_t size) {
  receive_.Drop(size);
  if (state_ != State::kOpen || fin_received_) return;
  const uint32_t free = options_.receive_buffer_bytes - static_cast<uint32_t>(receive_.size());
  const uint32_t step =
      std::min<uint32_t>(options_.receive_buffer_bytes / 2, 2u * options_.mss_bytes);
  if (AtOrBefore(edge_ + step, rcv_nxt_ + free)) ack_due_ = true;
}

size_t SimConnection::Write(Bytes data) {
  if (fin_queued_ || state_ != State::kOpen) return 0;
  const size_t space =
      options_.send_buffer_bytes - std::min<size_t>(options_.send_buffer_bytes, send_.size());
  const size_t size = std::min(space, data.size());
  send_.Append(data.first(size));
  return size;
}

void SimConnection::Shutdown() {
  if (fin_queued_ || state_ != State::kOpen) return;
  fin_queued_ = true;
  closed_after_peer_ = fin_received_;
}

void SimConnection::Close() {
  if (state_ == State::kClosed || state_ == State::kTimeWait) {
    released_ = true;
    return;
  }
  if (!receive_.empty() || !IsSynchronized()) {
    Abort();
    return;
  }
  released_ = true;
  Shutdown();
}

void SimConnection::Abort() {
  released_ = true;
  if (state_ == State::kOpen || state_ == State::kSynReceived) reset_due_ = true;
  if (state_ != State::kTimeWait) Fail(0);
}

tcp_event::Mask SimConnection::TakeEvents() {
  const tcp_event::Mask events = events_;
  events_ = 0;
  return events;
}

}  // namespace aether::testing::sim
