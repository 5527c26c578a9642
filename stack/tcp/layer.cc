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
      buffers_{ChunkPool(config.buffers.chunks_max), Pool<SendItem>(config.buffers.send_items_max)},
      connections_(config.tcp.connections_max),
      time_wait_(config.tcp.time_wait_max, config.tcp.time_wait),
      demux_(config.tcp.connections_max + config.tcp.time_wait_max, random.NextKey()),
      timers_(config.tcp.connections_max, now),
      cookies_(random.NextSeed(), now),
      isn_key_(random.NextKey()),
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
  }
}

uint32_t Layer::FindFlow(const FlowKey& flow, uint32_t hash) const {
  return demux_.Find(hash, [&](uint32_t value) {
    return (value & Demux::kTimeWaitBit) != 0
               ? time_wait_[value & ~Demux::kTimeWaitBit].flow == flow
               : connections_[value].flow == flow;
  });
}

// kNoIndex when no more connections may exist.
uint32_t Layer::CreateConnection(const Segment& segment, Seq irs, uint16_t mss_bytes,
                                 uint8_t listener) {
  const uint32_t index = connections_.Allocate();
  if (index == kNoIndex) return kNoIndex;
  Connection& connection = connections_[index];
  connection.flow = segment.flow;
  connection.hash = segment.hash;
  if (++last_generation_ == 0) ++last_generation_;
  connection.generation = last_generation_;
  connection.listener = listener;
  connection.owner = listeners_[listener].owner;
  connection.mss_bytes = std::min(std::max(mss_bytes, limits_.mss_min), mss_max_bytes_);
  connection.rcv_.Start(irs + 1, limits_.receive_buffer_bytes);
  demux_.Insert(segment.hash, index);
  connection.Set(Connection::kInDemux);
  return index;
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
  connection.snd_.queue.Clear(buffers_);
  if (connection.state() != State::kTimeWait) connection.SetState(State::kClosed);
  connection.Unset(Connection::kAckNow);
  FreeIfUnused(index);
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

void Layer::AddEvents(uint32_t index, tcp_event::Mask mask) {
  Connection& connection = connections_[index];
  if (mask == 0 || !connection.Has(Connection::kOwned)) return;
  connection.events |= mask;
  if (connection.Has(Connection::kInReadyList)) return;
  connection.Set(Connection::kInReadyList);
  connection.next_ready = kNoIndex;
  (ready_.tail == kNoIndex ? ready_.head : connections_[ready_.tail].next_ready) = index;
  ready_.tail = index;
}

void Layer::QueueOutput(uint32_t index) {
  Connection& connection = connections_[index];
  if (connection.Has(Connection::kInOutputList)) return;
  connection.Set(Connection::kInOutputList);
  connection.next_output = kNoIndex;
  (output_.tail == kNoIndex ? output_.head : connections_[output_.tail].next_output) = index;
  output_.tail = index;
}

void Layer::PushReply(const Reply& reply) {
  if (!replies_.IsFull()) replies_.Push(reply);
}

// How long a state may last that waits for the peer alone. Nothing is retransmitted in the classic
// profile, so these states could otherwise last for ever.
void Layer::SetTimer(uint32_t index, Instant now) {
  switch (connections_[index].state()) {
    case State::kSynReceived:
      timers_.Schedule(index, now + limits_.half_open_timeout);
      break;
    case State::kFinWait1:
    case State::kFinWait2:
    case State::kClosing:
    case State::kLastAck:
      timers_.Schedule(index, now + limits_.closing_timeout);
      break;
    default:
      timers_.Cancel(index);
      break;
  }
}

void Layer::OnTimer(uint32_t index, Instant now) {
  Connection& connection = connections_[index];
  const State state = connection.state();
  if (state == State::kSynReceived) {
    ++counters_.tcp_half_open_timeouts;
  } else if (state == State::kFinWait2 && !connection.Has(Connection::kReleased)) {
    // Half closed by an application that still reads: its business how long.
    return;
  } else if (state == State::kFinWait1 && !connection.Has(Connection::kReleased) &&
             connection.snd_.queue.unsent() > 0) {
    // Still waiting for the peer's window with an application that watches.
    timers_.Schedule(index, now + limits_.closing_timeout);
    return;
  } else {
    ++counters_.tcp_timeouts;
    ResetPeer(connection);
  }
  AddEvents(index, tcp_event::kTimedOut);
  EndConnection(index);
}

void Layer::Advance(Instant now) {
  now_ = now;
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
  const TimeWaitRecord record = [&] {
    TimeWaitRecord made;
    made.flow = connection.flow;
    made.snd_nxt = connection.snd_.nxt;
    made.rcv_nxt = connection.rcv_.nxt;
    return made;
  }();
  const uint32_t record_index = time_wait_.Add(record, now);
  demux_.Replace(connection.hash, index, record_index | Demux::kTimeWaitBit);
  connection.Unset(Connection::kInDemux);
  if (connection.Has(Connection::kAckNow)) {
    PushReply({.flow = connection.flow,
               .seq = connection.snd_.nxt,
               .ack = connection.rcv_.nxt,
               .flags = tcp_flags::kAck,
               .window = limits_.receive_buffer_bytes,
               .mss_bytes = 0});
  }
  EndConnection(index);
}

void Layer::CheckInvariants() const {
  uint32_t half_open = 0;
  uint32_t in_demux = 0;
  const auto check = [&](uint32_t index) {
    const Connection& connection = connections_[index];
    connection.CheckInvariants(limits_);
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
         index = connections_[index].next_accept) {
      AETHER_CHECK(connections_[index].Has(Connection::kInAcceptQueue));
      ++waiting;
    }
    AETHER_CHECK(waiting == listener.waiting && waiting <= listener.backlog);
  }
}

}  // namespace aether::tcp
