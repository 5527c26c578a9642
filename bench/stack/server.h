// What is measured: something that takes batches of frames and hands out frames. The whole stack
// with the HTTP server on it, the stack with an application that does next to nothing, and the
// stateless reflector.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "bench/common/reflector.h"
#include "stack/app/host.h"
#include "stack/stack.h"

namespace aether::bench {

inline constexpr Instant kBegin{std::chrono::seconds(1000)};

enum class ServerKind : uint8_t { kHttp, kBare, kReflector };

struct ServerOptions {
  ServerKind kind = ServerKind::kHttp;
  // Of which each may have a response in flight.
  uint32_t connections_max = 1024;
  uint32_t time_wait_max = 1024;
  // Responses end the connection; the reflector must be told.
  bool close = false;
  tcp::Profile profile = tcp::kFull;
};

class Server {
 public:
  virtual ~Server() = default;
  // After it the application has run.
  virtual void Receive(std::span<const Bytes> frames, Instant now) = 0;
  virtual size_t Transmit(MutableBytes out, Instant now) = 0;
  // Null for the reflector.
  virtual const Stack* stack() const = 0;
};

// What the HTTP server answers to `GET /`.
Bytes ExpectedResponse(bool close);

Config StackConfig(const ServerOptions& options);
std::unique_ptr<Server> MakeServer(const ServerOptions& options);

}  // namespace aether::bench
