// Ethernet and IPv4 addresses as values. Host order inside; wire order only in Load and Store.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>

#include "stack/base/bytes.h"

namespace aether {

struct MacAddress {
  std::array<uint8_t, 6> octets{};

  static constexpr size_t kSize = 6;
  static constexpr MacAddress Broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  static MacAddress Load(const uint8_t* from) {
    MacAddress mac;
    std::memcpy(mac.octets.data(), from, kSize);
    return mac;
  }
  void Store(uint8_t* to) const { std::memcpy(to, octets.data(), kSize); }

  // The group bit: set for multicast and broadcast (IEEE 802.3 3.2.3).
  constexpr bool IsGroup() const { return (octets[0] & 1) != 0; }
  constexpr bool IsBroadcast() const { return *this == Broadcast(); }
  constexpr bool IsZero() const { return *this == MacAddress{}; }
  constexpr auto operator<=>(const MacAddress&) const = default;
};

struct Ipv4Address {
  uint32_t value = 0;  // host order: 10.0.0.1 is 0x0a000001

  static constexpr Ipv4Address Of(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return {uint32_t{a} << 24 | uint32_t{b} << 16 | uint32_t{c} << 8 | d};
  }
  static constexpr Ipv4Address Broadcast() { return {0xffffffffu}; }

  constexpr bool IsUnspecified() const { return value == 0; }
  constexpr bool IsBroadcast() const { return value == 0xffffffffu; }
  constexpr bool IsMulticast() const { return (value >> 28) == 0xe; }
  constexpr bool IsLoopback() const { return (value >> 24) == 127; }
  // 0.0.0.0/8: "this network" (RFC 1122 3.2.1.3).
  constexpr bool IsThisNetwork() const { return (value >> 24) == 0; }
  // 240.0.0.0/4 without the limited broadcast (RFC 1112 section 4).
  constexpr bool IsReserved() const { return (value >> 28) == 0xf && !IsBroadcast(); }
  // May name one host on a wire: source of a packet, address of an interface.
  constexpr bool IsUnicast() const {
    return !IsThisNetwork() && !IsLoopback() && !IsMulticast() && (value >> 28) != 0xf;
  }
  constexpr auto operator<=>(const Ipv4Address&) const = default;
};

struct Ipv4Endpoint {
  Ipv4Address address{};
  uint16_t port = 0;
  constexpr auto operator<=>(const Ipv4Endpoint&) const = default;
};

// An interface address with its network. prefix_length in [0, 32].
struct Ipv4Network {
  Ipv4Address address{};
  uint8_t prefix_length = 0;

  constexpr uint32_t Mask() const {
    return prefix_length == 0 ? 0 : ~uint32_t{0} << (32 - prefix_length);
  }
  constexpr bool Contains(Ipv4Address other) const {
    return ((address.value ^ other.value) & Mask()) == 0;
  }
  // The directed broadcast of this network; none in /31 and /32 (RFC 3021).
  constexpr bool IsDirectedBroadcast(Ipv4Address other) const {
    return prefix_length < 31 && Contains(other) && (other.value | Mask()) == 0xffffffffu;
  }
  // The all-zeros host, once a form of broadcast (RFC 1122 3.3.6).
  constexpr bool IsNetworkAddress(Ipv4Address other) const {
    return prefix_length < 31 && Contains(other) && (other.value & ~Mask()) == 0;
  }
  constexpr auto operator<=>(const Ipv4Network&) const = default;
};

}  // namespace aether
