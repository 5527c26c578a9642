#include "stack/device/describe.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "stack/base/drop.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tcp_options.h"
#include "stack/wire/udp.h"

namespace aether::device {
namespace {

constexpr size_t kTextMax = 32;

std::string Number(uint64_t value) { return std::to_string(value); }

// The low `digits` digits.
std::string Hex(uint64_t value, int digits) {
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    text += "0123456789abcdef"[value >> shift & 0xf];
  }
  return text;
}

std::string Problem(Drop drop) { return " (" + std::string(DropName(drop)) + ")"; }

// The beginning of a payload, printable.
std::string Quoted(Bytes data) {
  std::string text = " \"";
  for (uint8_t byte : data.first(std::min(data.size(), kTextMax))) {
    if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else if (byte == '"' || byte == '\\') {
      text += {'\\', static_cast<char>(byte)};
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += static_cast<char>(byte);
    } else {
      text += "\\x" + Hex(byte, 2);
    }
  }
  text += data.size() > kTextMax ? "\"..." : "\"";
  return text;
}

std::string DescribeArp(Bytes data) {
  const auto arp = ArpPacket::Parse(data);
  if (!arp) return "ARP" + Problem(arp.error());
  if (arp->operation == ArpOperation::kRequest) {
    return "ARP who-has " + ToString(arp->target_ip) + " tell " + ToString(arp->sender_ip) + " (" +
           ToString(arp->sender_mac) + ")";
  }
  return "ARP " + ToString(arp->sender_ip) + " is-at " + ToString(arp->sender_mac) + ", to " +
         ToString(arp->target_ip) + " (" + ToString(arp->target_mac) + ")";
}

std::string DescribeTcpOptions(Bytes data) {
  const auto options = TcpOptions::Parse(data);
  if (!options) return Problem(options.error());
  std::string text;
  const auto add = [&text](const std::string& option) {
    text += text.empty() ? " [" : ",";
    text += option;
  };
  if (options->mss) add("mss " + Number(*options->mss));
  if (options->sack_permitted) add("sackOK");
  if (options->timestamps) {
    add("TS " + Number(options->timestamps->value) + "/" + Number(options->timestamps->echo_reply));
  }
  if (options->window_scale) add("wscale " + Number(*options->window_scale));
  for (size_t i = 0; i < options->sack_block_count; ++i) {
    add("sack " + Number(options->sack_blocks[i].start.value()) + ":" +
        Number(options->sack_blocks[i].end.value()));
  }
  return text.empty() ? text : text + "]";
}

std::string TcpFlags(uint8_t flags) {
  constexpr std::string_view kLetters = "FSRP.UEW";
  std::string text;
  for (size_t bit : {1u, 0u, 2u, 3u, 5u, 6u, 7u, 4u}) {
    if ((flags >> bit & 1) != 0) text += kLetters[bit];
  }
  return text.empty() ? "no-flags" : text;
}

std::string DescribeTcp(const Ipv4View& ip) {
  const auto tcp = TcpView::Parse(ip.payload());
  if (!tcp) {
    return ToString(ip.source()) + " > " + ToString(ip.destination()) + ": TCP" +
           Problem(tcp.error());
  }
  std::string text = ToString(ip.source()) + "." + Number(tcp->source_port()) + " > " +
                     ToString(ip.destination()) + "." + Number(tcp->destination_port()) + ": " +
                     TcpFlags(tcp->flags()) + " seq " + Number(tcp->sequence().value());
  // The field is shown when it means something, or should not be there.
  if ((tcp->flags() & tcp_flags::kAck) != 0 || tcp->acknowledgment().value() != 0) {
    text += " ack " + Number(tcp->acknowledgment().value());
  }
  text += " win " + Number(tcp->window());
  if (tcp->urgent_pointer() != 0) text += " urg " + Number(tcp->urgent_pointer());
  text += DescribeTcpOptions(tcp->options());
  if (!tcp->payload().empty()) {
    text += " len " + Number(tcp->payload().size()) + Quoted(tcp->payload());
  }
  if (!tcp->ChecksumIsValid(ip.source(), ip.destination())) text += Problem(Drop::kTcpBadChecksum);
  return text;
}

std::string DescribeUdp(const Ipv4View& ip) {
  const auto udp = UdpView::Parse(ip.payload());
  if (!udp) {
    return ToString(ip.source()) + " > " + ToString(ip.destination()) + ": UDP" +
           Problem(udp.error());
  }
  std::string text = ToString(ip.source()) + "." + Number(udp->source_port()) + " > " +
                     ToString(ip.destination()) + "." + Number(udp->destination_port()) +
                     ": UDP len " + Number(udp->payload().size());
  if (!udp->payload().empty()) text += Quoted(udp->payload());
  if (!udp->ChecksumIsValid(ip.source(), ip.destination())) text += Problem(Drop::kUdpBadChecksum);
  return text;
}

std::string DescribeIcmp(const Ipv4View& ip) {
  std::string text = ToString(ip.source()) + " > " + ToString(ip.destination()) + ": ICMP";
  const auto icmp = IcmpView::Parse(ip.payload());
  if (!icmp) return text + Problem(icmp.error());
  const std::string echo = " id " + Number(icmp->rest_of_header() >> 16) + " seq " +
                           Number(icmp->rest_of_header() & 0xffff) + " len " +
                           Number(icmp->payload().size());
  switch (static_cast<IcmpType>(icmp->type())) {
    case IcmpType::kEchoRequest:
      text += " echo request" + echo;
      break;
    case IcmpType::kEchoReply:
      text += " echo reply" + echo;
      break;
    case IcmpType::kDestinationUnreachable:
      text += " unreachable";
      break;
    default:
      text += " type " + Number(icmp->type());
      break;
  }
  if (icmp->code() != 0 || IcmpTypeIsError(icmp->type())) text += " code " + Number(icmp->code());
  if (IcmpTypeIsError(icmp->type()))
    text += " quoting " + Number(icmp->payload().size()) + " bytes";
  return text;
}

std::string DescribeIpv4(Bytes data) {
  const auto ip = Ipv4View::Parse(data);
  if (!ip) return "IP" + Problem(ip.error());
  std::string text = "IP ";
  if (ip->IsFragment()) {
    return text + ToString(ip->source()) + " > " + ToString(ip->destination()) + ": fragment of " +
           Number(ip->identification()) + " at " + Number(ip->fragment_offset_bytes()) + " len " +
           Number(ip->payload().size()) + (ip->more_fragments() ? "+" : "") + " protocol " +
           Number(ip->protocol());
  }
  switch (static_cast<IpProtocol>(ip->protocol())) {
    case IpProtocol::kTcp:
      return text + DescribeTcp(*ip);
    case IpProtocol::kUdp:
      return text + DescribeUdp(*ip);
    case IpProtocol::kIcmp:
      return text + DescribeIcmp(*ip);
    default:
      return text + ToString(ip->source()) + " > " + ToString(ip->destination()) + ": protocol " +
             Number(ip->protocol()) + " len " + Number(ip->payload().size());
  }
}

}  // namespace

std::string DescribeFrame(Bytes frame) {
  const auto ethernet = EthernetView::Parse(frame);
  if (!ethernet) return Number(frame.size()) + " bytes" + Problem(ethernet.error());
  switch (static_cast<EtherType>(ethernet->type())) {
    case EtherType::kArp:
      return DescribeArp(ethernet->payload());
    case EtherType::kIpv4:
      return DescribeIpv4(ethernet->payload());
    default:
      return "type 0x" + Hex(ethernet->type(), 4) + " " + ToString(ethernet->source()) + " > " +
             ToString(ethernet->destination()) + " len " + Number(ethernet->payload().size());
  }
}

std::string TraceLine(Instant when, char direction, Bytes frame) {
  const int64_t nanoseconds = when.time_since_epoch().count();
  const uint64_t microseconds = (nanoseconds < 0 ? uint64_t{0} - static_cast<uint64_t>(nanoseconds)
                                                 : static_cast<uint64_t>(nanoseconds)) /
                                1000;
  // A leading one keeps the zeros of the fraction.
  const std::string fraction = Number(1'000'000 + microseconds % 1'000'000).substr(1);
  std::string line = nanoseconds < 0 ? "-" : "";
  line += Number(microseconds / 1'000'000) + "." + fraction + " ";
  line += direction;
  return line + " " + DescribeFrame(frame);
}

std::string ToString(Ipv4Address address) {
  return Number(address.value >> 24) + "." + Number(address.value >> 16 & 0xff) + "." +
         Number(address.value >> 8 & 0xff) + "." + Number(address.value & 0xff);
}

std::string ToString(const MacAddress& mac) {
  std::string text;
  for (uint8_t octet : mac.octets) {
    if (!text.empty()) text += ':';
    text += Hex(octet, 2);
  }
  return text;
}

}  // namespace aether::device
