// A segment as it arrived, in host order, what its options said, and the plan of one that leaves.
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/base/pool.h"
#include "stack/wire/address.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {

// Who talks to whom: the key of a connection. `local` is ours.
struct FlowKey {
  Ipv4Address remote;
  Ipv4Address local;
  uint16_t remote_port = 0;
  uint16_t local_port = 0;
  constexpr bool operator==(const FlowKey&) const = default;
};

// [RFC 3168 5] the two low bits of the type of service.
enum class Ecn : uint8_t { kNotCapable = 0, kCapable1 = 1, kCapable0 = 2, kCongestion = 3 };

struct Segment {
  FlowKey flow;
  uint32_t hash = 0;  // of the flow, from Demux::Hash
  Seq seq;
  Seq ack;
  uint8_t flags = 0;
  Ecn ecn = Ecn::kNotCapable;
  uint16_t window = 0;          // as it stands in the header, not scaled
  uint16_t urgent_pointer = 0;  // counts with URG only
  Bytes options;
  Bytes payload;

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
  // SEG.LEN of RFC 9293: SYN and FIN count one each.
  uint32_t Length() const {
    return static_cast<uint32_t>(payload.size()) + (Has(tcp_flags::kSyn) ? 1 : 0) +
           (Has(tcp_flags::kFin) ? 1 : 0);
  }
};

// The options of a segment of an open connection.
struct SegmentOptions {
  bool has_timestamps = false;
  uint8_t sack_count = 0;
  uint32_t ts_value = 0;
  uint32_t ts_echo = 0;
  std::array<SackBlock, TcpOptions::kSackBlocksMax> sack_blocks;
};

// What a connection would send next.
struct SegmentPlan {
  enum class Kind : uint8_t {
    kData,        // new data, a FIN, or both
    kRetransmit,  // the record `record` of the flight
    kAck,         // nothing but an acknowledgement
    kProbe,       // an old number without data, which makes the peer answer
    kSyn,         // SYN or SYN-ACK
  };
  Kind kind = Kind::kAck;
  Seq seq;
  uint32_t payload_bytes = 0;
  uint8_t flags = 0;
  uint32_t record = kNoIndex;
};

}  // namespace aether::tcp
