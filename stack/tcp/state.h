// The states of a connection (RFC 9293 3.3.2). LISTEN is a listener's, CLOSED is what is left for
// the application to release, TIME-WAIT is a compact record (time_wait.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aether::tcp {

enum class State : uint8_t {
  kClosed,
  kListen,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
};

inline constexpr std::array<std::string_view, 11> kStateNames = {
    "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
    "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};

constexpr std::string_view StateName(State state) {
  return kStateNames[static_cast<size_t>(state)];
}

// Data may still be sent (RFC 9293 3.10.2, SEND).
constexpr bool CanSend(State state) {
  return state == State::kEstablished || state == State::kCloseWait;
}
// Data from the peer is still taken (RFC 9293 3.10.7.4, seventh step).
constexpr bool CanReceive(State state) {
  return state == State::kEstablished || state == State::kFinWait1 || state == State::kFinWait2;
}

}  // namespace aether::tcp
