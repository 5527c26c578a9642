#include "fuzz/stateful/tcp_judge.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fuzz/naive.h"
#include "fuzz/stateful/world.h"
#include "fuzz/target.h"

namespace aether::fuzz {
namespace {

using testing::ReceiveModel;

// The model keeps a mark for every byte.
constexpr uint32_t kTextBytesMax = 60'000;

// [RFC 9293 3.8.6.3 MUST-40] acknowledgements wait for less than half a second.
constexpr Duration kAckDelayMax = std::chrono::milliseconds(500);

// False when they lead nowhere.
bool ReadOptions(Bytes options, ReceiveModel::Segment& segment) {
  for (size_t at = 0; at < options.size() && options[at] != 0;) {
    if (options[at] == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) return false;
    const size_t size = options[at + 1];
    if (size < 2 || at + size > options.size()) return false;
    if (options[at] == 8 && size == 10) segment.timestamp = NaiveLong(options, at + 2);
    if (options[at] == 3 && size == 3) segment.window_scale = options[at + 2];
    at += size;
  }
  return true;
}

// Nothing when the frame is not right in everything, or for somebody else.
std::optional<ReceiveModel::Segment> Read(Bytes frame, Ipv4Endpoint peer, Ipv4Endpoint stack,
                                          size_t mtu) {
  if (frame.size() < 54 || !std::ranges::equal(frame.first(6), kStackMac.octets)) return {};
  if (NaiveWord(frame, 12) != 0x0800 || frame[14] >> 4 != 4 || frame[23] != 6) return {};
  if (NaiveLong(frame, 26) != peer.address.value || NaiveLong(frame, 30) != stack.address.value)
    return {};
  const size_t header = (frame[14] & 0xfu) * 4u;
  const size_t total = NaiveWord(frame, 16);
  if (header < 20 || total < header + 20 || 14 + total > frame.size()) return {};
  // Padding counts: no link carries such a frame.
  if (frame.size() > 14 + mtu) return {};
  if (NaiveSum(frame.subspan(14, header)) != 0xffff) return {};
  const Bytes tcp = frame.subspan(14 + header, total - header);
  if (NaiveWord(tcp, 0) != peer.port || NaiveWord(tcp, 2) != stack.port) return {};
  if (NaiveSum(tcp, NaiveSum(frame.subspan(26, 8)) + 6 + tcp.size()) != 0xffff) return {};
  const size_t offset = size_t{tcp[12]} / 16 * 4;
  if (offset < 20 || offset > tcp.size()) return {};
  ReceiveModel::Segment segment{.seq = NaiveLong(tcp, 4),
                                .ack = NaiveLong(tcp, 8),
                                .flags = tcp[13],
                                .window = static_cast<uint16_t>(NaiveWord(tcp, 14)),
                                .text_bytes = static_cast<uint32_t>(tcp.size() - offset)};
  // [RFC 9293 3.1 MUST-7] dropped without a trace.
  if (!ReadOptions(tcp.subspan(20, offset - 20), segment)) return {};
  return segment;
}

ReceiveModel::Rules RulesOf(const tcp::Profile& profile) {
  return {.keeps_out_of_order = profile.reassembly,
          .timestamps = profile.timestamps,
          .window_scaling = profile.window_scaling};
}

tcp::State StateOf(ReceiveModel::State state) {
  using From = ReceiveModel::State;
  using To = tcp::State;
  switch (state) {
    case From::kSynSent:
      return To::kSynSent;
    case From::kSynReceived:
      return To::kSynReceived;
    case From::kEstablished:
      return To::kEstablished;
    case From::kFinWait1:
      return To::kFinWait1;
    case From::kFinWait2:
      return To::kFinWait2;
    case From::kClosing:
      return To::kClosing;
    case From::kCloseWait:
      return To::kCloseWait;
    case From::kLastAck:
      return To::kLastAck;
    case From::kTimeWait:
      return To::kTimeWait;
    case From::kClosed:
      break;
  }
  return To::kClosed;
}

}  // namespace

void TcpJudge::Begin(ReceiveModel model) {
  model_ = std::move(model);
  syn_window_max_ = 0;
  ForgetTimeWait();
  due_ = {};
  text_waits_since_.reset();
  due_count_ = 0;
}

void TcpJudge::BeginActive(const tcp::Snapshot& snapshot, const tcp::Profile& profile) {
  Begin(ReceiveModel::SynSent(RulesOf(profile), snapshot.snd_una.value()));
  text_bytes_ = 0;
}

void TcpJudge::BeginPassive(const tcp::Snapshot& snapshot, const tcp::Profile& profile,
                            uint8_t peer_scale, bool from_cookie, Instant now) {
  const bool is_fresh = snapshot.state == tcp::State::kEstablished &&
                        snapshot.receive_queue_bytes == 0 && snapshot.held_bytes == 0 &&
                        snapshot.snd_una == snapshot.snd_nxt && text_bytes_ == 0 &&
                        segments_ == 1 && !has_fin_;
  if (!is_fresh || (snapshot.timestamps && !last_timestamp_)) return;
  // Which of several SYNs the stack answered cannot be told.
  const bool is_certain = !from_cookie && syn_window_ == syn_window_max_;
  const uint32_t window = std::max<uint32_t>(snapshot.snd_wnd_bytes, syn_window_max_);
  Begin(ReceiveModel::Established(
      RulesOf(profile), {.iss = snapshot.snd_una.value() - 1,
                         .irs = snapshot.rcv_nxt.value() - 1,
                         .peer_window_bytes = window,
                         .certain_window_bytes = is_certain ? window : snapshot.snd_wnd_bytes,
                         .peer_scale = snapshot.window_scaling ? peer_scale : uint8_t{0},
                         .timestamp = snapshot.timestamps ? last_timestamp_ : std::nullopt,
                         .now = now}));
  model_->OnSent({.seq = snapshot.snd_nxt.value(), .ack = snapshot.rcv_nxt.value()},
                 snapshot.rcv_wnd_bytes);
}

void TcpJudge::OnArrival(Bytes frame, const Link& link, Instant now) {
  const auto segment = Read(frame, link.peer, link.stack, link.mtu);
  if (!segment) return;
  if (segment->timestamp) last_timestamp_ = segment->timestamp;
  ++segments_;
  if ((segment->flags & ReceiveModel::kSyn) != 0) {
    ForgetTimeWait();
    syn_window_ = segment->window;
    syn_window_max_ = std::max(syn_window_max_, syn_window_);
    segments_ = 0;
    has_fin_ = false;
  }
  if ((segment->flags & ReceiveModel::kFin) != 0) has_fin_ = true;
  text_bytes_ = (segment->flags & ReceiveModel::kSyn) != 0 && !model_
                    ? segment->text_bytes
                    : text_bytes_ + segment->text_bytes;
  if (text_bytes_ > kTextBytesMax) Retire();
  if (!model_) return;
  // [RFC 7323 3.2] drops what lacks the timestamps that were agreed on; whether that includes the
  // SYN-ACK of a simultaneous open is a choice.
  if (model_->state() == ReceiveModel::State::kSynReceived && !segment->timestamp &&
      (segment->flags & ReceiveModel::kSyn) != 0) {
    Retire();
    return;
  }
  model_->OnArrival(*segment, now);
  // [RFC 7323 3.2] the same choice later on: [RFC 5961 4.2] every SYN may be challenged.
  if ((segment->flags & ReceiveModel::kSyn) != 0 && !segment->timestamp && !model_->ack_due()) {
    due_.any_ack = true;
    CountChallenge(now);
  }
  CountDue(now);
}

// [RFC 5961 7] challenges have a limit, and so may have whatever else is owed: ten within a second
// are certain, and then nothing is. False for the eleventh.
bool TcpJudge::CountChallenge(Instant now) {
  const bool is_beyond = due_count_ >= due_at_.size() &&
                         now - due_at_[due_count_ % due_at_.size()] < std::chrono::seconds(1);
  due_at_[due_count_++ % due_at_.size()] = now;
  return !is_beyond;
}

void TcpJudge::CountDue(Instant now) {
  ++due_.arrivals;
  if (model_->reset_due()) due_.reset = true;
  if (!model_->ack_due()) return;
  due_.any_ack = true;
  if (model_->ack_may_wait()) {
    if (!text_waits_since_) text_waits_since_ = now;
    return;
  }
  if (CountChallenge(now)) due_.ack = true;
}

void TcpJudge::OnSent(const testing::NaiveTcp& tcp, uint32_t window_bytes) {
  if (!model_) return;
  if ((tcp.flags & ReceiveModel::kRst) != 0) {
    due_.has_reset = true;
    due_.stray_reset |= !due_.reset;
  } else if ((tcp.flags & ReceiveModel::kAck) != 0) {
    const uint32_t window_end = tcp.acknowledgment + window_bytes;
    due_.stray_ack |= tcp.flags == ReceiveModel::kAck && tcp.payload.empty() && !due_.any_ack &&
                      !text_waits_since_ && window_end == window_end_;
    window_end_ = window_end;
    due_.ack = false;
    text_waits_since_.reset();
  }
  model_->OnSent({.seq = tcp.sequence,
                  .ack = tcp.acknowledgment,
                  .flags = tcp.flags,
                  .window = tcp.window,
                  .text_bytes = static_cast<uint32_t>(tcp.payload.size())},
                 window_bytes);
}

void TcpJudge::Check(const tcp::Snapshot& snapshot) {
  if (!model_) return;
  if (!model_->is_certain()) {
    Retire();
    return;
  }
  const tcp::State wanted = StateOf(model_->state());
  FUZZ_CHECK(P2, snapshot.state == wanted);
  if (wanted == tcp::State::kClosed || wanted == tcp::State::kTimeWait) {
    if (wanted == tcp::State::kTimeWait) time_wait_rcv_nxt_ = model_->rcv_nxt();
    Retire();
    return;
  }
  FUZZ_CHECK(P2, snapshot.snd_una.value() == model_->snd_una());
  if (wanted == tcp::State::kSynSent) return;
  FUZZ_CHECK(P2, snapshot.rcv_nxt.value() == model_->rcv_nxt());
}

void TcpJudge::CheckAnswers(uint32_t largest_segment_bytes, bool may_lack_reset,
                            Instant now) const {
  if (!model_) return;
  // [RFC 9293 3.10.7.3] [RFC 9293 3.10.7.4] what is not acceptable is acknowledged, an
  // acknowledgement of nothing that was sent is answered with a reset while a connection opens.
  FUZZ_CHECK(P2, !due_.ack);
  FUZZ_CHECK(P2, !due_.reset || due_.has_reset || may_lack_reset);
  // A connection that lives on resets nobody, and does not answer what is in order and has no text:
  // two such ends would acknowledge each other for ever.
  FUZZ_CHECK(P2, !due_.stray_reset);
  FUZZ_CHECK(P2, !due_.stray_ack || due_.arrivals == 0);
  // [RFC 9293 3.8.6.3 MUST-40] text waits for its acknowledgement less than half a second, [RFC
  // 9293 3.8.6.3 SHLD-19] and no more of it than two segments of the largest size.
  FUZZ_CHECK(P2, !text_waits_since_ || now - *text_waits_since_ < kAckDelayMax);
  FUZZ_CHECK(P2, model_->state() == ReceiveModel::State::kSynSent ||
                     model_->unacknowledged_bytes() < 2 * largest_segment_bytes);
}

}  // namespace aether::fuzz
