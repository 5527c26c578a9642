// The timers of one connection: their deadlines are stored, the wheel holds one entry for the
// earliest.
#include <algorithm>

#include "stack/base/check.h"
#include "stack/tcp/connection.h"

namespace aether::tcp {

Instant Connection::NextDeadline(const Control& control) const {
  return std::min({control.send_deadline, control.ack_deadline, control.state_deadline,
                   control.keepalive_deadline});
}

// `restart`: something new was acknowledged or a SYN left; otherwise a running timer keeps running.
void Connection::ArmSendTimer(bool restart, Control& control, const Env& env) {
  const Profile& profile = env.profile();
  const Duration rto = control.rtt.Rto(env.limits().rto_min, env.limits().rto_max);
  const auto arm = [&](SendTimer timer, Duration after) {
    if (control.send_timer == timer && !restart) return;
    control.send_timer = timer;
    control.send_deadline = env.now + after;
  };
  if (state_ == State::kSynSent || state_ == State::kSynReceived) {
    if (profile.retransmission) arm(SendTimer::kRetransmit, rto);
    return;
  }
  if (control.recovery != kNoIndex) {
    const Recovery& recovery = env.buffers.recoveries[control.recovery];
    // [RFC 8985 7.2] a probe is scheduled while nothing is known to be lost, one at a time, when
    // the round trip is known.
    if (profile.rack_tlp && Has(kSack) && recovery.phase() == Recovery::Phase::kOpen &&
        !recovery.HasProbeOut() && recovery.flight.sacked_segments() == 0 &&
        recovery.flight.lost_bytes() == 0 && control.rtt.HasSample() &&
        control.rtt.backoff() == 0) {
      Duration pto = std::chrono::microseconds(2 * uint64_t{control.rtt.srtt_us()});
      // [RFC 8985 7.2] a lone segment may be waiting for the peer's delayed acknowledgement.
      if (recovery.flight.segments() == 1) pto += env.limits().rto_min;
      // Every new segment puts it off.
      control.send_timer = SendTimer::kLossProbe;
      control.send_deadline = env.now + std::min(pto, rto);
      return;
    }
    if (control.send_timer == SendTimer::kLossProbe || control.send_timer == SendTimer::kPersist ||
        control.send_timer == SendTimer::kReorder) {
      control.send_timer = SendTimer::kNone;
    }
    arm(SendTimer::kRetransmit, rto);
    return;
  }
  // [RFC 9293 3.8.6.1 MUST-36] a closed window is probed, and nothing else would tell us that it
  // opened.
  const bool waits = snd_.queue.unsent() > 0 || (Has(kFinQueued) && !Has(kFinSent));
  if (profile.zero_window_probes && waits && snd_.usable_bytes() == 0 && state_ != State::kClosed &&
      state_ != State::kTimeWait) {
    if (control.send_timer != SendTimer::kPersist) {
      control.send_timer = SendTimer::kPersist;
      control.tries = 0;
      control.unacked_since_ms = env.now_ms();
      control.send_deadline = env.now + rto;
    }
    return;
  }
  control.send_timer = SendTimer::kNone;
  control.send_deadline = kNever;
}

void Connection::ArmStateTimer(Control& control, const Env& env) {
  const TcpLimits& limits = env.limits();
  const bool reliable = env.profile().retransmission;
  control.state_deadline = kNever;
  switch (state_) {
    case State::kSynReceived:
      if (!reliable) control.state_deadline = env.now + limits.half_open_timeout;
      break;
    case State::kFinWait2:
      // [RFC 9293 3.6 SHLD-33] half closed by an application that still reads is its business; an
      // orphan is ours.
      if (Has(kReleased)) control.state_deadline = env.now + limits.closing_timeout;
      break;
    case State::kFinWait1:
    case State::kClosing:
    case State::kLastAck:
      // With retransmission the user timeout ends these; an orphan does not wait that long for a
      // shut window.
      if (!reliable) {
        control.state_deadline = env.now + limits.closing_timeout;
      } else if (Has(kReleased)) {
        // At least one more try: a timer that backed off a lot must not outlast its connection.
        control.state_deadline =
            env.now +
            std::max(limits.orphan_timeout, 2 * control.rtt.Rto(limits.rto_min, limits.rto_max));
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
  if (env.now >= control.state_deadline) {
    control.state_deadline = kNever;
    if (state_ == State::kSynReceived) {
      ++env.counters.tcp_half_open_timeouts;
      return GiveUp(/*tell_peer=*/false);
    }
    const bool watched = !Has(kReleased) && state_ == State::kFinWait1 && snd_.queue.unsent() > 0;
    if (!watched) {
      ++env.counters.tcp_timeouts;
      return GiveUp(/*tell_peer=*/true);
    }
    control.state_deadline = env.now + env.limits().closing_timeout;
  }
  if (env.now >= control.ack_deadline) {
    control.ack_deadline = kNever;
    ++env.counters.tcp_delayed_acks;
    Set(kAckNow);
  }
  if (env.now >= control.send_deadline) {
    const Arrival arrival = OnSendTimer(control, env);
    if (arrival.end != Arrival::End::kNone) return arrival;
  }
  if (env.now >= control.keepalive_deadline) return OnKeepalive(control, env);
  return {};
}

bool Connection::UserTimeoutPassed(const Control& control, const Env& env) const {
  const uint32_t limit_ms =
      control.user_timeout_s != 0
          ? control.user_timeout_s * 1000u
          : static_cast<uint32_t>(env.limits().user_timeout / std::chrono::milliseconds(1));
  return env.now_ms() - control.unacked_since_ms >= limit_ms;
}

Arrival Connection::OnSendTimer(Control& control, const Env& env) {
  const SendTimer timer = control.send_timer;
  control.send_timer = SendTimer::kNone;
  control.send_deadline = kNever;
  switch (timer) {
    case SendTimer::kRetransmit:
      if (state_ == State::kSynSent || state_ == State::kSynReceived)
        return OnHandshakeTimeout(control, env);
      return OnRetransmitTimeout(control, env);
    case SendTimer::kLossProbe:
      // [RFC 8985 7.3] the probe leaves, and the retransmission timer takes over.
      Set(kLossProbeDue);
      control.send_timer = SendTimer::kRetransmit;
      control.send_deadline = env.now + control.rtt.Rto(env.limits().rto_min, env.limits().rto_max);
      return {};
    case SendTimer::kReorder: {
      Recovery& recovery = env.buffers.recoveries[control.recovery];
      std::optional<Duration> again;
      if (recovery.OnReorderTimeout(RecoveryContext(control, env), snd_.nxt, again)) {
        ++env.counters.tcp_fast_recoveries;
        recovery.Remember(control.congestion);
        control.congestion.OnCongestion(snd_.flight_bytes(), mss_bytes, env.now);
      }
      ArmSendTimer(/*restart=*/true, control, env);
      return {};
    }
    case SendTimer::kPersist: {
      // [RFC 9293 3.8.6.1 MUST-37] the peer may keep its window shut for as long as it acknowledges
      // our probes; who does not answer at all is given up.
      if (control.tries > 0 && env.now_ms() - control.heard_ms > 2 * control.tries &&
          UserTimeoutPassed(control, env)) {
        ++env.counters.tcp_timeouts;
        return GiveUp(/*tell_peer=*/true);
      }
      if (control.tries < 10) ++control.tries;
      ++env.counters.tcp_window_probes;
      Set(kProbeDue);
      const Duration rto = control.rtt.Rto(env.limits().rto_min, env.limits().rto_max);
      control.send_timer = SendTimer::kPersist;
      // [RFC 9293 3.8.6.1 SHLD-29] twice as long each time.
      control.send_deadline =
          env.now + std::min(rto * (int64_t{1} << control.tries), env.limits().rto_max);
      return {};
    }
    case SendTimer::kNone:
      break;
  }
  return {};
}

Arrival Connection::OnRetransmitTimeout(Control& control, const Env& env) {
  if (control.recovery == kNoIndex) return {};
  if (UserTimeoutPassed(control, env)) {
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
  control.congestion.OnTimeout(flight_bytes, mss_bytes, first, env.now);
  Unset(kLossProbeDue);
  control.rtt.Backoff();
  ArmSendTimer(/*restart=*/true, control, env);
  return {};
}

// [RFC 9293 3.8.3 MUST-23] SYN and SYN-ACK are repeated with backoff, a bounded number of times.
Arrival Connection::OnHandshakeTimeout(Control& control, const Env& env) {
  const uint8_t tries_max =
      state_ == State::kSynSent ? env.limits().syn_tries_max : env.limits().syn_ack_tries_max;
  if (control.tries >= tries_max) {
    if (state_ == State::kSynReceived) ++env.counters.tcp_half_open_timeouts;
    return GiveUp(/*tell_peer=*/false);
  }
  control.rtt.Backoff();
  ++env.counters.tcp_retransmissions;
  Set(kSynDue);
  return {};
}

// [RFC 9293 3.8.4] probes after a silence; only a run of them without any answer ends the
// connection.
Arrival Connection::OnKeepalive(Control& control, const Env& env) {
  control.keepalive_deadline = kNever;
  if (control.keepalive_idle_s == 0 || !(CanSend(state_) || CanReceive(state_))) return {};
  const uint32_t silent_ms = env.now_ms() - control.heard_ms;
  const uint32_t idle_ms = control.keepalive_idle_s * 1000u;
  if (silent_ms < idle_ms || snd_.flight_bytes() > 0) {
    // [RFC 9293 3.8.4 MUST-26] not while data is on its way, nor when something was heard
    // meanwhile.
    control.probes_sent = 0;
    control.keepalive_deadline =
        env.now + std::chrono::milliseconds(silent_ms < idle_ms ? idle_ms - silent_ms : idle_ms);
    return {};
  }
  if (control.probes_sent >= control.keepalive_probes) {
    ++env.counters.tcp_timeouts;
    return GiveUp(/*tell_peer=*/true);
  }
  ++control.probes_sent;
  ++env.counters.tcp_keepalives;
  Set(kProbeDue);
  control.keepalive_deadline = env.now + std::chrono::seconds(control.keepalive_interval_s);
  return {};
}

}  // namespace aether::tcp
