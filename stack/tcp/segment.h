// A segment as it arrived, in host order, and the plan of one that leaves.
#pragma once

#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/wire/address.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp.h"

namespace aether::tcp {

// Who talks to whom: the key of a connection. `local` is ours.
struct FlowKey {
  Ipv4Address remote;
  Ipv4Address local;
  uint16_t remote_port = 0;
  uint16_t local_port = 0;
  constexpr bool operator==(const FlowKey&) const = default;
};

struct Segment {
  FlowKey flow;
  uint32_t hash = 0;  // of the flow, from Demux::Hash
  Seq seq;
  Seq ack;
  uint8_t flags = 0;
  uint16_t window = 0;  // as it stands in the header, not scaled
  Bytes options;
  Bytes payload;

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
  // SEG.LEN of RFC 9293: SYN and FIN count one each.
  uint32_t Length() const {
    return static_cast<uint32_t>(payload.size()) + (Has(tcp_flags::kSyn) ? 1 : 0) +
           (Has(tcp_flags::kFin) ? 1 : 0);
  }
};

// What a connection would send next.
struct SegmentPlan {
  Seq seq;
  uint32_t payload_bytes = 0;
  uint8_t flags = 0;
};

}  // namespace aether::tcp
