// The stack that a capture is replayed to, with a server on every port that the capture's server
// had one on: HTTP where it spoke HTTP, an echo where it echoed, a sink otherwise; UDP ports echo.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "replay/sink_server.h"
#include "stack/app/content.h"
#include "stack/app/echo_server.h"
#include "stack/app/http_server.h"
#include "stack/stack.h"

namespace aether::replay {

enum class ServiceKind : uint8_t { kHttp, kEcho, kSink };

struct Service {
  uint16_t port = 0;
  ServiceKind kind = ServiceKind::kSink;
};

struct ReplayHostOptions {
  Config stack;
  Ipv4Network address;
  std::optional<Ipv4Address> gateway;
  std::vector<Service> tcp;
  std::vector<uint16_t> udp;
  app::ContentSource* content = nullptr;  // outlives the host
  // HTTP clients may be as slow, and as long silent, as the captured server let them be.
  bool patient = false;
};

class ReplayHost {
 public:
  // Of TCP, and of UDP: both together are as many as a stack has sockets of UDP.
  static constexpr size_t kServicesMax = 32;

  // The error is a sentence.
  static std::expected<std::unique_ptr<ReplayHost>, std::string> Create(
      const ReplayHostOptions& options, Instant now);

  void Receive(std::span<const Bytes> frames, Instant now);
  size_t Transmit(MutableBytes out, Instant now) { return stack_.Transmit(out, now); }
  Instant NextDeadline() const;

  Stack& stack() { return stack_; }
  const Stack& stack() const { return stack_; }
  // Of all HTTP servers.
  app::HttpCounters http() const;

 private:
  struct Running {
    std::unique_ptr<app::HttpServer> http;
    std::unique_ptr<app::EchoServer> echo;
    std::unique_ptr<SinkServer> sink;
  };

  ReplayHost(const ReplayHostOptions& options, Instant now);
  std::string Start(const ReplayHostOptions& options, Instant now);
  void Dispatch(Instant now);
  void EchoDatagrams(UdpSocketId socket);

  Stack stack_;
  std::vector<Running> running_;  // the owner of an event is its index, plus one
  std::array<Event, 64> events_;
};

}  // namespace aether::replay
