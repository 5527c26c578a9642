#include "replay/live_client.h"

#include <algorithm>
#include <array>

#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

constexpr size_t kOptionBytesMax = 40;
constexpr uint32_t kFullSegmentBytes = 1400;
constexpr Duration kRetransmitAfterMax = std::chrono::seconds(60);

}  // namespace

void LiveClient::SetTimestamp(uint32_t value) {
  if (Seq(value).After(Seq(timestamp_))) timestamp_ = value;
}

void LiveClient::Open(Seq iss, const TcpOptions& options, uint32_t window_bytes, Instant now,
                      FrameBatch& out) {
  if (state_ == State::kClosed) {
    state_ = State::kOpening;
    offered_ = options;
    offered_.sack_block_count = 0;
    own_shift_ = std::min(options.window_scale.value_or(0), TcpOptions::kWindowScaleMax);
    if (options.timestamps) timestamp_ = options.timestamps->value;
    iss_ = iss;
    snd_una_ = iss;
    snd_max_ = iss + 1;
    window_bytes_ = window_bytes;
    Remember(iss, {}, tcp_flags::kSyn, now);
  }
  EmitSyn(out);
}

void LiveClient::EmitSyn(FrameBatch& out) {
  if (offered_.timestamps) offered_.timestamps = TcpTimestamps{timestamp_, 0};
  std::array<uint8_t, kOptionBytesMax> bytes;
  const size_t size = offered_.Emit(bytes);
  Emit(iss_, tcp_flags::kSyn, Bytes(bytes).first(size), {}, out);
}

void LiveClient::Remember(Seq seq, Bytes text, uint8_t flags, Instant now) {
  sent_.push_back({seq, {text.begin(), text.end()}, flags});
  sent_bytes_ += text.size();
  if (retransmit_at_ == kNever) retransmit_at_ = now + retransmit_after_;
}

uint16_t LiveClient::AdvertisedField() const {
  return static_cast<uint16_t>(std::min(window_bytes_ >> OwnShift(), 65535u));
}

void LiveClient::Emit(Seq seq, uint8_t flags, Bytes options, Bytes text, FrameBatch& out) {
  const size_t tcp_bytes = TcpHeader::kSizeMin + options.size() + text.size();
  const MutableBytes frame = out.Add(EthernetHeader::kSize + Ipv4Header::kSize + tcp_bytes);
  EthernetHeader{.destination = ends_.server_mac,
                 .source = ends_.client_mac,
                 .type = static_cast<uint16_t>(EtherType::kIpv4)}
      .Emit(frame);
  Ipv4Header{.payload_length = static_cast<uint16_t>(tcp_bytes),
             .dont_fragment = true,
             .protocol = static_cast<uint8_t>(IpProtocol::kTcp),
             .source = ends_.client.address,
             .destination = ends_.server.address}
      .Emit(frame.subspan(EthernetHeader::kSize));
  const MutableBytes segment = frame.subspan(EthernetHeader::kSize + Ipv4Header::kSize);
  const uint16_t sum = CopyAndSum(segment.data() + TcpHeader::kSizeMin + options.size(), text);
  const bool acknowledges = (flags & tcp_flags::kAck) != 0;
  TcpHeader{.source_port = ends_.client.port,
            .destination_port = ends_.server.port,
            .sequence = seq,
            .acknowledgment = acknowledges ? rcv_nxt_ : Seq(0),
            .flags = flags,
            // [RFC 7323 2.2] the window of a SYN is never scaled.
            .window = (flags & tcp_flags::kSyn) != 0
                          ? static_cast<uint16_t>(std::min(window_bytes_, 65535u))
                          : AdvertisedField(),
            .options = options}
      .Emit(segment, ends_.client.address, ends_.server.address, text.size(), sum);
  if (acknowledges) {
    acknowledged_ = rcv_nxt_;
    acknowledge_now_ = false;
    acknowledge_at_ = kNever;
    advertised_field_ = AdvertisedField();
  }
}

void LiveClient::EmitWithOptions(Seq seq, uint8_t flags, Bytes text, FrameBatch& out) {
  TcpOptions options;
  if (timestamps_) options.timestamps = TcpTimestamps{timestamp_, timestamp_recent_};
  if (sack_ && (flags & tcp_flags::kAck) != 0) {
    const size_t blocks_max = timestamps_ ? 3 : 4;
    for (const Ahead& one : ahead_) {
      SackBlock* last = options.sack_block_count == 0
                            ? nullptr
                            : &options.sack_blocks[options.sack_block_count - 1];
      if (last != nullptr && last->end == one.start) {
        last->end = one.End();
        continue;
      }
      if (options.sack_block_count == blocks_max) break;
      options.sack_blocks[options.sack_block_count++] = {one.start, one.End()};
    }
  }
  std::array<uint8_t, kOptionBytesMax> bytes;
  const size_t size = options.Emit(bytes);
  Emit(seq, flags, Bytes(bytes).first(size), text, out);
}

void LiveClient::Text(Seq seq, Bytes text, uint8_t flags, Instant now, FrameBatch& out) {
  const uint8_t wanted = static_cast<uint8_t>(flags | tcp_flags::kAck);
  const size_t option_bytes = timestamps_ ? 12 : 0;
  const size_t piece_max =
      std::max<size_t>(peer_mss_ > option_bytes ? peer_mss_ - option_bytes : 1, 1);
  bool first = true;
  while (first || !text.empty()) {
    first = false;
    const Bytes piece = text.first(std::min(text.size(), piece_max));
    text = text.subspan(piece.size());
    uint8_t own = wanted;
    // They belong to the last piece.
    if (!text.empty()) own = static_cast<uint8_t>(own & ~(tcp_flags::kFin | tcp_flags::kPsh));
    EmitWithOptions(seq, own, piece, out);
    const Seq end =
        seq + static_cast<uint32_t>(piece.size()) + ((own & tcp_flags::kFin) != 0 ? 1 : 0);
    if (end.After(snd_max_)) snd_max_ = end;
    // What is new to the stack must arrive.
    const bool known = std::ranges::any_of(sent_, [&](const Sent& one) {
      return one.seq.BeforeOrAt(seq) && one.End().AfterOrAt(end);
    });
    if (end.After(snd_una_) && !known && end != seq) Remember(seq, piece, own, now);
    seq = seq + static_cast<uint32_t>(piece.size());
  }
}

void LiveClient::Acknowledge(FrameBatch& out) {
  EmitWithOptions(snd_max_, tcp_flags::kAck, {}, out);
}

void LiveClient::Reset(Seq seq, FrameBatch& out) {
  EmitWithOptions(seq, tcp_flags::kRst | tcp_flags::kAck, {}, out);
  state_ = State::kReset;
  sent_.clear();
  sent_bytes_ = 0;
}

bool LiveClient::MaySend(Seq end) const {
  return end.BeforeOrAt(snd_una_ + std::min(peer_window_bytes_, 1u << 30)) ||
         // A FIN takes no room, and a closed window is probed with one byte.
         end.BeforeOrAt(snd_max_);
}

LiveClient::Taken LiveClient::OnSegment(const Packet& segment, Instant now) {
  Taken taken;
  if (state_ == State::kClosed || state_ == State::kReset) return taken;
  if (segment.Has(tcp_flags::kRst)) {
    state_ = State::kReset;
    sent_.clear();
    sent_bytes_ = 0;
    taken.reset = true;
    return taken;
  }
  if (segment.Has(tcp_flags::kSyn)) {
    OnSynAck(segment, now, taken);
    return taken;
  }
  if (state_ != State::kOpen) return taken;
  if (segment.options.timestamps && timestamps_ && segment.seq.BeforeOrAt(acknowledged_))
    timestamp_recent_ = segment.options.timestamps->value;
  if (segment.Has(tcp_flags::kAck)) OnAcknowledgement(segment, now);
  if (segment.SeqSize() > 0 || segment.seq.Before(rcv_nxt_)) TakeText(segment, taken);
  if (acknowledge_at_ == kNever && OwesAcknowledgement()) acknowledge_at_ = now + kDelayedAck;
  return taken;
}

void LiveClient::OnSynAck(const Packet& segment, Instant now, Taken& taken) {
  if (!segment.Has(tcp_flags::kAck)) return;
  if (state_ == State::kOpen) {
    acknowledge_now_ = true;
    return;
  }
  state_ = State::kOpen;
  taken.opened = true;
  irs_ = segment.seq;
  rcv_nxt_ = segment.seq + 1;
  acknowledged_ = segment.seq;
  const TcpOptions& options = segment.options;
  scaling_ = offered_.window_scale.has_value() && options.window_scale.has_value();
  peer_shift_ =
      scaling_ ? std::min(*options.window_scale, TcpOptions::kWindowScaleMax) : uint8_t{0};
  timestamps_ = offered_.timestamps.has_value() && options.timestamps.has_value();
  sack_ = offered_.sack_permitted && options.sack_permitted;
  if (timestamps_) timestamp_recent_ = options.timestamps->value;
  if (options.mss) peer_mss_ = *options.mss;
  peer_window_bytes_ = segment.window;
  OnAcknowledgement(segment, now);
  peer_window_bytes_ = segment.window;
  acknowledge_now_ = true;
}

void LiveClient::OnAcknowledgement(const Packet& segment, Instant now) {
  if (segment.ack.After(snd_max_) || segment.ack.Before(snd_una_)) return;
  peer_window_bytes_ = uint32_t{segment.window} << peer_shift_;
  if (segment.ack == snd_una_) return;
  snd_una_ = segment.ack;
  std::erase_if(sent_, [&](const Sent& one) {
    const bool done = one.End().BeforeOrAt(snd_una_);
    if (done) sent_bytes_ -= one.text.size();
    return done;
  });
  tries_ = 0;
  retransmit_after_ = kRetransmitAfter;
  retransmit_at_ = sent_.empty() ? kNever : now + retransmit_after_;
}

void LiveClient::TakeText(const Packet& segment, Taken& taken) {
  const Seq text_end = segment.seq + static_cast<uint32_t>(segment.payload.size());
  if (segment.Has(tcp_flags::kFin)) fin_at_ = text_end;
  if (segment.End().BeforeOrAt(rcv_nxt_)) {
    // An old one, or a probe: both ask for an acknowledgement.
    if (segment.SeqSize() > 0) ++server_retransmissions_;
    acknowledge_now_ = true;
    return;
  }
  if (segment.seq.After(rcv_nxt_)) {
    acknowledge_now_ = true;
    KeepAhead(segment);
    return;
  }
  const uint32_t before = rcv_nxt_.DistanceFrom(acknowledged_);
  const uint32_t old = rcv_nxt_.DistanceFrom(segment.seq);
  if (old < segment.payload.size()) taken.text = segment.payload.subspan(old);
  if (text_end.After(rcv_nxt_)) rcv_nxt_ = text_end;
  if (!ahead_.empty()) JoinAhead(taken);
  if (fin_at_ && *fin_at_ == rcv_nxt_ && !fin_received_) {
    rcv_nxt_ = rcv_nxt_ + 1;
    fin_received_ = true;
    taken.end = true;
    acknowledge_now_ = true;
  }
  // [RFC 9293 3.8.6.3] at least every second full segment.
  if (before + taken.text.size() >= 2u * kFullSegmentBytes) acknowledge_now_ = true;
}

void LiveClient::KeepAhead(const Packet& segment) {
  if (segment.payload.empty() || ahead_.size() >= kAheadMax) return;
  const bool known =
      std::ranges::any_of(ahead_, [&](const Ahead& one) { return one.start == segment.seq; });
  if (known) return;
  ahead_.push_back({segment.seq, {segment.payload.begin(), segment.payload.end()}});
  std::ranges::sort(ahead_, [](const Ahead& a, const Ahead& b) { return a.start.Before(b.start); });
}

// The gap before what lies ahead may have closed.
void LiveClient::JoinAhead(Taken& taken) {
  joined_.assign(taken.text.begin(), taken.text.end());
  for (const Ahead& one : ahead_) {
    if (one.start.After(rcv_nxt_)) break;
    const uint32_t old = rcv_nxt_.DistanceFrom(one.start);
    if (old >= one.text.size()) continue;
    joined_.insert(joined_.end(), one.text.begin() + old, one.text.end());
    rcv_nxt_ = one.End();
  }
  std::erase_if(ahead_, [&](const Ahead& one) { return one.End().BeforeOrAt(rcv_nxt_); });
  taken.text = joined_;
  acknowledge_now_ = true;
}

void LiveClient::Run(Instant now, FrameBatch& out) {
  if (state_ == State::kReset || state_ == State::kClosed) return;
  if (now >= retransmit_at_ && !sent_.empty()) {
    if (++tries_ > kRetransmitTriesMax) {
      gave_up_ = true;
      retransmit_at_ = kNever;
      return;
    }
    ++retransmissions_;
    const Sent& oldest = *std::ranges::min_element(
        sent_, [](const Sent& a, const Sent& b) { return a.seq.Before(b.seq); });
    if ((oldest.flags & tcp_flags::kSyn) != 0) {
      EmitSyn(out);
    } else {
      EmitWithOptions(oldest.seq, oldest.flags, oldest.text, out);
    }
    retransmit_after_ = std::min(retransmit_after_ * 2, kRetransmitAfterMax);
    retransmit_at_ = now + retransmit_after_;
  }
  if (state_ == State::kOpen && (acknowledge_now_ || now >= acknowledge_at_)) Acknowledge(out);
}

Instant LiveClient::NextDeadline() const {
  if (state_ == State::kReset || state_ == State::kClosed || gave_up_) return kNever;
  Instant next = sent_.empty() ? kNever : retransmit_at_;
  if (acknowledge_now_) return Instant::min();
  return std::min(next, acknowledge_at_);
}

}  // namespace aether::replay
