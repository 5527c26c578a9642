#include "fuzz/stateful/tcp_flow.h"

#include <algorithm>

#include "fuzz/pattern.h"
#include "fuzz/target.h"

namespace aether::fuzz {
namespace {

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kAck = tcp_flags::kAck;
// Numbers this far apart belong to the same connection.
constexpr uint32_t kNear = 1u << 28;

bool After(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }
bool IsNear(uint32_t seq, uint32_t base) { return seq - base + kNear < 2 * kNear; }

bool HasTimestamps(Bytes options) {
  for (size_t at = 0; at < options.size() && options[at] != 0;) {
    if (options[at] == 8) return true;
    if (options[at] == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size() || options[at + 1] < 2) return false;
    at += options[at + 1];
  }
  return false;
}

}  // namespace

TcpFlow::TcpFlow(Ipv4Endpoint peer, Ipv4Endpoint stack, uint32_t initial_sequence)
    : peer_(peer),
      stack_(stack),
      pattern_base_(initial_sequence),
      iss_(initial_sequence),
      snd_nxt_(initial_sequence),
      sent_end_(initial_sequence),
      acked_(initial_sequence),
      last_seq_(initial_sequence),
      last_end_(initial_sequence) {}

uint32_t TcpFlow::SeqValue(const Live& live) const {
  switch (live.base % 8) {
    case kSeqNext:
      return live.Of(snd_nxt_);
    case kSeqAcked:
      return live.Of(acked_);
    case kSeqWindowEnd:
      return live.Of(has_window_ ? window_end_ : acked_ + 65535);
    case kSeqInitial:
      return live.Of(iss_);
    case kSeqLast:
      return live.Of(last_seq_);
    case kSeqLastEnd:
      return live.Of(last_end_);
    case kSeqHole:
      return live.Of(snd_nxt_ + kSackSegment);
    default:
      return live.Of(0);
  }
}

uint32_t TcpFlow::AckValue(const Live& live) const {
  switch (live.base % 6) {
    case kAckNext:
      return live.Of(rcv_nxt_);
    case kAckLast:
      return live.Of(last_ack_);
    case kAckInitial:
      return live.Of(stack_iss_.value_or(0));
    case kAckLastSent:
      return live.Of(stack_last_);
    case kAckHighest:
      return live.Of(highest_ack_);
    default:
      return live.Of(0);
  }
}

bool TcpFlow::has_timestamps() const {
  return offered_timestamps_ && stack_syn_ && stack_syn_->timestamps;
}

uint8_t TcpFlow::our_scale() const {
  if (!offered_scale_ || !stack_syn_ || !stack_syn_->window_scale) return 0;
  return std::min<uint8_t>(*offered_scale_, 14);
}

bool TcpFlow::SentSyn(uint32_t seq) const {
  if (syn_count_ > syns_.size()) return true;
  const auto end = syns_.begin() + static_cast<ptrdiff_t>(syn_count_);
  return std::find(syns_.begin(), end, seq) != end;
}

bool TcpFlow::SentFin(uint32_t seq) const {
  if (fin_count_ > fins_.size()) return true;
  const auto end = fins_.begin() + static_cast<ptrdiff_t>(fin_count_);
  return std::find(fins_.begin(), end, seq) != end;
}

bool TcpFlow::IsOurs(Bytes bytes, uint32_t seq) const {
  // Where the offsets begin anew.
  const uint64_t before_wrap = (uint64_t{1} << 32) - PatternOffset(seq);
  const size_t first = static_cast<size_t>(std::min<uint64_t>(bytes.size(), before_wrap));
  return Pattern::Matches(bytes.first(first), PatternOffset(seq)) &&
         Pattern::Matches(bytes.subspan(first), 0);
}

void TcpFlow::CountSent(const Segment& segment, Bytes options, uint32_t payload_bytes) {
  const Plain& plain = segment.plain;
  constexpr uint8_t kNeverTaken =
      segment_shape::kBadChecksum | segment_shape::kBadIpChecksum | segment_shape::kOffsetShort;
  const uint32_t end = plain.seq + payload_bytes + ((plain.flags & kSyn) != 0 ? 1 : 0) +
                       ((plain.flags & kFin) != 0 ? 1 : 0);
  last_seq_ = plain.seq;
  last_end_ = end;
  if ((segment.shape & kNeverTaken) != 0) return;
  if ((plain.flags & kFin) != 0) fins_[fin_count_++ % fins_.size()] = end - 1;
  if ((plain.flags & kAck) != 0) {
    last_ack_ = plain.ack;
    CountOffer(plain.flags, plain.ack, plain.window);
  }
  if ((plain.flags & (kSyn | kRst)) == kSyn) {
    CountSyn(segment, options, end);
    return;
  }
  // As with a reset of the stack's own, see OnSent.
  if ((plain.flags & kRst) != 0 && plain.seq == acked_) checks_numbers = false;
  if (is_opening_ && stack_syn_ && !stack_syn_->timestamps && HasTimestamps(options)) {
    // To who keeps no state of a handshake, the echo says what was agreed on: of timestamps that
    // nobody offered it is anything.
    has_made_up_offer_ = true;
    checks_numbers = false;
  }
  if (!IsNear(plain.seq, acked_)) return;
  if (After(end, sent_end_)) sent_end_ = end;
  if (!After(plain.seq, snd_nxt_) && After(end, snd_nxt_)) {
    snd_nxt_ = end;
    if ((plain.flags & kFin) != 0) fin_sent_ = true;
  }
}

void TcpFlow::CountOffer(uint8_t flags, uint32_t ack, uint16_t window) {
  const bool is_ours =
      stack_iss_ && IsNear(ack, *stack_iss_) && After(ack, *stack_iss_) && !After(ack, rcv_nxt_);
  if ((flags & kAck) == 0 || !is_ours) return;
  if (After(ack, highest_ack_)) highest_ack_ = ack;
  const uint32_t scale = (flags & kSyn) != 0 ? 0 : our_scale();
  const uint32_t edge = ack + (uint32_t{window} << scale);
  if (After(edge, offered_end_)) offered_end_ = edge;
}

void TcpFlow::CountForeign(const testing::NaiveTcp& tcp, Bytes options) {
  Segment segment;
  segment.plain = {
      .flags = tcp.flags, .seq = tcp.sequence, .ack = tcp.acknowledgment, .window = tcp.window};
  CountSent(segment, options, 0);
}

void TcpFlow::CountSyn(const Segment& segment, Bytes options, uint32_t end) {
  syns_[syn_count_++ % syns_.size()] = segment.plain.seq;
  syn_window_ = std::max<uint32_t>(syn_window_, segment.plain.window);
  // Of the options the last of a kind counts; what the stack may have taken from an earlier SYN is
  // a larger scale at most.
  for (size_t at = 0; at < options.size() && options[at] != 0;) {
    if (options[at] == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size() || options[at + 1] < 2 || at + options[at + 1] > options.size())
      break;
    if (options[at] == 3 && options[at + 1] == 3)
      offered_scale_ = std::max(offered_scale_.value_or(0), options[at + 2]);
    if (options[at] == 8 && options[at + 1] == 10) offered_timestamps_ = true;
    at += options[at + 1];
  }
  // While there is no connection this one begins it; otherwise the stack's answer tells.
  const bool is_open = has_window_ && !reset_received_ && !(fin_sent_ && fin_received_);
  if (!is_open) {
    if (has_window_ && !is_restarting_) {
      before_restart_ = {iss_, snd_nxt_, sent_end_, acked_, fin_sent_};
      is_restarting_ = true;
    }
    iss_ = acked_ = segment.plain.seq;
    snd_nxt_ = sent_end_ = end;
    fin_sent_ = false;
  } else if (IsNear(segment.plain.seq, acked_) && After(end, sent_end_)) {
    sent_end_ = end;
  }
}

bool TcpFlow::Matches(const testing::NaiveFrame& frame) const {
  return frame.tcp && frame.ip->source == stack_.address.value &&
         frame.ip->destination == peer_.address.value && frame.tcp->source_port == stack_.port &&
         frame.tcp->destination_port == peer_.port;
}

void TcpFlow::OnSynSent(const testing::NaiveTcp& tcp) {
  const bool answers = (tcp.flags & kAck) != 0;
  const uint32_t our_iss = answers ? tcp.acknowledgment - 1 : iss_;
  if (answers) FUZZ_CHECK(P2, !checks_numbers || SentSyn(our_iss));
  stack_syn_ = tcp;
  stack_last_ = tcp.sequence;
  is_opening_ = true;
  has_made_up_offer_ = false;
  if (stack_iss_ != tcp.sequence || our_iss != iss_ || (answers && is_restarting_)) {
    handshakes_[handshake_count_++ % handshakes_.size()] = {tcp.sequence, our_iss};
    // Of two cookies either may open the connection, with what the other one's SYN offered.
    if (handshake_count_ > 1) checks_numbers = false;
    stack_iss_ = tcp.sequence;
    rcv_nxt_ = tcp.sequence + 1;
    highest_ack_ = tcp.sequence;
    offered_end_ = tcp.sequence + 1 + syn_window_;
    fin_received_ = reset_received_ = has_window_ = is_restarting_ = false;
  }
  if (!answers) return;
  if (our_iss != iss_) {
    iss_ = our_iss;
    snd_nxt_ = sent_end_ = our_iss + 1;
    fin_sent_ = false;
  }
  acked_ = tcp.acknowledgment;
  window_end_ = plain_window_end_ = tcp.acknowledgment + tcp.window;
  has_window_ = true;
}

// Of the handshakes under way, the one that a segment belongs to becomes the current one.
bool TcpFlow::FindHandshake(uint32_t seq) {
  constexpr uint32_t kReach = 1u << 24;
  const auto is_of = [seq](uint32_t iss) { return seq - iss + 1 < kReach; };
  if (is_of(*stack_iss_)) return true;
  for (size_t i = 0; i < std::min(handshake_count_, handshakes_.size()); ++i) {
    if (!is_of(handshakes_[i].stack_iss)) continue;
    stack_iss_ = handshakes_[i].stack_iss;
    rcv_nxt_ = seq;
    iss_ = handshakes_[i].our_iss;
    acked_ = iss_ + 1;
    snd_nxt_ = sent_end_ = acked_;
    offered_end_ = seq + 0x40000000;
    has_window_ = false;
    return true;
  }
  return false;
}

void TcpFlow::OnSent(const testing::NaiveFrame& frame) {
  const testing::NaiveTcp& tcp = *frame.tcp;
  if (tcp.timestamps) stack_timestamp_ = tcp.timestamps->value;
  if ((tcp.flags & kRst) != 0) {
    reset_received_ = true;
    // Was that the connection's end, or an answer to something that it did not know? A SYN cookie
    // that is still good may even open the next one without a SYN. From here on only the judge can
    // tell what its numbers should be.
    checks_numbers = false;
    return;
  }
  if ((tcp.flags & kSyn) != 0) {
    OnSynSent(tcp);
    return;
  }
  is_opening_ = false;
  // Before any SYN there is nothing to acknowledge.
  FUZZ_CHECK(P2, !checks_numbers || stack_iss_.has_value());
  if (!stack_iss_) return;
  const bool is_known = FindHandshake(tcp.sequence);
  FUZZ_CHECK(P2, !checks_numbers || is_known || handshake_count_ > handshakes_.size());
  if (!is_known) return;
  if (is_restarting_) {
    // The SYN was not taken: the connection before it is still there.
    is_restarting_ = false;
    iss_ = before_restart_.iss;
    snd_nxt_ = before_restart_.snd_nxt;
    // What went out since may count for it as well.
    if (!IsNear(sent_end_, before_restart_.sent_end) || After(before_restart_.sent_end, sent_end_))
      sent_end_ = before_restart_.sent_end;
    acked_ = before_restart_.acked;
    fin_sent_ = before_restart_.fin_sent;
  }
  const uint32_t payload = static_cast<uint32_t>(tcp.payload.size());
  const uint32_t end = tcp.sequence + payload + ((tcp.flags & kFin) != 0 ? 1 : 0);
  if (checks_payload && payload > 0) {
    const uint64_t offset = kWrittenOffset + (tcp.sequence - *stack_iss_ - 1);
    FUZZ_CHECK(P1, Pattern::Matches(tcp.payload, offset));
  }
  // [RFC 9293 3.8.6] nothing beyond the window, but [RFC 9293 3.8.6.1] a probe of one byte.
  const uint32_t probe = payload <= 1 ? 1 : 0;
  FUZZ_CHECK(P2, !checks_numbers || !After(end, offered_end_ + probe));
  if (After(end, rcv_nxt_)) {
    // A stack that has sent its FIN sends nothing new.
    FUZZ_CHECK(P2, !checks_numbers || !fin_received_);
    rcv_nxt_ = end;
    if ((tcp.flags & kFin) != 0) fin_received_ = true;
  }
  if (end != tcp.sequence) stack_last_ = tcp.sequence;
  // Every segment of an open connection acknowledges something that was sent.
  FUZZ_CHECK(P2, !checks_numbers || !After(tcp.acknowledgment, sent_end_));
  if (After(tcp.acknowledgment, acked_)) acked_ = tcp.acknowledgment;
  if (After(acked_, snd_nxt_)) snd_nxt_ = acked_;
  for (size_t i = 0; i < tcp.sack_blocks.size(); ++i) {
    const auto& [left, right] = tcp.sack_blocks[i];
    // [RFC 2018 3] a block is text that has arrived ahead of a gap. [RFC 2883 4] the first one may
    // be of a duplicate: what came again, however far behind, and from half the sequence space
    // behind on its left edge seems to lie ahead.
    FUZZ_CHECK(P2, !checks_numbers || After(right, left));
    if (i == 0 && (!After(left, tcp.acknowledgment) || !After(right, tcp.acknowledgment))) continue;
    // What memory is missing for waits right behind what was acknowledged.
    FUZZ_CHECK(P2, !checks_numbers || !After(tcp.acknowledgment, left));
    FUZZ_CHECK(P2, !checks_numbers || !After(right, sent_end_));
  }
  CheckWindow(tcp);
}

// [RFC 9293 3.8.6 SHLD-14] a window is not taken back. Whether it is scaled depends on which of
// several SYNs was taken, so it has to be so either way.
void TcpFlow::CheckWindow(const testing::NaiveTcp& tcp) {
  const uint8_t scale =
      stack_syn_ && stack_syn_->window_scale ? *stack_syn_->window_scale : uint8_t{0};
  const uint32_t plain_end = tcp.acknowledgment + tcp.window;
  const uint32_t scaled_end = tcp.acknowledgment + (uint32_t{tcp.window} << scale);
  if (has_window_) {
    FUZZ_CHECK(P2, !checks_numbers || !After(window_end_, scaled_end) ||
                       !After(plain_window_end_, plain_end));
  }
  plain_window_end_ = plain_end;
  window_end_ = scaled_end;
  has_window_ = true;
}

}  // namespace aether::fuzz
