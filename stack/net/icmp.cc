#include "stack/net/icmp.h"

#include <algorithm>

namespace aether::net {

bool MayReportError(const Ipv4View& packet, bool link_group) {
  // [RFC 1122 3.2.2] never about a broadcast or multicast, at either layer, nor a fragment other
  // than the first.
  if (link_group || packet.destination().IsBroadcast() || packet.destination().IsMulticast())
    return false;
  if (packet.fragment_offset_bytes() != 0) return false;
  // [RFC 1122 3.2.2] never about an ICMP error; what cannot be told from one counts as one.
  if (packet.protocol() == static_cast<uint8_t>(IpProtocol::kIcmp)) {
    return !packet.payload().empty() && !IcmpTypeIsError(packet.payload()[0]);
  }
  return true;
}

IcmpVerdict HandleIcmp(const IcmpView& message, bool to_group) {
  switch (static_cast<IcmpType>(message.type())) {
    case IcmpType::kEchoRequest:
      if (message.code() != 0) return {.drop = Drop::kIcmpBadCode};
      // [RFC 1122 3.2.2.6] an echo request to a broadcast or multicast address may be discarded; it
      // is.
      if (to_group) return {.drop = Drop::kIcmpBroadcast};
      return {.reply = true};
    case IcmpType::kDestinationUnreachable:
    case IcmpType::kTimeExceeded:
    case IcmpType::kParameterProblem:
      return {.for_transport = true};
    default:
      // [RFC 1122 3.2.2] an unknown type is silently discarded. [RFC 9293 3.9.2.2 MUST-55] [RFC
      // 6633 3] source quench is one of those.
      return {.drop = Drop::kIcmpUnhandledType};
  }
}

size_t QuoteBytes(const Ipv4View& packet, size_t message_bytes_max) {
  // [RFC 1122 3.2.2] the header and at least 8 bytes; [RFC 1812 4.3.2.3] as much as fits into 576.
  // The quote is cut from the bytes that arrived, never by a length that they claim.
  const size_t room =
      std::min(message_bytes_max, kIcmpErrorBytesMax - Ipv4Header::kSize) - IcmpHeader::kSize;
  return std::min(packet.packet().size(), room);
}

void EmitError(const Ipv4View& packet, IcmpType type, uint8_t code, MutableBytes out) {
  const Bytes quote = packet.packet().first(out.size() - IcmpHeader::kSize);
  std::ranges::copy(quote, out.begin() + IcmpHeader::kSize);
  IcmpHeader{.type = static_cast<uint8_t>(type), .code = code}.Emit(out);
}

}  // namespace aether::net
