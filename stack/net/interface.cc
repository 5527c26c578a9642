#include "stack/net/interface.h"

#include <algorithm>

#include "stack/base/check.h"
#include "stack/net/icmp.h"

namespace aether::net {

Interface::Interface(const Config& config, Random& random, Counters& counters, Instant now)
    : config_(config),
      random_(random),
      counters_(counters),
      store_(config.net.arp_queue_max + config.net.output_frames_max,
             size_t{config.mtu} + EthernetHeader::kSize),
      addressing_(config.net.multicast_groups_max),
      neighbors_(config.net, random.NextKey(), now),
      icmp_limiter_(config.net.icmp_errors_per_second, config.net.icmp_errors_per_destination,
                    random.NextSeed(), now) {}

void Interface::OnAddressChange(Instant now) {
  neighbors_.Clear(store_);
  while (!ready_.empty()) store_.Free(ready_.Pop(store_));
  announcements_left_ = addressing_.network() && config_.announce ? kAnnouncements : 0;
  next_announcement_ = announcements_left_ > 0 ? now : kNever;
  Advance(now);
}

void Interface::Advance(Instant now) {
  if (now >= next_announcement_) [[unlikely]] {
    // [RFC 5227 2.3] an announcement is a request whose sender and target are our own address.
    SendArp({.operation = ArpOperation::kRequest,
             .sender_mac = config_.mac,
             .sender_ip = addressing_.own(),
             .target_mac = {},
             .target_ip = addressing_.own()},
            MacAddress::Broadcast());
    next_announcement_ = --announcements_left_ > 0 ? now + kAnnounceInterval : kNever;
  }
  neighbors_.Advance(now, store_, counters_);
  SendQuestions();
}

Instant Interface::NextDeadline() const {
  return std::min(next_announcement_, neighbors_.NextDeadline());
}

void Interface::SendQuestions() {
  if (neighbors_.questions().empty()) [[likely]]
    return;
  for (const ArpQuestion& question : neighbors_.questions()) {
    SendArp({.operation = ArpOperation::kRequest,
             .sender_mac = config_.mac,
             .sender_ip = addressing_.own(),
             .target_mac = question.destination.IsBroadcast() ? MacAddress{} : question.destination,
             .target_ip = question.target},
            question.destination);
  }
  neighbors_.ClearQuestions();
}

void Interface::SendArp(const ArpPacket& packet, MacAddress destination) {
  const uint32_t slot = NewFrame();
  if (slot == kNoIndex) return;
  const MutableBytes frame = store_.Slot(slot);
  EthernetHeader{destination, config_.mac, static_cast<uint16_t>(EtherType::kArp)}.Emit(frame);
  packet.Emit(frame.subspan(EthernetHeader::kSize));
  store_.SetSize(slot, EthernetHeader::kSize + ArpPacket::kSize);
  ready_.Push(store_, slot);
  ++(packet.operation == ArpOperation::kRequest ? counters_.arp_requests_out
                                                : counters_.arp_replies_out);
}

Drop Interface::OnArp(const ArpPacket& packet, bool answer, Instant now) {
  // A sender that is a group, nobody, or us cannot be a neighbour.
  if (packet.sender_mac.IsGroup() || packet.sender_mac.IsZero() ||
      packet.sender_mac == config_.mac) {
    return Drop::kArpBadSender;
  }
  const bool is_request = packet.operation == ArpOperation::kRequest;
  // [RFC 5227 2.1.1] a probe asks without an address of its own: it is answered, and nothing is
  // learned.
  const bool is_probe = is_request && packet.sender_ip.IsUnspecified();
  if (!is_probe && !addressing_.IsNeighbor(packet.sender_ip)) return Drop::kArpBadSender;
  if (!addressing_.IsOwn(packet.target_ip)) return Drop::kArpNotForUs;
  if (!is_request) {
    const Drop drop = neighbors_.OnReply(packet.sender_ip, packet.sender_mac, now, store_, ready_);
    if (drop == Drop::kNone && answer) ++counters_.arp_replies_in;
    return drop;
  }
  if (answer) {
    ++counters_.arp_requests_in;
    SendArp({.operation = ArpOperation::kReply,
             .sender_mac = config_.mac,
             .sender_ip = packet.target_ip,
             .target_mac = packet.sender_mac,
             .target_ip = packet.sender_ip},
            packet.sender_mac);
  }
  if (!is_probe) {
    neighbors_.OnRequest(packet.sender_ip, packet.sender_mac, now, store_, ready_);
    SendQuestions();
  }
  return Drop::kNone;
}

uint32_t Interface::NewFrame() {
  const uint32_t slot =
      ready_.size() < config_.net.output_frames_max ? store_.Allocate() : kNoIndex;
  if (slot == kNoIndex) ++counters_.output_queue_full;
  return slot;
}

MutableBytes Interface::PayloadOf(uint32_t slot, size_t payload_bytes) {
  store_.SetSize(slot, kPayloadOffset + payload_bytes);
  return store_.Frame(slot).subspan(kPayloadOffset);
}

uint16_t Interface::NextIdentification() {
  if (identifications_left_ == 0) {
    identifications_ = random_.Next64();
    identifications_left_ = 4;
  }
  --identifications_left_;
  const uint16_t identification = static_cast<uint16_t>(identifications_);
  identifications_ >>= 16;
  return identification;
}

// Finds where a packet goes. False when no route leads there; `mac` null when the next hop is not
// known yet.
bool Interface::FindRoute(Ipv4Address destination, Instant now, Route& route) {
  if (addressing_.IsBroadcast(destination)) {
    route.group = MacAddress::Broadcast();
    route.mac = &route.group;
    return true;
  }
  if (destination.IsMulticast()) {
    route.group = Addressing::GroupMac(destination);
    route.mac = &route.group;
    return true;
  }
  const std::optional<Ipv4Address> next_hop = addressing_.NextHop(destination);
  if (!next_hop || !addressing_.IsNeighbor(*next_hop)) {
    ++counters_.no_route;
    return false;
  }
  route.next_hop = *next_hop;
  route.mac = neighbors_.Resolve(*next_hop, now, store_);
  SendQuestions();
  return true;
}

bool Interface::SendFrame(uint32_t slot, Ipv4Header header, Instant now) {
  Route route;
  if (!FindRoute(header.destination, now, route)) {
    store_.Free(slot);
    return false;
  }
  const MutableBytes frame = store_.Frame(slot);
  header.identification = NextIdentification();
  header.payload_length = static_cast<uint16_t>(frame.size() - kPayloadOffset);
  EthernetHeader{route.mac != nullptr ? *route.mac : MacAddress{}, config_.mac,
                 static_cast<uint16_t>(EtherType::kIpv4)}
      .Emit(frame);
  header.Emit(frame.subspan(EthernetHeader::kSize));
  if (route.mac != nullptr) {
    ready_.Push(store_, slot);
  } else if (!neighbors_.Wait(route.next_hop, slot, store_, counters_)) {
    store_.Free(slot);
  }
  return true;
}

size_t Interface::Wrap(MutableBytes frame, Ipv4Header header, Instant now) {
  Route route;
  if (!FindRoute(header.destination, now, route)) return 0;
  if (route.mac == nullptr) [[unlikely]] {
    const uint32_t slot = NewFrame();
    if (slot == kNoIndex) return 0;
    const Bytes payload = frame.subspan(kPayloadOffset, header.payload_length);
    std::ranges::copy(payload, PayloadOf(slot, payload.size()).begin());
    SendFrame(slot, header, now);
    return 0;
  }
  header.identification = NextIdentification();
  EthernetHeader{*route.mac, config_.mac, static_cast<uint16_t>(EtherType::kIpv4)}.Emit(frame);
  header.Emit(frame.subspan(EthernetHeader::kSize));
  return kPayloadOffset + header.payload_length;
}

void Interface::SendEchoReply(const Ipv4View& request, const IcmpView& message, Instant now) {
  const size_t size = IcmpHeader::kSize + message.payload().size();
  if (size + Ipv4Header::kSize > config_.mtu) {
    ++counters_.output_queue_full;
    return;
  }
  const uint32_t slot = NewFrame();
  if (slot == kNoIndex) return;
  const MutableBytes out = PayloadOf(slot, size);
  std::ranges::copy(message.payload(), out.begin() + IcmpHeader::kSize);
  // [RFC 1122 3.2.2.6] identifier, sequence number and data go back as they came.
  IcmpHeader{.type = static_cast<uint8_t>(IcmpType::kEchoReply),
             .rest_of_header = message.rest_of_header()}
      .Emit(out);
  // [RFC 1122 3.2.2.6] the source of the reply is the address that was asked.
  if (SendFrame(slot,
                {.protocol = static_cast<uint8_t>(IpProtocol::kIcmp),
                 .source = request.destination(),
                 .destination = request.source()},
                now)) {
    ++counters_.icmp_echo_replies_out;
  }
}

void Interface::SendUnreachable(const Ipv4View& packet, bool link_group, UnreachableCode code,
                                Instant now) {
  if (addressing_.IsBroadcast(packet.destination()) || !MayReportError(packet, link_group)) return;
  if (!icmp_limiter_.Allow(packet.source(), now)) {
    ++counters_.icmp_rate_limited;
    return;
  }
  const uint32_t slot = NewFrame();
  if (slot == kNoIndex) return;
  const size_t quote_bytes = QuoteBytes(packet, size_t{config_.mtu} - Ipv4Header::kSize);
  EmitUnreachable(packet, code, PayloadOf(slot, IcmpHeader::kSize + quote_bytes));
  if (SendFrame(slot,
                {.protocol = static_cast<uint8_t>(IpProtocol::kIcmp),
                 .source = addressing_.own(),
                 .destination = packet.source()},
                now)) {
    ++counters_.icmp_unreachable_out;
  }
}

size_t Interface::Transmit(MutableBytes out) {
  if (ready_.empty()) [[likely]]
    return 0;
  const uint32_t slot = ready_.Pop(store_);
  const Bytes frame = store_.Frame(slot);
  AETHER_CHECK(out.size() >= frame.size());
  std::ranges::copy(frame, out.begin());
  store_.Free(slot);
  return frame.size();
}

void Interface::CheckInvariants() const {
  neighbors_.CheckInvariants();
  AETHER_CHECK(store_.used() == ready_.size() + neighbors_.waiting());
  AETHER_CHECK(ready_.size() <= config_.net.output_frames_max + config_.net.arp_queue_max);
  AETHER_CHECK((announcements_left_ > 0) == (next_announcement_ != kNever));
}

}  // namespace aether::net
