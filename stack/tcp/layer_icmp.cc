// What ICMP errors do to a connection (RFC 9293 3.9.2.2, RFC 5927): the path MTU, the end of one
// that is being opened, and news for the application.
#include <algorithm>

#include "stack/tcp/layer.h"

namespace aether::tcp {
namespace {

// [RFC 792] [RFC 1122 3.2.2.1] in words; code 4 is not asked about.
SoftError Translate(IcmpType type, uint8_t code) {
  if (type == IcmpType::kTimeExceeded) return SoftError::kTimeExceeded;
  if (type == IcmpType::kParameterProblem) return SoftError::kParameterProblem;
  switch (code) {
    case 0:
    case 6:
    case 11:
      return SoftError::kNetworkUnreachable;
    case 2:
      return SoftError::kProtocolUnreachable;
    case 3:
      return SoftError::kPortUnreachable;
    case 5:
      return SoftError::kSourceRouteFailed;
    case 9:
    case 10:
    case 13:
      return SoftError::kProhibited;
    default:
      return SoftError::kHostUnreachable;
  }
}

}  // namespace

Drop Layer::OnIcmpError(const FlowKey& flow, Seq seq, IcmpType type, uint8_t code,
                        uint16_t next_hop_mtu, Instant now) {
  // [RFC 9293 3.9.2.2 MUST-54] it is for the connection that sent what it quotes.
  const uint32_t index = FindFlow(flow, demux_.Hash(flow));
  if (index == kNoIndex || (index & Demux::kTimeWaitBit) != 0) return Drop::kIcmpBadQuote;
  Connection& connection = connections_[index];
  // [RFC 5927 4.1] the quoted number must be in flight; anything else is a guess.
  if (!seq.InWindow(connection.snd_.una, connection.snd_.flight_bytes()))
    return Drop::kIcmpBadQuote;
  const bool is_unreachable = type == IcmpType::kDestinationUnreachable;
  if (is_unreachable && code == static_cast<uint8_t>(UnreachableCode::kFragmentationNeeded))
    return OnPathMtu(index, next_hop_mtu, now);
  Arrival arrival;
  const State before = connection.state();
  controls_[index].soft_error = Translate(type, code);
  arrival.events = tcp_event::kNotice;
  // [RFC 9293 3.9.2.2 MUST-56] soft errors end nothing; [RFC 5927 5.2] hard ones neither once data
  // flows. [RFC 9293 3.9.2.2 SHLD-26] while the connection is being opened they are the answer.
  const bool is_hard = is_unreachable && (code == static_cast<uint8_t>(UnreachableCode::kPort) ||
                                          code == static_cast<uint8_t>(UnreachableCode::kProtocol));
  if (is_hard && before == State::kSynSent) {
    arrival.events = tcp_event::kReset;
    arrival.end = Arrival::End::kClosed;
  }
  // [RFC 9293 3.9.2.2 SHLD-25] the application hears of it.
  Apply(index, nullptr, arrival, before, now);
  return Drop::kNone;
}

// [RFC 1191 3] a router that does not know tells 0; [RFC 1191 7.1] nothing below 68, and for us not
// below what a host must take (552 of RFC 1981 and the field), so that a forged one does little.
Drop Layer::OnPathMtu(uint32_t index, uint16_t next_hop_mtu, Instant now) {
  if (!config_.profile.path_mtu_discovery) return Drop::kIcmpUnhandledType;
  Connection& connection = connections_[index];
  const uint16_t mtu = std::max<uint16_t>(next_hop_mtu, limits_.path_mtu_min);
  const uint16_t headers =
      static_cast<uint16_t>(40 + (connection.Has(Connection::kTimestamps) ? 12 : 0));
  if (mtu < config_.mtu) {
    ++counters_.tcp_icmp_mtu;
    connection.OnPathMtu(static_cast<uint16_t>(mtu - headers), controls_[index], MakeEnv(now));
    Reschedule(index);
    QueueOutput(index);
  }
  return Drop::kNone;
}

}  // namespace aether::tcp
