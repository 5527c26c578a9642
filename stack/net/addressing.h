// What this host answers to, and where a packet goes next: address, network, gateway, multicast
// groups.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "stack/base/drop.h"
#include "stack/wire/address.h"
#include "stack/wire/ipv4.h"

namespace aether::net {

class Addressing {
 public:
  explicit Addressing(uint32_t groups_max) : groups_max_(groups_max) {
    groups_.reserve(groups_max);
  }

  void Set(Ipv4Network network, std::optional<Ipv4Address> gateway) {
    network_ = network;
    gateway_ = gateway;
    own_ = network.address.value;
    mask_ = network.Mask();
    // [RFC 3021 2.1] a network of two has neither.
    const bool has_broadcast = network.prefix_length < 31;
    directed_broadcast_ = has_broadcast ? network.address.value | ~mask_ : kLimitedBroadcast;
    network_address_ = has_broadcast ? network.address.value & mask_ : kLimitedBroadcast;
  }
  void Clear() {
    network_.reset();
    gateway_.reset();
    own_ = kNoAddress;
    directed_broadcast_ = network_address_ = kLimitedBroadcast;
  }

  const std::optional<Ipv4Network>& network() const { return network_; }
  const std::optional<Ipv4Address>& gateway() const { return gateway_; }
  Ipv4Address own() const { return network_ ? network_->address : Ipv4Address{}; }
  bool IsOwn(Ipv4Address address) const { return own_ == address.value; }

  // The limited one, and the two of our network (Ipv4Network::IsDirectedBroadcast,
  // IsNetworkAddress).
  bool IsBroadcast(Ipv4Address address) const {
    return address.value == kLimitedBroadcast || address.value == directed_broadcast_ ||
           address.value == network_address_;
  }

  // A host that we may have as a neighbour: in our network or the gateway itself, one machine, not
  // us.
  bool IsNeighbor(Ipv4Address address) const {
    if (!network_ || !address.IsUnicast() || IsOwn(address) || IsBroadcast(address)) return false;
    return IsOnLink(address) || gateway_ == address;
  }

  // Where the frame for `destination` goes: itself when on the link, else the gateway; nothing
  // without a route. [RFC 1122 3.3.1.1] local or remote is decided by the mask alone.
  std::optional<Ipv4Address> NextHop(Ipv4Address destination) const {
    if (!network_) return std::nullopt;
    if (IsOnLink(destination)) return destination;
    return gateway_;
  }

  // False when the table is full.
  bool Join(Ipv4Address group) {
    if (IsMember(group)) return true;
    if (groups_.size() >= groups_max_) return false;
    groups_.push_back(group);
    return true;
  }
  void Leave(Ipv4Address group) { std::erase(groups_, group); }
  // [RFC 1112 section 4] every host belongs to the all-hosts group 224.0.0.1.
  bool IsMember(Ipv4Address group) const {
    return group == Ipv4Address::Of(224, 0, 0, 1) ||
           std::ranges::find(groups_, group) != groups_.end();
  }
  // [RFC 1112 6.4] the low 23 bits of a group stand in its Ethernet address.
  static MacAddress GroupMac(Ipv4Address group) {
    return {{0x01, 0x00, 0x5e, static_cast<uint8_t>((group.value >> 16) & 0x7f),
             static_cast<uint8_t>(group.value >> 8), static_cast<uint8_t>(group.value)}};
  }
  bool AcceptsGroupMac(MacAddress mac) const {
    if (mac == GroupMac(Ipv4Address::Of(224, 0, 0, 1))) return true;
    return std::ranges::any_of(groups_,
                               [mac](Ipv4Address group) { return GroupMac(group) == mac; });
  }

  // kNone when a well-formed packet is for this host, else why not.
  Drop Check(const Ipv4View& packet, bool link_group) const {
    const Ipv4Address source = packet.source();
    const Ipv4Address destination = packet.destination();
    // [RFC 1122 3.2.1.3] [RFC 9293 3.9.2.3 MUST-63] a source that cannot name one host on a wire is
    // a martian; so is one that names us.
    if (!source.IsUnicast() || IsOwn(source) || IsBroadcast(source)) {
      return Drop::kIpv4MartianSource;
    }
    if (IsOwn(destination)) {
      // [RFC 1122 3.3.6] unicast IP inside a link-layer broadcast is discarded.
      return link_group ? Drop::kIpv4UnicastInBroadcast : Drop::kNone;
    }
    // Some DHCP servers send the limited broadcast to one link address; a directed broadcast must
    // be one on the link, too.
    if (destination.IsBroadcast()) return Drop::kNone;
    if (IsBroadcast(destination)) return link_group ? Drop::kNone : Drop::kIpv4NotForUs;
    if (destination.IsMulticast()) {
      return link_group && IsMember(destination) ? Drop::kNone : Drop::kIpv4NotForUs;
    }
    if (!destination.IsUnicast()) return Drop::kIpv4MartianDestination;
    return Drop::kIpv4NotForUs;
  }

 private:
  static constexpr uint32_t kLimitedBroadcast = 0xffffffffu;
  static constexpr uint64_t kNoAddress = ~uint64_t{0};

  // There is a network.
  bool IsOnLink(Ipv4Address address) const {
    return ((static_cast<uint32_t>(own_) ^ address.value) & mask_) == 0;
  }

  // What every packet is compared with, made of `network_`.
  uint64_t own_ = kNoAddress;
  uint32_t mask_ = 0;
  uint32_t directed_broadcast_ = kLimitedBroadcast;
  uint32_t network_address_ = kLimitedBroadcast;
  std::optional<Ipv4Network> network_;
  std::optional<Ipv4Address> gateway_;
  uint32_t groups_max_;
  std::vector<Ipv4Address> groups_;
};

}  // namespace aether::net
