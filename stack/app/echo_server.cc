#include "stack/app/echo_server.h"

#include <algorithm>
#include <array>

namespace aether::app {
namespace {

// Services that answer whatever comes: echo, daytime, quote of the day, chargen, time (RFC
// 862-868).
constexpr std::array<uint16_t, 5> kAnsweringPorts = {7, 13, 17, 19, 37};

}  // namespace

std::expected<std::unique_ptr<EchoServer>, Error> EchoServer::Create(Stack& stack,
                                                                     const EchoOptions& options,
                                                                     Instant now) {
  std::unique_ptr<EchoServer> server(new EchoServer(stack, options, now));
  const auto listener = stack.TcpListen(
      options.port,
      ListenOptions{.owner = options.owner, .backlog = 1024, .socket = {.no_delay = true}});
  if (!listener) return std::unexpected(listener.error());
  const auto socket = stack.UdpBind(options.port, {.owner = options.owner});
  if (!socket) {
    stack.TcpUnlisten(*listener);
    return std::unexpected(socket.error());
  }
  return server;
}

EchoServer::EchoServer(Stack& stack, const EchoOptions& options, Instant now)
    : stack_(stack),
      options_(options),
      pool_(options.limits.connections_max),
      wheel_(options.limits.connections_max, now) {}

void EchoServer::OnEvent(const Event& event, Instant now) {
  if (event.kind == Event::Kind::kDatagram) {
    AnswerDatagrams(event.udp);
    return;
  }
  if (event.kind == Event::Kind::kAcceptable) {
    Accept(event.listener, now);
    return;
  }
  if (event.user >= pool_.touched()) return;
  Connection& connection = pool_[event.user];
  if (!connection.id.IsValid() || connection.id != event.connection) return;
  if ((event.mask & (tcp_event::kReset | tcp_event::kTimedOut | tcp_event::kFinished)) != 0) {
    stack_.Close(connection.id);
    Release(connection);
    return;
  }
  Run(connection, now);
}

void EchoServer::Advance(Instant now) {
  wheel_.Advance(now, [&](uint32_t index) { OnTimer(index, now); });
  while (freed_ != kNoIndex) {
    const uint32_t index = freed_;
    freed_ = pool_[index].next_freed;
    --freed_count_;
    pool_.Free(index);
  }
}

void EchoServer::Accept(ListenerId listener, Instant now) {
  while (const std::optional<ConnectionId> id = stack_.Accept(listener)) {
    const uint32_t index = pool_.Allocate();
    if (index == kNoIndex) {
      stack_.Abort(*id);
      ++counters_.refused;
      continue;
    }
    ++counters_.connections;
    Connection& connection = pool_[index];
    connection.index = index;
    connection.id = *id;
    connection.deadline = now + options_.limits.idle_timeout;
    stack_.SetUser(*id, index);
    wheel_.Schedule(index, connection.deadline);
    Run(connection, now);
  }
}

void EchoServer::Run(Connection& connection, Instant now) {
  if (connection.shut_down) return;
  bool progress = stack_.Unacknowledged(connection.id) < connection.unacknowledged;
  while (true) {
    const Bytes piece = stack_.Peek(connection.id);
    if (piece.empty()) break;
    const size_t written = stack_.Write(connection.id, piece);
    if (written == 0) break;
    stack_.Consume(connection.id, written);
    counters_.tcp_bytes += written;
    progress = true;
  }
  connection.unacknowledged = static_cast<uint32_t>(stack_.Unacknowledged(connection.id));
  if (progress) connection.deadline = now + options_.limits.idle_timeout;
  if (stack_.AtEnd(connection.id)) {
    connection.shut_down = true;
    connection.deadline = now + options_.limits.close_timeout;
    stack_.Shutdown(connection.id);
  }
  Instant wake = connection.deadline;
  // Where nothing is on the way no event will come; the stack was out of memory.
  if (connection.unacknowledged == 0 && stack_.Readable(connection.id) > 0) {
    wake = std::min(wake, now + options_.limits.retry_after);
  }
  wheel_.Schedule(connection.index, wake);
}

void EchoServer::OnTimer(uint32_t index, Instant now) {
  Connection& connection = pool_[index];
  if (now < connection.deadline) {
    Run(connection, now);
    return;
  }
  ++counters_.timeouts;
  if (stack_.Unacknowledged(connection.id) > 0 || stack_.Readable(connection.id) > 0) {
    stack_.Abort(connection.id);
  } else {
    stack_.Close(connection.id);
  }
  Release(connection);
}

void EchoServer::Release(Connection& connection) {
  wheel_.Cancel(connection.index);
  connection.id = {};
  connection.next_freed = freed_;
  freed_ = connection.index;
  ++freed_count_;
}

void EchoServer::AnswerDatagrams(UdpSocketId socket) {
  while (const std::optional<Datagram> datagram = stack_.UdpPeek(socket)) {
    const std::optional<Ipv4Network> own = stack_.address();
    // Two echo services that answer each other never stop; an answer to a broadcast multiplies it.
    const bool may_loop =
        datagram->source.port == 0 || datagram->source.port == options_.port ||
        std::ranges::find(kAnsweringPorts, datagram->source.port) != kAnsweringPorts.end();
    if (may_loop || !own || datagram->destination != own->address) {
      ++counters_.datagrams_ignored;
    } else if (stack_.UdpSend(socket, datagram->source, datagram->payload)) {
      ++counters_.datagrams;
    } else {
      ++counters_.datagrams_unsent;
    }
    stack_.UdpPop(socket);
  }
}

}  // namespace aether::app
