// One connection and what segment arrival, acknowledgements, timers and sending do to it. Two
// parts: the hot block of two cache lines, which is all that the classic profile needs, and
// Control, which the mechanisms of the full profile keep. What exists only while data is in flight
// (Recovery, the flight, held ranges, queues) comes from pools.
//
// It knows its own variables and nothing else: no table, no wheel, no other connection. What must
// happen outside comes back as an Arrival.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "stack/base/check.h"
#include "stack/base/counters.h"
#include "stack/base/drop.h"
#include "stack/base/ms_deadline.h"
#include "stack/base/pool.h"
#include "stack/base/time.h"
#include "stack/config.h"
#include "stack/tcp/buffers.h"
#include "stack/tcp/congestion.h"
#include "stack/tcp/handle.h"
#include "stack/tcp/reassembler.h"
#include "stack/tcp/receiver.h"
#include "stack/tcp/recovery.h"
#include "stack/tcp/rtt.h"
#include "stack/tcp/segment.h"
#include "stack/tcp/sender.h"
#include "stack/tcp/snapshot.h"
#include "stack/tcp/socket_options.h"
#include "stack/tcp/soft_error.h"
#include "stack/tcp/state.h"

namespace aether::tcp {

// What a segment or a timer did.
struct Arrival {
  enum class End : uint8_t {
    kNone,
    kClosed,    // the connection is over: nothing of it is left on the wire
    kTimeWait,  // only TIME-WAIT is left of it
  };
  Drop drop = Drop::kNone;
  tcp_event::Mask events = 0;
  End end = End::kNone;
  bool reset_reply = false;  // answer the segment with a reset
  bool reset_peer = false;   // send a reset of our own: the connection is given up
  bool challenge = false;    // an ACK is due if the limit on them allows it
  bool progress = false;     // something new was acknowledged
  bool doubt = false;        // the way to the peer seems to be broken
};

// What a timer of the sending side waits for; at most one runs at a time.
enum class SendTimer : uint8_t {
  kNone,
  kRetransmit,  // RFC 6298, SYN and SYN-ACK included
  kLossProbe,   // RFC 8985 section 7
  kReorder,     // RFC 8985 section 6.3
  kPersist,     // RFC 9293 3.8.6.1
};

// The part that only some profiles use. It stands beside the hot block, under the same index: one
// and a half cache lines, so that an idle connection is 256 bytes with its table entries.
struct alignas(32) Control {
  static constexpr uint8_t kReceiveDoublingsMax = 15;
  Instant send_deadline = kNever;  // of Connection::send_timer
  RttEstimator rtt;
  PathMemory path;
  Congestion congestion;
  // In Buffers::recoveries, from when data leaves until a timer finds nothing in flight.
  uint32_t recovery = kNoIndex;
  uint32_t out_of_order = kNoIndex;  // in Buffers::out_of_orders, while something is
  MsDeadline ack_deadline;           // of a delayed acknowledgement
  MsDeadline state_deadline;         // of a state that waits for the peer alone
  MsDeadline keepalive_deadline;
  uint32_t ts_recent = 0;  // RFC 7323 4.3
  uint32_t ts_offset = 0;  // our clock starts here
  Seq last_ack_sent;
  // The oldest unacknowledged data was sent, or the last was acknowledged, then.
  uint32_t unacked_since_ms = 0;
  uint32_t heard_ms = 0;        // when the peer was last heard, for keepalive
  uint32_t consumed_bytes = 0;  // since the receive buffer last grew
  uint16_t ts_recent_hour = 0;  // when ts_recent was taken
  // The largest segment that the peer sent: what it calls full-sized.
  uint16_t peer_segment_bytes = 536;
  uint16_t keepalive_idle_s = 0;
  uint16_t keepalive_interval_s = 75;
  uint16_t user_timeout_s = 0;
  uint8_t keepalive_probes = 9;
  uint8_t receive_doublings : 4 = 0;  // of the receive buffer
  SoftError soft_error : 4 = SoftError::kNone;

  void StopTimers() {
    send_deadline = kNever;
    ack_deadline.Clear();
    state_deadline.Clear();
    keepalive_deadline.Clear();
  }
  uint32_t ReceiveBufferBytes(const TcpLimits& limits) const {
    if (receive_doublings == 0) return limits.receive_buffer_bytes;
    return static_cast<uint32_t>(
        std::min<uint64_t>(uint64_t{limits.receive_buffer_bytes} << receive_doublings,
                           std::max(limits.receive_buffer_bytes, limits.receive_buffer_max_bytes)));
  }
};

// [RFC 7323 5.5] the age of TS.Recent is kept in hours.
constexpr uint16_t TimestampHour(Instant now) {
  return static_cast<uint16_t>(now.time_since_epoch() / std::chrono::hours(1));
}

// What every step of a connection is given.
struct Env {
  const Config& config;
  Buffers& buffers;
  Counters& counters;
  Instant now;
  uint32_t ms;  // MsOf(now)

  const Profile& profile() const { return config.profile; }
  const TcpLimits& limits() const { return config.tcp; }
  uint32_t now_ms() const { return ms; }
};

class alignas(64) Connection {
 public:
  // Flags of `flags`.
  enum Flag : uint32_t {
    kAckNow = 1u << 0,     // an acknowledgement is due with the next segment, or alone
    kSynDue = 1u << 1,     // SYN or SYN-ACK is to be sent (again)
    kFinQueued = 1u << 2,  // the application has nothing more to send
    kFinSent = 1u << 3,    // SND.NXT counts our FIN
    kOwned = 1u << 4,      // the application holds a handle
    kReleased = 1u << 5,   // the application let go; ends in the background
    kInOutputList = 1u << 6,
    kInReadyList = 1u << 7,
    kInAcceptQueue = 1u << 8,
    kFreeWhenUnlisted = 1u << 9,  // over, but still in a list
    kInDemux = 1u << 10,
    kHalfOpen = 1u << 11,    // counted in TcpLimits::half_open_max
    kActive = 1u << 12,      // opened by us
    kTimestamps = 1u << 13,  // negotiated
    kSack = 1u << 14,
    kScaling = 1u << 15,
    kEcn = 1u << 16,
    kEcnEcho = 1u << 17,   // [RFC 3168 6.1.3] ECE until the peer says CWR
    kCwrDue = 1u << 18,    // CWR with the next new data
    kProbeDue = 1u << 19,  // a window or keepalive probe is to be sent
    kLossProbeDue = 1u << 20,
    kNoDelay = 1u << 21,
    kQuickAck = 1u << 22,
    kTsRecentValid = 1u << 24,
    kCwrWindow = 1u << 25,     // ECN: Recovery::cwr_end is valid
    kFinReceived = 1u << 26,   // RCV.NXT counts the peer's FIN
    kSmallAllowed = 1u << 28,  // a small window was waited for long enough
  };

  bool Has(Flag flag) const { return (flags & flag) != 0; }
  void Set(Flag flag) { flags |= flag; }
  void Unset(Flag flag) { flags &= ~static_cast<uint32_t>(flag); }

  State state() const { return state_; }
  // The only writer of the state.
  void SetState(State state) { state_ = state; }

  // --- connection.cc: segment arrival in every state but CLOSED, LISTEN and TIME-WAIT (RFC
  // 9293 3.10.7.3, 3.10.7.4) ---
  Arrival OnSegment(const Segment& segment, const SegmentOptions& options, Control& control,
                    const Env& env);
  // --- predicted.h: the same for the segment that nearly all are, compiled into the caller ---
  bool IsPredicted(const Segment& segment, const SegmentOptions& options, const Control& control,
                   const Env& env) const;
  Arrival OnPredicted(const Segment& segment, const SegmentOptions& options, Control& control,
                      const Env& env);
  // SYN-SENT has its own order; `syn` holds all options of a SYN.
  Arrival OnSynSentSegment(const Segment& segment, const TcpOptions& syn, Control& control,
                           const Env& env);
  // What both SYNs agree on. `offered`: the peer's options.
  void Negotiate(const TcpOptions& offered, bool ecn, Control& control, const Env& env);
  // Becomes ESTABLISHED: the congestion window opens.
  void Open(Control& control, const Env& env);

  // --- sending.h, output.cc ---
  // What would be sent now; nothing when nothing is due.
  std::optional<SegmentPlan> Plan(const Control& control, const Env& env) const {
    if (IsQuiet(control, env)) return std::nullopt;
    return PlanDue(control, env);
  }
  std::optional<SegmentPlan> PlanDue(const Control& control, const Env& env) const;
  // The same, compiled into the caller.
  std::optional<SegmentPlan> PlanHere(const Control& control, const Env& env) const;
  bool PlanNewData(const Control& control, const Env& env, SegmentPlan& plan) const;
  // Nothing could be sent again, and no segment says more than what is new: if PlanNewData has
  // something, PlanHere has the same.
  bool SendsDataAlone(const Control& control) const {
    return state_ == State::kEstablished && !HasFlight(control) && !Has(kEcnEcho);
  }
  // `plan` leaves now, with this timestamp.
  void OnSent(const SegmentPlan& plan, Control& control, const Env& env);
  TcpOptions OptionsFor(const SegmentPlan& plan, Control& control, const Env& env) const;
  uint32_t TimestampNow(const Control& control, const Env& env) const {
    return env.now_ms() + control.ts_offset;
  }

  // --- timers.cc ---
  static Instant NextDeadline(const Control& control, Instant now) {
    return std::min(control.send_deadline,
                    MsDeadline::Earliest(now, control.ack_deadline, control.state_deadline,
                                         control.keepalive_deadline));
  }
  // Something is due.
  Arrival OnTimer(Control& control, const Env& env);
  // Sets the timer of the sending side after data, an acknowledgement or a window arrived or left.
  void ArmSendTimer(bool restart, Control& control, const Env& env) {
    // Most segments leave nothing in flight, and nothing that waits.
    if (snd_.flight_bytes() == 0 && snd_.queue.unsent() == 0 &&
        (flags & (kFinQueued | kFinSent)) != kFinQueued && state_ != State::kSynSent &&
        state_ != State::kSynReceived) {
      send_timer = SendTimer::kNone;
      control.send_deadline = kNever;
      return;
    }
    ArmBusySendTimer(restart, control, env);
  }
  // Something is to be sent, and no timer would bring it up again.
  bool WaitsWithoutTimer() const {
    return send_timer == SendTimer::kNone &&
           (snd_.queue.unsent() > 0 || (flags & (kFinQueued | kFinSent)) == kFinQueued);
  }
  // The state changed: how long may it last?
  void ArmStateTimer(Control& control, const Env& env);

  // Sends FIN once the queue is empty.
  void QueueFin();
  // [RFC 1191 6.4] the path admits no larger segments; what is in flight is sent again in smaller
  // ones.
  void OnPathMtu(uint16_t mss, Control& control, const Env& env);
  // True when one more acknowledgement to a strange segment may leave now: at most 10 per second.
  // [RFC 5961 7] the limit is kept per connection, so that it says nothing about others
  // (CVE-2016-5696).
  bool MayChallenge(Instant now);
  // Gives back what a flight has left behind for the next one, if there is no flight.
  void ForgetIdlePath(Control& control, Buffers& buffers);
  // Gives back everything that lies in pools but the receive queue.
  void ReleaseBuffers(Control& control, Buffers& buffers);
  // --- urgent.cc ---
  uint32_t UrgentBytes(const Control& control, const Env& env) const;
  // [RFC 2883 4] the next acknowledgement says what arrived twice.
  // Whether what comes next in the stream is held, and waits for memory.
  bool IsNextHeld(const Control& control, const Env& env) const {
    return control.out_of_order != kNoIndex &&
           env.buffers.out_of_orders[control.out_of_order].held.StartsAt(env.buffers.ranges,
                                                                         rcv_.nxt);
  }
  void ReportDuplicate(SackBlock block, Control& control, const Env& env);
  // The application has read something.
  void OnRead(Control& control, const Env& env);
  uint32_t SendLimit(const Control& control, const Env& env) const;

  Snapshot TakeSnapshot(const Control& control, const Env& env) const;
  AETHER_INVARIANTS void CheckInvariants(const Control& control, const Env& env) const;

  FlowKey flow;
  uint32_t generation = 0;
  Sender snd_;
  Receiver rcv_;
  uint16_t mss_bytes = 536;
  uint8_t listener = 0xff;     // 0xff: opened by us
  tcp_event::Mask events = 0;  // not yet polled
  uint32_t flags = 0;
  uint8_t snd_scale = 0;  // of the windows that the peer sends
  uint8_t rcv_scale = 0;  // of the windows that we send

 private:
  State state_ = State::kClosed;
  uint8_t challenges_ = 0;
  uint16_t challenge_second_ = 0;

 public:
  uint16_t owner = 0;  // who gets the events
  uint32_t hash = 0;
  uint32_t user = 0;
  uint32_t next_output = kNoIndex;
  uint32_t next_queued = kNoIndex;  // in the accept queue; later in the ready list
  SendTimer send_timer = SendTimer::kNone;
  uint8_t tries = 0;        // transmissions of a SYN or SYN-ACK, or window probes
  uint8_t probes_sent = 0;  // keepalives without an answer
  uint8_t dscp = 0;         // SocketOptions::dscp

 private:
  // Something is in flight and recorded.
  bool HasFlight(const Control& control) const {
    return control.recovery != kNoIndex && snd_.flight_bytes() > 0;
  }
  // Nothing is due, at one look: most segments leave a connection like this.
  bool IsQuiet(const Control& control, const Env& env) const {
    return (flags & (kAckNow | kSynDue | kProbeDue | kLossProbeDue)) == 0 &&
           (flags & (kFinQueued | kFinSent)) != kFinQueued && snd_.queue.unsent() == 0 &&
           (control.recovery == kNoIndex ||
            env.buffers.recoveries[control.recovery].flight.lost_bytes() == 0);
  }
  bool CheckPaws(const Segment& segment, const SegmentOptions& options, Control& control,
                 const Env& env, Arrival& arrival);
  void TakeTimestamp(const Segment& segment, const SegmentOptions& options, Control& control,
                     const Env& env);
  bool CheckSequence(Segment& segment, Control& control, const Env& env, Arrival& arrival);
  bool CheckReset(const Segment& segment, Arrival& arrival);
  bool CheckSyn(const Segment& segment, Arrival& arrival);
  // `window_bytes`: after scaling.
  bool CheckAck(const Segment& segment, uint32_t window_bytes, const SegmentOptions& options,
                Control& control, const Env& env, Arrival& arrival);
  // `echo`: of the acknowledgement's timestamps option, 0 without one.
  void SampleHandshake(uint32_t echo, Control& control, const Env& env) const;
  void OnFinAcknowledged(Arrival& arrival);
  bool TakeText(const Segment& segment, Control& control, const Env& env, Arrival& arrival);
  // The text of `segment` up to a FIN that waits behind a gap; without one, all of it.
  static Bytes BeforeHeldFin(const Segment& segment, const Control& control, const Env& env);
  // The place for what is out of order; null when there is no memory for one more.
  static OutOfOrder* MakeOutOfOrder(Control& control, const Env& env);
  static void OnDuplicateReported(Control& control, const Env& env);
  static void FreeOutOfOrderIfUnused(Control& control, const Env& env);
  bool HoldText(const Segment& segment, Control& control, const Env& env, Arrival& arrival);
  void JoinHeld(Control& control, const Env& env, Arrival& arrival);
  void TakeFin(Arrival& arrival);
  void TakeUrgent(const Segment& segment, Control& control, const Env& env, Arrival& arrival);
  void NotePeerSegment(size_t size, Control& control, const Env& env);
  bool StoreText(Bytes text, Control& control, const Env& env, Arrival& arrival);
  void ScheduleAck(Control& control, const Env& env);
  void AckNow() { Set(kAckNow); }

  // --- acknowledge.cc ---
  void AcceptAck(const Segment& segment, const SegmentOptions& options, bool window_changed,
                 Control& control, const Env& env, Arrival& arrival);
  void AcknowledgeQueue(Seq ack, Control& control, const Env& env, Arrival& arrival);
  void RunRecovery(const Segment& segment, const SegmentOptions& options, bool advanced,
                   bool duplicate, uint32_t flight_before, Control& control, const Env& env);
  bool IsAckPlain(const Control& control, const Env& env) const;
  void AcceptPlainAck(const Segment& segment, const SegmentOptions& options, Control& control,
                      const Env& env, Arrival& arrival);
  void StopReorderTimer(bool all_acknowledged, Control& control);
  void RearmAfterAck(bool advanced, Control& control, const Env& env);
  void SampleRtt(const AckSummary& summary, const SegmentOptions& options, bool advanced,
                 Control& control, const Env& env);
  void TakeEcnEcho(const Segment& segment, uint32_t flight_bytes, Control& control, const Env& env);

  Congestion::Context CongestionContext(Recovery& recovery, const Env& env) const {
    return {.algorithm = env.profile().congestion, .epoch = recovery.epoch, .mss_bytes = mss_bytes};
  }
  Recovery::Context RecoveryContext(Control& control, const Env& env) const {
    return {.segments = env.buffers.segments,
            .profile = env.profile(),
            .path = control.path,
            .segments_max = env.limits().flight_segments_max,
            .sack = Has(kSack),
            .mss_bytes = mss_bytes,
            .srtt_us = control.rtt.srtt_us(),
            .now = env.now};
  }
  std::optional<SegmentPlan> PlanRetransmission(const Control& control, const Env& env) const;
  uint32_t AdmittedByCongestion(const Control& control, const Env& env) const;
  void ArmBusySendTimer(bool restart, Control& control, const Env& env);
  Arrival OnSendTimer(Control& control, const Env& env);
  Arrival OnRetransmitTimeout(Control& control, const Env& env);
  Arrival OnHandshakeTimeout(Control& control, const Env& env);
  Arrival OnKeepalive(Control& control, const Env& env);
  bool WindowHoldsBack(const Env& env) const;
  bool PoolsHoldBack(const Control& control, const Env& env) const;
  Duration UserTimeoutLeft(const Control& control, const Env& env) const;
  void DoubtPeer(Control& control, Arrival& arrival);
  static Arrival GiveUp(bool tell_peer);
};
static_assert(sizeof(Connection) == 128);
static_assert(sizeof(Control) == 96);

}  // namespace aether::tcp
