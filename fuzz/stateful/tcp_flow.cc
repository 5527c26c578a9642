#include "fuzz/stateful/tcp_flow.h"

#include <algorithm>
#include <cstring>

#include "fuzz/naive.h"
#include "fuzz/pattern.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"

namespace aether::fuzz {
namespace {

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;
// Numbers this far apart belong to the same connection.
constexpr uint32_t kNear = 1u << 28;
constexpr uint32_t kSackSegment = 536;

bool After(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }
bool IsNear(uint32_t seq, uint32_t base) { return seq - base + kNear < 2 * kNear; }

void PutWord(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void PutLong(uint8_t* at, uint32_t value) {
  PutWord(at, value >> 16);
  PutWord(at + 2, value);
}
uint16_t Folded(uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// Options one behind the other, as far as 40 bytes go.
class OptionsWriter {
 public:
  explicit OptionsWriter(std::array<uint8_t, 40>& out) : out_(out) {}
  size_t room() const { return out_.size() - size_; }
  void Byte(uint32_t value) {
    if (size_ < out_.size()) out_[size_++] = static_cast<uint8_t>(value);
  }
  void Word(uint32_t value) {
    Byte(value >> 8);
    Byte(value & 0xff);
  }
  void Long(uint32_t value) {
    Word(value >> 16);
    Word(value & 0xffff);
  }
  void Raw(Bytes bytes) {
    for (const uint8_t byte : bytes) Byte(byte);
  }
  void Timestamps(uint32_t value, uint32_t echo) {
    for (const uint32_t byte : {1u, 1u, 8u, 10u}) Byte(byte);
    Long(value);
    Long(echo);
  }
  void SackBegin(size_t blocks) {
    for (const size_t byte : {size_t{1}, size_t{1}, size_t{5}, 2 + 8 * blocks})
      Byte(static_cast<uint32_t>(byte));
  }
  void Block(uint32_t left, uint32_t right) {
    Long(left);
    Long(right);
  }
  Bytes Padded() {
    while (size_ % 4 != 0) Byte(0);
    return Bytes(out_).first(size_);
  }

 private:
  std::array<uint8_t, 40>& out_;
  size_t size_ = 0;
};

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

Bytes TcpFlow::Build(const Record& record) {
  Segment segment;
  Plain& plain = segment.plain;
  plain.flags = record.U8(0);
  plain.seq = SeqValue(record.LiveAt(1));
  plain.ack = AckValue(record.LiveAt(2));
  plain.window = static_cast<uint16_t>(65535 - record.U16(3));
  plain.payload_bytes = record.U16(4) % (kPayloadBytesMax + 1);
  plain.options = ChosenOptions(record, plain.flags);
  segment.shape = record.U8(6);
  if ((plain.flags & kUrg) != 0)
    plain.urgent_pointer = static_cast<uint16_t>(record.LiveAt(7).distance);
  return Emit(segment);
}

Bytes TcpFlow::Build(const Plain& plain) {
  Segment segment{.plain = plain};
  if (!plain.options) segment.plain.options = AutomaticOptions(plain.flags);
  return Emit(segment);
}

Bytes TcpFlow::BuildNext(uint8_t flags, uint32_t payload_bytes, uint16_t window) {
  return Build({.flags = flags,
                .seq = snd_nxt_,
                .ack = (flags & kAck) != 0 ? rcv_nxt_ : 0,
                .window = window,
                .payload_bytes = payload_bytes});
}

// The order of Linux.
Bytes TcpFlow::AutomaticOptions(uint8_t flags) {
  OptionsWriter writer(options_);
  if ((flags & kSyn) == 0) {
    if (has_timestamps()) writer.Timestamps(clock_ms, stack_timestamp_);
    return writer.Padded();
  }
  // An answer offers what was offered.
  const bool answers = (flags & kAck) != 0 && stack_syn_.has_value();
  if (offer.mss != 0) {
    writer.Byte(2);
    writer.Byte(4);
    writer.Word(offer.mss);
  }
  if (offer.sack && (!answers || stack_syn_->sack_permitted)) {
    writer.Byte(4);
    writer.Byte(2);
  }
  if (offer.timestamps && (!answers || stack_syn_->timestamps)) {
    writer.Byte(8);
    writer.Byte(10);
    writer.Long(clock_ms);
    writer.Long(answers ? stack_timestamp_ : 0);
  }
  if (offer.scale >= 0 && (!answers || stack_syn_->window_scale)) {
    for (const uint32_t byte : {1u, 3u, 3u, static_cast<uint32_t>(offer.scale)}) writer.Byte(byte);
  }
  return writer.Padded();
}

Bytes TcpFlow::ChosenOptions(const Record& record, uint8_t flags) {
  const auto choice = static_cast<OptionsChoice>(record.U8(5) % kOptionsNames.size());
  const uint32_t distance = static_cast<uint32_t>(int32_t{record.LiveAt(7).distance});
  OptionsWriter writer(options_);
  switch (choice) {
    case OptionsChoice::kAutomatic:
      return AutomaticOptions(flags);
    case OptionsChoice::kNone:
      return {};
    case OptionsChoice::kRaw:
      writer.Raw(record.bytes);
      return writer.Padded();
    case OptionsChoice::kAutomaticRaw: {
      std::array<uint8_t, 40> first = options_;
      const size_t size = AutomaticOptions(flags).size();
      std::copy_n(options_.begin(), size, first.begin());
      writer.Raw(Bytes(first).first(size));
      writer.Raw(record.bytes);
      return writer.Padded();
    }
    case OptionsChoice::kTimestamp:
      writer.Timestamps(record.LiveAt(7).Of(clock_ms), stack_timestamp_);
      return writer.Padded();
    case OptionsChoice::kEcho:
      writer.Timestamps(clock_ms, record.LiveAt(7).Of(stack_timestamp_));
      return writer.Padded();
    case OptionsChoice::kSynMss:
    case OptionsChoice::kSynSack:
      for (const uint32_t byte : {2u, 4u}) writer.Byte(byte);
      writer.Word(choice == OptionsChoice::kSynMss ? distance & 0xffff : offer.mss);
      if (choice == OptionsChoice::kSynSack) {
        for (const uint32_t byte : {4u, 2u}) writer.Byte(byte);
      }
      return writer.Padded();
    case OptionsChoice::kSynScale: {
      const int scale = offer.scale;
      offer.scale = static_cast<int>(distance & 0xff);
      const Bytes options = AutomaticOptions(flags);
      offer.scale = scale;
      return options;
    }
    default:
      break;
  }

  if (has_timestamps()) writer.Timestamps(clock_ms, stack_timestamp_);
  const uint32_t extra = AckValue(record.LiveAt(7));
  switch (choice) {
    case OptionsChoice::kSackTo:
      writer.SackBegin(1);
      writer.Block(highest_ack_ + kSackSegment, extra);
      break;
    case OptionsChoice::kSackThree:
    case OptionsChoice::kSackBytes: {
      const bool is_bytes = choice == OptionsChoice::kSackBytes;
      const uint32_t count = is_bytes && !has_timestamps() ? 4 : 3;
      const uint32_t step = is_bytes ? 1 : kSackSegment;
      writer.SackBegin(count);
      for (uint32_t i = 0; i < count; ++i)
        writer.Block(extra + 2 * i * step, extra + (2 * i + 1) * step);
      break;
    }
    case OptionsChoice::kSackWide:
      writer.SackBegin(1);
      writer.Block(extra, rcv_nxt_);
      break;
    case OptionsChoice::kSackTwice:
      writer.SackBegin(2);
      writer.Block(highest_ack_ - kSackSegment, highest_ack_);
      writer.Block(extra, extra + kSackSegment);
      break;
    default:
      writer.SackBegin(1);
      writer.Block(extra, extra + kSackSegment);
      break;
  }
  return writer.Padded();
}

// Writes the payload and adds its sum; returns its size.
size_t TcpFlow::EmitPayload(uint8_t* at, const Segment& segment, uint32_t& sum) const {
  const Plain& plain = segment.plain;
  if (!plain.text.empty()) {
    const Bytes text = plain.text.first(std::min<size_t>(plain.text.size(), kPayloadBytesMax));
    std::memcpy(at, text.data(), text.size());
    sum += NaiveSum(text);
    return text.size();
  }
  const size_t size = plain.payload_bytes;
  if (size == 0) return 0;
  // A SYN comes before its text.
  const uint32_t offset = PatternOffset(plain.seq + ((plain.flags & kSyn) != 0 ? 1 : 0));
  const uint64_t before_wrap = (uint64_t{1} << 32) - offset;
  if (size <= before_wrap) {
    std::memcpy(at, Pattern::At(offset, size).data(), size);
    sum += NetworkOrder(Pattern::Sum(offset, size));
    return size;
  }
  const size_t first = static_cast<size_t>(before_wrap);
  std::memcpy(at, Pattern::At(offset, first).data(), first);
  std::memcpy(at + first, Pattern::At(0, size - first).data(), size - first);
  sum += NaiveSum({at, size});
  return size;
}

Bytes TcpFlow::Emit(const Segment& segment) {
  const Plain& plain = segment.plain;
  const auto has = [&segment](uint8_t bit) { return (segment.shape & bit) != 0; };
  Bytes options = plain.options.value_or(Bytes{}).first(
      std::min<size_t>(plain.options.value_or(Bytes{}).size() / 4 * 4, 40));
  uint8_t* const ip = frame_.data() + 14;
  const size_t ip_header = has(segment_shape::kIpOptions) ? 24 : 20;
  uint8_t* const tcp = ip + ip_header;
  // With an offset of 15 there are 40 bytes of options, whatever they say.
  const size_t option_bytes = has(segment_shape::kOffsetLong) ? 40 : options.size();
  if (!options.empty()) std::memcpy(tcp + 20, options.data(), options.size());
  std::memset(tcp + 20 + options.size(), 1, option_bytes - options.size());

  uint32_t sum = 0;
  const size_t payload = EmitPayload(tcp + 20 + option_bytes, segment, sum);
  const size_t tcp_bytes = 20 + option_bytes + payload;
  PutWord(tcp, peer_.port);
  PutWord(tcp + 2, stack_.port);
  PutLong(tcp + 4, plain.seq);
  PutLong(tcp + 8, plain.ack);
  tcp[12] = static_cast<uint8_t>((20 + option_bytes) / 4 << 4);
  if (has(segment_shape::kOffsetShort)) tcp[12] = 0x40;
  if (has(segment_shape::kReserved)) tcp[12] |= 0x0e;
  tcp[13] = plain.flags;
  PutWord(tcp + 14, plain.window);
  PutWord(tcp + 16, 0);
  PutWord(tcp + 18, plain.urgent_pointer);
  uint64_t all = sum + NaiveSum({tcp, 20 + option_bytes});
  all += (peer_.address.value >> 16) + (peer_.address.value & 0xffff);
  all += (stack_.address.value >> 16) + (stack_.address.value & 0xffff);
  all += 6 + tcp_bytes;
  PutWord(tcp + 16, 0xffffu - Folded(all));
  if (has(segment_shape::kBadChecksum)) tcp[16] ^= 0x55;

  const size_t total = ip_header + tcp_bytes;
  ip[0] = static_cast<uint8_t>(0x40 | ip_header / 4);
  ip[1] = has(segment_shape::kCongested) ? 3 : 0;
  PutWord(ip + 2, static_cast<uint32_t>(total));
  PutWord(ip + 4, 0);
  PutWord(ip + 6, 0x4000);
  ip[8] = 64;
  ip[9] = 6;
  PutWord(ip + 10, 0);
  PutLong(ip + 12, peer_.address.value);
  PutLong(ip + 16, stack_.address.value);
  if (ip_header == 24) PutLong(ip + 20, 0x01010101);
  PutWord(ip + 10, 0xffffu - NaiveSum({ip, ip_header}));
  if (has(segment_shape::kBadIpChecksum)) ip[10] ^= 0x55;
  std::ranges::copy(kStackMac.octets, frame_.begin());
  std::ranges::copy(kPeerMac.octets, frame_.begin() + 6);
  PutWord(frame_.data() + 12, 0x0800);
  size_t size = 14 + total;
  if (has(segment_shape::kPadded)) {
    std::memset(frame_.data() + size, 0, 46);
    size = std::max<size_t>(size + 1, 60);
  }
  CountSent(segment, Bytes(tcp + 20, option_bytes), static_cast<uint32_t>(payload));
  return Bytes(frame_).first(size);
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
    const bool is_ours = stack_iss_ && IsNear(plain.ack, *stack_iss_) &&
                         After(plain.ack, *stack_iss_) && !After(plain.ack, rcv_nxt_);
    if (is_ours) {
      if (After(plain.ack, highest_ack_)) highest_ack_ = plain.ack;
      const uint32_t scale = (plain.flags & kSyn) != 0 ? 0 : our_scale();
      const uint32_t edge = plain.ack + (uint32_t{plain.window} << scale);
      if (After(edge, offered_end_)) offered_end_ = edge;
    }
  }
  if ((plain.flags & (kSyn | kRst)) == kSyn) {
    CountSyn(segment, options, end);
    return;
  }
  if (!IsNear(plain.seq, acked_)) return;
  if (After(end, sent_end_)) sent_end_ = end;
  if (!After(plain.seq, snd_nxt_) && After(end, snd_nxt_)) {
    snd_nxt_ = end;
    if ((plain.flags & kFin) != 0) fin_sent_ = true;
  }
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
  if (stack_iss_ != tcp.sequence || our_iss != iss_ || (answers && is_restarting_)) {
    handshakes_[handshake_count_++ % handshakes_.size()] = {tcp.sequence, our_iss};
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
    return;
  }
  if ((tcp.flags & kSyn) != 0) {
    OnSynSent(tcp);
    return;
  }
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
    if (!IsNear(sent_end_, before_restart_.sent_end) ||
        After(before_restart_.sent_end, sent_end_))
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
