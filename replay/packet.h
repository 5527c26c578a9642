// What a captured Ethernet frame holds, as far as a replay wants to know. More lenient than the
// stack: checksums are not looked at (whoever captures on the sending machine sees them before they
// are computed), a total length of zero is that of a segment which the card has still to cut, and a
// packet may be recorded only in part. The lengths are checked nevertheless.
#pragma once

#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/wire/address.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"

namespace aether::replay {

struct Packet {
  enum class Kind : uint8_t {
    kTcp,
    kUdp,
    kIcmp,
    kArp,
    kFragment,  // of an IPv4 datagram
    kIpv6,
    kOther,      // another type, or protocol
    kMalformed,  // lengths that lead nowhere
  };
  Kind kind = Kind::kMalformed;
  MacAddress link_source;
  MacAddress link_destination;
  // From here on of IPv4; the ports of TCP and UDP.
  Ipv4Endpoint source;
  Ipv4Endpoint destination;
  Bytes ip;       // header and payload, as far as it was recorded
  Bytes payload;  // of TCP and UDP, the same; of ICMP the message
  // What the payload had on the wire.
  uint32_t payload_bytes = 0;
  // From here on of TCP.
  Seq seq;
  Seq ack;
  uint8_t flags = 0;
  uint16_t window = 0;
  TcpOptions options;

  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
  // Sequence numbers that the segment takes.
  uint32_t SeqSize() const;
  Seq End() const { return seq + SeqSize(); }
};

Packet ParsePacket(Bytes frame);

}  // namespace aether::replay
