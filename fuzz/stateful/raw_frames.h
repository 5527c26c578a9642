// Frames for stack_raw, each from a template with live addresses and ports, right in everything;
// then what a record asked for is changed, and lengths and checksums are repaired, or not.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "fuzz/naive.h"
#include "fuzz/pattern.h"
#include "fuzz/stateful/world.h"
#include "stack/base/bytes.h"
#include "stack/wire/address.h"

namespace aether::fuzz {

inline constexpr Ipv4Address kOtherPeerIp = Ipv4Address::Of(10, 0, 0, 3);
inline constexpr Ipv4Address kGatewayIp = Ipv4Address::Of(10, 0, 0, 254);
inline constexpr Ipv4Address kGroupIp = Ipv4Address::Of(224, 0, 1, 1);
inline constexpr std::array<Ipv4Address, 14> kRawAddresses = {{
    kPeerIp,
    kStackIp,
    kOtherPeerIp,
    Ipv4Address::Broadcast(),
    Ipv4Address::Of(10, 0, 0, 255),
    Ipv4Address::Of(10, 0, 0, 0),
    kGroupIp,
    Ipv4Address::Of(224, 0, 0, 251),
    Ipv4Address{},
    Ipv4Address::Of(127, 0, 0, 1),
    kGatewayIp,
    Ipv4Address::Of(192, 0, 2, 7),
    Ipv4Address::Of(240, 0, 0, 1),
    Ipv4Address::Of(0, 0, 0, 9),
}};
inline constexpr std::array<const char*, 14> kRawAddressNames = {
    "peer",        "stack", "other_peer", "broadcast", "net_broadcast", "network",  "group",
    "other_group", "zero",  "loopback",   "gateway",   "outside",       "reserved", "this_network"};
inline constexpr std::array<MacAddress, 6> kRawMacs = {{
    kStackMac,
    kPeerMac,
    MacAddress::Broadcast(),
    {{1, 0, 0x5e, 0, 1, 1}},
    {{2, 0, 0, 0, 0, 9}},
    {},
}};
inline constexpr std::array<const char*, 6> kRawMacNames = {"stack", "peer",   "broadcast",
                                                            "group", "nobody", "zero"};

// One frame in the making.
class RawFrame {
 public:
  static constexpr size_t kBytesMax = 4096;
  static constexpr size_t kIpAt = 14;

  MutableBytes all() { return MutableBytes(bytes_).first(size_); }
  Bytes bytes() const { return Bytes(bytes_).first(size_); }

  void Ethernet(MacAddress destination, MacAddress source, uint16_t type) {
    bytes_.fill(0);
    destination.Store(bytes_.data());
    source.Store(bytes_.data() + 6);
    Word(12, type);
    size_ = 14;
    payload_at_ = 0;
  }

  struct IpPlan {
    Ipv4Address source = kPeerIp;
    Ipv4Address destination = kStackIp;
    uint8_t protocol = 17;
    uint8_t type_of_service = 0;
    uint8_t time_to_live = 64;
    uint16_t identification = 0;
    uint16_t fragment = 0;  // as in the header
    Bytes options{};
  };
  // Behind an Ethernet header; its payload follows by Append.
  void Ip(const IpPlan& plan) {
    const size_t options = std::min<size_t>((plan.options.size() + 3) / 4 * 4, 40);
    uint8_t* const ip = bytes_.data() + kIpAt;
    ip[0] = static_cast<uint8_t>(0x45 + options / 4);
    ip[1] = plan.type_of_service;
    Word(kIpAt + 4, plan.identification);
    Word(kIpAt + 6, plan.fragment);
    ip[8] = plan.time_to_live;
    ip[9] = plan.protocol;
    Long(kIpAt + 12, plan.source.value);
    Long(kIpAt + 16, plan.destination.value);
    std::copy_n(plan.options.begin(), std::min(plan.options.size(), options), ip + 20);
    payload_at_ = kIpAt + 20 + options;
    size_ = payload_at_;
  }

  void Append(Bytes bytes) {
    const size_t size = std::min(bytes.size(), kBytesMax - size_);
    std::copy_n(bytes.begin(), size, bytes_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += size;
  }
  void AppendWord(uint32_t value) {
    Word(size_, value);
    size_ += 2;
  }
  void AppendLong(uint32_t value) {
    AppendWord(value >> 16);
    AppendWord(value & 0xffff);
  }

  void Word(size_t at, uint32_t value) {
    if (at + 2 > kBytesMax) return;
    bytes_[at] = static_cast<uint8_t>(value >> 8);
    bytes_[at + 1] = static_cast<uint8_t>(value);
  }
  void Long(size_t at, uint32_t value) {
    Word(at, value >> 16);
    Word(at + 2, value & 0xffff);
  }

  // --- Repairs, each as far as the frame is long enough ---

  bool IsIp() const { return size_ >= kIpAt + 20 && bytes_[12] == 8 && bytes_[13] == 0; }
  void RepairLengths() {
    if (!IsIp()) return;
    Word(kIpAt + 2, static_cast<uint32_t>(size_ - kIpAt));
    if (IsWhole() && bytes_[kIpAt + 9] == 17 && PayloadAt() + 8 <= size_)
      Word(PayloadAt() + 4, static_cast<uint32_t>(size_ - PayloadAt()));
  }
  void RepairHeaderChecksum() {
    if (IsIp() && PayloadAt() <= size_) NaiveRepair(all().subspan(kIpAt, PayloadAt() - kIpAt), 10);
  }
  void RepairPayloadChecksum() {
    if (!IsIp() || !IsWhole()) return;
    const size_t end = std::min<size_t>(size_, kIpAt + NaiveWord(bytes(), kIpAt + 2));
    if (end <= PayloadAt()) return;
    const MutableBytes payload = all().subspan(PayloadAt(), end - PayloadAt());
    const uint8_t protocol = bytes_[kIpAt + 9];
    const uint64_t pseudo =
        NaiveSum(bytes().subspan(kIpAt + 12, 8)) + protocol + uint64_t{payload.size()};
    if (protocol == 1 && payload.size() >= 4) NaiveRepair(payload, 2);
    if (protocol == 6 && payload.size() >= 18) NaiveRepair(payload, 16, pseudo);
    if (protocol == 17 && payload.size() >= 8) {
      NaiveRepair(payload, 6, pseudo);
      if (payload[6] == 0 && payload[7] == 0) payload[6] = payload[7] = 0xff;
    }
  }

  // Not a fragment.
  bool IsWhole() const { return (NaiveWord(bytes(), kIpAt + 6) & 0x3fff) == 0; }
  size_t PayloadAt() const { return kIpAt + (bytes_[kIpAt] & 0xfu) * 4u; }
  void Cut(size_t size) { size_ = std::min(size_, size); }
  void Resize(size_t size) { size_ = std::min(size, kBytesMax); }

 private:
  std::array<uint8_t, kBytesMax> bytes_{};
  size_t size_ = 0;
  size_t payload_at_ = 0;
};

}  // namespace aether::fuzz
