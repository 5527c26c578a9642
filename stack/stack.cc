// Composition: the only place that knows every layer. A layer returns a value, and this file hands
// it on.
#include <algorithm>
#include <array>

#include "stack/base/check.h"
#include "stack/base/inline.h"
#include "stack/net/icmp.h"
#include "stack/net/icmp_quote.h"
#include "stack/net/interface.h"
#include "stack/stack_impl.h"
#include "stack/tcp/layer.h"
#include "stack/udp/layer.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"
#include "stack/wire/udp.h"

namespace aether {
void Stack::Impl::Advance(Instant now) {
  now_ = std::max(now_, now);
  interface_.Advance(now_);
  tcp_.Advance(now_);
  // [RFC 9293 3.8.3 MUST-20] negative advice: the next hop is asked whether it is still there.
  if (const std::optional<Ipv4Address> doubted = tcp_.TakeDoubted())
    interface_.Doubt(*doubted, now_);
}

bool Stack::Impl::IsForGroupOfOurs(MacAddress destination) const {
  return destination.IsBroadcast() ||
         (destination.IsGroup() && interface_.addressing().AcceptsGroupMac(destination));
}

// Everything about a TCP segment that needs no connection; `out` becomes kTcp when it is sound and
// for us.
AETHER_INLINE Drop Stack::Impl::PrepareTcp(const Ipv4View& packet, bool link_group, Prepared& out) {
  const Drop refused = interface_.addressing().Check(packet, link_group);
  if (refused != Drop::kNone) return refused;
  // [RFC 9293 3.9.2.3 MUST-57] [RFC 1122 4.2.3.10] segments to a broadcast or multicast address are
  // silently discarded.
  if (!interface_.addressing().IsOwn(packet.destination())) return Drop::kTcpBroadcast;
  const std::expected<TcpView, Drop> view = TcpView::Parse(packet.payload());
  if (!view) return view.error();
  if (!view->ChecksumIsValid(packet.source(), packet.destination())) return Drop::kTcpBadChecksum;
  tcp::Segment& segment = out.segment;
  segment.flow = {packet.source(), packet.destination(), view->source_port(),
                  view->destination_port()};
  segment.hash = tcp_.Hash(segment.flow);
  tcp_.PrefetchSlot(segment.hash);
  segment.seq = view->sequence();
  segment.ack = view->acknowledgment();
  segment.flags = view->flags();
  segment.ecn = static_cast<tcp::Ecn>(packet.type_of_service() & 3);
  segment.window = view->window();
  segment.urgent_pointer = view->urgent_pointer();
  segment.options = view->options();
  segment.payload = view->payload();
  out.kind = Prepared::Kind::kTcp;
  return Drop::kNone;
}

AETHER_INLINE void Stack::Impl::Prepare(Bytes frame, Prepared& out) {
  out.kind = Prepared::Kind::kDropped;
  const std::expected<EthernetView, Drop> ethernet = EthernetView::Parse(frame);
  if (!ethernet) {
    out.drop = ethernet.error();
    return;
  }
  if (frame.size() > frame_bytes_max_) {
    out.drop = Drop::kEthernetTooLong;
    return;
  }
  const MacAddress destination = ethernet->destination();
  if (!IsForUs(destination)) {
    out.drop = Drop::kEthernetNotForUs;
    return;
  }
  // [IEEE 802.3 3.2.3] a group address is never a source; neither are we, of what arrives.
  if (ethernet->source().IsGroup() || ethernet->source() == config_.mac) {
    out.drop = Drop::kEthernetBadSource;
    return;
  }
  out.link_group = destination.IsGroup();
  out.payload = ethernet->payload();
  if (ethernet->type() == static_cast<uint16_t>(EtherType::kArp)) {
    out.kind = Prepared::Kind::kArp;
    return;
  }
  if (ethernet->type() != static_cast<uint16_t>(EtherType::kIpv4)) {
    out.drop = Drop::kEthernetUnknownType;
    return;
  }
  const std::expected<Ipv4View, Drop> packet = Ipv4View::Parse(out.payload);
  if (!packet) {
    out.drop = packet.error();
    return;
  }
  if (packet->protocol() == static_cast<uint8_t>(IpProtocol::kTcp) && !packet->IsFragment() &&
      packet->header_size() == Ipv4View::kHeaderSizeMin) [[likely]] {
    out.drop = PrepareTcp(*packet, out.link_group, out);
    return;
  }
  out.kind = Prepared::Kind::kOther;
}

// Stages, so that the cache misses of a batch overlap: headers and hashes of all, then the places
// of all, then the work. [RFC 9293 3.10.7.4 MUST-58, MUST-59] what it asks us to send, Transmit
// makes afterwards: one acknowledgement for a batch.
void Stack::Impl::Receive(std::span<const Bytes> frames, Instant now) {
  if (!reassembled_.empty()) ReleaseReassembled();
  Advance(now);
  while (!frames.empty()) {
    const std::span<const Bytes> batch = frames.first(std::min(frames.size(), kBatchMax));
    frames = frames.subspan(batch.size());
    for (size_t i = 0; i < batch.size(); ++i) Prepare(batch[i], prepared_[i]);
    if (batch.size() > 1) {
      for (size_t i = 0; i < batch.size(); ++i) {
        if (prepared_[i].kind == Prepared::Kind::kTcp) tcp_.PrefetchFlow(prepared_[i].segment.hash);
      }
    }
    for (size_t i = 0; i < batch.size(); ++i) {
      ++counters_.frames_in;
      counters_.bytes_in += batch[i].size();
      const Drop drop = Process(prepared_[i]);
      // Every frame is accounted for here, and nowhere else.
      if (drop == Drop::kNone) {
        ++counters_.delivered;
      } else {
        ++counters_.drops[DropIndex(drop)];
      }
    }
  }
}

Drop Stack::Impl::Process(const Prepared& prepared) {
  switch (prepared.kind) {
    case Prepared::Kind::kTcp:
      return tcp_.Receive(prepared.segment, now_);
    case Prepared::Kind::kArp:
      return ProcessArp(prepared);
    case Prepared::Kind::kOther:
      return ProcessIp(prepared);
    case Prepared::Kind::kDropped:
      break;
  }
  return prepared.drop;
}

Drop Stack::Impl::ProcessArp(const Prepared& prepared) {
  const std::expected<ArpPacket, Drop> packet = ArpPacket::Parse(prepared.payload);
  if (!packet) return packet.error();
  return interface_.OnArp(*packet, /*answer=*/true, now_);
}

Drop Stack::Impl::ProcessIp(const Prepared& prepared) {
  const std::expected<Ipv4View, Drop> packet = Ipv4View::Parse(prepared.payload);
  if (!packet) return packet.error();
  const Drop refused = interface_.addressing().Check(*packet, prepared.link_group);
  if (refused != Drop::kNone) return refused;
  Ipv4OptionIterator walk(packet->options());
  uint8_t kind;
  Bytes data;
  while (walk.Next(kind, data)) {
    // [RFC 7126 4.3, 4.4] source routes are dropped; [RFC 1122 3.2.1.8] [RFC 9293 3.9.2 MUST-50]
    // all other options are skipped.
    if (kind == static_cast<uint8_t>(Ipv4OptionKind::kLooseSourceRoute) ||
        kind == static_cast<uint8_t>(Ipv4OptionKind::kStrictSourceRoute)) {
      return Drop::kIpv4SourceRoute;
    }
  }
  if (packet->IsFragment()) return ProcessFragment(*packet, prepared.link_group);
  return ProcessDatagram(*packet, prepared.link_group);
}

// What this returns is about the frame, which brought one fragment; what becomes of a datagram that
// it completed is counted apart (see counters.h).
Drop Stack::Impl::ProcessFragment(const Ipv4View& fragment, bool link_group) {
  net::Fragments& fragments = interface_.fragments();
  const net::Fragments::Verdict verdict = fragments.Add(fragment, link_group, now_, counters_);
  if (verdict.whole == kNoIndex) return verdict.drop;
  if (config_.sharded && fragment.protocol() == static_cast<uint8_t>(IpProtocol::kTcp) &&
      !fragments.link_group(verdict.whole)) {
    // All fragments reach one stack, which need not own the flow. One entry is always left for the
    // next datagram.
    if (reassembled_.size() + 1 < config_.net.reassembly_datagrams_max) {
      reassembled_.push_back(verdict.whole);
    } else {
      ++counters_.ipv4_reassembled_refused;
      fragments.Release(verdict.whole);
    }
    return Drop::kNone;
  }
  const std::expected<Ipv4View, Drop> packet = Ipv4View::Parse(fragments.Packet(verdict.whole));
  AETHER_CHECK(packet.has_value());
  if (ProcessDatagram(*packet, fragments.link_group(verdict.whole)) != Drop::kNone) {
    ++counters_.ipv4_reassembled_refused;
  }
  fragments.Release(verdict.whole);
  return Drop::kNone;
}

std::optional<Bytes> Stack::Impl::TakeReassembled() {
  if (reassembled_taken_ == reassembled_.size()) return std::nullopt;
  return interface_.fragments().Packet(reassembled_[reassembled_taken_++]);
}

void Stack::Impl::ReleaseReassembled() {
  counters_.ipv4_reassembled_refused += reassembled_.size() - reassembled_taken_;
  for (const uint32_t index : reassembled_) interface_.fragments().Release(index);
  reassembled_.clear();
  reassembled_taken_ = 0;
}

void Stack::Impl::ReceiveReassembled(Bytes packet, Instant now) {
  Advance(now);
  const std::expected<Ipv4View, Drop> view = Ipv4View::Parse(packet);
  const bool is_sound = view && !view->IsFragment() &&
                        interface_.addressing().Check(*view, /*link_group=*/false) == Drop::kNone;
  if (!is_sound || ProcessDatagram(*view, /*link_group=*/false) != Drop::kNone)
    ++counters_.ipv4_reassembled_refused;
}

// A whole datagram for us, as it came or put together from fragments.
Drop Stack::Impl::ProcessDatagram(const Ipv4View& packet, bool link_group) {
  switch (static_cast<IpProtocol>(packet.protocol())) {
    case IpProtocol::kTcp: {
      Prepared again;
      const Drop drop = PrepareTcp(packet, link_group, again);
      return drop != Drop::kNone ? drop : tcp_.Receive(again.segment, now_);
    }
    case IpProtocol::kUdp:
      return ProcessUdp(packet, link_group);
    case IpProtocol::kIcmp:
      return ProcessIcmp(packet);
    default:
      // [RFC 1122 3.2.2.1] a protocol that is not supported is reported to the sender.
      interface_.SendUnreachable(packet, link_group, UnreachableCode::kProtocol, now_);
      return Drop::kIpv4UnknownProtocol;
  }
}

Drop Stack::Impl::ProcessIcmp(const Ipv4View& packet) {
  const std::expected<IcmpView, Drop> message = IcmpView::Parse(packet.payload());
  if (!message) return message.error();
  const net::IcmpVerdict verdict =
      net::HandleIcmp(*message, !interface_.addressing().IsOwn(packet.destination()));
  if (verdict.reply) interface_.SendEchoReply(packet, *message, now_);
  if (verdict.for_transport) return ProcessIcmpError(packet, *message);
  return verdict.drop;
}

// [RFC 1122 3.2.2.1] an error goes to the transport that sent what it quotes.
Drop Stack::Impl::ProcessIcmpError(const Ipv4View& packet, const IcmpView& message) {
  const std::expected<net::IcmpQuote, Drop> quote = net::IcmpQuote::Parse(message.payload());
  if (!quote) return quote.error();
  // [RFC 792] an error goes to the source of the datagram that it is about, and to nobody else.
  if (!interface_.addressing().IsOwn(quote->source) || packet.destination() != quote->source ||
      !quote->is_first_fragment) {
    return Drop::kIcmpBadQuote;
  }
  if (quote->protocol != static_cast<uint8_t>(IpProtocol::kTcp)) return Drop::kIcmpUnhandledType;
  const tcp::FlowKey flow{quote->destination, quote->source, quote->destination_port,
                          quote->source_port};
  return tcp_.OnIcmpError(flow, Seq(quote->word), static_cast<IcmpType>(message.type()),
                          message.code(), static_cast<uint16_t>(message.rest_of_header()), now_);
}

Drop Stack::Impl::ProcessUdp(const Ipv4View& packet, bool link_group) {
  const std::expected<UdpView, Drop> datagram = UdpView::Parse(packet.payload());
  if (!datagram) return datagram.error();
  if (!datagram->ChecksumIsValid(packet.source(), packet.destination()))
    return Drop::kUdpBadChecksum;
  const Drop drop = udp_.Receive(*datagram, packet.source(), packet.destination());
  if (drop == Drop::kUdpPortUnreachable) {
    // [RFC 1122 4.1.3.1] a port without a socket is reported to the sender.
    interface_.SendUnreachable(packet, link_group, UnreachableCode::kPort, now_);
  }
  return drop;
}

void Stack::Impl::Observe(std::span<const Bytes> frames, Instant now) {
  Advance(now);
  for (const Bytes frame : frames) {
    const std::expected<EthernetView, Drop> ethernet = EthernetView::Parse(frame);
    if (!ethernet || ethernet->type() != static_cast<uint16_t>(EtherType::kArp)) continue;
    if (!IsForUs(ethernet->destination()) || ethernet->source().IsGroup()) continue;
    const std::expected<ArpPacket, Drop> packet = ArpPacket::Parse(ethernet->payload());
    if (packet) interface_.OnArp(*packet, /*answer=*/false, now_);
  }
}

size_t Stack::Impl::Transmit(MutableBytes out, Instant now) {
  AETHER_CHECK(out.size() >= frame_size_max());
  now_ = std::max(now_, now);
  size_t size = interface_.Transmit(out);
  while (size == 0) {
    constexpr size_t kOffset = net::Interface::kPayloadOffset;
    const std::optional<tcp::Layer::Outgoing> segment =
        tcp_.Transmit(out.subspan(kOffset, size_t{config_.mtu} - Ipv4Header::kSize), now_);
    if (!segment) {
      // What TCP had for a next hop that had to be asked for first has left a question behind.
      size = interface_.Transmit(out);
      break;
    }
    Ipv4Header header;
    header.payload_length = static_cast<uint16_t>(segment->size_bytes);
    // [RFC 9293 3.9.1.9 SHLD-22] as the application set it.
    header.type_of_service =
        static_cast<uint8_t>(segment->dscp << 2 | static_cast<uint8_t>(segment->ecn));
    header.dont_fragment = segment->dont_fragment;
    header.protocol = static_cast<uint8_t>(IpProtocol::kTcp);
    header.source = segment->source;
    header.destination = segment->destination;
    size = interface_.Wrap(out, header, now_);
  }
  if (size != 0) {
    ++counters_.frames_out;
    counters_.bytes_out += size;
  }
  return size;
}

size_t Stack::Impl::PollEvents(std::span<Event> out) {
  size_t count = 0;
  while (count < out.size() && udp_.HasPending()) {
    const udp::Layer::Pending pending = udp_.TakePending();
    out[count++] = {.kind = Event::Kind::kDatagram,
                    .mask = 0,
                    .owner = pending.owner,
                    .listener = {},
                    .udp = pending.id,
                    .connection = {},
                    .user = 0};
  }
  while (count < out.size()) {
    const std::optional<tcp::Layer::Ready> ready = tcp_.TakeReady();
    if (!ready) break;
    out[count++] = {
        .kind = ready->is_listener ? Event::Kind::kAcceptable : Event::Kind::kConnection,
        .mask = ready->mask,
        .owner = ready->owner,
        .listener = ready->listener,
        .udp = {},
        .connection = ready->connection,
        .user = ready->user};
  }
  return count;
}

void Stack::Impl::OnAddressChange() {
  tcp_.DropAll();
  interface_.OnAddressChange(now_);
}

std::expected<void, Error> Stack::Impl::UdpSend(UdpSocketId socket, Ipv4Endpoint to, Bytes payload,
                                                bool from_unspecified) {
  const std::optional<uint16_t> port = udp_.PortOf(socket);
  if (!port) return std::unexpected(Error::kNotFound);
  const net::Addressing& addressing = interface_.addressing();
  // [RFC 1122 3.2.1.3 (a), (g)] neither "this network" nor the loopback network are ever seen on a
  // wire; and nobody there would give us what is for ourselves.
  if (to.port == 0 || to.address.IsThisNetwork() || to.address.IsLoopback() ||
      to.address.IsReserved() || addressing.IsOwn(to.address)) {
    return std::unexpected(Error::kBadArgument);
  }
  if (from_unspecified && !to.address.IsBroadcast()) return std::unexpected(Error::kBadArgument);
  if (!addressing.network() && !to.address.IsBroadcast()) return std::unexpected(Error::kNoAddress);
  const Ipv4Address source = from_unspecified ? Ipv4Address{} : addressing.own();
  const size_t size = UdpHeader::kSize + payload.size();
  if (size > interface_.payload_bytes_max()) return std::unexpected(Error::kTooLong);
  const std::optional<net::Interface::Draft> draft = interface_.NewDraft(size);
  if (!draft) return std::unexpected(Error::kQueueFull);
  std::ranges::copy(payload, draft->payload.begin() + UdpHeader::kSize);
  UdpHeader{.source_port = *port, .destination_port = to.port}.Emit(draft->payload, source,
                                                                    to.address);
  Ipv4Header header;
  header.protocol = static_cast<uint8_t>(IpProtocol::kUdp);
  header.source = source;
  header.destination = to.address;
  if (!interface_.Send(*draft, header, now_)) return std::unexpected(Error::kNoRoute);
  ++counters_.udp_out;
  return {};
}

}  // namespace aether
