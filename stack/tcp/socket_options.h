// What an application may set per connection. Defaults are the profile's.
#pragma once

#include <cstdint>

#include "stack/base/time.h"

namespace aether {

struct SocketOptions {
  bool no_delay = false;   // [RFC 9293 3.7.4 MUST-17] Nagle off
  bool quick_ack = false;  // acknowledge at once
  // [RFC 9293 3.8.4 MUST-24] keepalive is off until asked for. Zero: off. Whole seconds, at most 18
  // hours.
  Duration keepalive_idle{};
  Duration keepalive_interval = std::chrono::seconds(75);
  uint8_t keepalive_probes = 9;
  // [RFC 9293 3.8.3] [RFC 5482] data that stays unacknowledged for this long ends the connection.
  // Zero: TcpLimits decides.
  Duration user_timeout{};

  constexpr bool operator==(const SocketOptions&) const = default;
};

}  // namespace aether
