#include "stack/udp/layer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "stack/base/check.h"

namespace aether::udp {
namespace {

// Less the headers (RFC 768, RFC 791 3.1); no fragment is larger than the MTU.
size_t PayloadBytesMax(const Config& config) {
  return std::max<size_t>(config.net.reassembly_datagram_bytes_max, config.mtu) - 28;
}

}  // namespace

Layer::Layer(const Config& config, Random& random, Counters& counters)
    : limits_(config.udp),
      random_(random),
      counters_(counters),
      store_(config.udp.datagrams_max, config.mtu),
      large_(config.udp.large_datagrams_max, PayloadBytesMax(config)),
      origins_(config.udp.datagrams_max),
      sockets_(config.udp.sockets_max) {
  AETHER_CHECK(config.udp.sockets_max <= kSocketsMax);
}

const Layer::Socket* Layer::Find(UdpSocketId id) const {
  if (id.index >= sockets_.size()) return nullptr;
  const Socket& socket = sockets_[id.index];
  return socket.port != 0 && socket.generation == id.generation ? &socket : nullptr;
}

uint16_t Layer::DrawPort() {
  // sockets_max is far below the number of ports, so a free one is met soon.
  while (true) {
    const uint16_t port =
        static_cast<uint16_t>(kEphemeralPortMin + random_.Below(65536 - kEphemeralPortMin));
    if (socket_of_port_.Find(port) == PortTable::kNone) return port;
  }
}

std::expected<UdpSocketId, Error> Layer::Bind(uint16_t port, uint16_t owner) {
  if (port != 0 && socket_of_port_.Find(port) != PortTable::kNone)
    return std::unexpected(Error::kPortInUse);
  const auto free = std::ranges::find(sockets_, 0, &Socket::port);
  if (free == sockets_.end()) return std::unexpected(Error::kTooMany);
  const uint16_t index = static_cast<uint16_t>(free - sockets_.begin());
  free->port = port != 0 ? port : DrawPort();
  free->owner = owner;
  socket_of_port_.Insert(free->port, static_cast<uint8_t>(index));
  return UdpSocketId{index, free->generation};
}

void Layer::Discard(uint32_t slot) {
  if (origins_[slot].large != kNoIndex) large_.Free(origins_[slot].large);
  store_.Free(slot);
}

void Layer::Close(UdpSocketId id) {
  Socket* socket = Find(id);
  if (socket == nullptr) return;
  while (!socket->queue.empty()) Discard(socket->queue.Pop(store_));
  socket_of_port_.Erase(socket->port);
  socket->port = 0;
  ++socket->generation;
  pending_ &= ~(uint64_t{1} << id.index);
}

std::optional<uint16_t> Layer::PortOf(UdpSocketId id) const {
  const Socket* socket = Find(id);
  if (socket == nullptr) return std::nullopt;
  return socket->port;
}

std::optional<Datagram> Layer::Peek(UdpSocketId id) const {
  const Socket* socket = Find(id);
  if (socket == nullptr || socket->queue.empty()) return std::nullopt;
  const uint32_t slot = socket->queue.front();
  const Origin& origin = origins_[slot];
  return Datagram{origin.source, origin.destination,
                  origin.large != kNoIndex ? large_.Frame(origin.large) : store_.Frame(slot)};
}

void Layer::Pop(UdpSocketId id) {
  Socket* socket = Find(id);
  if (socket != nullptr && !socket->queue.empty()) Discard(socket->queue.Pop(store_));
}

Drop Layer::Receive(const UdpView& datagram, Ipv4Address source, Ipv4Address destination) {
  if (datagram.destination_port() == 0) return Drop::kUdpBadPort;
  const uint8_t index = socket_of_port_.Find(datagram.destination_port());
  if (index == PortTable::kNone) return Drop::kUdpPortUnreachable;
  Socket& socket = sockets_[index];
  if (socket.queue.size() >= limits_.queued_datagrams_max) return Drop::kUdpQueueFull;
  const uint32_t slot = store_.Allocate();
  if (slot == kNoIndex) return Drop::kUdpQueueFull;
  const Bytes payload = datagram.payload();
  uint32_t large = kNoIndex;
  if (payload.size() > store_.Slot(slot).size()) [[unlikely]] {
    large = large_.Allocate();
    if (large == kNoIndex) {
      store_.Free(slot);
      return Drop::kUdpQueueFull;
    }
  }
  net::FrameStore& place = large != kNoIndex ? large_ : store_;
  const uint32_t place_slot = large != kNoIndex ? large : slot;
  place.SetSize(place_slot, payload.size());
  std::ranges::copy(payload, place.Frame(place_slot).begin());
  origins_[slot] = {{source, datagram.source_port()}, destination, large};
  socket.queue.Push(store_, slot);
  pending_ |= uint64_t{1} << index;
  ++counters_.udp_in;
  return Drop::kNone;
}

Layer::Pending Layer::TakePending() {
  const uint16_t index = static_cast<uint16_t>(std::countr_zero(pending_));
  pending_ &= pending_ - 1;
  return {{index, sockets_[index].generation}, sockets_[index].owner};
}

void Layer::CheckInvariants() const {
  uint32_t queued = 0;
  for (size_t index = 0; index < sockets_.size(); ++index) {
    const Socket& socket = sockets_[index];
    AETHER_CHECK(socket.queue.size() <= limits_.queued_datagrams_max);
    AETHER_CHECK(socket.port == 0 ? socket.queue.empty()
                                  : socket_of_port_.Find(socket.port) == index);
    queued += socket.queue.size();
  }
  AETHER_CHECK(queued == store_.used() && large_.used() <= queued);
}

}  // namespace aether::udp
