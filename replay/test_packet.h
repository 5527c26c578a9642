// For tests: TCP segments as Packet, and instants.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "replay/packet.h"

namespace aether::replay {

inline Instant Ms(int64_t ms) { return Instant(std::chrono::milliseconds(ms)); }

// `text` is not copied.
inline Packet TestSegment(uint32_t seq, uint8_t flags, std::string_view text, uint32_t ack,
                          uint16_t window = 1000) {
  Packet packet;
  packet.kind = Packet::Kind::kTcp;
  packet.seq = Seq(seq);
  packet.ack = Seq(ack);
  packet.flags = flags;
  packet.window = window;
  packet.payload = {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  packet.payload_bytes = static_cast<uint32_t>(text.size());
  return packet;
}

}  // namespace aether::replay
