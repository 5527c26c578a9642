// One connection: two cache lines, and what segment arrival does to it. It knows its own variables
// and nothing else: no table, no timer, no other connection. What must happen outside comes back as
// an Arrival.
#pragma once

#include <cstdint>
#include <optional>

#include "stack/base/counters.h"
#include "stack/base/drop.h"
#include "stack/base/pool.h"
#include "stack/base/time.h"
#include "stack/config.h"
#include "stack/tcp/handle.h"
#include "stack/tcp/receiver.h"
#include "stack/tcp/segment.h"
#include "stack/tcp/sender.h"
#include "stack/tcp/snapshot.h"
#include "stack/tcp/state.h"

namespace aether::tcp {

// What a segment did.
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
  bool challenge = false;    // an ACK is due if the limit on them allows it
  bool progress = false;     // something new was acknowledged
};

class alignas(64) Connection {
 public:
  // Flags of `flags`.
  enum Flag : uint16_t {
    kAckNow = 0x0001,     // an acknowledgement is due with the next segment, or alone
    kSynAckDue = 0x0002,  // SYN-RECEIVED: the SYN-ACK is to be sent (again)
    kFinQueued = 0x0004,  // the application has nothing more to send
    kFinSent = 0x0008,    // SND.NXT counts our FIN
    kOwned = 0x0010,      // the application holds a handle
    kReleased = 0x0020,   // the application let go; ends in the background
    kInOutputList = 0x0040,
    kInReadyList = 0x0080,
    kInAcceptQueue = 0x0100,
    kFreeWhenUnlisted = 0x0200,  // over, but still in a list
    kInDemux = 0x0400,
    kHalfOpen = 0x0800,     // counted in TcpLimits::half_open_max
    kFinReceived = 0x1000,  // RCV.NXT counts the peer's FIN
  };

  bool Has(Flag flag) const { return (flags & flag) != 0; }
  void Set(Flag flag) { flags = static_cast<uint16_t>(flags | flag); }
  void Unset(Flag flag) { flags = static_cast<uint16_t>(flags & ~flag); }

  State state() const { return state_; }
  // The only writer of the state.
  void SetState(State state) { state_ = state; }

  // Segment arrival in every state but CLOSED, LISTEN and TIME-WAIT (RFC 9293 3.10.7.4).
  Arrival OnSegment(const Segment& segment, Buffers& buffers, const TcpLimits& limits,
                    Counters& counters);

  // What would be sent now; nothing when nothing is due.
  std::optional<SegmentPlan> Plan() const;
  // `plan` has left.
  void OnSent(const SegmentPlan& plan);
  // Sends FIN once the queue is empty.
  void QueueFin();
  // True when one more acknowledgement to a strange segment may leave now: at most 10 per second.
  // [RFC 5961 7] the limit is kept per connection, so that it says nothing about others
  // (CVE-2016-5696).
  bool MayChallenge(Instant now);

  Snapshot TakeSnapshot() const;
  void CheckInvariants(const TcpLimits& limits) const;

  FlowKey flow;
  uint32_t generation = 0;
  Sender snd_;
  Receiver rcv_;
  uint16_t mss_bytes = 536;
  uint16_t flags = 0;
  uint8_t listener = 0;
  tcp_event::Mask events = 0;  // not yet polled

 private:
  State state_ = State::kClosed;
  uint8_t challenges_ = 0;
  uint16_t challenge_second_ = 0;

 public:
  uint16_t owner = 0;  // who gets the events
  uint32_t hash = 0;
  uint32_t user = 0;
  uint32_t next_output = kNoIndex;
  uint32_t next_ready = kNoIndex;
  uint32_t next_accept = kNoIndex;

 private:
  bool IsPredicted(const Segment& segment) const;
  bool CheckSequence(Segment& segment, Arrival& arrival);
  bool CheckReset(const Segment& segment, Arrival& arrival);
  bool CheckSyn(const Segment& segment, Arrival& arrival);
  bool CheckAck(const Segment& segment, Buffers& buffers, Arrival& arrival);
  void AcceptAck(Seq ack, Buffers& buffers, Arrival& arrival);
  void OnFinAcknowledged(Arrival& arrival);
  bool TakeText(const Segment& segment, Buffers& buffers, const TcpLimits& limits,
                Counters& counters, Arrival& arrival);
  void TakeFin(Arrival& arrival);
};
static_assert(sizeof(Connection) == 128);

}  // namespace aether::tcp
