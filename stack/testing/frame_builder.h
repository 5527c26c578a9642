// Complete frames from plain structs, valid unless asked otherwise: what a peer sends to our stack.
// Written without wire/, so that a mistake there is not made twice. Defaults: the peer 10.0.0.1 at
// 02:00:00:00:00:01, our stack 10.0.0.2/24 at 02:00:00:00:00:02.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/wire/address.h"
#include "stack/wire/arp.h"
#include "stack/wire/tcp.h"

namespace aether::testing {

using Frame = std::vector<uint8_t>;

inline constexpr MacAddress kPeerMac{{2, 0, 0, 0, 0, 1}};
inline constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 2}};
inline constexpr Ipv4Address kPeerIp = Ipv4Address::Of(10, 0, 0, 1);
inline constexpr Ipv4Address kOurIp = Ipv4Address::Of(10, 0, 0, 2);
inline constexpr Ipv4Network kOurNetwork{kOurIp, 24};

struct EthernetSpec {
  MacAddress destination = kOurMac;
  MacAddress source = kPeerMac;
  uint16_t type = 0x0800;
};

struct ArpSpec {
  EthernetSpec ethernet{.type = 0x0806};
  uint16_t operation = 1;
  MacAddress sender_mac = kPeerMac;
  Ipv4Address sender_ip = kPeerIp;
  MacAddress target_mac{};
  Ipv4Address target_ip = kOurIp;
};

struct Ipv4Spec {
  EthernetSpec ethernet{};
  Ipv4Address source = kPeerIp;
  Ipv4Address destination = kOurIp;
  uint8_t type_of_service = 0;
  uint16_t identification = 0x1234;
  bool dont_fragment = false;
  bool more_fragments = false;
  uint32_t fragment_offset_bytes = 0;
  uint8_t time_to_live = 64;
  uint8_t protocol = 17;
  Frame options{};  // a multiple of 4 bytes
};

struct IcmpSpec {
  Ipv4Spec ip{};
  uint8_t type = 8;
  uint8_t code = 0;
  uint32_t rest_of_header = 0x00010001;
  Frame payload{};
};

struct UdpSpec {
  Ipv4Spec ip{};
  uint16_t source_port = 5000;
  uint16_t destination_port = 7;
  bool with_checksum = true;
  Frame payload{};
};

struct TcpSpec {
  Ipv4Spec ip{};
  uint16_t source_port = 40000;
  uint16_t destination_port = 80;
  uint32_t sequence = 0;
  uint32_t acknowledgment = 0;
  uint8_t flags = tcp_flags::kAck;
  uint16_t window = 65535;
  uint16_t urgent_pointer = 0;
  Frame options{};  // a multiple of 4 bytes
  Frame payload{};
};

Frame BuildEthernet(const EthernetSpec& spec, const Frame& payload);
Frame BuildArp(const ArpSpec& spec);
// `spec.protocol` counts; the others set it.
Frame BuildIpv4(const Ipv4Spec& spec, const Frame& payload);
Frame BuildIcmp(const IcmpSpec& spec);
Frame BuildUdp(const UdpSpec& spec);
Frame BuildTcp(const TcpSpec& spec);

Frame ToFrame(std::string_view text);
// `size` bytes that differ from one to the next and from one seed to the next.
Frame Pattern(size_t size, uint8_t seed = 0);
// The TCP option, ready to stand in TcpSpec::options.
Frame MssOption(uint16_t mss);
Frame WindowScaleOption(uint8_t shift);
Frame SackPermittedOption();
Frame TimestampOption(uint32_t value, uint32_t echo);
// Left and right edges, absolute.
Frame SackOption(const std::vector<std::array<uint32_t, 2>>& blocks);
Frame Joined(std::initializer_list<Frame> parts);
// What a current client offers: MSS 1460, SACK, timestamps, a shift of 7, in the order of Linux.
Frame FullSynOptions(uint32_t timestamp = 1000);

// Appends bytes after the packet, as a short frame on a wire has.
Frame Padded(Frame frame, size_t size, uint8_t filler = 0);
// After a test changed bytes of an Ethernet frame with IPv4: makes the header checksum right again.
Frame WithIpv4Checksum(Frame frame);
// The same for the checksum of ICMP, TCP or UDP, as far as the lengths in the frame allow.
Frame WithPayloadChecksum(Frame frame);

// Offsets in a frame without IPv4 options, for tests that damage one.
inline constexpr size_t kIpv4At = 14;
inline constexpr size_t kIpv4PayloadAt = 34;

}  // namespace aether::testing
