// What applications call. A stale or foreign handle finds nothing, and the call does nothing.
#include <algorithm>
#include <bit>
#include <utility>

#include "stack/base/check.h"
#include "stack/tcp/layer.h"

namespace aether::tcp {

const Connection* Layer::Find(ConnectionId id) const {
  if (id.index >= connections_.touched() || id.generation == 0) return nullptr;
  const Connection& connection = connections_[id.index];
  return connection.generation == id.generation && connection.Has(Connection::kOwned) ? &connection
                                                                                      : nullptr;
}

Connection* Layer::Find(ConnectionId id) {
  return const_cast<Connection*>(std::as_const(*this).Find(id));
}

std::expected<ListenerId, Error> Layer::Listen(uint16_t port, uint16_t owner, uint32_t backlog,
                                               const SocketOptions& options,
                                               std::optional<Ipv4Address> local) {
  if (port == 0 || backlog == 0 || (local && !local->IsUnicast()))
    return std::unexpected(Error::kBadArgument);
  // [RFC 9293 3.9.1.1 MUST-41, MUST-42] connections that use the port already do not matter, and
  // are left alone.
  if (listener_of_port_.Find(port) != PortTable::kNone) return std::unexpected(Error::kPortInUse);
  const auto free = std::ranges::find(listeners_, 0, &Listener::port);
  if (free == listeners_.end()) return std::unexpected(Error::kTooMany);
  const uint16_t index = static_cast<uint16_t>(free - listeners_.begin());
  *free = Listener{};
  free->port = port;
  free->owner = owner;
  free->backlog = std::min(backlog, limits_.accept_queue_max);
  free->has_options = options != SocketOptions{};
  free->options = options;
  free->local = local;
  listener_of_port_.Insert(port, static_cast<uint8_t>(index));
  return ListenerId{index};
}

void Layer::Unlisten(ListenerId id) {
  if (id.index >= listeners_.size() || listeners_[id.index].port == 0) return;
  Listener& listener = listeners_[id.index];
  while (const std::optional<ConnectionId> waiting = Accept(id)) Abort(*waiting);
  // [RFC 9293 3.10.4] CLOSE in LISTEN: half-open connections go with it.
  for (uint32_t index = 0; index < connections_.touched(); ++index) {
    Connection& connection = connections_[index];
    if (connection.generation != 0 && connection.Has(Connection::kHalfOpen) &&
        connection.listener == id.index) {
      ResetPeer(connection);
      EndConnection(index);
    }
  }
  listener_of_port_.Erase(listener.port);
  acceptable_ &= ~(uint64_t{1} << id.index);
  listener = Listener{};
}

std::optional<ConnectionId> Layer::Accept(ListenerId id) {
  if (id.index >= listeners_.size()) return std::nullopt;
  Listener& listener = listeners_[id.index];
  while (listener.oldest != kNoIndex) {
    const uint32_t index = listener.oldest;
    Connection& connection = connections_[index];
    listener.oldest = connection.next_queued;
    if (listener.oldest == kNoIndex) listener.newest = kNoIndex;
    --listener.waiting;
    connection.Unset(Connection::kInAcceptQueue);
    if (connection.state() == State::kClosed) {
      // It was reset while it waited.
      FreeIfUnused(index);
      continue;
    }
    connection.Set(Connection::kOwned);
    // Events are for owners; that the peer has closed already would come to nobody's knowledge.
    if (connection.Has(Connection::kFinReceived)) AddEvents(index, tcp_event::kPeerClosed);
    return ConnectionId{index, connection.generation};
  }
  return std::nullopt;
}

size_t Layer::WaitingForAccept(ListenerId id) const {
  return id.index < listeners_.size() ? listeners_[id.index].waiting : 0;
}

std::optional<Layer::Ready> Layer::TakeReady() {
  if (acceptable_ != 0) {
    const uint16_t index = static_cast<uint16_t>(std::countr_zero(acceptable_));
    acceptable_ &= acceptable_ - 1;
    return Ready{.is_listener = true,
                 .owner = listeners_[index].owner,
                 .listener = {index},
                 .connection = {},
                 .mask = 0,
                 .user = 0};
  }
  while (ready_.head != kNoIndex) {
    const uint32_t index = ready_.head;
    Connection& connection = connections_[index];
    ready_.head = connection.next_queued;
    if (ready_.head == kNoIndex) ready_.tail = kNoIndex;
    connection.Unset(Connection::kInReadyList);
    if (connection.Has(Connection::kFreeWhenUnlisted)) {
      if (!connection.Has(Connection::kInOutputList)) connections_.Free(index);
      continue;
    }
    const tcp_event::Mask mask = connection.events;
    connection.events = 0;
    if (!connection.Has(Connection::kOwned) || mask == 0) continue;
    return Ready{.is_listener = false,
                 .owner = connection.owner,
                 .listener = {connection.listener},
                 .connection = {index, connection.generation},
                 .mask = mask,
                 .user = connection.user};
  }
  return std::nullopt;
}

void Layer::SetUser(ConnectionId id, uint32_t user) {
  if (Connection* connection = Find(id)) connection->user = user;
}

Bytes Layer::Peek(ConnectionId id, size_t offset) const {
  const Connection* connection = Find(id);
  return connection != nullptr ? connection->rcv_.queue.Front(buffers_.chunks, offset) : Bytes{};
}

size_t Layer::Readable(ConnectionId id) const {
  const Connection* connection = Find(id);
  return connection != nullptr ? connection->rcv_.queue.size() : 0;
}

void Layer::Consume(ConnectionId id, size_t size) {
  Connection* connection = Find(id);
  if (connection == nullptr) return;
  connection->rcv_.queue.Consume(buffers_.chunks, size);
  connection->OnRead(controls_[id.index], MakeEnv(now_));
  if (!CanReceive(connection->state())) return;
  GrowReceiveBuffer(id.index, size);
  if (connection->rcv_.WindowUpdateDue(controls_[id.index].ReceiveBufferBytes(limits_),
                                       connection->mss_bytes)) {
    connection->Set(Connection::kAckNow);
    QueueOutput(id.index);
  }
}

// A buffer that was filled and read once over was what held the peer back: it doubles. Only the
// promise grows; memory is taken when something is queued.
void Layer::GrowReceiveBuffer(uint32_t index, size_t consumed) {
  Control& control = controls_[index];
  if (!config_.profile.buffer_growth || !connections_[index].Has(Connection::kScaling)) return;
  control.consumed_bytes += static_cast<uint32_t>(consumed);
  const uint32_t buffer_bytes = control.ReceiveBufferBytes(limits_);
  if (control.consumed_bytes < buffer_bytes) return;
  control.consumed_bytes = 0;
  if (buffer_bytes < limits_.receive_buffer_max_bytes &&
      control.receive_doublings < Control::kReceiveDoublingsMax) {
    ++control.receive_doublings;
  }
}

bool Layer::AtEnd(ConnectionId id) const {
  const Connection* connection = Find(id);
  if (connection == nullptr || !connection->rcv_.queue.empty()) return false;
  return connection->Has(Connection::kFinReceived);
}

size_t Layer::WriteSpace(ConnectionId id) const {
  const Connection* connection = Find(id);
  if (connection == nullptr || connection->Has(Connection::kFinQueued)) return 0;
  // [RFC 9293 3.10.2] SEND during the handshake is queued.
  if (!CanSend(connection->state()) && connection->state() != State::kSynSent &&
      connection->state() != State::kSynReceived) {
    return 0;
  }
  const Env env{config_, const_cast<Buffers&>(buffers_), const_cast<Counters&>(counters_), now_,
                now_ms_};
  const size_t queued = connection->snd_.queue.size();
  // As on the receiving side: when memory runs short, its last quarter is for those who have queued
  // the least. Peers that ask for much and read none of it cannot starve all others.
  const auto is_short = [](const auto& pool) {
    return uint64_t{pool.used()} * 4 > uint64_t{pool.capacity()} * 3;
  };
  if (queued > Chunk::kBytes && (is_short(buffers_.items) || is_short(buffers_.chunks))) return 0;
  const size_t limit = connection->SendLimit(controls_[id.index], env);
  return queued < limit ? limit - queued : 0;
}

// [RFC 5681 4.1] a window that was not used for longer than an RTO says nothing about the path any
// more.
void Layer::RestartAfterIdle(uint32_t index) {
  const Connection& connection = connections_[index];
  Control& control = controls_[index];
  if (!config_.profile.idle_restart || connection.snd_.flight_bytes() > 0) return;
  const Env env = MakeEnv(now_);
  const Duration idle = std::chrono::milliseconds(env.now_ms() - control.unacked_since_ms);
  // No RTO is shorter than the least.
  if (idle > limits_.rto_min && control.unacked_since_ms != 0 &&
      idle > control.rtt.Rto(limits_.rto_min, limits_.rto_max)) {
    connections_[index].ForgetIdlePath(control, buffers_);
    control.congestion.OnIdle(connection.mss_bytes, config_.profile.initial_window_segments);
  }
}

size_t Layer::Write(ConnectionId id, Bytes data) {
  const size_t space = WriteSpace(id);
  if (space == 0) return 0;
  RestartAfterIdle(id.index);
  const size_t written = connections_[id.index].snd_.queue.Append(buffers_, data, space);
  if (written > 0) QueueOutput(id.index);
  return written;
}

bool Layer::WriteStatic(ConnectionId id, const StaticBytes& data) {
  if (WriteSpace(id) == 0) return false;
  RestartAfterIdle(id.index);
  if (!connections_[id.index].snd_.queue.AppendStatic(buffers_, data)) return false;
  QueueOutput(id.index);
  return true;
}

size_t Layer::Unacknowledged(ConnectionId id) const {
  const Connection* connection = Find(id);
  return connection != nullptr ? connection->snd_.queue.size() : 0;
}

void Layer::Shutdown(ConnectionId id) {
  Connection* connection = Find(id);
  if (connection == nullptr || connection->Has(Connection::kFinQueued)) return;
  connection->QueueFin();
  connection->ArmStateTimer(controls_[id.index], MakeEnv(now_));
  Reschedule(id.index);
  QueueOutput(id.index);
}

void Layer::ResetPeer(const Connection& connection) {
  // [RFC 9293 3.10.5] ABORT: <SEQ=SND.NXT><CTL=RST>.
  PushReply({.flow = connection.flow,
             .seq = connection.snd_.nxt,
             .ack = connection.rcv_.nxt,
             .flags = tcp_flags::kRst | tcp_flags::kAck});
  ++counters_.tcp_rsts_out;
}

void Layer::Close(ConnectionId id) {
  Connection* connection = Find(id);
  if (connection == nullptr) return;
  const State state = connection->state();
  const bool is_over = state == State::kClosed || state == State::kTimeWait;
  // [RFC 2525 2.17] the peer must not believe that somebody read what nobody did.
  if (!is_over && !connection->rcv_.queue.empty()) {
    Abort(id);
    return;
  }
  connection->Unset(Connection::kOwned);
  connection->Set(Connection::kReleased);
  if (is_over) {
    FreeIfUnused(id.index);
    return;
  }
  if (state == State::kSynSent) {
    // [RFC 9293 3.10.4] nothing was exchanged yet: the connection is deleted. In SYN-RECEIVED the
    // FIN waits with what is queued.
    EndConnection(id.index);
    return;
  }
  connection->rcv_.queue.Clear(buffers_.chunks);
  if (!connection->Has(Connection::kFinQueued)) {
    connection->QueueFin();
    QueueOutput(id.index);
  }
  connection->ArmStateTimer(controls_[id.index], MakeEnv(now_));
  Reschedule(id.index);
}

void Layer::Abort(ConnectionId id) {
  Connection* connection = Find(id);
  if (connection == nullptr) return;
  const State state = connection->state();
  // [RFC 9293 3.10.5] in SYN-SENT there is nobody to reset.
  if (state != State::kClosed && state != State::kTimeWait && state != State::kSynSent)
    ResetPeer(*connection);
  connection->Unset(Connection::kOwned);
  connection->Set(Connection::kReleased);
  EndConnection(id.index);
}

std::optional<Snapshot> Layer::Inspect(ConnectionId id) const {
  const Connection* connection = Find(id);
  if (connection == nullptr) return std::nullopt;
  const Env env{config_, const_cast<Buffers&>(buffers_), const_cast<Counters&>(counters_), now_,
                now_ms_};
  return connection->TakeSnapshot(controls_[id.index], env);
}

bool Layer::PortIsFree(Ipv4Endpoint local, Ipv4Endpoint remote) const {
  const FlowKey flow{remote.address, local.address, remote.port, local.port};
  return listener_of_port_.Find(local.port) == PortTable::kNone &&
         FindFlow(flow, demux_.Hash(flow)) == kNoIndex;
}

// [RFC 6056 3.3.1] a random port that is free towards this peer.
std::optional<uint16_t> Layer::DrawPort(Ipv4Address local, Ipv4Endpoint remote) {
  constexpr uint32_t kFirst = 32768;
  constexpr uint32_t kCount = 65536 - kFirst;
  const uint32_t start = random_.Below(kCount);
  for (uint32_t i = 0; i < std::min(kCount, limits_.port_tries_max); ++i) {
    const uint16_t port = static_cast<uint16_t>(kFirst + (start + i * 7919) % kCount);
    if (PortIsFree({local, port}, remote)) return port;
  }
  return std::nullopt;
}

std::expected<ConnectionId, Error> Layer::Connect(Ipv4Endpoint local, Ipv4Endpoint remote,
                                                  uint16_t owner, const SocketOptions& options) {
  if (local.port == 0) {
    const std::optional<uint16_t> drawn = DrawPort(local.address, remote);
    if (!drawn) return std::unexpected(Error::kPortInUse);
    local.port = *drawn;
  } else if (!PortIsFree(local, remote)) {
    return std::unexpected(Error::kPortInUse);
  }
  // [RFC 9293 3.9.1.1 MUST-45] from here on all segments have this local address.
  const FlowKey flow{remote.address, local.address, remote.port, local.port};
  const uint32_t index = CreateConnection(flow, demux_.Hash(flow), kNoListener, owner);
  if (index == kNoIndex) return std::unexpected(Error::kTooMany);
  ++counters_.tcp_connects;
  Connection& connection = connections_[index];
  connection.Set(Connection::kActive);
  connection.Set(Connection::kOwned);
  const Seq iss = InitialSequence(isn_key_, flow, now_);
  connection.SetState(State::kSynSent);
  connection.snd_.Start(iss, 0, Seq(), iss);
  connection.Set(Connection::kSynDue);
  Apply(options, index);
  Reschedule(index);
  QueueOutput(index);
  return ConnectionId{index, connection.generation};
}

bool Layer::SetOptions(ConnectionId id, const SocketOptions& options) {
  const Connection* connection = Find(id);
  if (connection == nullptr) return false;
  // What has ended and only waits to be let go has no timers any more.
  if (connection->state() == State::kClosed || connection->state() == State::kTimeWait) return true;
  Apply(options, id.index);
  Reschedule(id.index);
  QueueOutput(id.index);
  return true;
}

void Layer::Apply(const SocketOptions& options, uint32_t index) {
  Connection& connection = connections_[index];
  Control& control = controls_[index];
  const auto seconds = [](Duration duration) {
    const auto rounded = std::chrono::ceil<std::chrono::seconds>(duration).count();
    return static_cast<uint16_t>(std::clamp<int64_t>(rounded, 0, 0xffff));
  };
  options.no_delay ? connection.Set(Connection::kNoDelay) : connection.Unset(Connection::kNoDelay);
  options.quick_ack ? connection.Set(Connection::kQuickAck)
                    : connection.Unset(Connection::kQuickAck);
  control.keepalive_idle_s = seconds(options.keepalive_idle);
  control.keepalive_interval_s = std::max<uint16_t>(1, seconds(options.keepalive_interval));
  control.keepalive_probes = std::max<uint8_t>(1, options.keepalive_probes);
  control.user_timeout_s = seconds(options.user_timeout);
  connection.dscp = options.dscp & 0x3f;
  control.keepalive_deadline.Clear();
  if (control.keepalive_idle_s != 0)
    control.keepalive_deadline.Set(now_ + std::chrono::seconds(control.keepalive_idle_s));
}

void Layer::DropAll() {
  for (uint32_t index = 0; index < connections_.touched(); ++index) {
    Connection& connection = connections_[index];
    // What is over has had its end; somebody may still read from it.
    if (connection.generation == 0 || connection.state() == State::kClosed ||
        connection.state() == State::kTimeWait) {
      continue;
    }
    ForgetReceived(connection);
    AddEvents(index, tcp_event::kTimedOut);
    EndConnection(index);
  }
  while (time_wait_.size() > 0) RemoveTimeWait(time_wait_.oldest());
  while (!replies_.empty()) replies_.Pop();
}

}  // namespace aether::tcp
