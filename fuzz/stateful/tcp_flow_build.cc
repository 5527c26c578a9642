// How a TcpFlow makes segments: options, payload, headers and checksums, byte by byte and without
// wire/.
#include <algorithm>
#include <cstring>

#include "fuzz/naive.h"
#include "fuzz/pattern.h"
#include "fuzz/stateful/tcp_flow.h"
#include "fuzz/stateful/world.h"

namespace aether::fuzz {
namespace {

constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;

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
      return SackOptions(choice, AckValue(record.LiveAt(7)));
  }
}

// `extra` is a number of the stack.
Bytes TcpFlow::SackOptions(OptionsChoice choice, uint32_t extra) {
  OptionsWriter writer(options_);
  if (has_timestamps()) writer.Timestamps(clock_ms, stack_timestamp_);
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

}  // namespace aether::fuzz
