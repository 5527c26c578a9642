// What applications hold of UDP.
#pragma once

#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/wire/address.h"

namespace aether {

struct UdpSocketId {
  uint16_t index = 0xffff;
  uint16_t generation = 0;
  constexpr bool operator==(const UdpSocketId&) const = default;
};

struct Datagram {
  Ipv4Endpoint source;
  Ipv4Address destination;  // ours, a broadcast, or a group that we joined
  Bytes payload;
};

}  // namespace aether
