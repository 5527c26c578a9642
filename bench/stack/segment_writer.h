// A segment to the server, written where the log keeps its frames: Ethernet, IPv4 and TCP with
// their checksums. For those who write millions of them; what tests use is in stack/testing/.
#pragma once

#include <cstdint>

#include "bench/stack/frame_log.h"
#include "stack/base/bytes.h"
#include "stack/wire/address.h"

namespace aether::bench {

struct SegmentFields {
  Ipv4Endpoint from;
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t identification = 0;
  Bytes options{};  // a multiple of 4 bytes
  Bytes text{};
};

inline constexpr uint16_t kServerPort = 80;

void WriteSegment(const SegmentFields& fields, FrameLog& log);

}  // namespace aether::bench
