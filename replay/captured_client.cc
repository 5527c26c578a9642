#include "replay/captured_client.h"

#include <algorithm>
#include <utility>

namespace aether::replay {
namespace {

// Farther from where the stream is nothing belongs to it.
constexpr uint32_t kFarBytes = 1u << 30;
// What a client without a captured SYN offers.
constexpr uint16_t kMadeUpMss = 1460;
constexpr uint8_t kMadeUpScale = 7;

}  // namespace

bool CapturedClient::IsAnotherOne(const Packet& packet) const {
  return begun_ && packet.Has(tcp_flags::kSyn) && !packet.Has(tcp_flags::kAck) &&
         packet.seq != iss_;
}

uint32_t CapturedClient::WindowOf(const Packet& packet) const {
  const bool scaled = scale_ && server_scales_ && !packet.Has(tcp_flags::kSyn);
  const uint8_t shift = scaled ? std::min(*scale_, TcpOptions::kWindowScaleMax) : uint8_t{0};
  return uint32_t{packet.window} << shift;
}

ClientEvent CapturedClient::EventOf(const Packet& packet, ClientEvent::Kind kind,
                                    Instant at) const {
  ClientEvent event;
  event.kind = kind;
  event.at = at;
  event.seq = packet.seq;
  event.flags = packet.flags;
  event.window_bytes = WindowOf(packet);
  event.options.timestamps = packet.options.timestamps;
  return event;
}

void CapturedClient::Waiting(ClientEvent& event) const {
  event.waits = server_text_since_;
  event.after_server_end = server_fin_seen_;
  event.server_bytes = server_first_ ? server_next_.DistanceFrom(*server_first_) : 0;
  if (server_text_since_) event.think = event.at - server_text_at_;
}

void CapturedClient::Begin(Seq iss, const Packet& packet, Instant at, bool made_up,
                           std::vector<ClientEvent>& out) {
  begun_ = true;
  iss_ = iss;
  next_ = iss + 1;
  ClientEvent event = EventOf(packet, ClientEvent::Kind::kOpen, at);
  event.seq = iss;
  event.flags = tcp_flags::kSyn;
  event.made_up = made_up;
  if (made_up) {
    ++counts_.handshakes_made_up;
    scale_ = kMadeUpScale;
    event.window_bytes = 65535;
    event.options = {.mss = kMadeUpMss, .window_scale = kMadeUpScale, .sack_permitted = true};
    if (packet.options.timestamps) event.options.timestamps = TcpTimestamps{};
  } else {
    scale_ = packet.options.window_scale;
    event.options = packet.options;
  }
  out.push_back(std::move(event));
}

void CapturedClient::OnClient(const Packet& packet, Instant at, std::vector<ClientEvent>& out) {
  if (broken_) return;
  if (packet.Has(tcp_flags::kSyn)) {
    // Of both ends opening at the same time only the first half is played.
    if (packet.Has(tcp_flags::kAck)) return;
    if (!begun_) {
      Begin(packet.seq, packet, at, /*made_up=*/false, out);
      return;
    }
    ClientEvent event = EventOf(packet, ClientEvent::Kind::kOpen, at);
    event.options = packet.options;
    event.repeated = true;
    ++counts_.repeated;
    out.push_back(std::move(event));
    return;
  }
  if (!begun_) Begin(packet.seq - 1, packet, at, /*made_up=*/true, out);
  FillHoles(at, /*at_end=*/false, out);
  if (packet.Has(tcp_flags::kRst)) {
    reset_seen_ = true;
    ClientEvent event = EventOf(packet, ClientEvent::Kind::kReset, at);
    Waiting(event);
    out.push_back(std::move(event));
    return;
  }
  const bool probes = packet.payload_bytes <= 1 && packet.seq + 1 == next_;
  if (packet.SeqSize() == 0 && !probes) {
    ClientEvent event = EventOf(packet, ClientEvent::Kind::kAck, at);
    Waiting(event);
    out.push_back(std::move(event));
    return;
  }
  OnText(packet, EventOf(packet, ClientEvent::Kind::kText, at), out);
}

void CapturedClient::OnText(const Packet& packet, ClientEvent event,
                            std::vector<ClientEvent>& out) {
  const uint32_t ahead = packet.seq.DistanceFrom(next_);
  if (ahead > kFarBytes && next_.DistanceFrom(packet.seq) > kFarBytes) {
    ++counts_.far_off;
    return;
  }
  event.payload.assign(packet.payload.begin(), packet.payload.end());
  // Recorded in part only: of the rest the length is known.
  if (packet.payload.size() < packet.payload_bytes) {
    counts_.filled_bytes += packet.payload_bytes - packet.payload.size();
    event.payload.resize(packet.payload_bytes, 'x');
  }
  if (packet.Has(tcp_flags::kFin)) fin_seen_ = true;
  Waiting(event);
  event.repeated = packet.End().BeforeOrAt(next_);
  for (const Range& range : ranges_) {
    if (packet.seq.AfterOrAt(range.start) && packet.End().BeforeOrAt(range.end))
      event.repeated = true;
  }
  if (event.repeated) {
    ++counts_.repeated;
    event.waits = false;
  } else {
    if (!ranges_.empty() || packet.seq.After(next_)) ++counts_.reordered;
    server_text_since_ = false;
    Advance(packet.seq, packet.End(), event.at);
  }
  out.push_back(std::move(event));
}

// [start, end) was seen.
void CapturedClient::Advance(Seq start, Seq end, Instant at) {
  if (start.After(next_)) {
    if (ranges_.empty()) hole_since_ = at;
    const auto place = std::find_if(ranges_.begin(), ranges_.end(),
                                    [&](const Range& range) { return range.start.After(start); });
    ranges_.insert(place, {start, end});
    if (ranges_.size() > kRangesMax) broken_ = true;
    return;
  }
  if (end.After(next_)) next_ = end;
  while (!ranges_.empty() && ranges_.front().start.BeforeOrAt(next_)) {
    if (ranges_.front().end.After(next_)) next_ = ranges_.front().end;
    ranges_.erase(ranges_.begin());
    hole_since_ = at;
  }
}

void CapturedClient::OnServer(const Packet& packet, Instant at, std::vector<ClientEvent>& out) {
  if (broken_) return;
  if (packet.Has(tcp_flags::kRst)) return;
  if (!begun_) {
    // Only the server's half of the beginning is there, or the middle of the connection.
    if (!packet.Has(tcp_flags::kAck)) return;
    Begin(packet.ack - 1, packet, at, /*made_up=*/true, out);
  }
  if (packet.Has(tcp_flags::kAck) && (!acked_ || packet.ack.After(*acked_))) acked_ = packet.ack;
  if (packet.Has(tcp_flags::kSyn)) {
    server_scales_ = packet.options.window_scale.has_value();
    server_first_ = packet.seq + 1;
    server_next_ = *server_first_;
  } else if (packet.SeqSize() > 0) {
    if (!server_first_) {
      server_first_ = packet.seq;
      server_next_ = packet.seq;
    }
    if (packet.Has(tcp_flags::kFin)) server_fin_seen_ = true;
    const Seq text_end = packet.seq + packet.payload_bytes;
    if (text_end.After(server_next_)) {
      server_next_ = text_end;
      server_text_since_ = true;
      server_text_at_ = at;
    }
  }
  FillHoles(at, /*at_end=*/false, out);
}

void CapturedClient::FillHoles(Instant at, bool at_end, std::vector<ClientEvent>& out) {
  while (!ranges_.empty() && !broken_) {
    const Seq end = ranges_.front().start;
    if (!at_end && at < NextDeadline()) return;
    const uint32_t size = end.DistanceFrom(next_);
    if (size > kHoleBytesMax) {
      broken_ = true;
      return;
    }
    ClientEvent event;
    event.kind = ClientEvent::Kind::kText;
    event.at = at;
    event.seq = next_;
    event.flags = tcp_flags::kAck;
    event.payload.assign(size, 'x');
    event.window_bytes = 65535;
    event.made_up = true;
    counts_.filled_bytes += size;
    out.push_back(std::move(event));
    Advance(next_, end, at);
  }
}

Instant CapturedClient::NextDeadline() const {
  if (ranges_.empty() || broken_) return kNever;
  const bool proven = acked_ && acked_->AfterOrAt(ranges_.front().start);
  return hole_since_ + (proven ? kHolePatience : kHolePatienceUnproven);
}

void CapturedClient::OnTime(Instant now, std::vector<ClientEvent>& out) {
  if (now >= NextDeadline()) FillHoles(now, /*at_end=*/false, out);
}

void CapturedClient::OnEnd(Instant at, std::vector<ClientEvent>& out) {
  if (begun_ && !broken_) FillHoles(at, /*at_end=*/true, out);
}

}  // namespace aether::replay
