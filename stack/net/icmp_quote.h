// The datagram that an ICMP error quotes (RFC 792): its header and at least the first eight bytes
// after it. Only what can be told from those is told; lengths beyond the quote are expected,
// because it is cut.
#pragma once

#include <cstdint>
#include <expected>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"
#include "stack/wire/address.h"

namespace aether::net {

struct IcmpQuote {
  Ipv4Address source;
  Ipv4Address destination;
  uint8_t protocol = 0;
  bool is_first_fragment = true;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint32_t word = 0;  // the second four bytes: the sequence number of a TCP segment

  static std::expected<IcmpQuote, Drop> Parse(Bytes quote);
};

}  // namespace aether::net
