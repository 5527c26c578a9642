#include "replay/packetdrill/host_packet.h"

#include <algorithm>
#include <string_view>

namespace aether::packetdrill {
namespace {

constexpr std::string_view kFlagLetters = "FSRPAUEC";

void Put16(Octets& to, uint32_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
void Put32(Octets& to, uint32_t value) {
  Put16(to, value >> 16);
  Put16(to, value & 0xffff);
}
uint16_t Load16(const Octets& bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

// [RFC 1071] word by word, as the definition reads.
uint16_t Checksum(const Octets& bytes, size_t from, size_t to, uint32_t sum) {
  for (size_t i = from; i < to; i += 2) {
    sum += i + 1 < to ? Load16(bytes, i) : uint32_t{bytes[i]} << 8;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

uint32_t PseudoHeader(uint32_t source, uint32_t destination, size_t length) {
  return (source >> 16) + (source & 0xffff) + (destination >> 16) + (destination & 0xffff) + 6 +
         static_cast<uint32_t>(length);
}

Octets IpHeader(uint32_t source, uint32_t destination, uint8_t protocol, uint8_t tos,
                size_t payload_size) {
  Octets out = {0x45, tos};
  Put16(out, static_cast<uint32_t>(20 + payload_size));
  Put32(out, 0);
  out.push_back(255);
  out.push_back(protocol);
  Put16(out, 0);
  Put32(out, source);
  Put32(out, destination);
  const uint16_t sum = Checksum(out, 0, 20, 0);
  out[10] = static_cast<uint8_t>(sum >> 8);
  out[11] = static_cast<uint8_t>(sum);
  return out;
}

}  // namespace

uint32_t Load32(const Octets& bytes, size_t at) {
  return uint32_t{Load16(bytes, at)} << 16 | Load16(bytes, at + 2);
}

Octets HostPacket::Emit() const {
  Octets tcp;
  Put16(tcp, source_port);
  Put16(tcp, destination_port);
  Put32(tcp, seq);
  Put32(tcp, ack);
  Octets padded = options;
  while (padded.size() % 4 != 0) padded.push_back(0);
  tcp.push_back(static_cast<uint8_t>((5 + padded.size() / 4) << 4));
  uint8_t bits = 0;
  for (size_t i = 0; i < kFlagLetters.size(); ++i) {
    if (flags.find(kFlagLetters[i]) != std::string::npos) bits |= static_cast<uint8_t>(1 << i);
  }
  tcp.push_back(bits);
  Put16(tcp, window);
  Put32(tcp, 0);
  tcp.insert(tcp.end(), padded.begin(), padded.end());
  tcp.insert(tcp.end(), payload.begin(), payload.end());
  const uint16_t sum = Checksum(tcp, 0, tcp.size(), PseudoHeader(source, destination, tcp.size()));
  tcp[16] = static_cast<uint8_t>(sum >> 8);
  tcp[17] = static_cast<uint8_t>(sum);
  Octets out = IpHeader(source, destination, 6, type_of_service, tcp.size());
  out.insert(out.end(), tcp.begin(), tcp.end());
  return out;
}

std::expected<HostPacket, std::string> HostPacket::Parse(const Octets& in) {
  if (in.size() < 40 || in[0] != 0x45) return std::unexpected("not IPv4 with a plain header");
  if (Load16(in, 2) != in.size()) return std::unexpected("wrong total length");
  if ((Load16(in, 6) & 0x3fff) != 0) return std::unexpected("a fragment");
  if (Checksum(in, 0, 20, 0) != 0) return std::unexpected("wrong IP checksum");
  if (in[9] != 6) return std::unexpected("not TCP");
  HostPacket out;
  out.type_of_service = in[1];
  out.source = Load32(in, 12);
  out.destination = Load32(in, 16);
  const size_t length = in.size() - 20;
  if (Checksum(in, 20, in.size(), PseudoHeader(out.source, out.destination, length)) != 0)
    return std::unexpected("wrong TCP checksum");
  const size_t header = size_t{in[32]} >> 4 << 2;
  if (header < 20 || header > length) return std::unexpected("wrong data offset");
  if ((in[32] & 0x0f) != 0) return std::unexpected("reserved bits");
  out.source_port = Load16(in, 20);
  out.destination_port = Load16(in, 22);
  out.seq = Load32(in, 24);
  out.ack = Load32(in, 28);
  out.window = Load16(in, 34);
  for (size_t i = 0; i < kFlagLetters.size(); ++i) {
    if ((in[33] >> i & 1) != 0) out.flags.push_back(kFlagLetters[i]);
  }
  const auto payload = in.begin() + static_cast<std::ptrdiff_t>(20 + header);
  out.options.assign(in.begin() + 40, payload);
  out.payload.assign(payload, in.end());
  return out;
}

std::optional<Octets> HostPacket::Option(uint8_t kind) const {
  for (size_t i = 0; i < options.size() && options[i] != 0;) {
    if (options[i] == 1) {
      ++i;
      continue;
    }
    if (i + 1 >= options.size() || options[i + 1] < 2 || i + options[i + 1] > options.size()) break;
    const size_t end = i + options[i + 1];
    const auto at = [this](size_t index) {
      return options.begin() + static_cast<std::ptrdiff_t>(index);
    };
    if (options[i] == kind) return Octets(at(i + 2), at(end));
    i = end;
  }
  return std::nullopt;
}

namespace option {

Octets Mss(uint16_t mss) {
  return {2, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)};
}
Octets Nop() { return {1}; }
Octets SackPermitted() { return {4, 2}; }
Octets WindowScale(uint8_t shift) { return {3, 3, shift}; }
Octets Timestamps(uint32_t value, uint32_t echo) {
  Octets out = {8, 10};
  Put32(out, value);
  Put32(out, echo);
  return out;
}
Octets Sack(uint32_t start, uint32_t end) {
  Octets out = {5, 10};
  Put32(out, start);
  Put32(out, end);
  return out;
}
Octets All(std::initializer_list<Octets> options) {
  Octets out;
  for (const Octets& each : options) out.insert(out.end(), each.begin(), each.end());
  return out;
}

}  // namespace option

Octets Unreachable(uint32_t router, uint8_t code, uint16_t mtu, const Octets& datagram) {
  Octets icmp = {3, code, 0, 0, 0, 0};
  Put16(icmp, mtu);
  icmp.insert(icmp.end(), datagram.begin(), datagram.begin() + 28);
  const uint16_t sum = Checksum(icmp, 0, icmp.size(), 0);
  icmp[2] = static_cast<uint8_t>(sum >> 8);
  icmp[3] = static_cast<uint8_t>(sum);
  Octets out = IpHeader(router, Load32(datagram, 12), 1, 0, icmp.size());
  out.insert(out.end(), icmp.begin(), icmp.end());
  return out;
}

}  // namespace aether::packetdrill
