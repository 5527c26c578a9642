#include "replay/packet.h"

#include <algorithm>

#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

constexpr size_t kUdpHeaderBytes = 8;
constexpr size_t kIcmpHeaderBytes = 8;

void ParseTcp(Bytes data, size_t wire_bytes, Packet& packet) {
  const auto tcp = TcpView::Parse(data);
  if (!tcp) return;
  const auto options = TcpOptions::Parse(tcp->options());
  if (!options) return;
  packet.kind = Packet::Kind::kTcp;
  packet.source.port = tcp->source_port();
  packet.destination.port = tcp->destination_port();
  packet.seq = tcp->sequence();
  packet.ack = tcp->acknowledgment();
  packet.flags = tcp->flags();
  packet.window = tcp->window();
  packet.options = *options;
  packet.payload = tcp->payload();
  packet.payload_bytes = static_cast<uint32_t>(wire_bytes - tcp->header_size());
}

void ParseUdp(Bytes data, size_t wire_bytes, Packet& packet) {
  if (data.size() < kUdpHeaderBytes) return;
  packet.kind = Packet::Kind::kUdp;
  packet.source.port = LoadBe<uint16_t>(data.data());
  packet.destination.port = LoadBe<uint16_t>(data.data() + 2);
  packet.payload = data.subspan(kUdpHeaderBytes);
  packet.payload_bytes = static_cast<uint32_t>(wire_bytes - kUdpHeaderBytes);
}

void ParseIpv4(Bytes data, Packet& packet) {
  if (data.size() < Ipv4View::kHeaderSizeMin || data[0] >> 4 != 4) return;
  const size_t header = size_t{data[0] & 0x0fu} * 4;
  size_t total = LoadBe<uint16_t>(data.data() + 2);
  if (total == 0) total = data.size();
  if (header < Ipv4View::kHeaderSizeMin || header > data.size() || total < header) return;
  packet.ip = data.first(std::min(total, data.size()));
  packet.source.address = {LoadBe<uint32_t>(data.data() + 12)};
  packet.destination.address = {LoadBe<uint32_t>(data.data() + 16)};
  if ((LoadBe<uint16_t>(data.data() + 6) & 0x3fff) != 0) {
    packet.kind = Packet::Kind::kFragment;
    return;
  }
  const Bytes payload = packet.ip.subspan(header);
  const size_t wire_bytes = total - header;
  switch (static_cast<IpProtocol>(data[9])) {
    case IpProtocol::kTcp:
      ParseTcp(payload, wire_bytes, packet);
      break;
    case IpProtocol::kUdp:
      ParseUdp(payload, wire_bytes, packet);
      break;
    case IpProtocol::kIcmp:
      if (payload.size() < kIcmpHeaderBytes) break;
      packet.kind = Packet::Kind::kIcmp;
      packet.payload = payload;
      packet.payload_bytes = static_cast<uint32_t>(wire_bytes);
      break;
    default:
      packet.kind = Packet::Kind::kOther;
      break;
  }
}

}  // namespace

uint32_t Packet::SeqSize() const {
  return payload_bytes + (Has(tcp_flags::kSyn) ? 1 : 0) + (Has(tcp_flags::kFin) ? 1 : 0);
}

Packet ParsePacket(Bytes frame) {
  Packet packet;
  const auto ethernet = EthernetView::Parse(frame);
  if (!ethernet) return packet;
  packet.link_source = ethernet->source();
  packet.link_destination = ethernet->destination();
  switch (static_cast<EtherType>(ethernet->type())) {
    case EtherType::kIpv4:
      ParseIpv4(ethernet->payload(), packet);
      break;
    case EtherType::kIpv6:
      packet.kind = Packet::Kind::kIpv6;
      break;
    case EtherType::kArp:
      packet.kind = Packet::Kind::kArp;
      break;
    default:
      packet.kind = Packet::Kind::kOther;
      break;
  }
  return packet;
}

}  // namespace aether::replay
