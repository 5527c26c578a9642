// Which TCP mechanisms run: a run-time value, one screen long, so that the price of each can be
// measured alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aether::tcp {

enum class CongestionAlgorithm : uint8_t { kNone, kNewReno, kCubic };

enum class SynCookies : uint8_t {
  kNever,
  kUnderPressure,  // when TcpLimits::half_open_max are half open
  kAlways,         // no state before the third segment
};

struct Profile {
  SynCookies syn_cookies = SynCookies::kUnderPressure;
  // --- Offered or answered in the handshake ---
  bool window_scaling = true;  // RFC 7323 section 2
  bool timestamps = true;      // RFC 7323 section 3, with PAWS
  bool sack = true;            // RFC 2018, both directions; RFC 2883
  bool ecn = true;             // [RFC 9293 3.8.2 SHLD-8] RFC 3168
  bool ecn_request = true;     // our own SYNs ask for it; without, we only answer
  // --- Loss ---
  bool retransmission = true;    // RFC 6298: the timer, and all that follows from it
  bool fast_retransmit = true;   // RFC 6582 or, with SACK, RFC 6675
  bool limited_transmit = true;  // RFC 3042
  bool rack_tlp = true;          // RFC 8985, with SACK only
  bool undo =
      true;  // RFC 3522, RFC 4015: spurious retransmissions are noticed, with timestamps only
  // --- Congestion ---
  CongestionAlgorithm congestion = CongestionAlgorithm::kCubic;
  uint8_t initial_window_segments = 10;  // RFC 6928
  bool idle_restart = true;              // RFC 5681 4.1
  // --- Flow ---
  bool reassembly = true;          // what arrives ahead of a gap is kept
  bool delayed_ack = true;         // RFC 9293 3.8.6.3
  bool nagle = true;               // RFC 9293 3.7.4; SocketOptions::no_delay switches it off alone
  bool zero_window_probes = true;  // RFC 9293 3.8.6.1
  bool buffer_growth = true;       // buffers and windows grow while they are the limit
  bool path_mtu_discovery = true;  // RFC 1191: segments leave with DF

  constexpr bool operator==(const Profile&) const = default;
};

inline constexpr Profile kFull{};

// The original's shortcuts: nothing is sent twice, nothing is reordered, no congestion control, one
// fixed window.
inline constexpr Profile kClassic{.syn_cookies = SynCookies::kAlways,
                                  .window_scaling = false,
                                  .timestamps = false,
                                  .sack = false,
                                  .ecn = false,
                                  .ecn_request = false,
                                  .retransmission = false,
                                  .fast_retransmit = false,
                                  .limited_transmit = false,
                                  .rack_tlp = false,
                                  .undo = false,
                                  .congestion = CongestionAlgorithm::kNone,
                                  .initial_window_segments = 10,
                                  .idle_restart = false,
                                  .reassembly = false,
                                  .delayed_ack = false,
                                  .nagle = false,
                                  .zero_window_probes = false,
                                  .buffer_growth = false,
                                  .path_mtu_discovery = false};

inline constexpr std::string_view kProfileNames[] = {"full", "classic"};

constexpr std::optional<Profile> ProfileOfName(std::string_view name) {
  if (name == "full") return kFull;
  if (name == "classic") return kClassic;
  return std::nullopt;
}

}  // namespace aether::tcp
