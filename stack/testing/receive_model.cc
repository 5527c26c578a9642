#include "stack/testing/receive_model.h"

#include <algorithm>
#include <chrono>

namespace aether::testing {
namespace {

// [RFC 7323 5.5] a timestamp that is older than this says nothing any more.
constexpr Duration kTimestampLife = std::chrono::days(24);
// Who counts the hours of that may keep it for one more.
constexpr Duration kTimestampSlack = std::chrono::hours(1);
constexpr int64_t kRange = int64_t{1} << 32;

}  // namespace

int64_t ReceiveModel::Offset(uint32_t value, uint32_t initial, int64_t near) {
  int64_t offset = static_cast<int64_t>((value - initial) & 0xffffffffu);
  // [RFC 9293 3.4] numbers are taken modulo 2^32: of all that it could be the nearest one.
  while (offset < near - kRange / 2) offset += kRange;
  while (offset >= near + kRange / 2) offset -= kRange;
  return offset;
}

ReceiveModel ReceiveModel::SynSent(const Rules& rules, uint32_t iss) {
  ReceiveModel model;
  model.rules_ = rules;
  model.state_ = State::kSynSent;
  model.iss_ = iss;
  return model;
}

ReceiveModel ReceiveModel::Established(const Rules& rules, const Open& open) {
  ReceiveModel model;
  model.rules_ = rules;
  model.iss_ = open.iss;
  model.irs_ = open.irs;
  model.snd_una_ = 1;
  model.rcv_nxt_ = model.right_edge_ = model.last_ack_sent_ = 1;
  model.max_peer_window_ = open.peer_window_bytes;
  model.max_taken_window_ = open.certain_window_bytes;
  model.window_ack_ = 1;
  model.peer_scale_ = open.peer_scale;
  model.timestamps_ = open.timestamp.has_value();
  model.timestamp_recent_ = open.timestamp;
  model.timestamp_recent_at_ = open.now;
  return model;
}

void ReceiveModel::OnSent(const Segment& segment, uint32_t window_bytes) {
  if ((segment.flags & kRst) != 0) return;
  const int64_t begin = Offset(segment.seq, iss_, snd_nxt_);
  const bool syn = (segment.flags & kSyn) != 0;
  int64_t end = begin + (syn ? 1 : 0) + segment.text_bytes;
  if ((segment.flags & kFin) != 0) fin_out_ = end++;
  snd_nxt_ = std::max(snd_nxt_, end);
  if (syn) own_syn_window_ = segment.window;
  if ((segment.flags & kAck) == 0) return;
  last_ack_sent_ = Offset(segment.ack, irs_, rcv_nxt_);
  right_edge_ = std::max(right_edge_, last_ack_sent_ + int64_t{window_bytes});
}

void ReceiveModel::OnShutdown() {
  shut_ = true;
  if (state_ == State::kEstablished) state_ = State::kFinWait1;
  if (state_ == State::kCloseWait) state_ = State::kLastAck;
}

// [RFC 9293 3.10.7.3]
void ReceiveModel::OnSynSentArrival(const Segment& segment, Instant now) {
  const bool has_ack = (segment.flags & kAck) != 0;
  const int64_t ack = Offset(segment.ack, iss_, snd_nxt_);
  const bool acceptable = has_ack && ack > snd_una_ && ack <= snd_nxt_;
  if (has_ack && !acceptable) {
    reset_due_ = (segment.flags & kRst) == 0;
    return;
  }
  if ((segment.flags & kRst) != 0) {
    if (acceptable) state_ = State::kClosed;
    return;
  }
  if ((segment.flags & kSyn) == 0) return;
  irs_ = segment.seq;
  rcv_nxt_ = last_ack_sent_ = 1;
  // [RFC 9293 3.10.7.3] the window that our SYN offered.
  right_edge_ = 1 + int64_t{own_syn_window_};
  timestamps_ = rules_.timestamps && segment.timestamp.has_value();
  if (timestamps_) {
    timestamp_recent_ = segment.timestamp;
    timestamp_recent_at_ = now;
  }
  if (rules_.window_scaling && segment.window_scale) {
    peer_scale_ = std::min<uint8_t>(*segment.window_scale, 14);
  }
  max_peer_window_ = max_taken_window_ = segment.window;
  window_ack_ = acceptable ? ack : 0;
  ack_due_ = true;
  if (!acceptable) {
    state_ = State::kSynReceived;
    return;
  }
  snd_una_ = ack;
  state_ = shut_ ? State::kFinWait1 : State::kEstablished;
  // Anything else that the SYN carries is taken as of the sixth step.
  TakeText(segment, 1);
}

bool ReceiveModel::PawsRejects(const Segment& segment, Instant now) {
  if (!timestamps_ || (segment.flags & kRst) != 0) return false;
  // [RFC 7323 3.2] without the option: dropped.
  if (!segment.timestamp) return true;
  if (!timestamp_recent_) return false;
  const bool older = static_cast<int32_t>(*segment.timestamp - *timestamp_recent_) < 0;
  if (!older) return false;
  const Duration age = now - timestamp_recent_at_;
  if (age >= kTimestampLife) {
    if (age < kTimestampLife + kTimestampSlack) is_certain_ = false;
    timestamp_recent_.reset();
    return false;
  }
  ack_due_ = true;
  return true;
}

// [RFC 7323 4.3 (2)]
void ReceiveModel::TakeTimestamp(const Segment& segment, int64_t begin, Instant now) {
  if (!timestamps_ || !segment.timestamp || begin > last_ack_sent_) return;
  if (timestamp_recent_ && static_cast<int32_t>(*segment.timestamp - *timestamp_recent_) < 0)
    return;
  timestamp_recent_ = segment.timestamp;
  timestamp_recent_at_ = now;
}

// [RFC 9293 3.10.7.4] the four cases of the first step.
bool ReceiveModel::IsAcceptable(int64_t begin, int64_t length) const {
  const int64_t window = std::max<int64_t>(right_edge_ - rcv_nxt_, 0);
  const auto inside = [&](int64_t at) { return at >= rcv_nxt_ && at < rcv_nxt_ + window; };
  if (length == 0) return window == 0 ? begin == rcv_nxt_ : inside(begin);
  return window > 0 && (inside(begin) || inside(begin + length - 1));
}

void ReceiveModel::OnArrival(const Segment& segment, Instant now) {
  reset_due_ = ack_due_ = ack_may_wait_ = false;
  if (state_ == State::kClosed || state_ == State::kTimeWait) return;
  if (state_ == State::kSynSent) {
    OnSynSentArrival(segment, now);
    return;
  }
  const bool syn = (segment.flags & kSyn) != 0;
  const bool fin = (segment.flags & kFin) != 0;
  const bool rst = (segment.flags & kRst) != 0;
  if (PawsRejects(segment, now)) return;
  int64_t begin = Offset(segment.seq, irs_, rcv_nxt_);
  const int64_t length = rst ? 0 : int64_t{segment.text_bytes} + (syn ? 1 : 0) + (fin ? 1 : 0);
  // First.
  bool storable = true;
  if (!IsAcceptable(begin, length)) {
    // A window of zero: acknowledgements are taken from what cannot be stored.
    storable = false;
    if (state_ == State::kSynReceived && syn && !rst && begin == 0) {
      // [RFC 9293 3.10.7.4] first: an acknowledgement, and no reset, whatever its own number is.
      ack_due_ = true;
      if (CheckAck(segment, begin)) {
        // Where its acknowledgement is taken, so is its timestamp.
        TakeTimestamp(segment, begin, now);
        return;
      }
      reset_due_ = false;
    }
    if (rst || syn || right_edge_ > rcv_nxt_ || begin != rcv_nxt_) {
      ack_due_ = !rst;
      return;
    }
    ack_due_ = true;
  }
  // Second, [RFC 5961 3.2].
  if (rst) {
    if (begin == rcv_nxt_) {
      state_ = State::kClosed;
    } else {
      ack_due_ = true;
    }
    return;
  }
  // Fourth, [RFC 5961 4.2].
  if (syn) {
    ack_due_ = true;
    return;
  }
  // Fifth.
  if (!CheckAck(segment, begin)) return;
  TakeTimestamp(segment, begin, now);
  if (state_ == State::kClosed || state_ == State::kTimeWait) return;
  if (storable) TakeText(segment, begin);
}

// False when the segment ends here.
bool ReceiveModel::CheckAck(const Segment& segment, int64_t begin) {
  if ((segment.flags & kAck) == 0) return false;
  const int64_t ack = Offset(segment.ack, iss_, snd_nxt_);
  const bool advances = ack > snd_una_ && ack <= snd_nxt_;
  if (state_ == State::kSynReceived) {
    if (!advances) {
      reset_due_ = true;
      return false;
    }
    state_ = shut_ ? State::kFinWait1 : State::kEstablished;
  }
  // [RFC 5961 5.2] neither ahead of what was sent nor more than a window behind.
  if (ack > snd_nxt_ || ack < snd_una_ - max_peer_window_) {
    ack_due_ = true;
    return false;
  }
  // Whether the largest window "ever seen" includes those that came too late to be used.
  if (ack < snd_una_ - max_taken_window_) is_certain_ = false;
  const int64_t window = int64_t{segment.window} << ((segment.flags & kSyn) != 0 ? 0 : peer_scale_);
  max_peer_window_ = std::max(max_peer_window_, window);
  if (ack >= snd_una_ && (window_seq_ < begin || (window_seq_ == begin && window_ack_ <= ack))) {
    window_seq_ = begin;
    window_ack_ = ack;
    max_taken_window_ = std::max(max_taken_window_, window);
  }
  if (advances) snd_una_ = ack;
  if (!OurFinIsAcknowledged()) return true;
  if (state_ == State::kFinWait1) state_ = State::kFinWait2;
  if (state_ == State::kClosing) state_ = State::kTimeWait;
  if (state_ == State::kLastAck) state_ = State::kClosed;
  return true;
}

// Seventh and eighth: text and FIN, cut to the window.
void ReceiveModel::TakeText(const Segment& segment, int64_t begin) {
  const int64_t window_end = std::max(right_edge_, rcv_nxt_);
  const int64_t end = begin + int64_t{segment.text_bytes};
  const bool fin = (segment.flags & kFin) != 0;
  // [RFC 9293 3.10.7.4] seventh: nothing stands behind a FIN; it is ignored.
  if (fin_in_ && rcv_nxt_ > *fin_in_) return;
  if (segment.text_bytes > 0 || fin) {
    // [RFC 5681 4.2] what is ahead of a gap, or fills one, is acknowledged at once.
    ack_may_wait_ = !ack_due_ && begin <= rcv_nxt_ && arrived_.empty() && !fin_in_;
    ack_due_ = true;
  }
  if (!rules_.keeps_out_of_order && begin > rcv_nxt_) return;
  // [RFC 9293 3.10.7.4] nothing stands behind a FIN; what a peer means that says so all the same is
  // anybody's guess.
  if (fin_in_ && (std::min(end, window_end) > *fin_in_ || (fin && end != *fin_in_))) {
    is_certain_ = false;
  }
  const int64_t from = std::max(begin, rcv_nxt_);
  const int64_t to = std::min({end, window_end, fin_in_.value_or(window_end)});
  if (from < to) {
    const auto first = static_cast<size_t>(from - rcv_nxt_);
    const auto behind = static_cast<size_t>(to - rcv_nxt_);
    if (arrived_.size() < behind) arrived_.resize(behind);
    std::fill(arrived_.begin() + static_cast<ptrdiff_t>(first),
              arrived_.begin() + static_cast<ptrdiff_t>(behind), uint8_t{1});
  }
  if (fin && !fin_in_ && end < window_end && end >= rcv_nxt_) {
    fin_in_ = end;
    // Text beyond it has arrived before: the peer contradicts itself.
    if (rcv_nxt_ + static_cast<int64_t>(arrived_.size()) > end) is_certain_ = false;
  }
  Advance();
}

void ReceiveModel::Advance() {
  const auto gap = std::ranges::find(arrived_, uint8_t{0});
  const auto count = gap - arrived_.begin();
  arrived_.erase(arrived_.begin(), gap);
  rcv_nxt_ += count;
  delivered_bytes_ += static_cast<uint64_t>(count);
  if (!fin_in_ || rcv_nxt_ != *fin_in_) return;
  ++rcv_nxt_;
  switch (state_) {
    case State::kSynReceived:
    case State::kEstablished:
      state_ = State::kCloseWait;
      break;
    case State::kFinWait1:
      state_ = OurFinIsAcknowledged() ? State::kTimeWait : State::kClosing;
      break;
    case State::kFinWait2:
      state_ = State::kTimeWait;
      break;
    default:
      break;
  }
}

}  // namespace aether::testing
