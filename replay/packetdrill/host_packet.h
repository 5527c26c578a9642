// Packets of the test driver: TCP over IPv4 in the words of a script, put together and taken apart
// without the stack's own code, so that a mistake in it cannot hide itself.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace aether::packetdrill {

using Octets = std::vector<uint8_t>;

struct HostPacket {
  uint32_t source = 0;
  uint32_t destination = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  std::string flags;  // of "FSRPAUEC", in this order
  uint32_t seq = 0;
  uint32_t ack = 0;
  uint16_t window = 0;
  uint8_t type_of_service = 0;
  Octets options;
  Octets payload;

  // The datagram, with right checksums.
  Octets Emit() const;
  // Checks version, lengths, both checksums and that it is no fragment; the error says what is
  // wrong.
  static std::expected<HostPacket, std::string> Parse(const Octets& datagram);

  // The data of an option, when there is one of this kind.
  std::optional<Octets> Option(uint8_t kind) const;
};

namespace option {
Octets Mss(uint16_t mss);
Octets Nop();
Octets SackPermitted();
Octets WindowScale(uint8_t shift);
Octets Timestamps(uint32_t value, uint32_t echo);
Octets Sack(uint32_t start, uint32_t end);
// One after the other.
Octets All(std::initializer_list<Octets> options);
}  // namespace option

uint32_t Load32(const Octets& bytes, size_t at);

// An ICMP unreachable from a router that quotes the first bytes of `datagram`.
Octets Unreachable(uint32_t router, uint8_t code, uint16_t mtu, const Octets& datagram);

}  // namespace aether::packetdrill
