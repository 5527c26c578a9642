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

std::expected<ListenerId, Error> Layer::Listen(uint16_t port, uint16_t owner, uint32_t backlog) {
  if (port == 0 || backlog == 0) return std::unexpected(Error::kBadArgument);
  if (listener_of_port_[port] != 0) return std::unexpected(Error::kPortInUse);
  const auto free = std::ranges::find(listeners_, 0, &Listener::port);
  if (free == listeners_.end()) return std::unexpected(Error::kTooMany);
  const uint16_t index = static_cast<uint16_t>(free - listeners_.begin());
  *free = Listener{
      .port = port, .owner = owner, .backlog = std::min(backlog, limits_.accept_queue_max)};
  listener_of_port_[port] = static_cast<uint8_t>(index + 1);
  return ListenerId{index};
}

void Layer::Unlisten(ListenerId id) {
  if (id.index >= listeners_.size() || listeners_[id.index].port == 0) return;
  Listener& listener = listeners_[id.index];
  while (const std::optional<ConnectionId> waiting = Accept(id)) Abort(*waiting);
  // [RFC 9293 3.10.4] CLOSE in LISTEN: half-open connections go with it.
  for (uint32_t index = 0; index < connections_.touched(); ++index) {
    Connection& connection = connections_[index];
    if (connection.generation != 0 && connection.state() == State::kSynReceived &&
        connection.listener == id.index) {
      ResetPeer(connection);
      EndConnection(index);
    }
  }
  listener_of_port_[listener.port] = 0;
  acceptable_ &= ~(uint64_t{1} << id.index);
  listener = Listener{};
}

std::optional<ConnectionId> Layer::Accept(ListenerId id) {
  if (id.index >= listeners_.size()) return std::nullopt;
  Listener& listener = listeners_[id.index];
  while (listener.oldest != kNoIndex) {
    const uint32_t index = listener.oldest;
    Connection& connection = connections_[index];
    listener.oldest = connection.next_accept;
    if (listener.oldest == kNoIndex) listener.newest = kNoIndex;
    --listener.waiting;
    connection.Unset(Connection::kInAcceptQueue);
    if (connection.state() == State::kClosed) {
      // It was reset while it waited.
      FreeIfUnused(index);
      continue;
    }
    connection.Set(Connection::kOwned);
    return ConnectionId{index, connection.generation};
  }
  return std::nullopt;
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
    ready_.head = connection.next_ready;
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
  if (CanReceive(connection->state()) &&
      connection->rcv_.WindowUpdateDue(limits_.receive_buffer_bytes, connection->mss_bytes)) {
    connection->Set(Connection::kAckNow);
    QueueOutput(id.index);
  }
}

bool Layer::AtEnd(ConnectionId id) const {
  const Connection* connection = Find(id);
  if (connection == nullptr || !connection->rcv_.queue.empty()) return false;
  return connection->Has(Connection::kFinReceived);
}

size_t Layer::WriteSpace(ConnectionId id) const {
  const Connection* connection = Find(id);
  if (connection == nullptr || !CanSend(connection->state()) ||
      connection->Has(Connection::kFinQueued))
    return 0;
  const size_t queued = connection->snd_.queue.size();
  return queued < limits_.send_buffer_bytes ? limits_.send_buffer_bytes - queued : 0;
}

size_t Layer::Write(ConnectionId id, Bytes data) {
  const size_t space = WriteSpace(id);
  if (space == 0) return 0;
  const size_t written = connections_[id.index].snd_.queue.Append(buffers_, data, space);
  if (written > 0) QueueOutput(id.index);
  return written;
}

bool Layer::WriteStatic(ConnectionId id, const StaticBytes& data) {
  if (WriteSpace(id) == 0 || !connections_[id.index].snd_.queue.AppendStatic(buffers_, data))
    return false;
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
  SetTimer(id.index, now_);
  QueueOutput(id.index);
}

void Layer::ResetPeer(const Connection& connection) {
  // [RFC 9293 3.10.5] ABORT: <SEQ=SND.NXT><CTL=RST>.
  PushReply({.flow = connection.flow,
             .seq = connection.snd_.nxt,
             .ack = connection.rcv_.nxt,
             .flags = tcp_flags::kRst | tcp_flags::kAck,
             .window = 0,
             .mss_bytes = 0});
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
  connection->rcv_.queue.Clear(buffers_.chunks);
  if (!connection->Has(Connection::kFinQueued)) {
    connection->QueueFin();
    QueueOutput(id.index);
  }
  SetTimer(id.index, now_);
}

void Layer::Abort(ConnectionId id) {
  Connection* connection = Find(id);
  if (connection == nullptr) return;
  const State state = connection->state();
  if (state != State::kClosed && state != State::kTimeWait) ResetPeer(*connection);
  connection->Unset(Connection::kOwned);
  connection->Set(Connection::kReleased);
  EndConnection(id.index);
}

std::optional<Snapshot> Layer::Inspect(ConnectionId id) const {
  const Connection* connection = Find(id);
  if (connection == nullptr) return std::nullopt;
  return connection->TakeSnapshot();
}

void Layer::DropAll() {
  for (uint32_t index = 0; index < connections_.touched(); ++index) {
    Connection& connection = connections_[index];
    if (connection.generation == 0 || connection.state() == State::kClosed) continue;
    connection.rcv_.queue.Clear(buffers_.chunks);
    AddEvents(index, tcp_event::kTimedOut);
    EndConnection(index);
  }
  while (time_wait_.size() > 0) RemoveTimeWait(time_wait_.oldest());
  while (!replies_.empty()) replies_.Pop();
}

}  // namespace aether::tcp
