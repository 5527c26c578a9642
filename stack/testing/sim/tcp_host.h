// What the simulator drives and what its applications use: a host with TCP. Two implementations:
// the stack under test (stack_host.h), and a small independent one (sim_client.h). Virtual, so that
// the simulator's own tests can stand a faulty one in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/counters.h"
#include "stack/base/time.h"
#include "stack/stack.h"
#include "stack/tcp/handle.h"
#include "stack/tcp/socket_options.h"
#include "stack/wire/address.h"

namespace aether::testing::sim {

// The two ends of a connection.
struct Ends {
  Ipv4Endpoint local;
  Ipv4Endpoint remote;
};

// Calls mean what they mean in stack.h.
class TcpHost {
 public:
  TcpHost() = default;
  TcpHost(const TcpHost&) = delete;
  TcpHost& operator=(const TcpHost&) = delete;
  virtual ~TcpHost() = default;

  virtual void Receive(std::span<const Bytes> frames, Instant now) = 0;
  virtual size_t Transmit(MutableBytes out, Instant now) = 0;
  virtual Instant NextDeadline() const = 0;
  virtual size_t PollEvents(std::span<Event> out) = 0;
  virtual size_t frame_size_max() const = 0;

  virtual bool Listen(uint16_t port) = 0;
  virtual std::optional<ConnectionId> Accept(ListenerId listener) = 0;
  // The connection is being opened when this returns one; see IsOpen.
  // A local port of 0 is the host's choice. A host without options ignores them.
  virtual std::optional<ConnectionId> Connect(Ipv4Endpoint remote, uint16_t local_port,
                                              const SocketOptions& options) = 0;
  virtual void SetOptions(ConnectionId id, const SocketOptions& options) = 0;
  virtual std::optional<Ends> EndsOf(ConnectionId id) const = 0;
  // The handshake is over.
  virtual bool IsOpen(ConnectionId id) const = 0;
  virtual void SetUser(ConnectionId id, uint32_t user) = 0;
  virtual Bytes Peek(ConnectionId id) const = 0;
  virtual size_t Readable(ConnectionId id) const = 0;
  virtual void Consume(ConnectionId id, size_t size) = 0;
  virtual bool AtEnd(ConnectionId id) const = 0;
  virtual size_t Write(ConnectionId id, Bytes data) = 0;
  virtual void Shutdown(ConnectionId id) = 0;
  virtual void Close(ConnectionId id) = 0;
  virtual void Abort(ConnectionId id) = 0;

  // --- What only the stack under test can; the other one has nothing to say about it ---

  // Datagrams go to and come from the port that was bound.
  virtual bool BindDatagrams(uint16_t) { return false; }
  virtual bool SendDatagram(Ipv4Endpoint, Bytes) { return false; }
  // The oldest datagram that arrived, taken out; nothing when there is none.
  virtual std::optional<std::vector<uint8_t>> TakeDatagram() { return std::nullopt; }
  virtual void SetAddress(Ipv4Network, std::optional<Ipv4Address>) {}
  virtual void AddCounters(Counters&) const {}

  virtual void CheckInvariants() const = 0;
  // What is still held although nothing should be; empty when nothing is.
  virtual std::string Residue() const = 0;
  virtual size_t connection_count() const = 0;
};

}  // namespace aether::testing::sim
