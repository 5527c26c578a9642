#include "stack/testing/naive_parser.h"

#include "stack/testing/plain_loops.h"

namespace aether::testing {
namespace {

using Problem = std::optional<std::string>;

uint16_t Word(Bytes data, size_t at) {
  return static_cast<uint16_t>(data[at] * 256 + data[at + 1]);
}

uint32_t DoubleWord(Bytes data, size_t at) {
  return uint32_t{Word(data, at)} * 65536 + Word(data, at + 2);
}

std::array<uint8_t, 6> Mac(Bytes data, size_t at) {
  std::array<uint8_t, 6> mac{};
  for (size_t i = 0; i < 6; ++i) mac[i] = data[at + i];
  return mac;
}

bool IsGroup(uint32_t address) { return address >= 0xe0000000u; }

// Only what brings a frame to the Ethernet minimum of 60 bytes may follow, and it is zero.
Problem CheckPadding(Bytes frame, size_t end) {
  if (frame.size() > end && frame.size() > 60) {
    return std::to_string(frame.size() - end) + " bytes after the end of the packet";
  }
  for (size_t i = end; i < frame.size(); ++i) {
    if (frame[i] != 0) return "padding is not zero";
  }
  return std::nullopt;
}

// [RFC 826 Packet format]
Problem ParseArp(Bytes frame, NaiveFrame& out) {
  const Bytes data = frame.subspan(14);
  if (data.size() < 28) return "ARP packet shorter than 28 bytes";
  if (Word(data, 0) != 1) return "ARP hardware type is not Ethernet";
  if (Word(data, 2) != 0x0800) return "ARP protocol type is not IPv4";
  if (data[4] != 6 || data[5] != 4) return "ARP address lengths are not 6 and 4";
  NaiveArp arp;
  arp.operation = Word(data, 6);
  if (arp.operation != 1 && arp.operation != 2) return "ARP operation is not 1 or 2";
  arp.sender_mac = Mac(data, 8);
  arp.sender_ip = DoubleWord(data, 14);
  arp.target_mac = Mac(data, 18);
  arp.target_ip = DoubleWord(data, 24);
  if (arp.sender_mac != out.source) return "ARP sender is not the source of the frame";
  if (IsGroup(arp.sender_ip) || IsGroup(arp.target_ip)) return "ARP for a group address";
  if (arp.operation == 2 && arp.target_mac != out.destination) {
    return "ARP reply is not sent to its target";
  }
  out.arp = arp;
  return CheckPadding(frame, 14 + 28);
}

// [RFC 792]
Problem ParseIcmp(NaiveFrame& out) {
  const Bytes data = out.ip->payload;
  if (data.size() < 8) return "ICMP message shorter than 8 bytes";
  if (NaiveChecksum(data) != 0) return "ICMP checksum is wrong";
  NaiveIcmp icmp;
  icmp.type = data[0];
  icmp.code = data[1];
  icmp.rest_of_header = DoubleWord(data, 4);
  icmp.payload = data.subspan(8);
  if (icmp.type == 0 || icmp.type == 8) {
    if (icmp.code != 0) return "ICMP echo with a code";
  } else if (icmp.type == 3 || icmp.type == 11) {
    // [RFC 1122 3.3.2] a host times reassembly out, and never a route.
    if (icmp.type == 11 && icmp.code != 1) return "ICMP time exceeded of a router";
    // [RFC 1122 3.2.2] the quote is the header of the datagram and at least 8 bytes of its data.
    if (icmp.payload.size() < 20) return "ICMP error quotes less than a header";
    const size_t header = size_t{icmp.payload[0] % 16u} * 4;
    if (icmp.payload[0] / 16 != 4 || header < 20) return "ICMP error quotes no IPv4 header";
    const size_t total = Word(icmp.payload, 2);
    const size_t least = total < header + 8 ? total : header + 8;
    if (icmp.payload.size() < least) return "ICMP error quotes too little";
    if (icmp.payload.size() > total) return "ICMP error quotes more than the datagram had";
    // [RFC 1812 4.3.2.3] an error is at most 576 bytes long.
    if (20 + data.size() > 576) return "ICMP error longer than 576 bytes";
    if (IsGroup(out.ip->destination)) return "ICMP error to a group";
  } else {
    return "ICMP type " + std::to_string(icmp.type) + " that we never send";
  }
  out.icmp = icmp;
  return std::nullopt;
}

// [RFC 768]
Problem ParseUdp(NaiveFrame& out) {
  const Bytes data = out.ip->payload;
  if (data.size() < 8) return "UDP datagram shorter than 8 bytes";
  if (Word(data, 4) != data.size()) return "UDP length is not that of the IPv4 payload";
  if (Word(data, 6) == 0) return "UDP checksum was not computed, or is a computed zero";
  if (NaiveChecksumWithPseudoHeader(out.ip->source, out.ip->destination, 17, data) != 0) {
    return "UDP checksum is wrong";
  }
  NaiveUdp udp;
  udp.source_port = Word(data, 0);
  udp.destination_port = Word(data, 2);
  udp.payload = data.subspan(8);
  if (udp.destination_port == 0) return "UDP destination port is zero";
  out.udp = udp;
  return std::nullopt;
}

// [RFC 9293 3.2], [RFC 7323], [RFC 2018]
Problem ParseTcpOptions(Bytes data, size_t end, NaiveTcp& tcp) {
  const bool syn = (tcp.flags & 0x02) != 0;
  size_t at = 20;
  while (at < end) {
    const uint8_t kind = data[at];
    tcp.option_kinds.push_back(kind);
    if (kind == 0) {
      for (; at < end; ++at) {
        if (data[at] != 0) return "TCP option padding is not zero";
      }
      break;
    }
    if (kind == 1) {
      ++at;
      continue;
    }
    if (at + 2 > end || data[at + 1] < 2 || at + data[at + 1] > end) {
      return "TCP option " + std::to_string(kind) + " with a bad length";
    }
    const size_t size = data[at + 1];
    if (kind == 2) {
      if (size != 4 || !syn || tcp.mss) return "TCP option MSS out of place";
      tcp.mss = Word(data, at + 2);
      if (*tcp.mss == 0) return "TCP option MSS of zero";
    } else if (kind == 3) {
      if (size != 3 || !syn || data[at + 2] > 14) return "TCP option window scale out of place";
      tcp.window_scale = data[at + 2];
    } else if (kind == 4) {
      if (size != 2 || !syn) return "TCP option SACK permitted out of place";
      tcp.sack_permitted = true;
    } else if (kind == 5) {
      if (size < 10 || size > 34 || size % 8 != 2 || syn) return "TCP option SACK out of place";
      for (size_t block = at + 2; block < at + size; block += 8) {
        tcp.sack_blocks.push_back({DoubleWord(data, block), DoubleWord(data, block + 4)});
      }
    } else if (kind == 8) {
      if (size != 10 || tcp.timestamps) return "TCP option timestamps with a bad length";
      tcp.timestamps = {DoubleWord(data, at + 2), DoubleWord(data, at + 6)};
    } else {
      return "TCP option " + std::to_string(kind) + " that we never send";
    }
    at += size;
  }
  return std::nullopt;
}

// [RFC 9293 3.1]
Problem ParseTcp(NaiveFrame& out) {
  const Bytes data = out.ip->payload;
  if (data.size() < 20) return "TCP segment shorter than 20 bytes";
  const size_t header = size_t{data[12] / 16u} * 4;
  if (header < 20 || header > data.size()) return "TCP data offset is out of range";
  if (data[12] % 16 != 0) return "TCP reserved bits are set";
  if (NaiveChecksumWithPseudoHeader(out.ip->source, out.ip->destination, 6, data) != 0) {
    return "TCP checksum is wrong";
  }
  NaiveTcp tcp;
  tcp.source_port = Word(data, 0);
  tcp.destination_port = Word(data, 2);
  tcp.sequence = DoubleWord(data, 4);
  tcp.acknowledgment = DoubleWord(data, 8);
  tcp.flags = data[13];
  tcp.window = Word(data, 14);
  tcp.urgent_pointer = Word(data, 18);
  tcp.payload = data.subspan(header);
  const bool fin = (tcp.flags & 0x01) != 0;
  const bool syn = (tcp.flags & 0x02) != 0;
  const bool rst = (tcp.flags & 0x04) != 0;
  const bool ack = (tcp.flags & 0x10) != 0;
  if (tcp.source_port == 0 || tcp.destination_port == 0) return "TCP port is zero";
  if (syn + fin + rst > 1) return "TCP flags that exclude each other";
  if (!ack && !syn && !rst) return "TCP segment without an acknowledgment";
  if (!ack && tcp.acknowledgment != 0) return "TCP acknowledgment without its flag";
  if (rst && !tcp.payload.empty()) return "TCP reset with data";
  if ((tcp.flags & 0x20) == 0 && tcp.urgent_pointer != 0)
    return "TCP urgent pointer without its flag";
  if (IsGroup(out.ip->destination)) return "TCP segment to a group";
  const Problem problem = ParseTcpOptions(data, header, tcp);
  out.tcp = tcp;
  return problem;
}

// [RFC 791 3.1]
Problem ParseIpv4(Bytes frame, NaiveFrame& out) {
  const Bytes data = frame.subspan(14);
  if (data.size() < 20) return "IPv4 header shorter than 20 bytes";
  if (data[0] / 16 != 4) return "IPv4 version is not 4";
  const size_t header = size_t{data[0] % 16u} * 4;
  if (header != 20) return "IPv4 header with options, or too short";
  const size_t total = Word(data, 2);
  if (total < header || total > data.size()) return "IPv4 total length is out of range";
  if (NaiveChecksum(data.first(header)) != 0) return "IPv4 header checksum is wrong";
  if (data[6] >= 128) return "IPv4 reserved flag is set";
  NaiveIpv4 ip;
  ip.type_of_service = data[1];
  ip.identification = Word(data, 4);
  ip.dont_fragment = data[6] / 64 % 2 == 1;
  ip.more_fragments = data[6] / 32 % 2 == 1;
  ip.fragment_offset_bytes = Word(data, 6) % 8192u * 8;
  ip.time_to_live = data[8];
  ip.protocol = data[9];
  ip.source = DoubleWord(data, 12);
  ip.destination = DoubleWord(data, 16);
  ip.payload = data.first(total).subspan(header);
  if (ip.time_to_live == 0) return "IPv4 time to live is zero";
  if (IsGroup(ip.source) || ip.source / 0x1000000u == 127) return "IPv4 source is no host";
  if (ip.destination / 0x1000000u == 127 || ip.destination == 0)
    return "IPv4 destination is no host";
  if (ip.source == ip.destination) return "IPv4 packet to its own source";
  out.ip = ip;
  if (Problem padding = CheckPadding(frame, 14 + total)) return padding;
  if (ip.more_fragments || ip.fragment_offset_bytes != 0) return std::nullopt;
  if (ip.protocol == 1) return ParseIcmp(out);
  if (ip.protocol == 6) return ParseTcp(out);
  if (ip.protocol == 17) return ParseUdp(out);
  return std::nullopt;
}

}  // namespace

std::expected<NaiveFrame, std::string> NaiveParse(Bytes frame) {
  if (frame.size() < 14) return std::unexpected("frame shorter than 14 bytes");
  NaiveFrame out;
  out.destination = Mac(frame, 0);
  out.source = Mac(frame, 6);
  out.type = Word(frame, 12);
  if (out.source[0] % 2 == 1) return std::unexpected("source of the frame is a group");
  if (out.source == std::array<uint8_t, 6>{}) return std::unexpected("source of the frame is zero");
  if (out.destination == std::array<uint8_t, 6>{}) {
    return std::unexpected("destination of the frame is zero");
  }
  if (out.type != 0x0806 && out.type != 0x0800) {
    return std::unexpected("type of the frame is neither ARP nor IPv4");
  }
  Problem problem = out.type == 0x0806 ? ParseArp(frame, out) : ParseIpv4(frame, out);
  if (problem) return std::unexpected(*std::move(problem));
  return out;
}

uint16_t NaiveChecksum(Bytes data) {
  uint64_t sum = SumOfWords(data);
  while (sum > 0xffff) sum = sum % 0x10000 + sum / 0x10000;
  return static_cast<uint16_t>(0xffff - sum);
}

uint16_t NaiveChecksumWithPseudoHeader(uint32_t source, uint32_t destination, uint8_t protocol,
                                       Bytes data) {
  // The pseudo header is a whole number of words: its sum and that of the data add up.
  uint64_t sum = uint64_t{0xffff} - NaiveChecksum(data);
  for (const uint32_t address : {source, destination}) sum += address / 0x10000 + address % 0x10000;
  sum += protocol;
  sum += data.size();
  while (sum > 0xffff) sum = sum % 0x10000 + sum / 0x10000;
  return static_cast<uint16_t>(0xffff - sum);
}

}  // namespace aether::testing
