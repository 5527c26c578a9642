// What an application may set per connection. Defaults are the profile's.
#pragma once

#include <cstdint>

#include "stack/base/time.h"

namespace aether {

struct SocketOptions {
  // [RFC 9293 3.8.4 MUST-28] for who wants keepalive and has no opinion of their own.
  static constexpr Duration kKeepaliveIdleDefault = std::chrono::hours(2);

  bool no_delay = false;   // [RFC 9293 3.7.4 MUST-17] Nagle off
  bool quick_ack = false;  // acknowledge at once
  // [RFC 9293 3.8.4 MUST-24, MUST-25, MUST-27] keepalive is off until asked for. Zero: off. Whole
  // seconds, at most 18 hours.
  Duration keepalive_idle{};
  Duration keepalive_interval = std::chrono::seconds(75);
  uint8_t keepalive_probes = 9;
  // [RFC 9293 3.8.3 MUST-21] [RFC 5482] data, or a SYN of ours, that stays unacknowledged for this
  // long ends the connection. Zero: TcpLimits decides.
  Duration user_timeout{};
  // [RFC 9293 3.9.1.9 MUST-48, SHLD-21] the code point of Differentiated Services (RFC 2474) of the
  // segments of this connection, below 64; it may change at any time.
  uint8_t dscp = 0;

  constexpr bool operator==(const SocketOptions&) const = default;
};

}  // namespace aether
