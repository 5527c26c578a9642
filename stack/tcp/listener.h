// A port that takes connections: its backlog, and the established ones that wait for Accept, oldest
// first.
#pragma once

#include <cstdint>
#include <optional>

#include "stack/base/pool.h"
#include "stack/tcp/socket_options.h"
#include "stack/wire/address.h"

namespace aether::tcp {

struct Listener {
  uint16_t port = 0;  // 0: free
  uint16_t owner = 0;
  uint32_t backlog = 0;
  uint32_t waiting = 0;
  uint32_t oldest = kNoIndex;
  uint32_t newest = kNoIndex;
  bool has_options = false;
  SocketOptions options;             // of the connections that it takes
  std::optional<Ipv4Address> local;  // connections to this address only
};

}  // namespace aether::tcp
