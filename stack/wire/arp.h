// ARP for IPv4 over Ethernet (RFC 826). Only that combination is parsed; everything else is a bad
// format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/drop.h"
#include "stack/wire/address.h"

namespace aether {

enum class ArpOperation : uint16_t { kRequest = 1, kReply = 2 };

struct ArpPacket {
  ArpOperation operation = ArpOperation::kRequest;
  MacAddress sender_mac{};
  Ipv4Address sender_ip{};
  MacAddress target_mac{};
  Ipv4Address target_ip{};

  static constexpr size_t kSize = 28;

  // Bytes beyond the packet are padding and ignored.
  static std::expected<ArpPacket, Drop> Parse(Bytes data) {
    if (data.size() < kSize) return std::unexpected(Drop::kArpTooShort);
    const uint8_t* at = data.data();
    // [RFC 826 Packet Reception] hardware and protocol type and both lengths are checked before
    // anything is used.
    if (HardwareType::Load(at) != 1 || ProtocolType::Load(at) != 0x0800 ||
        at[4] != MacAddress::kSize || at[5] != 4) {
      return std::unexpected(Drop::kArpBadFormat);
    }
    const uint16_t operation = Operation::Load(at);
    if (operation != 1 && operation != 2) return std::unexpected(Drop::kArpBadOperation);
    return ArpPacket{.operation = static_cast<ArpOperation>(operation),
                     .sender_mac = MacAddress::Load(at + 8),
                     .sender_ip = {SenderIp::Load(at)},
                     .target_mac = MacAddress::Load(at + 18),
                     .target_ip = {TargetIp::Load(at)}};
  }

  // Writes and returns kSize bytes; `out` must hold them.
  size_t Emit(MutableBytes out) const {
    AETHER_CHECK(out.size() >= kSize);
    uint8_t* at = out.data();
    HardwareType::Store(at, 1);
    ProtocolType::Store(at, 0x0800);
    at[4] = MacAddress::kSize;
    at[5] = 4;
    Operation::Store(at, static_cast<uint16_t>(operation));
    sender_mac.Store(at + 8);
    SenderIp::Store(at, sender_ip.value);
    target_mac.Store(at + 18);
    TargetIp::Store(at, target_ip.value);
    return kSize;
  }
  constexpr bool operator==(const ArpPacket&) const = default;

 private:
  using HardwareType = Field<uint16_t, 0>;
  using ProtocolType = Field<uint16_t, 2>;
  using Operation = Field<uint16_t, 6>;
  using SenderIp = Field<uint32_t, 14>;
  using TargetIp = Field<uint32_t, 24>;
};

}  // namespace aether
