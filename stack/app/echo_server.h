// The echo service (RFC 862), TCP and UDP. TCP: what the client does not take back stays in its
// receive queue, so that it stops sending; after its FIN the rest is echoed, then ours follows.
// UDP: never an answer to a service that would answer back, nor to a broadcast.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>

#include "stack/base/pool.h"
#include "stack/base/timer_wheel.h"
#include "stack/stack.h"

namespace aether::app {

struct EchoLimits {
  uint32_t connections_max = 4096;
  // Without a byte taken in or acknowledged.
  Duration idle_timeout = std::chrono::seconds(120);
  // From the client's FIN, and ours, to the last acknowledgment.
  Duration close_timeout = std::chrono::seconds(30);
  // When the stack had no memory although nothing is on the way that would bring an event.
  Duration retry_after = std::chrono::milliseconds(50);
};

struct EchoOptions {
  uint16_t port = 7;
  uint16_t owner = 0;
  EchoLimits limits;
};

struct EchoCounters {
  uint64_t connections = 0;
  uint64_t refused = 0;  // reset at once, because connections_max were open
  uint64_t tcp_bytes = 0;
  uint64_t timeouts = 0;
  uint64_t datagrams = 0;          // echoed
  uint64_t datagrams_ignored = 0;  // could begin a loop, or were not to us alone
  uint64_t datagrams_unsent = 0;   // the stack could not send the answer
};

class EchoServer {
 public:
  // Listens and binds; the stack outlives the server.
  static std::expected<std::unique_ptr<EchoServer>, Error> Create(Stack& stack,
                                                                  const EchoOptions& options,
                                                                  Instant now);
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  void OnEvent(const Event& event, Instant now);
  // Expires what is due; to be called after the events of a batch, and at NextDeadline().
  void Advance(Instant now);
  Instant NextDeadline() const { return wheel_.NextDeadline(); }

  const EchoCounters& counters() const { return counters_; }
  uint32_t connection_count() const { return pool_.used() - freed_count_; }

 private:
  struct Connection {
    uint32_t index = 0;
    uint32_t next_freed = kNoIndex;
    ConnectionId id;  // none: free
    Instant deadline;
    uint32_t unacknowledged = 0;  // when progress was last looked at
    bool shut_down = false;
  };

  EchoServer(Stack& stack, const EchoOptions& options, Instant now);
  void Accept(ListenerId listener, Instant now);
  void Run(Connection& connection, Instant now);
  void OnTimer(uint32_t index, Instant now);
  void Release(Connection& connection);
  void AnswerDatagrams(UdpSocketId socket);

  Stack& stack_;
  const EchoOptions options_;
  Pool<Connection> pool_;
  TimerWheel wheel_;
  // Closed during this batch, whose events may still name them.
  uint32_t freed_ = kNoIndex;
  uint32_t freed_count_ = 0;
  EchoCounters counters_;
};

}  // namespace aether::app
