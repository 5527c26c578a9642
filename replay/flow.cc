#include "replay/flow.h"

#include <algorithm>

#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

// A client whose capture is over reads whatever comes.
constexpr uint32_t kOpenWindowBytes = 1 << 20;

uint8_t ShiftOf(const Packet& packet) {
  return std::min(packet.options.window_scale.value_or(0), TcpOptions::kWindowScaleMax);
}

}  // namespace

void Flow::OnCaptured(const Packet& packet, bool from_client, Instant at) {
  ++segments_;
  captured_at_ = at;
  fresh_.clear();
  if (from_client) {
    if (packet.Has(tcp_flags::kSyn)) {
      captured_iss_ = packet.seq;
      client_scales_ = packet.options.window_scale.has_value();
    }
    captured_.OnClient(packet, at, fresh_);
  } else {
    CompareCaptured(packet, at);
    captured_.OnServer(packet, at, fresh_);
  }
  if (captured_.broken()) {
    Break();
    return;
  }
  Enqueue();
  if (queue_.size() > kEventsMax || queued_bytes_ > kQueuedBytesMax) Break();
  if (!queue_.empty()) deadline_ = std::min(deadline_, at);
}

void Flow::OnCaptureEnd(Instant at) {
  if (std::exchange(capture_ended_, true)) return;
  fresh_.clear();
  captured_.OnEnd(at, fresh_);
  if (captured_.broken()) Break();
  Enqueue();
  deadline_ = std::min(deadline_, at);
}

void Flow::Enqueue() {
  for (ClientEvent& event : fresh_) {
    queued_bytes_ += event.payload.size() + sizeof(ClientEvent);
    queue_.push_back(std::move(event));
  }
  fresh_.clear();
}

void Flow::CompareCaptured(const Packet& packet, Instant at) {
  if (packet.Has(tcp_flags::kSyn)) {
    captured_irs_ = packet.seq;
    captured_shift_ = client_scales_ ? ShiftOf(packet) : uint8_t{0};
  }
  if (!captured_iss_ || !captured_irs_) {
    diff_.GiveUp();
    return;
  }
  const bool reset = packet.Has(tcp_flags::kRst);
  const uint8_t shift = packet.Has(tcp_flags::kSyn) ? uint8_t{0} : captured_shift_;
  diff_.AddCaptured({.number = segments_,
                     .at = at,
                     .seq = packet.seq.DistanceFrom(*captured_irs_),
                     .ack = reset ? 0 : packet.ack.DistanceFrom(*captured_iss_),
                     .payload_bytes = packet.payload_bytes,
                     .window_bytes = reset ? 0 : uint32_t{packet.window} << shift,
                     .flags = packet.flags});
}

void Flow::CompareLive(const Packet& packet) {
  if (packet.Has(tcp_flags::kSyn)) live_shift_ = client_scales_ ? ShiftOf(packet) : uint8_t{0};
  const bool reset = packet.Has(tcp_flags::kRst);
  const bool opening = live_.state() == LiveClient::State::kOpening;
  const uint8_t shift = packet.Has(tcp_flags::kSyn) ? uint8_t{0} : live_shift_;
  diff_.AddLive({.seq = opening ? 0 : packet.seq.DistanceFrom(live_.irs()),
                 .ack = reset ? 0 : packet.ack.DistanceFrom(iss_),
                 .payload_bytes = packet.payload_bytes,
                 .window_bytes = reset ? 0 : uint32_t{packet.window} << shift,
                 .flags = packet.flags});
}

void Flow::OnLive(const Packet& packet, Instant now) {
  CompareLive(packet);
  const bool was_open = live_.state() == LiveClient::State::kOpen;
  const LiveClient::Taken taken = live_.OnSegment(packet, now);
  if (taken.opened) ++counts_.opened;
  if (taken.reset) ++(was_open ? counts_.reset_by_stack : counts_.refused);
  if (!taken.text.empty()) {
    server_text_since_ = true;
    server_text_at_ = now;
    server_bytes_ += static_cast<uint32_t>(taken.text.size());
    counts_.server_text_bytes += taken.text.size();
    if (service_ == ServiceKind::kHttp) http_.OnServerText(taken.text);
  }
  if ((taken.end || taken.reset) && service_ == ServiceKind::kHttp) http_.OnServerEnd();
  while (!asked_.empty() && http_.requests() - asked_.size() < http_.responses()) {
    latency_.Add(now - asked_.front());
    asked_.pop_front();
  }
  deadline_ = std::min(deadline_, now);
}

bool Flow::IsAnswered(const ClientEvent& event) const {
  if (!event.waits || live_.server_closed()) return true;
  switch (service_) {
    case ServiceKind::kHttp:
      if (http_.server_broken()) return true;
      // Half a request may be answered early, or with 100 Continue.
      if (http_.client_broken() || http_.InRequest())
        return server_text_since_ || http_.AllAnswered();
      return http_.AllAnswered();
    case ServiceKind::kEcho:
      return server_bytes_ >= event.server_bytes;
    case ServiceKind::kSink:
      break;
  }
  return true;
}

// Otherwise `when` says when to look again.
bool Flow::Playable(const ClientEvent& event, Instant now, Instant& when) {
  if (event.kind == ClientEvent::Kind::kOpen) {
    when = event.at;
    return now >= when;
  }
  if (live_.state() == LiveClient::State::kOpening) {
    when = kNever;
    return false;
  }
  when = event.at;
  const bool acknowledges = event.kind == ClientEvent::Kind::kAck;
  if (event.waits && !acknowledges) {
    const bool answered = IsAnswered(event);
    when = answered ? std::max(event.at, server_text_at_ + event.think) : event.at + kPatience;
    if (!answered && now >= when) ++counts_.impatient;
  }
  if (now < when) return false;
  if (event.kind == ClientEvent::Kind::kText && !event.repeated &&
      !live_.MaySend(event.seq + static_cast<uint32_t>(event.payload.size()))) {
    // The stack will say when it takes more.
    when = kNever;
    return false;
  }
  return true;
}

void Flow::Run(Instant now, FrameBatch& out) {
  if (now >= captured_.NextDeadline()) {
    captured_.OnTime(now, fresh_);
    Enqueue();
    if (captured_.broken()) Break();
  }
  while (!queue_.empty()) {
    if (live_.state() == LiveClient::State::kReset || live_.gave_up()) {
      DropQueue();
      break;
    }
    Instant when = kNever;
    if (!Playable(queue_.front(), now, when)) {
      deadline_ = when;
      break;
    }
    const ClientEvent event = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= event.payload.size() + sizeof(ClientEvent);
    Play(event, now, out);
  }
  if (queue_.empty()) {
    deadline_ = kNever;
    if (captured_.closed() || capture_ended_) live_.SetWindow(kOpenWindowBytes);
  }
  live_.Run(now, out);
  deadline_ = std::min({deadline_, live_.NextDeadline(), captured_.NextDeadline()});
  if (IsDone()) deadline_ = std::min(deadline_, std::max(now, captured_at_ + kLinger));
}

void Flow::Play(const ClientEvent& event, Instant now, FrameBatch& out) {
  if (event.options.timestamps) live_.SetTimestamp(event.options.timestamps->value);
  switch (event.kind) {
    case ClientEvent::Kind::kOpen:
      if (event.repeated && live_.state() != LiveClient::State::kOpening) return;
      iss_ = event.seq;
      if (event.made_up) diff_.GiveUp();
      live_.Open(event.seq, event.options, event.window_bytes, now, out);
      ++counts_.rewritten;
      return;
    case ClientEvent::Kind::kAck:
      live_.SetWindow(event.window_bytes);
      // To a server that is gone a window is no news.
      if (live_.OwesAcknowledgement() || (live_.WindowIsNews() && !live_.server_closed())) {
        live_.Acknowledge(out);
        ++counts_.rewritten;
      } else {
        ++counts_.acks_dropped;
      }
      return;
    case ClientEvent::Kind::kText:
      PlayText(event, now, out);
      return;
    case ClientEvent::Kind::kReset:
      live_.Reset(cut_short_ ? live_.snd_max() : event.seq, out);
      over_ = true;
      ++counts_.reset_by_client;
      ++counts_.rewritten;
      return;
  }
}

// Of a server that has closed nothing more is asked: the client sends its own end, behind what it
// did send.
void Flow::PlayAfterServerEnd(const ClientEvent& event, Instant now, FrameBatch& out) {
  cut_short_ = cut_short_ || !event.payload.empty();
  if (!event.payload.empty()) ++counts_.after_end;
  if (!event.Has(tcp_flags::kFin)) return;
  ++counts_.rewritten;
  live_.Text(cut_short_ ? live_.snd_max() : event.seq, {}, tcp_flags::kFin, now, out);
}

void Flow::PlayText(const ClientEvent& event, Instant now, FrameBatch& out) {
  // Content goes on nevertheless, and so does a client that did not care then either.
  const bool asks = service_ == ServiceKind::kHttp && !event.repeated && !event.after_server_end &&
                    !http_.InRequest();
  if (live_.server_closed() && asks) {
    PlayAfterServerEnd(event, now, out);
    return;
  }
  live_.SetWindow(event.window_bytes);
  constexpr uint8_t kKept = tcp_flags::kFin | tcp_flags::kPsh;
  live_.Text(event.seq, event.payload, static_cast<uint8_t>(event.flags & kKept), now, out);
  ++counts_.rewritten;
  if (event.repeated) return;
  counts_.client_text_bytes += event.payload.size();
  server_text_since_ = false;
  if (service_ != ServiceKind::kHttp) return;
  if (!fed_.begun()) fed_.Begin(iss_ + 1);
  fed_.Add(event.seq, event.payload, [&](Bytes text) { FeedClientText(text, now); });
}

void Flow::FeedClientText(Bytes text, Instant now) {
  const uint64_t before = http_.requests();
  http_.OnClientText(text);
  for (uint64_t i = before; i < http_.requests(); ++i) asked_.push_back(now);
}

void Flow::DropQueue() {
  for (const ClientEvent& event : queue_) {
    if (event.kind != ClientEvent::Kind::kAck) ++counts_.after_end;
  }
  queue_.clear();
  queued_bytes_ = 0;
}

void Flow::Break() {
  if (counts_.broken == 0) ++counts_.broken;
  capture_ended_ = true;
  queue_.clear();
  queued_bytes_ = 0;
  diff_.GiveUp();
}

void Flow::EndStorm() {
  ++counts_.storms;
  Break();
}

bool Flow::Idle() const {
  if (counts_.broken > 0 || over_ || live_.gave_up()) return true;
  if (live_.state() == LiveClient::State::kReset) return true;
  if (!queue_.empty() || !live_.AllAcknowledged()) return false;
  return service_ != ServiceKind::kHttp || http_.AllAnswered();
}

bool Flow::IsDone() const {
  if (counts_.broken > 0 || live_.gave_up()) return true;
  // What comes of it in the capture after this belongs to it nevertheless.
  if (live_.state() == LiveClient::State::kReset)
    return captured_.closed() || captured_.server_closed() || capture_ended_;
  if (!Idle() || live_.OwesAcknowledgement()) return false;
  return captured_.closed() && live_.server_closed();
}

bool Flow::Finished(Instant now) const {
  return IsDone() && (capture_ended_ || now >= captured_at_ + kLinger);
}

FlowCounts Flow::Finish() {
  ++counts_.connections;
  diff_.OnEnd();
  const CapturedClient::Counts& captured = captured_.counts();
  counts_.handshakes_made_up = captured.handshakes_made_up;
  counts_.repeated = captured.repeated;
  counts_.reordered = captured.reordered;
  counts_.filled_bytes = captured.filled_bytes;
  counts_.far_off = captured.far_off;
  counts_.gave_up = live_.gave_up() ? 1 : 0;
  counts_.retransmissions = live_.retransmissions();
  counts_.server_retransmissions = live_.server_retransmissions();
  counts_.requests = http_.requests();
  counts_.responses = http_.responses();
  // What a client resets it does not want answered; half a request is none.
  if (!over_ && counts_.broken == 0 && http_.requests() > http_.responses())
    counts_.unanswered = http_.requests() - http_.responses();
  const bool over = over_ || counts_.broken > 0 || live_.state() == LiveClient::State::kReset;
  if (!over) {
    counts_.unsent = static_cast<uint64_t>(std::ranges::count_if(queue_, [](const auto& event) {
      return event.kind != ClientEvent::Kind::kAck && !event.repeated;
    }));
  }
  counts_.compared = diff_.compared() ? 1 : 0;
  counts_.segments_equal = diff_.equal();
  counts_.different = diff_.first() ? 1 : 0;
  counts_.windows_different = diff_.first_window() ? 1 : 0;
  return counts_;
}

}  // namespace aether::replay
