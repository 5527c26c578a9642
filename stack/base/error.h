// Why a call of an application was refused. What a peer sends wrong is a Drop (drop.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace aether {

enum class Error : uint8_t {
  kPortInUse,
  kBadArgument,
  kTooMany,    // a limit of config.h
  kNoAddress,  // the stack has no IPv4 address yet
  kTooLong,    // larger than a datagram may be here
  kQueueFull,  // the output queue is full: Transmit first
  kNoRoute,    // neither on the link nor through a gateway
  kNotFound,   // no such socket
};

constexpr std::string_view ErrorText(Error error) {
  switch (error) {
    case Error::kPortInUse:
      return "the port is in use";
    case Error::kBadArgument:
      return "an argument is out of range";
    case Error::kTooMany:
      return "a configured limit is reached";
    case Error::kNoAddress:
      return "the host has no address";
    case Error::kTooLong:
      return "the data is too long";
    case Error::kQueueFull:
      return "the output queue is full";
    case Error::kNoRoute:
      return "no route to the destination";
    case Error::kNotFound:
      return "no such socket";
  }
  return "unknown error";
}

}  // namespace aether
