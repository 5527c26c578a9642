// The timers of one connection: their deadlines are stored, the wheel holds one entry for the
// earliest.
#include <algorithm>

#include "stack/base/check.h"
#include "stack/tcp/connection.h"

namespace aether::tcp {
namespace {

// [RFC 9293 3.8.3 SHLD-10] R1.
constexpr uint32_t kRetransmissionsR1 = 3;
// A loss probe on a path of microseconds would mostly find a peer that has not run yet.
constexpr Duration kProbeTimeoutMin = std::chrono::milliseconds(10);

}  // namespace

// Something is to be sent, nothing is in flight, and the peer's window admits nothing or too
// little.
bool Connection::WindowHoldsBack(const Env& env) const {
  if (!env.profile().zero_window_probes || state_ == State::kClosed || state_ == State::kTimeWait ||
      snd_.flight_bytes() > 0) {
    return false;
  }
  const uint32_t usable = snd_.usable_bytes();
  if (snd_.queue.unsent() > 0)
    return snd_.NextPayload(mss_bytes, usable, /*small_allowed=*/false) == 0;
  return usable == 0 && Has(kFinQueued) && !Has(kFinSent);
}

// There is something to send, nothing in flight that would bring an event, and no record of a
// flight left: other connections have them all. Nobody tells when they give some back.
bool Connection::PoolsHoldBack(const Control& control, const Env& env) const {
  if (!env.profile().retransmission || state_ == State::kClosed || state_ == State::kTimeWait ||
      snd_.flight_bytes() > 0) {
    return false;
  }
  if (snd_.queue.unsent() == 0 && (!Has(kFinQueued) || Has(kFinSent))) return false;
  if (!Flight::CanAdd(env.buffers.segments)) return true;
  return control.recovery == kNoIndex &&
         env.buffers.recoveries.used() == env.buffers.recoveries.capacity();
}

// `restart`: something new was acknowledged or a SYN left; otherwise a running timer keeps running.
void Connection::ArmBusySendTimer(bool restart, Control& control, const Env& env) {
  const Profile& profile = env.profile();
  const auto rto = [&] { return control.rtt.Rto(env.limits().rto_min, env.limits().rto_max); };
  const auto arm = [&](SendTimer timer, Duration after) {
    if (send_timer == timer && !restart) return;
    send_timer = timer;
    // [RFC 9293 3.10.8] the application's limit ends the wait on time.
    if (control.user_timeout_s != 0) after = std::min(after, UserTimeoutLeft(control, env));
    control.send_deadline = env.now + after;
  };
  if (state_ == State::kSynSent || state_ == State::kSynReceived) {
    if (profile.retransmission) arm(SendTimer::kRetransmit, rto());
    return;
  }
  // [RFC 8985 6.3] new data does not put off the time at which what was overtaken counts as lost.
  if (send_timer == SendTimer::kReorder && !restart) return;
  if (HasFlight(control)) {
    const Recovery& recovery = env.buffers.recoveries[control.recovery];
    // [RFC 8985 7.2] a probe is scheduled while nothing is known to be lost, one at a time, when
    // the round trip is known.
    if (profile.rack_tlp && Has(kSack) && recovery.phase() == Recovery::Phase::kOpen &&
        !recovery.HasProbeOut() && recovery.flight.sacked_segments() == 0 &&
        recovery.flight.lost_bytes() == 0 && control.rtt.HasSample() &&
        control.rtt.backoff() == 0) {
      Duration pto = std::chrono::microseconds(2 * uint64_t{control.rtt.srtt_us()});
      // [RFC 8985 7.2] what is less than two full segments may be waiting for the peer's delayed
      // acknowledgement; otherwise the clocks and schedulers of both ends get their time.
      if (recovery.flight.total_bytes() < 2u * mss_bytes) {
        pto += env.limits().rto_min;
      } else {
        pto = std::max(pto, kProbeTimeoutMin);
      }
      // Every new segment puts it off, but not beyond the time of the retransmission timer, which
      // started with the first in flight or the last acknowledgement.
      const Duration waited = std::chrono::milliseconds(env.now_ms() - control.unacked_since_ms);
      send_timer = SendTimer::kLossProbe;
      control.send_deadline = env.now + std::min(pto, std::max(rto() - waited, Duration::zero()));
      return;
    }
    if (send_timer == SendTimer::kLossProbe || send_timer == SendTimer::kPersist ||
        send_timer == SendTimer::kReorder) {
      send_timer = SendTimer::kNone;
    }
    arm(SendTimer::kRetransmit, rto());
    return;
  }
  // [RFC 9293 3.8.6.1 MUST-36] a closed window is probed, and nothing else would tell us that it
  // opened. [RFC 9293 3.8.6.1 SHLD-29] for the first time after a retransmission timeout.
  // [RFC 9293 3.8.6.2.1 MUST-38] that long a small window is waited for, too.
  if (WindowHoldsBack(env) || PoolsHoldBack(control, env)) {
    if (send_timer != SendTimer::kPersist) {
      send_timer = SendTimer::kPersist;
      tries = 0;
      control.unacked_since_ms = env.now_ms();
      control.send_deadline = env.now + rto();
    }
    return;
  }
  send_timer = SendTimer::kNone;
  control.send_deadline = kNever;
}

void Connection::ArmStateTimer(Control& control, const Env& env) {
  const TcpLimits& limits = env.limits();
  const bool reliable = env.profile().retransmission;
  control.state_deadline.Clear();
  switch (state_) {
    case State::kSynReceived:
      if (!reliable) control.state_deadline.Set(env.now + limits.half_open_timeout);
      break;
    case State::kFinWait2:
      // [RFC 9293 3.6.1] half closed by an application that still reads is its business; an orphan
      // is ours.
      if (Has(kReleased)) control.state_deadline.Set(env.now + limits.closing_timeout);
      break;
    case State::kFinWait1:
    case State::kClosing:
    case State::kLastAck:
      // With retransmission the user timeout ends these; an orphan does not wait that long for a
      // shut window.
      if (!reliable) {
        control.state_deadline.Set(env.now + limits.closing_timeout);
      } else if (Has(kReleased)) {
        // At least one more try: a timer that backed off a lot must not outlast its connection.
        control.state_deadline.Set(
            env.now +
            std::max(limits.orphan_timeout, 2 * control.rtt.Rto(limits.rto_min, limits.rto_max)));
      }
      break;
    default:
      break;
  }
}

Arrival Connection::GiveUp(bool tell_peer) {
  Arrival arrival;
  arrival.events = tcp_event::kTimedOut;
  arrival.end = Arrival::End::kClosed;
  arrival.reset_peer = tell_peer;
  return arrival;
}

Arrival Connection::OnTimer(Control& control, const Env& env) {
  if (control.state_deadline.IsDue(env.now)) {
    control.state_deadline.Clear();
    if (state_ == State::kSynReceived) {
      ++env.counters.tcp_half_open_timeouts;
      return GiveUp(/*tell_peer=*/false);
    }
    const bool watched = !Has(kReleased) && state_ == State::kFinWait1 && snd_.queue.unsent() > 0;
    if (!watched) {
      ++env.counters.tcp_timeouts;
      return GiveUp(/*tell_peer=*/true);
    }
    control.state_deadline.Set(env.now + env.limits().closing_timeout);
  }
  if (control.ack_deadline.IsDue(env.now)) {
    control.ack_deadline.Clear();
    ++env.counters.tcp_delayed_acks;
    Set(kAckNow);
  }
  Arrival arrival;
  if (env.now >= control.send_deadline) {
    arrival = OnSendTimer(control, env);
    if (arrival.end != Arrival::End::kNone) return arrival;
  }
  if (control.keepalive_deadline.IsDue(env.now)) {
    Arrival idle = OnKeepalive(control, env);
    idle.events |= arrival.events;
    idle.doubt |= arrival.doubt;
    return idle;
  }
  return arrival;
}

// [RFC 9293 3.8.3 MUST-20, SHLD-11] R2 is a time, from when the oldest unacknowledged data left, or
// the last were acknowledged. Zero when it is over.
Duration Connection::UserTimeoutLeft(const Control& control, const Env& env) const {
  const uint32_t limit_ms =
      control.user_timeout_s != 0
          ? control.user_timeout_s * 1000u
          : static_cast<uint32_t>(env.limits().user_timeout / std::chrono::milliseconds(1));
  uint32_t waited_ms = env.now_ms() - control.unacked_since_ms;
  // [RFC 9293 3.8.6.1 MUST-37] [RFC 9293 3.8.6 SHLD-17] whoever keeps the window shut, but answers,
  // may do so for ever; who does not answer is given up.
  if (snd_.IsShut() && state_ != State::kSynSent && state_ != State::kSynReceived)
    waited_ms = std::min(waited_ms, env.now_ms() - control.heard_ms);
  return std::chrono::milliseconds(waited_ms < limit_ms ? limit_ms - waited_ms : 0);
}

// [RFC 9293 3.8.3 MUST-20, SHLD-10] R1: the third retransmission in a row. [RFC 9293 3.8.3 SHLD-9]
// the application hears of it, and the next hop is asked whether it is still there.
void Connection::DoubtPeer(Control& control, Arrival& arrival) {
  arrival.doubt = true;
  control.soft_error = SoftError::kUnanswered;
  arrival.events |= tcp_event::kNotice;
}

Arrival Connection::OnSendTimer(Control& control, const Env& env) {
  const SendTimer timer = send_timer;
  send_timer = SendTimer::kNone;
  control.send_deadline = kNever;
  switch (timer) {
    case SendTimer::kRetransmit:
      if (state_ == State::kSynSent || state_ == State::kSynReceived)
        return OnHandshakeTimeout(control, env);
      return OnRetransmitTimeout(control, env);
    case SendTimer::kLossProbe:
      // [RFC 8985 7.3] the probe leaves, and the retransmission timer takes over.
      Set(kLossProbeDue);
      send_timer = SendTimer::kRetransmit;
      control.send_deadline = env.now + control.rtt.Rto(env.limits().rto_min, env.limits().rto_max);
      return {};
    case SendTimer::kReorder: {
      Recovery& recovery = env.buffers.recoveries[control.recovery];
      std::optional<Duration> again;
      if (recovery.OnReorderTimeout(RecoveryContext(control, env), snd_.nxt, again)) {
        ++env.counters.tcp_fast_recoveries;
        recovery.Remember(control.congestion);
        control.congestion.OnCongestion(CongestionContext(recovery, env), snd_.flight_bytes());
      }
      ArmSendTimer(/*restart=*/true, control, env);
      return {};
    }
    case SendTimer::kPersist: {
      if (snd_.usable_bytes() > 0) {
        // [RFC 9293 3.8.6.2.1 MUST-38] the override: what fits leaves, however little. What waits
        // for a record is just tried again.
        if (WindowHoldsBack(env)) Set(kSmallAllowed);
        if (PoolsHoldBack(control, env)) ArmSendTimer(/*restart=*/false, control, env);
        return {};
      }
      if (tries > 0 && UserTimeoutLeft(control, env) == Duration::zero()) {
        ++env.counters.tcp_timeouts;
        return GiveUp(/*tell_peer=*/true);
      }
      if (tries < 10) ++tries;
      ++env.counters.tcp_window_probes;
      Set(kProbeDue);
      const Duration rto = control.rtt.Rto(env.limits().rto_min, env.limits().rto_max);
      send_timer = SendTimer::kPersist;
      // [RFC 9293 3.8.6.1 SHLD-30] twice as long each time.
      control.send_deadline = env.now + std::min(rto * (int64_t{1} << tries), env.limits().rto_max);
      return {};
    }
    case SendTimer::kNone:
      break;
  }
  return {};
}

Arrival Connection::OnRetransmitTimeout(Control& control, const Env& env) {
  if (!HasFlight(control)) return {};
  if (UserTimeoutLeft(control, env) == Duration::zero()) {
    ++env.counters.tcp_timeouts;
    return GiveUp(/*tell_peer=*/true);
  }
  ++env.counters.tcp_retransmit_timeouts;
  Recovery& recovery = env.buffers.recoveries[control.recovery];
  const Congestion before = control.congestion;
  const bool first = recovery.OnTimeout(RecoveryContext(control, env), snd_.una, snd_.nxt);
  if (first) recovery.Remember(before);
  // [RFC 5681 3.1] FlightSize is what is in the network: no more than the window let out.
  const uint32_t flight_bytes = std::min(snd_.flight_bytes(), before.cwnd_bytes());
  control.congestion.OnTimeout(CongestionContext(recovery, env), flight_bytes, first);
  Unset(kLossProbeDue);
  control.rtt.Backoff();
  ArmSendTimer(/*restart=*/true, control, env);
  Arrival arrival;
  if (control.rtt.backoff() >= kRetransmissionsR1) DoubtPeer(control, arrival);
  return arrival;
}

// [RFC 9293 3.8.3 MUST-22] SYN and SYN-ACK are repeated with backoff like data, a bounded number of
// times, or for as long as the application wants.
Arrival Connection::OnHandshakeTimeout(Control& control, const Env& env) {
  const uint8_t tries_max =
      state_ == State::kSynSent ? env.limits().syn_tries_max : env.limits().syn_ack_tries_max;
  const bool too_late =
      control.user_timeout_s != 0 && UserTimeoutLeft(control, env) == Duration::zero();
  if (tries >= tries_max || too_late) {
    if (state_ == State::kSynReceived) ++env.counters.tcp_half_open_timeouts;
    return GiveUp(/*tell_peer=*/false);
  }
  control.rtt.Backoff();
  ++env.counters.tcp_retransmissions;
  Set(kSynDue);
  Arrival arrival;
  if (tries >= kRetransmissionsR1) DoubtPeer(control, arrival);
  return arrival;
}

// [RFC 9293 3.8.4 MAY-5, MUST-29] probes after a silence; only a run of them without any answer
// ends the connection.
Arrival Connection::OnKeepalive(Control& control, const Env& env) {
  control.keepalive_deadline.Clear();
  if (control.keepalive_idle_s == 0 || !(CanSend(state_) || CanReceive(state_))) return {};
  const uint32_t silent_ms = env.now_ms() - control.heard_ms;
  const uint32_t idle_ms = control.keepalive_idle_s * 1000u;
  if (silent_ms < idle_ms || snd_.flight_bytes() > 0) {
    // [RFC 9293 3.8.4 MUST-26] not while data is on its way, nor when something was heard
    // meanwhile.
    probes_sent = 0;
    control.keepalive_deadline.Set(
        env.now + std::chrono::milliseconds(silent_ms < idle_ms ? idle_ms - silent_ms : idle_ms));
    return {};
  }
  if (probes_sent >= control.keepalive_probes) {
    ++env.counters.tcp_timeouts;
    return GiveUp(/*tell_peer=*/true);
  }
  ++probes_sent;
  ++env.counters.tcp_keepalives;
  Set(kProbeDue);
  control.keepalive_deadline.Set(env.now + std::chrono::seconds(control.keepalive_interval_s));
  return {};
}

}  // namespace aether::tcp
