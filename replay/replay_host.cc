#include "replay/replay_host.h"

#include <algorithm>
#include <utility>

namespace aether::replay {

std::expected<std::unique_ptr<ReplayHost>, std::string> ReplayHost::Create(
    const ReplayHostOptions& options, Instant now) {
  std::unique_ptr<ReplayHost> host(new ReplayHost(options, now));
  if (std::string wrong = host->Start(options, now); !wrong.empty())
    return std::unexpected(std::move(wrong));
  return host;
}

ReplayHost::ReplayHost(const ReplayHostOptions& options, Instant now) : stack_(options.stack, now) {
  stack_.SetAddress(options.address, options.gateway);
}

std::string ReplayHost::Start(const ReplayHostOptions& options, Instant now) {
  const auto sentence = [](uint16_t port, Error error) {
    return "Port " + std::to_string(port) +
           " of the capture cannot be used: " + std::string(ErrorText(error)) + ".";
  };
  std::vector<uint16_t> bound;
  for (const Service& service : options.tcp) {
    const auto owner = static_cast<uint16_t>(running_.size() + 1);
    Running running;
    if (service.kind == ServiceKind::kHttp) {
      app::HttpOptions http{.port = service.port,
                            .owner = owner,
                            .original_echo = false,
                            .content = options.content,
                            .limits = {}};
      http.limits.connections_max = options.stack.tcp.connections_max;
      if (options.patient) {
        constexpr Duration kPatience = std::chrono::hours(1);
        http.limits.head_timeout = kPatience;
        http.limits.idle_timeout = kPatience;
        http.limits.body_timeout = kPatience;
      }
      auto made = app::HttpServer::Create(stack_, http, now);
      if (!made) return sentence(service.port, made.error());
      running.http = std::move(*made);
    } else if (service.kind == ServiceKind::kEcho) {
      auto made = app::EchoServer::Create(
          stack_, {.port = service.port, .owner = owner, .limits = {}}, now);
      if (!made) return sentence(service.port, made.error());
      running.echo = std::move(*made);
      bound.push_back(service.port);
    } else {
      auto made = SinkServer::Create(stack_, service.port, owner);
      if (!made) return sentence(service.port, made.error());
      running.sink = std::move(*made);
    }
    running_.push_back(std::move(running));
  }
  for (const uint16_t port : options.udp) {
    if (std::ranges::find(bound, port) != bound.end()) continue;
    const auto socket = stack_.UdpBind(port, UdpOptions{});
    if (!socket) return sentence(port, socket.error());
  }
  return {};
}

void ReplayHost::Receive(std::span<const Bytes> frames, Instant now) {
  stack_.Receive(frames, now);
  Dispatch(now);
  for (const Running& running : running_) {
    if (running.http != nullptr) running.http->Advance(now);
    if (running.echo != nullptr) running.echo->Advance(now);
  }
  Dispatch(now);  // what the deadlines caused
}

void ReplayHost::Dispatch(Instant now) {
  while (const size_t count = stack_.PollEvents(events_)) {
    for (const Event& event : std::span(events_).first(count)) {
      if (event.owner == 0) {
        if (event.kind == Event::Kind::kDatagram) EchoDatagrams(event.udp);
        continue;
      }
      Running& running = running_[event.owner - 1u];
      if (running.http != nullptr) {
        running.http->OnEvent(event, now);
      } else if (running.echo != nullptr) {
        running.echo->OnEvent(event, now);
      } else {
        running.sink->OnEvent(event);
      }
    }
  }
}

// A datagram that the stack cannot send back is lost, as datagrams are.
void ReplayHost::EchoDatagrams(UdpSocketId socket) {
  while (const std::optional<Datagram> datagram = stack_.UdpPeek(socket)) {
    [[maybe_unused]] const auto sent = stack_.UdpSend(socket, datagram->source, datagram->payload);
    stack_.UdpPop(socket);
  }
}

Instant ReplayHost::NextDeadline() const {
  Instant next = stack_.NextDeadline();
  for (const Running& running : running_) {
    if (running.http != nullptr) next = std::min(next, running.http->NextDeadline());
    if (running.echo != nullptr) next = std::min(next, running.echo->NextDeadline());
  }
  return next;
}

app::HttpCounters ReplayHost::http() const {
  app::HttpCounters sum;
  for (const Running& running : running_) {
    if (running.http == nullptr) continue;
    const app::HttpCounters& one = running.http->counters();
    sum.connections += one.connections;
    sum.refused += one.refused;
    sum.requests += one.requests;
    for (size_t i = 0; i < sum.responses.size(); ++i) sum.responses[i] += one.responses[i];
    sum.bytes_out += one.bytes_out;
    sum.timeouts += one.timeouts;
    sum.aborted += one.aborted;
  }
  return sum;
}

}  // namespace aether::replay
