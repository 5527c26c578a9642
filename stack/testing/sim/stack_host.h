// The stack under test as a host of the simulation.
#pragma once

#include "stack/stack.h"
#include "stack/testing/sim/tcp_host.h"

namespace aether::testing::sim {

class StackHost : public TcpHost {
 public:
  StackHost(const Config& config, Ipv4Network address, std::optional<Ipv4Address> gateway,
            Instant now);

  void Receive(std::span<const Bytes> frames, Instant now) override;
  size_t Transmit(MutableBytes out, Instant now) override;
  Instant NextDeadline() const override;
  size_t PollEvents(std::span<Event> out) override;
  size_t frame_size_max() const override;

  bool Listen(uint16_t port) override;
  std::optional<ConnectionId> Accept(ListenerId listener) override;
  std::optional<ConnectionId> Connect(Ipv4Endpoint remote, uint16_t local_port,
                                      const SocketOptions& options) override;
  void SetOptions(ConnectionId id, const SocketOptions& options) override;
  std::optional<Ends> EndsOf(ConnectionId id) const override;
  bool IsOpen(ConnectionId id) const override;
  void SetUser(ConnectionId id, uint32_t user) override;
  Bytes Peek(ConnectionId id) const override;
  size_t Readable(ConnectionId id) const override;
  void Consume(ConnectionId id, size_t size) override;
  bool AtEnd(ConnectionId id) const override;
  size_t Write(ConnectionId id, Bytes data) override;
  void Shutdown(ConnectionId id) override;
  void Close(ConnectionId id) override;
  void Abort(ConnectionId id) override;

  bool BindDatagrams(uint16_t port) override;
  bool SendDatagram(Ipv4Endpoint to, Bytes payload) override;
  std::optional<std::vector<uint8_t>> TakeDatagram() override;
  void SetAddress(Ipv4Network address, std::optional<Ipv4Address> gateway) override;
  void AddCounters(Counters& counters) const override;

  void CheckInvariants() const override;
  std::string Residue() const override;
  size_t connection_count() const override;

 protected:
  Stack& stack() { return stack_; }

 private:
  Stack stack_;
  UdpSocketId datagrams_;
};

}  // namespace aether::testing::sim
