// TCP of one host: listeners, connections, TIME-WAIT, and the way of a segment to one of them (RFC
// 9293 3.10.7). It takes segments and calls, and hands out segments and events; routes and headers
// below TCP are not its business.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "stack/base/check.h"
#include "stack/base/counters.h"
#include "stack/base/drop.h"
#include "stack/base/error.h"
#include "stack/base/memory_use.h"
#include "stack/base/pool.h"
#include "stack/base/port_table.h"
#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/base/timer_wheel.h"
#include "stack/config.h"
#include "stack/tcp/buffers.h"
#include "stack/tcp/connection.h"
#include "stack/tcp/control_table.h"
#include "stack/tcp/cookie.h"
#include "stack/tcp/demux.h"
#include "stack/tcp/handle.h"
#include "stack/tcp/listener.h"
#include "stack/tcp/probe.h"
#include "stack/tcp/reply_queue.h"
#include "stack/tcp/segment.h"
#include "stack/tcp/socket_options.h"
#include "stack/tcp/time_wait.h"
#include "stack/wire/icmp.h"

namespace aether::tcp {

class Layer {
 public:
  static constexpr uint32_t kListenersMax = PortTable::kObjectsMax;  // one bit each in acceptable_
  static constexpr uint8_t kNoListener = 0xff;
  // Everything that is kept for a connection without anything queued or in flight, and for one of
  // which only TIME-WAIT is left.
  static constexpr size_t kIdleConnectionBytes =
      sizeof(Connection) + sizeof(Control) + Demux::kEntryBytes + TimerWheel::kTimerBytes;
  static constexpr size_t kTimeWaitBytes = sizeof(TimeWaitRecord) + Demux::kEntryBytes;

  Layer(const Config& config, Random& random, Counters& counters, Instant now);

  // --- Segments ---

  uint32_t Hash(const FlowKey& flow) const { return demux_.Hash(flow); }
  void PrefetchSlot(uint32_t hash) const { demux_.PrefetchSlot(hash); }
  void PrefetchFlow(uint32_t hash) const;
  // A segment to our address; its checksum is right and `segment.hash` is set.
  Drop Receive(const Segment& segment, Instant now) {
    return probe_ == nullptr ? ReceivePlain(segment, now) : ReceiveProbed(segment, now);
  }

  struct Outgoing {
    Ipv4Address source;
    Ipv4Address destination;
    size_t size_bytes = 0;
    Ecn ecn = Ecn::kNotCapable;
    uint8_t dscp = 0;
    bool dont_fragment = false;
  };
  // Writes the next segment that is due, header and payload, to `out`; it holds the MTU less the IP
  // header.
  std::optional<Outgoing> Transmit(MutableBytes out, Instant now);

  // [RFC 5927 4] an ICMP error that quotes a segment of ours: `flow` as ours, `seq` as quoted. It
  // is believed only for a live flow and a number that is in flight. `next_hop_mtu` counts for
  // kFragmentationNeeded.
  Drop OnIcmpError(const FlowKey& flow, Seq seq, IcmpType type, uint8_t code, uint16_t next_hop_mtu,
                   Instant now);
  // [RFC 9293 3.8.3 MUST-20] a peer that the way leads nowhere to any more, as it seems; asked
  // once.
  std::optional<Ipv4Address> TakeDoubted() { return std::exchange(doubted_, std::nullopt); }

  void Advance(Instant now);
  // Outlives the layer, or is taken out again with null.
  void SetProbe(Probe* probe) { probe_ = probe; }
  Instant NextDeadline() const;

  // --- Events ---

  bool HasEvents() const { return acceptable_ != 0 || ready_.head != kNoIndex; }
  struct Ready {
    bool is_listener = false;
    uint16_t owner = 0;
    ListenerId listener;
    ConnectionId connection;
    tcp_event::Mask mask = 0;
    uint32_t user = 0;
  };
  // The next listener or connection with news; nothing when there is none.
  std::optional<Ready> TakeReady();

  // --- Calls of applications; stack.h says what they mean ---

  std::expected<ListenerId, Error> Listen(uint16_t port, uint16_t owner, uint32_t backlog,
                                          const SocketOptions& options,
                                          std::optional<Ipv4Address> local = std::nullopt);
  void Unlisten(ListenerId id);
  std::optional<ConnectionId> Accept(ListenerId id);
  size_t WaitingForAccept(ListenerId id) const;
  // A local port of 0 is drawn.
  std::expected<ConnectionId, Error> Connect(Ipv4Endpoint local, Ipv4Endpoint remote,
                                             uint16_t owner, const SocketOptions& options);
  bool SetOptions(ConnectionId id, const SocketOptions& options);
  void SetUser(ConnectionId id, uint32_t user);
  Bytes Peek(ConnectionId id, size_t offset) const;
  size_t Readable(ConnectionId id) const;
  void Consume(ConnectionId id, size_t size);
  bool AtEnd(ConnectionId id) const;
  size_t WriteSpace(ConnectionId id) const;
  size_t Write(ConnectionId id, Bytes data);
  bool WriteStatic(ConnectionId id, const StaticBytes& data);
  size_t Unacknowledged(ConnectionId id) const;
  void Shutdown(ConnectionId id);
  void Close(ConnectionId id);
  void Abort(ConnectionId id);
  std::optional<Snapshot> Inspect(ConnectionId id) const;
  // Ends every connection without a word to the peers: our address is gone.
  void DropAll();

  size_t connection_count() const { return connections_.used(); }
  size_t time_wait_count() const { return time_wait_.size(); }
  void AddMemoryUse(MemoryUse& use) const;
  AETHER_INVARIANTS void CheckInvariants() const;

 private:
  // A list of connections linked through one of their members.
  struct IndexList {
    uint32_t head = kNoIndex;
    uint32_t tail = kNoIndex;
  };

  // layer.cc
  uint32_t FindFlow(const FlowKey& flow, uint32_t hash) const;
  Env MakeEnv(Instant now) {
    return {config_, buffers_, counters_, now, now == now_ ? now_ms_ : MsOf(now)};
  }
  void SetNow(Instant now) {
    if (now == now_) return;
    now_ = now;
    now_ms_ = MsOf(now);
  }
  void AdvanceStep(Instant now);
  void Reschedule(uint32_t index);
  void Settle(uint32_t index, Instant now);
  void OnTimer(uint32_t index, Instant now);
  void AddEvents(uint32_t index, tcp_event::Mask mask);
  void QueueOutput(uint32_t index);
  void EndConnection(uint32_t index);
  // What was not read is gone, and so the application does not see the end behind it.
  void ForgetReceived(Connection& connection);
  void FreeIfUnused(uint32_t index);
  void LeaveDemux(uint32_t index);
  uint32_t CreateConnection(const FlowKey& flow, uint32_t hash, uint8_t listener, uint16_t owner);
  void AcknowledgeFromTimeWait(const TimeWaitRecord& record, uint32_t ts_offset, Instant now);
  void EnterTimeWait(uint32_t index, Instant now);
  void RemoveTimeWait(uint32_t index);
  void PushReply(const Reply& reply);
  bool MayAnswerFromTimeWait(uint32_t hash, Instant now);
  uint32_t TimestampOffset(const FlowKey& flow) const;
  void ResetPeer(const Connection& connection);

  // layer_probe.cc
  Drop ReceiveProbed(const Segment& segment, Instant now);
  void ProbeSent(const Outgoing& outgoing, Bytes out, uint32_t index, bool again, Instant now);
  std::optional<Snapshot> SnapshotOf(uint32_t index) const;

  // layer_input.cc
  Drop ReceivePlain(const Segment& segment, Instant now);
  Drop ReceiveForConnection(uint32_t index, const Segment& segment, Instant now);
  Drop ReceiveUnpredicted(uint32_t index, const Segment& segment, Instant now);
  Drop ReceiveForStranger(const Segment& segment, Instant now);
  Drop ReceiveForSynSent(uint32_t index, const Segment& segment, Instant now);
  Drop ReceiveForTimeWait(uint32_t index, const Segment& segment, Instant now);
  Drop ReceiveForListener(uint8_t listener, const Segment& segment, Instant now);
  Drop ReceiveSyn(uint8_t listener, const Segment& segment, Instant now);
  void ReplyCookie(const Segment& segment, const TcpOptions& options, bool ecn, uint8_t dscp,
                   Instant now);
  Drop ReceiveCookieAck(uint8_t listener, const Segment& segment, Instant now);
  void Apply(uint32_t index, const Segment* segment, const Arrival& arrival, State before,
             Instant now);
  void Establish(uint32_t index);
  void ReplyReset(const Segment& segment);

  // layer_icmp.cc
  Drop OnPathMtu(uint32_t index, uint16_t next_hop_mtu, Instant now);

  // layer_output.cc
  Outgoing EmitReply(const Reply& reply, MutableBytes out);
  size_t EmitOptions(const Connection& connection, Control& control, const Env& env,
                     SegmentPlan& plan, std::array<uint8_t, 40>& bytes, bool& has_left_out,
                     SackBlock& duplicate) const;
  Outgoing EmitSegment(Connection& connection, Control& control, SegmentPlan& plan,
                       MutableBytes out, const Env& env);

  Outgoing Leave(uint32_t index, SegmentPlan plan, MutableBytes out, const Env& env);
  Outgoing LeaveAny(uint32_t index, const SegmentPlan& plan, MutableBytes out, const Env& env);

  // layer_sockets.cc
  Connection* Find(ConnectionId id);
  const Connection* Find(ConnectionId id) const;
  void Apply(const SocketOptions& options, uint32_t index);
  void GrowReceiveBuffer(uint32_t index, size_t consumed);
  void RestartAfterIdle(uint32_t index);
  bool PortIsFree(Ipv4Endpoint local, Ipv4Endpoint remote) const;
  std::optional<uint16_t> DrawPort(Ipv4Address local, Ipv4Endpoint remote);

  const Config& config_;
  const TcpLimits& limits_;
  Random& random_;
  Counters& counters_;
  Instant now_;
  uint32_t now_ms_;

  Buffers buffers_;
  Pool<Connection> connections_;
  ControlTable controls_;
  TimeWaitTable time_wait_;
  Demux demux_;
  TimerWheel timers_;
  CookieJar cookies_;
  SipKey isn_key_;
  SipKey timestamp_key_;
  ReplyQueue replies_;
  std::vector<Listener> listeners_;
  PortTable listener_of_port_;
  uint64_t acceptable_ = 0;  // a bit per listener with news
  IndexList output_;
  IndexList ready_;
  uint32_t half_open_ = 0;
  // Answers to empty segments from TIME-WAIT, limited per second and bucket of the keyed flow hash:
  // a record has no room for a count of its own, and one count for all would tell of others.
  struct AnswerBucket {
    uint16_t second = 0;
    uint16_t answers = 0;
  };
  std::array<AnswerBucket, 256> time_wait_answers_{};
  uint32_t last_generation_ = 0;
  std::optional<Ipv4Address> doubted_;
  uint16_t mss_max_bytes_;
  Probe* probe_ = nullptr;
};

// What every segment goes through.

inline uint32_t Layer::FindFlow(const FlowKey& flow, uint32_t hash) const {
  return demux_.Find(hash, [&](uint32_t value) {
    return (value & Demux::kTimeWaitBit) != 0
               ? time_wait_[value & ~Demux::kTimeWaitBit].flow == flow
               : connections_[value].flow == flow;
  });
}

inline void Layer::AddEvents(uint32_t index, tcp_event::Mask mask) {
  Connection& connection = connections_[index];
  if (mask == 0 || !connection.Has(Connection::kOwned)) return;
  connection.events |= mask;
  if (connection.Has(Connection::kInReadyList)) return;
  connection.Set(Connection::kInReadyList);
  connection.next_queued = kNoIndex;
  (ready_.tail == kNoIndex ? ready_.head : connections_[ready_.tail].next_queued) = index;
  ready_.tail = index;
}

inline void Layer::QueueOutput(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.Has(Connection::kInOutputList)) return;
  connection.Set(Connection::kInOutputList);
  connection.next_output = kNoIndex;
  (output_.tail == kNoIndex ? output_.head : connections_[output_.tail].next_output) = index;
  output_.tail = index;
}

// One wheel entry per connection, for its earliest deadline. A later deadline is only stored; one
// that is gone comes up once for nothing.
inline void Layer::Reschedule(uint32_t index) {
  const Instant deadline = connections_[index].NextDeadline(controls_[index], now_);
  if (deadline != kNever) timers_.Schedule(index, deadline);
}

// After a segment or a timer: when it comes up next, and whether it has something to send. What has
// something, but finds no memory for it and has no timer, needs one.
inline void Layer::Settle(uint32_t index, Instant now) {
  Reschedule(index);
  const Connection& connection = connections_[index];
  if (connection.Plan(controls_[index], MakeEnv(now)) || connection.WaitsWithoutTimer())
    QueueOutput(index);
}

}  // namespace aether::tcp
