#include "replay/sink_server.h"

namespace aether::replay {

std::expected<std::unique_ptr<SinkServer>, Error> SinkServer::Create(Stack& stack, uint16_t port,
                                                                     uint16_t owner) {
  std::unique_ptr<SinkServer> server(new SinkServer(stack));
  ListenOptions options;
  options.owner = owner;
  const auto listener = stack.TcpListen(port, options);
  if (!listener) return std::unexpected(listener.error());
  return server;
}

void SinkServer::OnEvent(const Event& event) {
  if (event.kind == Event::Kind::kAcceptable) {
    while (const std::optional<ConnectionId> id = stack_.Accept(event.listener)) {
      ++connections_;
      Run(*id);
    }
  } else if (event.kind == Event::Kind::kConnection) {
    if ((event.mask & (tcp_event::kReset | tcp_event::kTimedOut | tcp_event::kFinished)) != 0) {
      stack_.Close(event.connection);
    } else {
      Run(event.connection);
    }
  }
}

void SinkServer::Run(ConnectionId id) {
  const size_t size = stack_.Readable(id);
  bytes_ += size;
  stack_.Consume(id, size);
  if (stack_.AtEnd(id)) stack_.Close(id);
}

}  // namespace aether::replay
