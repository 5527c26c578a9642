// Which TCP mechanisms run: a run-time value, one screen long, so that the price of each can be
// measured alone.
#pragma once

#include <string_view>

namespace aether::tcp {

struct Profile {
  // Answer every SYN with a cookie and keep no state for it (RFC 4987 3.6). When off, a SYN takes a
  // place among `TcpLimits::half_open_max` and its sequence number comes from RFC 6528.
  bool syn_cookies = true;

  constexpr bool operator==(const Profile&) const = default;
};

// The original's shortcuts: no retransmission, no reordering, no congestion control, no window
// scaling.
inline constexpr Profile kClassic{};

inline constexpr std::string_view kProfileNames[] = {"classic"};

}  // namespace aether::tcp
