// Frames of a peer, valid, in a buffer of their own: what testing/frame_builder.h does with
// vectors, for loops that have no time for them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "fuzz/stateful/world.h"
#include "stack/base/bytes.h"
#include "stack/wire/address.h"
#include "stack/wire/checksum.h"

namespace aether::fuzz {

class FrameMaker {
 public:
  struct TcpPlan {
    Ipv4Endpoint source;
    Ipv4Endpoint destination;
    uint32_t sequence = 0;
    uint32_t acknowledgment = 0;
    uint8_t flags = 0;
    uint16_t window = 0;
    Bytes options{};  // a multiple of 4 bytes
    Bytes payload{};
  };
  // Valid until the next call.
  Bytes Tcp(const TcpPlan& plan) {
    const size_t header = 20 + plan.options.size();
    const size_t size = std::min(header + plan.payload.size(), frame_.size() - kPayloadAt);
    uint8_t* tcp = frame_.data() + kPayloadAt;
    StoreBe(tcp, plan.source.port);
    StoreBe(tcp + 2, plan.destination.port);
    StoreBe(tcp + 4, plan.sequence);
    StoreBe(tcp + 8, plan.acknowledgment);
    tcp[12] = static_cast<uint8_t>(header / 4 << 4);
    tcp[13] = plan.flags;
    StoreBe(tcp + 14, plan.window);
    StoreBe(tcp + 16, uint32_t{0});  // checksum and urgent pointer
    std::copy(plan.options.begin(), plan.options.end(), tcp + 20);
    std::copy_n(plan.payload.begin(), size - header, tcp + header);
    return Finish(plan.source.address, plan.destination.address, 6, size, 16);
  }

  Bytes Udp(Ipv4Endpoint source, Ipv4Endpoint destination, Bytes payload) {
    const size_t size = std::min(8 + payload.size(), frame_.size() - kPayloadAt);
    uint8_t* udp = frame_.data() + kPayloadAt;
    StoreBe(udp, source.port);
    StoreBe(udp + 2, destination.port);
    StoreBe(udp + 4, static_cast<uint16_t>(size));
    StoreBe(udp + 6, uint16_t{0});
    std::copy_n(payload.begin(), size - 8, udp + 8);
    return Finish(source.address, destination.address, 17, size, 6);
  }

  // Of the frame that comes next.
  MacAddress destination_mac = kStackMac;
  MacAddress source_mac = kPeerMac;

 private:
  static constexpr size_t kIpAt = 14;
  static constexpr size_t kPayloadAt = 34;

  Bytes Finish(Ipv4Address source, Ipv4Address destination, uint8_t protocol, size_t size,
               size_t checksum_at) {
    uint8_t* payload = frame_.data() + kPayloadAt;
    const uint16_t sum =
        SumAdd(SumPseudoHeader(source, destination, protocol, static_cast<uint16_t>(size)),
               SumBytes({payload, size}));
    const uint16_t checksum = ChecksumOf(sum);
    StoreBe(payload + checksum_at, static_cast<uint16_t>(checksum == 0 ? 0xffff : checksum));
    uint8_t* frame = frame_.data();
    (destination.IsBroadcast() ? MacAddress::Broadcast() : destination_mac).Store(frame);
    source_mac.Store(frame + 6);
    StoreBe(frame + 12, uint16_t{0x0800});
    uint8_t* ip = frame + kIpAt;
    ip[0] = 0x45;
    ip[1] = 0;
    StoreBe(ip + 2, static_cast<uint16_t>(20 + size));
    StoreBe(ip + 4, ++identification_);
    StoreBe(ip + 6, uint16_t{0});
    ip[8] = 64;
    ip[9] = protocol;
    StoreBe(ip + 10, uint16_t{0});
    StoreBe(ip + 12, source.value);
    StoreBe(ip + 16, destination.value);
    StoreBe(ip + 10, ChecksumOf(SumHeader(ip, 20)));
    return Bytes(frame_).first(kPayloadAt + size);
  }

  std::array<uint8_t, 2048> frame_{};
  uint16_t identification_ = 0;
};

}  // namespace aether::fuzz
