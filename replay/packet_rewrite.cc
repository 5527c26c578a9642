#include "replay/packet_rewrite.h"

#include <algorithm>

#include "replay/capture_reader.h"
#include "stack/wire/arp.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"

namespace aether::replay {
namespace {

// Where a UDP header has its checksum.
constexpr size_t kUdpLengthAt = 4;
constexpr size_t kUdpChecksumAt = 6;

}  // namespace

bool AddRewritten(const Packet& packet, const LiveEnds& ends, FrameBatch& out) {
  const bool is_udp = packet.kind == Packet::Kind::kUdp;
  const bool is_same = packet.kind == Packet::Kind::kFragment &&
                       packet.source.address == ends.client.address &&
                       packet.destination.address == ends.server.address;
  if (!is_udp && !is_same && packet.kind != Packet::Kind::kIcmp) return false;
  if (packet.payload.size() < packet.payload_bytes) return false;
  const MutableBytes frame = out.Add(EthernetHeader::kSize + packet.ip.size());
  EthernetHeader{.destination = ends.server_mac,
                 .source = ends.client_mac,
                 .type = static_cast<uint16_t>(EtherType::kIpv4)}
      .Emit(frame);
  const MutableBytes ip = frame.subspan(EthernetHeader::kSize);
  std::ranges::copy(packet.ip, ip.begin());
  const size_t header = size_t{ip[0] & 0x0fu} * 4;
  StoreBe(ip.data() + 2, static_cast<uint16_t>(ip.size()));
  StoreBe(ip.data() + 12, ends.client.address.value);
  StoreBe(ip.data() + 16, ends.server.address.value);
  StoreBe(ip.data() + 10, uint16_t{0});
  StoreBe(ip.data() + 10, ChecksumOf(SumHeader(ip.data(), header)));
  if (!is_udp) return true;
  uint8_t* udp = ip.data() + header;
  const size_t length = ip.size() - header;
  // [RFC 768] zero: the sender computed none. A length that is wrong stays wrong.
  if (LoadBe<uint16_t>(udp + kUdpChecksumAt) == 0 || LoadBe<uint16_t>(udp + kUdpLengthAt) != length)
    return true;
  StoreBe(udp + kUdpChecksumAt, uint16_t{0});
  const uint16_t sum =
      SumAdd(SumPseudoHeader(ends.client.address, ends.server.address,
                             static_cast<uint8_t>(IpProtocol::kUdp), static_cast<uint16_t>(length)),
             SumBytes(Bytes(udp, length)));
  const uint16_t checksum = ChecksumOf(sum);
  StoreBe(udp + kUdpChecksumAt, checksum == 0 ? uint16_t{0xffff} : checksum);
  return true;
}

bool AnswerArp(Bytes frame, FrameBatch& out) {
  const auto ethernet = EthernetView::Parse(frame);
  if (!ethernet || ethernet->type() != static_cast<uint16_t>(EtherType::kArp)) return false;
  const auto request = ArpPacket::Parse(ethernet->payload());
  if (!request || request->operation != ArpOperation::kRequest) return false;
  // An announcement asks for itself.
  if (request->target_ip == request->sender_ip) return true;
  MacAddress mac;
  mac.octets = MadeUpMac(request->target_ip.value);
  const MutableBytes reply = out.Add(EthernetHeader::kSize + ArpPacket::kSize);
  EthernetHeader{.destination = request->sender_mac,
                 .source = mac,
                 .type = static_cast<uint16_t>(EtherType::kArp)}
      .Emit(reply);
  ArpPacket{.operation = ArpOperation::kReply,
            .sender_mac = mac,
            .sender_ip = request->target_ip,
            .target_mac = request->sender_mac,
            .target_ip = request->sender_ip}
      .Emit(reply.subspan(EthernetHeader::kSize));
  return true;
}

}  // namespace aether::replay
