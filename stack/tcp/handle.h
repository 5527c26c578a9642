// What applications hold of TCP: handles with a generation, so that a stale one is noticed, and the
// events of a socket.
#pragma once

#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/base/pool.h"
#include "stack/wire/checksum.h"

namespace aether {

struct ConnectionId {
  uint32_t index = kNoIndex;
  uint32_t generation = 0;
  constexpr bool IsValid() const { return index != kNoIndex; }
  constexpr bool operator==(const ConnectionId&) const = default;
};

struct ListenerId {
  uint16_t index = 0xffff;
  constexpr bool operator==(const ListenerId&) const = default;
};

// What happened to a connection since the last event about it; several may stand in one mask.
namespace tcp_event {
using Mask = uint8_t;
inline constexpr Mask kReadable = 0x01;  // new bytes in the receive queue
inline constexpr Mask kWritable =
    0x02;  // the peer acknowledged bytes; there is room in the send queue
inline constexpr Mask kPeerClosed =
    0x04;  // the peer's FIN came in order: after the queued bytes, nothing more will come
inline constexpr Mask kFinished =
    0x08;  // both directions are closed and acknowledged; only Close is left to do
inline constexpr Mask kReset = 0x10;      // the peer reset the connection; queued bytes are gone
inline constexpr Mask kTimedOut = 0x20;   // given up by the stack
inline constexpr Mask kConnected = 0x40;  // TcpConnect has succeeded
// [RFC 9293 3.9.1.8 MUST-47, SHLD-20] nothing ended, but there is something to know, for who cares:
// Inspect tells of a soft error, or of urgent data.
inline constexpr Mask kNotice = 0x80;
}  // namespace tcp_event

// Bytes that outlive the stack, with their sum (wire/checksum.h) computed once.
struct StaticBytes {
  Bytes bytes;
  uint16_t sum = 0;
  static StaticBytes Of(Bytes bytes) { return {bytes, SumBytes(bytes)}; }
};

}  // namespace aether
