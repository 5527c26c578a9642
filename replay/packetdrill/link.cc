#include "replay/packetdrill/link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "replay/packetdrill/clock.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"

namespace aether::packetdrill {
namespace {

// Whoever sits at the other end of the wire: every neighbour has this address.
constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x02}};
constexpr uint8_t kPrefixLength = 16;
constexpr size_t kDatagramBytesMax = 65535;

}  // namespace

Link::Link(Stack& stack)
    : stack_(stack), in_(EthernetHeader::kSize + kDatagramBytesMax), out_(stack.frame_size_max()) {}

void Link::SetAddress(Ipv4Address local) {
  const Ipv4Network network{local, kPrefixLength};
  // Any neighbour will do as a gateway, but not ourselves.
  Ipv4Address gateway{(local.value & network.Mask()) | 1};
  if (gateway == local) ++gateway.value;
  stack_.SetAddress(network, gateway);
}

bool Link::Inject(Bytes datagram, int64_t now_us) {
  if (datagram.empty() || datagram.size() > kDatagramBytesMax || datagram[0] >> 4 != 4)
    return false;
  if (!stack_.address() && datagram.size() >= Ipv4Header::kSize) {
    const Ipv4Address destination{LoadBe<uint32_t>(datagram.data() + 16)};
    if (destination.IsUnicast()) SetAddress(destination);
  }
  EthernetHeader{stack_.config().mac, kPeerMac, static_cast<uint16_t>(EtherType::kIpv4)}.Emit(in_);
  std::ranges::copy(datagram, in_.begin() + EthernetHeader::kSize);
  const Bytes frame = Bytes(in_).first(EthernetHeader::kSize + datagram.size());
  stack_.Receive({&frame, 1}, Clock::InstantOf(now_us));
  return true;
}

void Link::Drain(int64_t now_us) {
  for (;;) {
    const size_t size = stack_.Transmit(out_, Clock::InstantOf(now_us));
    if (size == 0) return;
    TakeFrame(Bytes(out_).first(size), now_us);
  }
}

void Link::TakeFrame(Bytes frame, int64_t now_us) {
  const std::expected<EthernetView, Drop> ethernet = EthernetView::Parse(frame);
  if (!ethernet) return;
  if (ethernet->type() == static_cast<uint16_t>(EtherType::kArp)) {
    AnswerArp(ethernet->payload(), now_us);
    return;
  }
  // The frame may be padded; the packet says how long it is.
  const std::expected<Ipv4View, Drop> packet = Ipv4View::Parse(ethernet->payload());
  if (!packet) return;
  const Bytes bytes = packet->packet();
  packets_.push_back({now_us, {bytes.begin(), bytes.end()}});
}

void Link::AnswerArp(Bytes payload, int64_t now_us) {
  const std::expected<ArpPacket, Drop> question = ArpPacket::Parse(payload);
  if (!question || question->operation != ArpOperation::kRequest) return;
  std::array<uint8_t, EthernetHeader::kSize + ArpPacket::kSize> answer;
  EthernetHeader{question->sender_mac, kPeerMac, static_cast<uint16_t>(EtherType::kArp)}.Emit(
      answer);
  ArpPacket{.operation = ArpOperation::kReply,
            .sender_mac = kPeerMac,
            .sender_ip = question->target_ip,
            .target_mac = question->sender_mac,
            .target_ip = question->sender_ip}
      .Emit(MutableBytes(answer).subspan(EthernetHeader::kSize));
  const Bytes frame(answer);
  stack_.Receive({&frame, 1}, Clock::InstantOf(now_us));
}

Link::Packet Link::Pop() {
  Packet packet = std::move(packets_.front());
  packets_.pop_front();
  return packet;
}

}  // namespace aether::packetdrill
