// ICMP as a host does it (RFC 792, RFC 1122 3.2.2): which errors may be sent, and what they quote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"

namespace aether::net {

// An ICMP error is at most this long with its IP header (RFC 1812 4.3.2.3).
inline constexpr size_t kIcmpErrorBytesMax = 576;

// [RFC 792 Time Exceeded] code 1: fragments did not come in time.
inline constexpr uint8_t kTimeExceededInReassembly = 1;

// True when an error about `packet` may be sent at all. `link_group`: it came as a link-layer
// broadcast or multicast.
bool MayReportError(const Ipv4View& packet, bool link_group);

// What to do with an ICMP message that was for us.
struct IcmpVerdict {
  Drop drop = Drop::kNone;
  bool reply = false;          // an echo request: send its payload back
  bool for_transport = false;  // an error: for the transport that sent what it quotes
};
IcmpVerdict HandleIcmp(const IcmpView& message, bool to_group);

// How much of `packet` an error of ours quotes when the whole message may take `message_bytes_max`.
size_t QuoteBytes(const Ipv4View& packet, size_t message_bytes_max);
// Writes an ICMP error that fills `out` with as much of `packet` as fits: 8 + QuoteBytes() bytes.
void EmitError(const Ipv4View& packet, IcmpType type, uint8_t code, MutableBytes out);

}  // namespace aether::net
