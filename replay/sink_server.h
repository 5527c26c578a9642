// Takes what comes on a TCP port and throws it away; closes when the client does. For ports of a
// capture whose service we do not have.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>

#include "stack/stack.h"

namespace aether::replay {

class SinkServer {
 public:
  static std::expected<std::unique_ptr<SinkServer>, Error> Create(Stack& stack, uint16_t port,
                                                                  uint16_t owner);
  void OnEvent(const Event& event);
  uint64_t connections() const { return connections_; }
  uint64_t bytes() const { return bytes_; }

 private:
  explicit SinkServer(Stack& stack) : stack_(stack) {}
  void Run(ConnectionId id);

  Stack& stack_;
  uint64_t connections_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace aether::replay
