// How a connection opens and closes its own side: SYN-SENT, what both SYNs agree on, ESTABLISHED,
// and FIN.
#include <algorithm>

#include "stack/tcp/connection.h"

namespace aether::tcp {
namespace {

constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kEce = tcp_flags::kEce;
constexpr uint8_t kCwr = tcp_flags::kCwr;

}  // namespace

// [RFC 6298 2.2, 3, 5.7] the handshake is the first measurement. When something of it was sent
// twice, only an echo tells which one was answered [RFC 7323 4.1]; without one the timer begins
// higher. The clock tells milliseconds: less than one is one, or a loss probe would be due at once.
void Connection::SampleHandshake(uint32_t echo, Control& control, const Env& env) const {
  uint32_t ms = env.now_ms() - control.unacked_since_ms;
  if (tries != 1) {
    ms = TimestampNow(control, env) - echo;
    if (!Has(kTimestamps) || echo == 0 || ms >= 0x7fffffff) {
      control.rtt.FallBack();
      return;
    }
  }
  control.rtt.AddSample(std::chrono::milliseconds(std::max(ms, 1u)));
}

// [RFC 9293 3.10.7.3] SYN-SENT: first the ACK, second a reset, third security (not here), fourth
// the SYN.
Arrival Connection::OnSynSentSegment(const Segment& segment, const TcpOptions& syn,
                                     Control& control, const Env& env) {
  Arrival arrival;
  const bool acceptable =
      segment.Has(kAck) && segment.ack.After(snd_.una) && segment.ack.BeforeOrAt(snd_.nxt);
  if (segment.Has(kAck) && !acceptable) {
    arrival.drop = Drop::kTcpBadAck;
    arrival.reset_reply = true;
    return arrival;
  }
  if (segment.Has(kRst)) {
    // [RFC 5961 3.2] without an acceptable acknowledgement it is anybody's.
    if (!acceptable) {
      arrival.drop = Drop::kTcpBadRst;
      return arrival;
    }
    arrival.events = tcp_event::kReset;
    arrival.end = Arrival::End::kClosed;
    return arrival;
  }
  // [RFC 9293 3.10.7.3] fifth: neither SYN nor RST.
  if (!segment.Has(kSyn)) {
    arrival.drop = Drop::kTcpListenerJunk;
    return arrival;
  }
  rcv_.Start(segment.seq + 1, std::min<uint32_t>(control.ReceiveBufferBytes(env.limits()), 0xffff));
  control.last_ack_sent = rcv_.nxt;
  control.heard_ms = env.now_ms();
  // [RFC 3168 6.1.1] the answer to an ECN SYN has ECE without CWR; a SYN that crosses ours has
  // both.
  const bool asked = !acceptable || env.profile().ecn_request;
  const bool ecn = asked && segment.Has(kEce) && segment.Has(kCwr) != acceptable;
  Negotiate(syn, ecn && env.profile().ecn, control, env);
  if (Has(kTimestamps)) {
    control.ts_recent = syn.timestamps->value;
    control.ts_recent_hour = TimestampHour(env.now);
    Set(kTsRecentValid);
  }
  // [RFC 7323 2.2] the window of a SYN is not scaled.
  snd_.SetWindow(segment.window, segment.seq, segment.ack);
  if (!acceptable) {
    // [RFC 9293 3.5 MUST-10] both sides opened at once: answer with SYN-ACK.
    SetState(State::kSynReceived);
    Set(kSynDue);
    return arrival;
  }
  SampleHandshake(syn.timestamps ? syn.timestamps->echo_reply : 0, control, env);
  snd_.una = segment.ack;
  Open(control, env);
  AckNow();
  arrival.events |= tcp_event::kConnected;
  // [RFC 9293 3.10.7.3] fourth: what else is in the SYN-ACK is taken from the sixth step on.
  Segment rest = segment;
  rest.seq += 1;
  rest.flags = static_cast<uint8_t>(rest.flags & ~kSyn);
  if (rest.Has(tcp_flags::kUrg)) TakeUrgent(segment, control, env, arrival);
  if (TakeText(rest, control, env, arrival) && rest.Has(tcp_flags::kFin)) TakeFin(arrival);
  return arrival;
}

void Connection::Negotiate(const TcpOptions& offered, bool ecn, Control& control, const Env& env) {
  const Profile& profile = env.profile();
  // [RFC 9293 3.7.1 MUST-15] without the option it is 536; [RFC 9293 3.7.1 MUST-16] no
  // more than the link takes; [RFC 6691] the options of a segment come
  // out of it.
  const uint16_t mss_max = static_cast<uint16_t>(env.config.mtu - 40);
  const uint16_t offered_mss = std::max(offered.mss.value_or(536), env.limits().mss_min);
  const bool timestamps = profile.timestamps && offered.timestamps.has_value();
  mss_bytes = static_cast<uint16_t>(std::min(offered_mss, mss_max) - (timestamps ? 12 : 0));
  if (timestamps) {
    Set(kTimestamps);
    control.ts_recent = offered.timestamps->value;
    control.ts_recent_hour = TimestampHour(env.now);
    Set(kTsRecentValid);
  }
  if (profile.sack && offered.sack_permitted) Set(kSack);
  if (profile.window_scaling && offered.window_scale) {
    // [RFC 7323 2.2] both or none.
    Set(kScaling);
    snd_scale = *offered.window_scale;
    rcv_scale = env.limits().receive_scale;
  }
  if (ecn) Set(kEcn);
}

void Connection::Open(Control& control, const Env& env) {
  SetState(State::kEstablished);
  Unset(kSynDue);
  send_timer = SendTimer::kNone;
  control.send_deadline = kNever;
  // [RFC 5681 3.1] [RFC 6298 5.7] a SYN that was lost halves what we dare to begin with.
  const uint32_t segments = tries > 1 ? 1 : env.profile().initial_window_segments;
  // Without retransmission nobody notices a loss, and a window would never open.
  control.congestion.Start(
      env.profile().retransmission ? env.profile().congestion : CongestionAlgorithm::kNone,
      mss_bytes, segments);
  tries = 0;
  control.rtt.ClearBackoff();
  // [RFC 9293 3.10.4] a CLOSE during the handshake was queued until now.
  if (Has(kFinQueued)) SetState(State::kFinWait1);
}

// [RFC 9293 3.10.4] CLOSE: the FIN follows what is queued, and the state changes now.
void Connection::QueueFin() {
  if (Has(kFinQueued)) return;
  if (state_ == State::kEstablished) {
    SetState(State::kFinWait1);
  } else if (state_ == State::kCloseWait) {
    SetState(State::kLastAck);
  } else if (state_ != State::kSynSent && state_ != State::kSynReceived) {
    return;
  }
  Set(kFinQueued);
}

}  // namespace aether::tcp
