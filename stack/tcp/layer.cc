#include "stack/tcp/layer.h"

#include <algorithm>

#include "stack/base/check.h"
#include "stack/wire/ipv4.h"

namespace aether::tcp {

Layer::Layer(const Config& config, Random& random, Counters& counters, Instant now)
    : config_(config),
      limits_(config.tcp),
      random_(random),
      counters_(counters),
      now_(now),
      now_ms_(MsOf(now)),
      buffers_{ChunkPool(config.buffers.chunks_max),
               Pool<SendItem>(config.buffers.send_items_max),
               Pool<SentSegment>(config.buffers.sent_segments_max),
               Pool<HeldRange>(config.buffers.held_ranges_max),
               Pool<Recovery>(config.tcp.connections_max),
               Pool<OutOfOrder>(config.tcp.connections_max)},
      connections_(config.tcp.connections_max),
      controls_(config.tcp.connections_max),
      time_wait_(config.tcp.time_wait_max, config.tcp.time_wait),
      demux_(config.tcp.connections_max + config.tcp.time_wait_max, random.NextKey()),
      timers_(config.tcp.connections_max, now),
      cookies_(random.NextSeed(), now),
      isn_key_(random.NextKey()),
      timestamp_key_(random.NextKey()),
      replies_(config.tcp.replies_max),
      listeners_(config.tcp.listeners_max),
      mss_max_bytes_(static_cast<uint16_t>(config.mtu - Ipv4Header::kSize - TcpHeader::kSizeMin)) {
  AETHER_CHECK(config.tcp.listeners_max <= kListenersMax &&
               config.tcp.connections_max < Demux::kTimeWaitBit);
  AETHER_CHECK(config.tcp.receive_buffer_bytes > 0 && config.mtu >= 68);
}

void Layer::PrefetchFlow(uint32_t hash) const {
  const uint32_t value = demux_.Guess(hash);
  if (value == kNoIndex) return;
  if ((value & Demux::kTimeWaitBit) != 0) {
    time_wait_.Prefetch(value & ~Demux::kTimeWaitBit);
  } else {
    connections_.Prefetch(value);
    controls_.Prefetch(value);
  }
}

// kNoIndex when no more connections may exist. State and numbers are the caller's to set.
uint32_t Layer::CreateConnection(const FlowKey& flow, uint32_t hash, uint8_t listener,
                                 uint16_t owner) {
  const uint32_t index = connections_.Allocate();
  if (index == kNoIndex) return kNoIndex;
  Connection& connection = connections_[index];
  Control& control = controls_.Make(index);
  connection.flow = flow;
  connection.hash = hash;
  if (++last_generation_ == 0) ++last_generation_;
  connection.generation = last_generation_;
  connection.listener = listener;
  connection.owner = owner;
  control.ts_offset = TimestampOffset(flow);
  demux_.Insert(hash, index);
  connection.Set(Connection::kInDemux);
  return index;
}

// [RFC 7323 5.4] our timestamps of different flows tell nothing about each other, nor about our
// clock. A SYN cookie and the connection that comes of it share the offset.
uint32_t Layer::TimestampOffset(const FlowKey& flow) const {
  return static_cast<uint32_t>(SipHash13(timestamp_key_, FlowAddresses(flow), FlowPorts(flow)));
}

void Layer::LeaveDemux(uint32_t index) {
  Connection& connection = connections_[index];
  if (!connection.Has(Connection::kInDemux)) return;
  demux_.Erase(connection.hash, index);
  connection.Unset(Connection::kInDemux);
}

// The connection is over. Its queues are given back; what is left stays until the application lets
// go and no list holds it.
void Layer::EndConnection(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.Has(Connection::kHalfOpen)) {
    connection.Unset(Connection::kHalfOpen);
    --half_open_;
  }
  LeaveDemux(index);
  timers_.Cancel(index);
  controls_[index].StopTimers();
  connection.ReleaseBuffers(controls_[index], buffers_);
  if (connection.state() != State::kTimeWait) connection.SetState(State::kClosed);
  connection.Unset(Connection::kAckNow);
  connection.Unset(Connection::kProbeDue);
  FreeIfUnused(index);
}

void Layer::ForgetReceived(Connection& connection) {
  if (connection.rcv_.queue.empty()) return;
  connection.rcv_.queue.Clear(buffers_.chunks);
  connection.Unset(Connection::kFinReceived);
}

void Layer::FreeIfUnused(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.Has(Connection::kOwned) || connection.Has(Connection::kInAcceptQueue)) return;
  connection.rcv_.queue.Clear(buffers_.chunks);
  connection.generation = 0;
  if (connection.Has(Connection::kInOutputList) || connection.Has(Connection::kInReadyList)) {
    connection.Set(Connection::kFreeWhenUnlisted);
    return;
  }
  connections_.Free(index);
}

void Layer::PushReply(const Reply& reply) {
  if (!replies_.IsFull()) replies_.Push(reply);
}

void Layer::OnTimer(uint32_t index, Instant now) {
  Connection& connection = connections_[index];
  Control& control = controls_[index];
  connection.ForgetIdlePath(control, buffers_);
  if (now < connection.NextDeadline(control, now)) {
    Reschedule(index);
    return;
  }
  const State before = connection.state();
  Apply(index, nullptr, connection.OnTimer(control, MakeEnv(now)), before, now);
}

void Layer::Advance(Instant now) {
  // Deadlines are kept modulo 49 days: whoever was away for longer goes through them in order.
  while (now - now_ > MsDeadline::kStepMax) AdvanceStep(now_ + MsDeadline::kStepMax);
  AdvanceStep(now);
}

void Layer::AdvanceStep(Instant now) {
  SetNow(now);
  timers_.Advance(now, [&](uint32_t index) { OnTimer(index, now); });
  while (time_wait_.OldestIsDue(now)) RemoveTimeWait(time_wait_.oldest());
}

Instant Layer::NextDeadline() const {
  return std::min(timers_.NextDeadline(), time_wait_.NextDeadline());
}

void Layer::RemoveTimeWait(uint32_t index) {
  demux_.Erase(demux_.Hash(time_wait_[index].flow), index | Demux::kTimeWaitBit);
  time_wait_.Remove(index);
}

// [RFC 9293 3.10.7.4] the last ACK leaves, and a record of 32 bytes waits in the place of the
// connection.
void Layer::EnterTimeWait(uint32_t index, Instant now) {
  Connection& connection = connections_[index];
  if (time_wait_.IsFull()) {
    ++counters_.tcp_time_wait_evicted;
    RemoveTimeWait(time_wait_.oldest());
  }
  ++counters_.tcp_time_wait_entered;
  TimeWaitRecord record;
  record.flow = connection.flow;
  record.snd_nxt = connection.snd_.nxt;
  record.rcv_nxt = connection.rcv_.nxt;
  if (connection.Has(Connection::kTimestamps)) record.ts_recent = controls_[index].ts_recent;
  const uint32_t record_index = time_wait_.Add(record, now);
  demux_.Replace(connection.hash, index, record_index | Demux::kTimeWaitBit);
  connection.Unset(Connection::kInDemux);
  if (connection.Has(Connection::kAckNow))
    AcknowledgeFromTimeWait(record, controls_[index].ts_offset, now);
  EndConnection(index);
}

// `ts_offset` is that of the record's flow.
void Layer::AcknowledgeFromTimeWait(const TimeWaitRecord& record, uint32_t ts_offset, Instant now) {
  Reply reply{
      .flow = record.flow, .seq = record.snd_nxt, .ack = record.rcv_nxt, .flags = tcp_flags::kAck};
  // The peer has sent its FIN and nothing more is taken: the window is only kept from moving left.
  // If it was scaled, which the record does not know, this promises more than there is, to nobody.
  reply.window = static_cast<uint16_t>(std::min<uint32_t>(limits_.receive_buffer_bytes, 0xffff));
  if (record.ts_recent != 0) {
    // [RFC 7323 3.2] timestamps, once negotiated, are in every segment.
    reply.has_timestamps = true;
    reply.ts_value = MakeEnv(now).now_ms() + ts_offset;
    reply.ts_echo = record.ts_recent;
  }
  PushReply(reply);
}

void Layer::AddMemoryUse(MemoryUse& use) const {
  use.connections += connections_.used();
  use.half_open += half_open_;
  use.time_wait_records += time_wait_.size();
  use.tcp_timers += timers_.armed();
  use.tcp_replies += replies_.size();
  use.chunks += buffers_.chunks.used();
  use.send_items += buffers_.items.used();
  use.sent_segments += buffers_.segments.used();
  use.held_ranges += buffers_.ranges.used();
  use.recoveries += buffers_.recoveries.used();
  use.out_of_orders += buffers_.out_of_orders.used();
}

void Layer::CheckInvariants() const {
  uint32_t half_open = 0;
  uint32_t in_demux = 0;
  const Env env{config_, const_cast<Buffers&>(buffers_), const_cast<Counters&>(counters_), now_,
                now_ms_};
  const auto check = [&](uint32_t index) {
    const Connection& connection = connections_[index];
    connection.CheckInvariants(controls_[index], env);
    // A deadline that the wheel does not know of would never come.
    AETHER_CHECK(connection.NextDeadline(controls_[index], now_) == kNever ||
                 timers_.IsArmed(index));
    AETHER_CHECK(FindFlow(connection.flow, connection.hash) == index ||
                 !connection.Has(Connection::kInDemux));
    half_open += connection.Has(Connection::kHalfOpen) ? 1u : 0u;
    in_demux += connection.Has(Connection::kInDemux) ? 1u : 0u;
  };
  // A slot that is not in use has generation 0, and so has a connection that only waits to leave a
  // list.
  for (uint32_t index = 0; index < connections_.touched(); ++index) {
    if (connections_[index].generation != 0) check(index);
  }
  AETHER_CHECK(half_open == half_open_ && half_open_ <= limits_.half_open_max);
  AETHER_CHECK(demux_.size() == in_demux + time_wait_.size());
  for (const Listener& listener : listeners_) {
    uint32_t waiting = 0;
    for (uint32_t index = listener.oldest; index != kNoIndex;
         index = connections_[index].next_queued) {
      AETHER_CHECK(connections_[index].Has(Connection::kInAcceptQueue));
      ++waiting;
    }
    AETHER_CHECK(waiting == listener.waiting && waiting <= listener.backlog);
  }
}

}  // namespace aether::tcp
