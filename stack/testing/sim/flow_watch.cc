#include "stack/testing/sim/flow_watch.h"

#include <algorithm>

namespace aether::testing::sim {
namespace {

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kAck = 0x10;
constexpr uint8_t kEce = 0x40;
constexpr uint8_t kCwr = 0x80;
constexpr size_t kOfferedMax = 16;

bool Before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

}  // namespace

void FlowWatch::Expect(const FlowKey& key, const FlowStreams& streams) {
  flows_.insert_or_assign(key, Flow{streams, false, {}});
}

std::optional<Violation> FlowWatch::OnSegment(const NaiveIpv4& ip, const NaiveTcp& tcp,
                                              Instant now) {
  const Ipv4Endpoint source{{ip.source}, tcp.source_port};
  const Ipv4Endpoint destination{{ip.destination}, tcp.destination_port};
  size_t from = 0;
  auto found = flows_.find({source, destination});
  if (found == flows_.end()) {
    from = 1;
    found = flows_.find({destination, source});
  }
  if (found == flows_.end()) {
    if ((tcp.flags & kRst) != 0) return std::nullopt;
    return Violation{"P12", "a segment of a connection that nobody opened", now};
  }
  Flow& flow = found->second;
  if ((tcp.flags & kRst) != 0) {
    ++sightings_.resets;
    if (flow.directions[1].start) flow.is_over = true;
    return std::nullopt;
  }
  Direction& peer = flow.directions[1 - from];
  if (!peer.start && (tcp.flags & kAck) != 0) {
    const auto taken = std::ranges::find(peer.offered, tcp.acknowledgment - 1, &Offer::start);
    if (taken != peer.offered.end()) {
      peer.start = taken->start;
      peer.end = tcp.acknowledgment;
      peer.scale = taken->scale;
    }
  }
  if ((tcp.flags & kSyn) != 0) {
    OnSyn(flow, from, tcp);
    return std::nullopt;
  }
  sightings_.congestion_echoes += (tcp.flags & kEce) != 0 ? 1 : 0;
  sightings_.window_reduced += (tcp.flags & kCwr) != 0 ? 1 : 0;
  if (!flow.directions[from].start) return std::nullopt;
  if (IsFromGhost(flow, from, tcp)) {
    // The client answers to what it hears, and may acknowledge it.
    uint32_t& end = flow.directions[from].end;
    const uint32_t sent = tcp.sequence + static_cast<uint32_t>(tcp.payload.size()) +
                          ((tcp.flags & kFin) != 0 ? 1 : 0);
    if (Before(end, sent)) end = sent;
    return std::nullopt;
  }
  if (std::optional<Violation> violation = CheckEcn(flow, from, ip, tcp, now)) return violation;
  if (std::optional<Violation> violation = OnData(flow, from, tcp, now)) return violation;
  return OnAck(flow, from, tcp, now);
}

void FlowWatch::OnSyn(Flow& flow, size_t from, const NaiveTcp& tcp) {
  Direction& own = flow.directions[from];
  if (from == 1 && (tcp.flags & kAck) == 0 && !own.start) ++sightings_.simultaneous_opens;
  if (own.start) return;
  own.scale = tcp.window_scale;
  own.edge.reset();
  if (own.offered.size() < kOfferedMax) own.offered.push_back({tcp.sequence, tcp.window_scale});
  if (from == 0) {
    own.start = tcp.sequence;
    own.end = tcp.sequence + 1;
  }
}

// What a server says because of an old duplicate about a connection that is over, or with the
// numbers of a cookie that the client did not take.
bool FlowWatch::IsFromGhost(const Flow& flow, size_t from, const NaiveTcp& tcp) const {
  const Direction& own = flow.directions[from];
  if (from == 0) return false;
  // A half-open connection from an old SYN acknowledges, and no more.
  if (flow.is_over && (has_cookies_ || (tcp.payload.empty() && (tcp.flags & kFin) == 0)))
    return true;
  if (!has_cookies_ || own.offered.size() < 2) return false;
  const uint32_t distance = tcp.sequence - *own.start;
  return std::ranges::any_of(own.offered, [&](const Offer& other) {
    return other.start != *own.start && tcp.sequence - other.start < distance;
  });
}

// [RFC 3168 6.1.1, 6.1.4, 6.1.5] only new data carries the codepoint that a router may change: no
// SYN, no pure acknowledgement, nothing that is sent again.
std::optional<Violation> FlowWatch::CheckEcn(const Flow& flow, size_t from, const NaiveIpv4& ip,
                                             const NaiveTcp& tcp, Instant now) const {
  if ((ip.type_of_service & 3) == 0) return std::nullopt;
  if (tcp.payload.empty()) return Violation{"P12", "ECN-capable without data", now};
  if (Before(tcp.sequence, flow.directions[from].end)) {
    return Violation{"P12", "an ECN-capable retransmission", now};
  }
  return std::nullopt;
}

std::optional<Violation> FlowWatch::OnData(Flow& flow, size_t from, const NaiveTcp& tcp,
                                           Instant now) {
  Direction& own = flow.directions[from];
  const Direction& peer = flow.directions[1 - from];
  const Stream& stream = from == 0 ? flow.streams.client : flow.streams.server;
  const uint32_t size = static_cast<uint32_t>(tcp.payload.size());
  const uint32_t end = tcp.sequence + size;
  if (size > 0) {
    const uint32_t offset = tcp.sequence - (*own.start + 1);
    if (Before(tcp.sequence, *own.start + 1)) {
      return Violation{"P1", "data before the start of the stream", now};
    }
    const size_t match = stream.MatchLength(offset, tcp.payload);
    if (match != size) {
      return Violation{"P1",
                       "the byte sent at offset " + std::to_string(offset + match) +
                           " is not that of the stream",
                       now};
    }
    data_bytes_ += size;
    if (Before(tcp.sequence, own.end)) {
      retransmitted_bytes_ += std::min(size, own.end - tcp.sequence);
      ++retransmitted_segments_;
    }
  }
  if ((tcp.flags & kFin) != 0) {
    if (own.fin && *own.fin != end) return Violation{"P1", "the FIN has moved", now};
    if (!own.fin && peer.fin && tcp.acknowledgment != *peer.fin + 1) {
      ++sightings_.simultaneous_closes;
    }
    own.fin = end;
  }
  if (size > 0 && own.fin && Before(*own.fin, end))
    return Violation{"P1", "data after the FIN", now};
  const uint32_t end_with_fin = end + ((tcp.flags & kFin) != 0 ? 1 : 0);
  // A probe of a closed window carries one number more than is allowed.
  if (peer.edge && end_with_fin != tcp.sequence && Before(*peer.edge + 1, end_with_fin)) {
    return Violation{
        "P12", "sent " + std::to_string(end_with_fin - *peer.edge) + " bytes beyond the window",
        now};
  }
  if (Before(own.end, end_with_fin)) own.end = end_with_fin;
  return std::nullopt;
}

std::optional<Violation> FlowWatch::OnAck(Flow& flow, size_t from, const NaiveTcp& tcp,
                                          Instant now) {
  Direction& own = flow.directions[from];
  const Direction& peer = flow.directions[1 - from];
  if ((tcp.flags & kAck) == 0 || !peer.start) return std::nullopt;
  if (Before(peer.end, tcp.acknowledgment)) {
    return Violation{"P12",
                     "acknowledges " + std::to_string(tcp.acknowledgment - peer.end) +
                         " bytes that were not sent",
                     now};
  }
  if (own.acknowledged && Before(tcp.acknowledgment, *own.acknowledged)) {
    return Violation{"P12", "the acknowledgement moves back", now};
  }
  own.acknowledged = tcp.acknowledgment;
  const auto is_shut = [](const Direction& side, const Direction& other) {
    return side.fin && other.acknowledged == *side.fin + 1;
  };
  if (is_shut(own, peer) && is_shut(peer, own)) flow.is_over = true;
  const uint8_t scale = own.scale && peer.scale ? *own.scale : uint8_t{0};
  const uint32_t edge = tcp.acknowledgment + (uint32_t{tcp.window} << scale);
  if (own.edge && Before(edge, *own.edge)) {
    return Violation{
        "P12",
        "the right edge of the window moves left by " + std::to_string(*own.edge - edge) + " bytes",
        now};
  }
  if (edge == tcp.acknowledgment) ++sightings_.zero_windows;
  own.edge = edge;
  return std::nullopt;
}

}  // namespace aether::testing::sim
