// A second, independent TCP host for the simulator: ARP and the connections of sim_connection.h. It
// drives the passive side of the stack under test, and listens for its active side. It believes
// only frames that the naive parser accepts.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "stack/testing/frame_builder.h"
#include "stack/testing/sim/dice.h"
#include "stack/testing/sim/sim_connection.h"
#include "stack/testing/sim/tcp_host.h"

namespace aether::testing::sim {

struct SimClientSpec {
  MacAddress mac;
  Ipv4Address address;
  uint16_t mtu = 1500;
  uint16_t first_port = 40000;
  // Ports are taken in turn; after so many the first comes again.
  uint16_t ports = 20000;
  SimTcpOptions tcp;
  Seed seed{};
};

class SimClient : public TcpHost {
 public:
  SimClient(const SimClientSpec& spec, Instant now);

  void Receive(std::span<const Bytes> frames, Instant now) override;
  size_t Transmit(MutableBytes out, Instant now) override;
  Instant NextDeadline() const override;
  size_t PollEvents(std::span<Event> out) override;
  size_t frame_size_max() const override { return size_t{spec_.mtu} + 14; }

  bool Listen(uint16_t port) override;
  std::optional<ConnectionId> Accept(ListenerId listener) override;
  std::optional<ConnectionId> Connect(Ipv4Endpoint remote, uint16_t local_port,
                                      const SocketOptions& options) override;
  void SetOptions(ConnectionId, const SocketOptions&) override {}
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

  void CheckInvariants() const override;
  std::string Residue() const override;
  size_t connection_count() const override { return connections_.size(); }

 private:
  struct Neighbor {
    std::optional<MacAddress> mac;
    Instant ask_at{};
    bool is_wanted = false;
  };
  // A connection that was not taken out by Accept yet.
  struct Waiting {
    uint32_t index;
    bool is_announced = false;
  };

  SimConnection* Find(ConnectionId id);
  const SimConnection* Find(ConnectionId id) const;
  uint32_t Add(SimConnection connection);
  void Forget();
  void ReceiveArp(const NaiveArp& arp);
  void ReceiveTcp(const NaiveFrame& frame, Instant now);
  void Refuse(const Ends& ends, const NaiveTcp& segment);
  size_t TransmitArp(MutableBytes out, Instant now);
  // The frame of a segment, or a question for the neighbour first; empty when that is pending.
  Frame Wrap(const Ends& ends, const SimSegment& segment, const MacAddress& to) const;
  bool NeighborIsKnown(Ipv4Address address);
  uint32_t DrawSequence();

  SimClientSpec spec_;
  Dice dice_;
  Instant now_;
  std::map<uint32_t, Neighbor> neighbors_;
  std::deque<Frame> replies_;                      // ARP answers and resets; at most kRepliesMax
  std::map<uint32_t, SimConnection> connections_;  // by index, in order of birth
  std::map<std::pair<Ipv4Endpoint, uint16_t>, uint32_t> by_flow_;  // remote end and local port
  std::deque<Waiting> waiting_;
  std::optional<uint16_t> listening_port_;
  uint32_t next_index_ = 0;
  uint16_t next_port_ = 0;
  uint16_t next_identification_ = 1;
};

}  // namespace aether::testing::sim
