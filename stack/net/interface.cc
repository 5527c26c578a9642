#include "stack/net/interface.h"

#include <algorithm>

#include "stack/base/check.h"
#include "stack/net/icmp.h"

namespace aether::net {
namespace {

// What a datagram of ours carries at most.
size_t PayloadBytesMax(const Config& config) {
  return std::max({config.net.output_datagram_bytes_max, config.net.reassembly_datagram_bytes_max,
                   config.mtu}) -
         Ipv4Header::kSize;
}

// [RFC 791 3.2] what a fragment of ours carries at most: a multiple of 8 bytes.
size_t FragmentBytes(const Config& config) {
  return (size_t{config.mtu} - Ipv4Header::kSize) / 8 * 8;
}

// Fragments beyond the first that may wait: at least those of one datagram of the largest size.
uint32_t FollowersMax(const Config& config) {
  const size_t needed = (PayloadBytesMax(config) - 1) / FragmentBytes(config);
  return std::max(config.net.output_fragments_max, static_cast<uint32_t>(needed));
}

}  // namespace

Interface::Interface(const Config& config, Random& random, Counters& counters, Instant now)
    : config_(config),
      random_(random),
      counters_(counters),
      store_(config.net.arp_queue_max + config.net.output_frames_max + FollowersMax(config),
             size_t{config.mtu} + EthernetHeader::kSize),
      addressing_(config.net.multicast_groups_max),
      neighbors_(config.net, random.NextKey(), now),
      icmp_limiter_(config.net.icmp_errors_per_second, config.net.icmp_errors_per_destination,
                    random.NextSeed(), now),
      fragments_(config.net, random.NextKey()),
      datagram_identifications_(random.NextSeed(), config.net.identifications_max),
      large_payload_(std::make_unique_for_overwrite<uint8_t[]>(PayloadBytesMax(config))),
      followers_max_(FollowersMax(config)) {
  AETHER_CHECK(config.mtu >= 68);
}

void Interface::OnAddressChange(Instant now) {
  neighbors_.Clear(store_);
  fragments_.Clear();
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
  if (now >= fragments_.NextDeadline()) [[unlikely]]
    ExpireFragments(now);
  neighbors_.Advance(now, store_, counters_);
  SendQuestions();
}

Instant Interface::NextDeadline() const {
  return std::min({next_announcement_, neighbors_.NextDeadline(), fragments_.NextDeadline()});
}

void Interface::ExpireFragments(Instant now) {
  for (uint32_t index = fragments_.TakeExpired(now); index != kNoIndex;
       index = fragments_.TakeExpired(now)) {
    if (!fragments_.was_abandoned(index)) ++counters_.ipv4_reassembly_timeouts;
    // [RFC 1122 3.3.2] the sender hears of it if fragment zero came; that is what is quoted.
    const std::expected<Ipv4View, Drop> first = Ipv4View::Parse(fragments_.Packet(index));
    if (first && SendError(*first, fragments_.link_group(index), IcmpType::kTimeExceeded,
                           kTimeExceededInReassembly, now)) {
      ++counters_.icmp_time_exceeded_out;
    }
    fragments_.Release(index);
  }
}

void Interface::SendOpenQuestions() {
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

size_t Interface::payload_bytes_max() const { return PayloadBytesMax(config_); }

size_t Interface::FragmentBytesMax() const { return FragmentBytes(config_); }

std::optional<Interface::Draft> Interface::NewDraft(size_t payload_bytes) {
  AETHER_CHECK(payload_bytes <= payload_bytes_max());
  const bool is_large = Ipv4Header::kSize + payload_bytes > config_.mtu;
  // All fragments get their frames, or the datagram is not sent at all.
  if (is_large && store_.followers() + (payload_bytes - 1) / FragmentBytesMax() > followers_max_) {
    ++counters_.output_queue_full;
    return std::nullopt;
  }
  const uint32_t slot = NewFrame();
  if (slot == kNoIndex) return std::nullopt;
  if (is_large) return Draft{slot, {large_payload_.get(), payload_bytes}};
  store_.SetSize(slot, kPayloadOffset + payload_bytes);
  return Draft{slot, store_.Frame(slot).subspan(kPayloadOffset)};
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

// [RFC 1122 3.3.1.4] there is but one gateway to choose; it may have got another link address.
void Interface::Doubt(Ipv4Address destination, Instant now) {
  if (const std::optional<Ipv4Address> next_hop = addressing_.NextHop(destination)) {
    neighbors_.Doubt(*next_hop, now);
    SendQuestions();
  }
}

// [RFC 791 3.2] the fragments repeat the header; offset and more-fragments tell their places.
void Interface::Split(const Draft& draft, Ipv4Header header) {
  // What is sent in fragments may be split again on its way.
  header.dont_fragment = false;
  Bytes rest = draft.payload;
  uint32_t slot = draft.slot;
  while (true) {
    const Bytes piece = rest.first(std::min(rest.size(), FragmentBytesMax()));
    rest = rest.subspan(piece.size());
    header.more_fragments = !rest.empty();
    header.payload_length = static_cast<uint16_t>(piece.size());
    store_.SetSize(slot, kPayloadOffset + piece.size());
    const MutableBytes frame = store_.Frame(slot);
    header.Emit(frame.subspan(EthernetHeader::kSize));
    std::ranges::copy(piece, frame.begin() + kPayloadOffset);
    ++counters_.ipv4_fragments_out;
    if (rest.empty()) break;
    header.fragment_offset_bytes =
        static_cast<uint16_t>(header.fragment_offset_bytes + piece.size());
    slot = store_.AllocateAfter(slot);
    AETHER_CHECK(slot != kNoIndex);  // NewDraft saw to it
  }
  ++counters_.ipv4_datagrams_split;
}

bool Interface::Send(const Draft& draft, Ipv4Header header, Instant now) {
  header.identification = datagram_identifications_.Next();
  header.time_to_live = config_.time_to_live;
  if (Ipv4Header::kSize + draft.payload.size() > config_.mtu) {
    Split(draft, header);
  } else {
    header.payload_length = static_cast<uint16_t>(draft.payload.size());
    header.Emit(store_.Frame(draft.slot).subspan(EthernetHeader::kSize));
  }
  return Queue(draft.slot, header.destination, now);
}

bool Interface::Queue(uint32_t slot, Ipv4Address destination, Instant now) {
  Route route;
  if (!FindRoute(destination, now, route)) {
    store_.Free(slot);
    return false;
  }
  // Frames that follow get their link header from the one before them when that leaves.
  EthernetHeader{route.mac != nullptr ? *route.mac : MacAddress{}, config_.mac,
                 static_cast<uint16_t>(EtherType::kIpv4)}
      .Emit(store_.Frame(slot));
  if (route.mac != nullptr) {
    ready_.Push(store_, slot);
  } else if (!neighbors_.Wait(route.next_hop, slot, store_, counters_)) {
    store_.Free(slot);
  }
  return true;
}

// The next hop is being asked for.
void Interface::PutAside(Bytes frame, const Ipv4Header& header, Instant now) {
  const std::optional<Draft> draft = NewDraft(header.payload_length);
  if (!draft) return;
  std::ranges::copy(frame.subspan(kPayloadOffset, header.payload_length), draft->payload.begin());
  header.Emit(store_.Frame(draft->slot).subspan(EthernetHeader::kSize));
  Queue(draft->slot, header.destination, now);
}

void Interface::SendEchoReply(const Ipv4View& request, const IcmpView& message, Instant now) {
  const std::optional<Draft> draft = NewDraft(IcmpHeader::kSize + message.payload().size());
  if (!draft) return;
  std::ranges::copy(message.payload(), draft->payload.begin() + IcmpHeader::kSize);
  // [RFC 1122 3.2.2.6] identifier, sequence number and data go back as they came, all of the data,
  // as large as what we can put together.
  IcmpHeader{.type = static_cast<uint8_t>(IcmpType::kEchoReply),
             .rest_of_header = message.rest_of_header()}
      .Emit(draft->payload);
  // [RFC 1122 3.2.2.6] the source of the reply is the address that was asked. [RFC 1349 5.1] a
  // reply has the type of service of its request; ECN's two bits are no part of it any more (RFC
  // 3168).
  if (Send(*draft,
           {.type_of_service = static_cast<uint8_t>(request.type_of_service() & 0xfc),
            .protocol = static_cast<uint8_t>(IpProtocol::kIcmp),
            .source = request.destination(),
            .destination = request.source()},
           now)) {
    ++counters_.icmp_echo_replies_out;
  }
}

bool Interface::SendError(const Ipv4View& packet, bool link_group, IcmpType type, uint8_t code,
                          Instant now) {
  if (addressing_.IsBroadcast(packet.destination()) || !MayReportError(packet, link_group)) {
    return false;
  }
  if (!icmp_limiter_.Allow(packet.source(), now)) {
    ++counters_.icmp_rate_limited;
    return false;
  }
  const size_t quote_bytes = QuoteBytes(packet, size_t{config_.mtu} - Ipv4Header::kSize);
  const std::optional<Draft> draft = NewDraft(IcmpHeader::kSize + quote_bytes);
  if (!draft) return false;
  EmitError(packet, type, code, draft->payload);
  return Send(*draft,
              {.protocol = static_cast<uint8_t>(IpProtocol::kIcmp),
               .source = addressing_.own(),
               .destination = packet.source()},
              now);
}

void Interface::SendUnreachable(const Ipv4View& packet, bool link_group, UnreachableCode code,
                                Instant now) {
  if (SendError(packet, link_group, IcmpType::kDestinationUnreachable, static_cast<uint8_t>(code),
                now)) {
    ++counters_.icmp_unreachable_out;
  }
}

size_t Interface::TransmitReady(MutableBytes out) {
  const uint32_t slot = ready_.Pop(store_);
  const Bytes frame = store_.Frame(slot);
  const size_t size = frame.size();
  AETHER_CHECK(out.size() >= size);
  std::ranges::copy(frame, out.begin());
  const uint32_t follower = store_.DetachFirst(slot);
  if (follower != kNoIndex) [[unlikely]] {
    // The rest of a datagram leaves before any other, with the same link header.
    std::ranges::copy(frame.first(EthernetHeader::kSize), store_.Frame(follower).begin());
    ready_.PushFront(store_, follower);
  }
  store_.Free(slot);
  return size;
}

void Interface::AddMemoryUse(MemoryUse& use) const {
  use.neighbors += neighbors_.size();
  use.frames += store_.used();
  use.fragmented_datagrams += fragments_.datagrams();
}

void Interface::CheckInvariants() const {
  neighbors_.CheckInvariants();
  fragments_.CheckInvariants();
  AETHER_CHECK(store_.used() == ready_.size() + neighbors_.waiting() + store_.followers());
  AETHER_CHECK(store_.followers() <= followers_max_);
  AETHER_CHECK(ready_.size() <= config_.net.output_frames_max + config_.net.arp_queue_max);
  AETHER_CHECK((announcements_left_ > 0) == (next_announcement_ != kNever));
}

}  // namespace aether::net
