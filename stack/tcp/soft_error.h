// What went wrong with a connection that lives on (RFC 9293 3.9.1.8): told to the application,
// which may give up or wait.
#pragma once

#include <cstdint>

namespace aether::tcp {

enum class SoftError : uint8_t {
  kNone,
  kUnanswered,  // [RFC 9293 3.8.3 SHLD-9] sent three times again, and nothing came back
  // ICMP errors about a segment in flight.
  kNetworkUnreachable,
  kHostUnreachable,
  kProtocolUnreachable,
  kPortUnreachable,
  kProhibited,
  kSourceRouteFailed,
  kTimeExceeded,
  kParameterProblem,
};

}  // namespace aether::tcp
