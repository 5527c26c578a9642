// UDP sockets (RFC 768, RFC 1122 4.1): ports, bounded queues of received datagrams, and the
// datagrams that leave.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "stack/base/check.h"
#include "stack/base/counters.h"
#include "stack/base/drop.h"
#include "stack/base/error.h"
#include "stack/base/memory_use.h"
#include "stack/base/pool.h"
#include "stack/base/port_table.h"
#include "stack/base/random.h"
#include "stack/config.h"
#include "stack/net/frame_store.h"
#include "stack/udp/socket.h"
#include "stack/wire/udp.h"

namespace aether::udp {

class Layer {
 public:
  static constexpr uint32_t kSocketsMax = PortTable::kObjectsMax;  // one bit each in pending()
  // [RFC 6056 3.2] the ports that are drawn at random when none is asked for.
  static constexpr uint16_t kEphemeralPortMin = 49152;

  Layer(const Config& config, Random& random, Counters& counters);

  // Port 0 draws a free one at random.
  std::expected<UdpSocketId, Error> Bind(uint16_t port, uint16_t owner);
  void Close(UdpSocketId id);
  // The local port, or nothing when there is no such socket.
  std::optional<uint16_t> PortOf(UdpSocketId id) const;
  std::optional<Datagram> Peek(UdpSocketId id) const;
  void Pop(UdpSocketId id);

  // A datagram for one of our addresses, a broadcast or a group of ours; its checksum is right.
  Drop Receive(const UdpView& datagram, Ipv4Address source, Ipv4Address destination);

  // Sockets that got datagrams since TakePending last named them.
  bool HasPending() const { return pending_ != 0; }
  struct Pending {
    UdpSocketId id;
    uint16_t owner;
  };
  Pending TakePending();

  void AddMemoryUse(MemoryUse& use) const {
    use.udp_datagrams += store_.used();
    use.large_udp_datagrams += large_.used();
  }
  AETHER_INVARIANTS void CheckInvariants() const;

 private:
  struct Socket {
    uint16_t port = 0;  // 0: free
    uint16_t owner = 0;
    uint16_t generation = 0;
    net::FrameQueue queue;
  };
  struct Origin {
    Ipv4Endpoint source;
    Ipv4Address destination;
    uint32_t large = kNoIndex;  // slot of large_ that has the payload
  };

  const Socket* Find(UdpSocketId id) const;
  Socket* Find(UdpSocketId id) { return const_cast<Socket*>(std::as_const(*this).Find(id)); }
  uint16_t DrawPort();
  void Discard(uint32_t slot);

  const UdpLimits limits_;
  Random& random_;
  Counters& counters_;
  // The datagrams in all queues. A payload that is larger than the MTU, which only reassembly
  // makes, stands in large_ instead.
  net::FrameStore store_;
  net::FrameStore large_;
  std::vector<Origin> origins_;  // per slot of store_
  std::vector<Socket> sockets_;
  PortTable socket_of_port_;
  uint64_t pending_ = 0;
};

}  // namespace aether::udp
