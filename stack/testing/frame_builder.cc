#include "stack/testing/frame_builder.h"

#include <algorithm>

#include "stack/testing/naive_parser.h"

namespace aether::testing {
namespace {

void Append(Frame& frame, const Frame& more) {
  frame.insert(frame.end(), more.begin(), more.end());
}

void AppendMac(Frame& frame, const MacAddress& mac) {
  frame.insert(frame.end(), mac.octets.begin(), mac.octets.end());
}

void Append16(Frame& frame, uint32_t value) {
  frame.push_back(static_cast<uint8_t>(value >> 8));
  frame.push_back(static_cast<uint8_t>(value));
}

void Append32(Frame& frame, uint32_t value) {
  Append16(frame, value >> 16);
  Append16(frame, value & 0xffff);
}

void Put16(Frame& frame, size_t at, uint16_t value) {
  frame[at] = static_cast<uint8_t>(value >> 8);
  frame[at + 1] = static_cast<uint8_t>(value);
}

// Where the checksum of a protocol stands in its header.
std::optional<size_t> ChecksumOffset(uint8_t protocol) {
  switch (protocol) {
    case 1:
      return 2;
    case 6:
      return 16;
    case 17:
      return 6;
    default:
      return std::nullopt;
  }
}

}  // namespace

Frame BuildEthernet(const EthernetSpec& spec, const Frame& payload) {
  Frame frame;
  AppendMac(frame, spec.destination);
  AppendMac(frame, spec.source);
  Append16(frame, spec.type);
  Append(frame, payload);
  return frame;
}

Frame BuildArp(const ArpSpec& spec) {
  Frame packet;
  Append16(packet, 1);
  Append16(packet, 0x0800);
  packet.push_back(6);
  packet.push_back(4);
  Append16(packet, spec.operation);
  AppendMac(packet, spec.sender_mac);
  Append32(packet, spec.sender_ip.value);
  AppendMac(packet, spec.target_mac);
  Append32(packet, spec.target_ip.value);
  return BuildEthernet(spec.ethernet, packet);
}

Frame BuildIpv4(const Ipv4Spec& spec, const Frame& payload) {
  Frame packet;
  const size_t header_size = 20 + spec.options.size();
  packet.push_back(static_cast<uint8_t>(0x40 + header_size / 4));
  packet.push_back(spec.type_of_service);
  Append16(packet, static_cast<uint32_t>(header_size + payload.size()));
  Append16(packet, spec.identification);
  Append16(packet, (spec.dont_fragment ? 0x4000u : 0u) + (spec.more_fragments ? 0x2000u : 0u) +
                       spec.fragment_offset_bytes / 8);
  packet.push_back(spec.time_to_live);
  packet.push_back(spec.protocol);
  Append16(packet, 0);
  Append32(packet, spec.source.value);
  Append32(packet, spec.destination.value);
  Append(packet, spec.options);
  Put16(packet, 10, NaiveChecksum(packet));
  Append(packet, payload);
  return BuildEthernet(spec.ethernet, packet);
}

Frame BuildIcmp(const IcmpSpec& spec) {
  Frame message = {spec.type, spec.code, 0, 0};
  Append32(message, spec.rest_of_header);
  Append(message, spec.payload);
  Put16(message, 2, NaiveChecksum(message));
  Ipv4Spec ip = spec.ip;
  ip.protocol = 1;
  return BuildIpv4(ip, message);
}

Frame BuildUdp(const UdpSpec& spec) {
  Frame datagram;
  Append16(datagram, spec.source_port);
  Append16(datagram, spec.destination_port);
  Append16(datagram, static_cast<uint32_t>(8 + spec.payload.size()));
  Append16(datagram, 0);
  Append(datagram, spec.payload);
  if (spec.with_checksum) {
    const uint16_t checksum = NaiveChecksumWithPseudoHeader(
        spec.ip.source.value, spec.ip.destination.value, 17, datagram);
    Put16(datagram, 6, checksum == 0 ? 0xffff : checksum);
  }
  Ipv4Spec ip = spec.ip;
  ip.protocol = 17;
  return BuildIpv4(ip, datagram);
}

Frame BuildTcp(const TcpSpec& spec) {
  Frame segment;
  Append16(segment, spec.source_port);
  Append16(segment, spec.destination_port);
  Append32(segment, spec.sequence);
  Append32(segment, spec.acknowledgment);
  segment.push_back(static_cast<uint8_t>((20 + spec.options.size()) / 4 * 16));
  segment.push_back(spec.flags);
  Append16(segment, spec.window);
  Append16(segment, 0);
  Append16(segment, spec.urgent_pointer);
  Append(segment, spec.options);
  Append(segment, spec.payload);
  Put16(segment, 16,
        NaiveChecksumWithPseudoHeader(spec.ip.source.value, spec.ip.destination.value, 6, segment));
  Ipv4Spec ip = spec.ip;
  ip.protocol = 6;
  return BuildIpv4(ip, segment);
}

Frame ToFrame(std::string_view text) { return Frame(text.begin(), text.end()); }

Frame Pattern(size_t size, uint8_t seed) {
  Frame bytes(size);
  // 251 is prime: no power of two repeats.
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>((i + seed * 31u) % 251);
  return bytes;
}

Frame MssOption(uint16_t mss) {
  return {2, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)};
}

Frame WindowScaleOption(uint8_t shift) { return {1, 3, 3, shift}; }

Frame SackPermittedOption() { return {1, 1, 4, 2}; }

Frame TimestampOption(uint32_t value, uint32_t echo) {
  Frame option{1, 1, 8, 10};
  Append32(option, value);
  Append32(option, echo);
  return option;
}

Frame SackOption(const std::vector<std::array<uint32_t, 2>>& blocks) {
  Frame option{1, 1, 5, static_cast<uint8_t>(2 + 8 * blocks.size())};
  for (const auto& [left, right] : blocks) {
    Append32(option, left);
    Append32(option, right);
  }
  return option;
}

Frame Joined(std::initializer_list<Frame> parts) {
  Frame all;
  for (const Frame& part : parts) Append(all, part);
  return all;
}

Frame FullSynOptions(uint32_t timestamp) {
  Frame timestamps = TimestampOption(timestamp, 0);
  timestamps[0] = 4;
  timestamps[1] = 2;
  return Joined({MssOption(1460), timestamps, WindowScaleOption(7)});
}

Frame Padded(Frame frame, size_t size, uint8_t filler) {
  if (frame.size() < size) frame.resize(size, filler);
  return frame;
}

Frame WithIpv4Checksum(Frame frame) {
  if (frame.size() < kIpv4PayloadAt) return frame;
  const size_t header_size =
      std::clamp<size_t>(size_t{frame[kIpv4At] & 15u} * 4, 20, frame.size() - kIpv4At);
  Put16(frame, kIpv4At + 10, 0);
  Put16(frame, kIpv4At + 10, NaiveChecksum(Bytes(frame).subspan(kIpv4At, header_size)));
  return frame;
}

Frame WithPayloadChecksum(Frame frame) {
  if (frame.size() < kIpv4PayloadAt) return frame;
  const size_t header_size = size_t{frame[kIpv4At] & 15u} * 4;
  const size_t total = size_t{frame[kIpv4At + 2]} * 256 + frame[kIpv4At + 3];
  if (header_size < 20 || total < header_size || kIpv4At + total > frame.size()) return frame;
  const uint8_t protocol = frame[kIpv4At + 9];
  const std::optional<size_t> offset = ChecksumOffset(protocol);
  size_t size = total - header_size;
  const size_t begin = kIpv4At + header_size;
  if (protocol == 17 && size >= 8) {
    size = std::min<size_t>(size, size_t{frame[begin + 4]} * 256 + frame[begin + 5]);
  }
  if (!offset || size < *offset + 2) return frame;
  Put16(frame, begin + *offset, 0);
  const Bytes payload = Bytes(frame).subspan(begin, size);
  const uint32_t source = LoadBe<uint32_t>(frame.data() + kIpv4At + 12);
  const uint32_t destination = LoadBe<uint32_t>(frame.data() + kIpv4At + 16);
  uint16_t checksum = protocol == 1
                          ? NaiveChecksum(payload)
                          : NaiveChecksumWithPseudoHeader(source, destination, protocol, payload);
  if (protocol == 17 && checksum == 0) checksum = 0xffff;
  Put16(frame, begin + *offset, checksum);
  return frame;
}

}  // namespace aether::testing
