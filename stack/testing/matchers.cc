#include "stack/testing/matchers.h"

#include <algorithm>
#include <utility>

#include "stack/device/describe.h"
#include "stack/testing/script.h"
#include "stack/wire/tcp.h"

namespace aether::testing {
namespace {

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kPsh = tcp_flags::kPsh;
constexpr uint8_t kAck = tcp_flags::kAck;

std::string FlagText(uint8_t flags) {
  constexpr std::string_view kNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
  std::string text;
  for (size_t bit = 0; bit < 8; ++bit) {
    if ((flags >> bit & 1) == 0) continue;
    if (!text.empty()) text += '+';
    text += kNames[bit];
  }
  return text.empty() ? "no flags" : text;
}

std::string DataText(const Frame& data) {
  std::string text = std::to_string(data.size()) + " bytes";
  if (data.empty()) return text;
  text += " '";
  for (uint8_t byte : data) {
    if (text.size() > 60) break;
    text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
  }
  return text + "'";
}

template <typename T>
void Compare(std::string_view name, const std::optional<T>& wanted, const T& got,
             std::string& why) {
  if (!wanted || *wanted == got) return;
  why += " " + std::string(name) + " is " + std::to_string(got) + ", not " +
         std::to_string(*wanted) + ";";
}

std::array<uint8_t, 6> Octets(const MacAddress& mac) { return mac.octets; }

}  // namespace

TcpMatch TcpMatch::AtSeq(uint32_t value) const {
  TcpMatch copy = *this;
  copy.seq = value;
  return copy;
}

TcpMatch TcpMatch::WithAck(uint32_t value) const {
  TcpMatch copy = *this;
  copy.ack = value;
  return copy;
}

TcpMatch TcpMatch::WithWindow(uint16_t value) const {
  TcpMatch copy = *this;
  copy.window = value;
  return copy;
}

TcpMatch TcpMatch::WithMss(uint16_t value) const {
  TcpMatch copy = *this;
  copy.mss = value;
  return copy;
}

TcpMatch TcpMatch::WithPsh(bool value) const {
  TcpMatch copy = *this;
  copy.psh = value;
  return copy;
}

TcpMatch TcpMatch::ToPort(uint16_t value) const {
  TcpMatch copy = *this;
  copy.peer_port = value;
  return copy;
}

TcpMatch TcpMatch::WithAnyData() const {
  TcpMatch copy = *this;
  copy.data.reset();
  return copy;
}

std::string TcpMatch::Text() const {
  std::string text = "TCP " + FlagText(flags);
  if (peer_port) text += " to port " + std::to_string(*peer_port);
  if (seq) text += " seq " + std::to_string(*seq);
  if (ack) text += " ack " + std::to_string(*ack);
  if (window) text += " window " + std::to_string(*window);
  if (mss) text += " mss " + std::to_string(*mss);
  text += data ? " with " + DataText(*data) : " with any data";
  return text;
}

std::string TcpMatch::Mismatch(const NaiveFrame& frame, const Script& script) const {
  if (!frame.tcp) return " it is not TCP;";
  const NaiveTcp& tcp = *frame.tcp;
  std::string why;
  const uint8_t significant = static_cast<uint8_t>(tcp.flags & ~kPsh);
  if (significant != flags) why += " flags are " + FlagText(significant) + ";";
  const bool has_psh = (tcp.flags & kPsh) != 0;
  if (psh && *psh != has_psh) why += has_psh ? " PSH is set;" : " PSH is not set;";
  Compare("port", peer_port, tcp.destination_port, why);
  Compare("window", window, tcp.window, why);
  if (mss && !tcp.mss) why += " it has no MSS;";
  if (tcp.mss) Compare("MSS", mss, *tcp.mss, why);
  const TcpPeer* peer = script.FindPeer(frame);
  if (peer == nullptr) return why + " it is for no peer of the script;";
  Compare("seq", seq, peer->RelativeSeq(tcp.sequence), why);
  if ((flags & kAck) != 0) Compare("ack", ack, peer->RelativeAck(tcp.acknowledgment), why);
  if (data && tcp.payload != *data)
    why += " data are " + DataText({tcp.payload.begin(), tcp.payload.end()}) + ";";
  return why;
}

TcpMatch::operator Matcher() const {
  return {Text(), [match = *this](const NaiveFrame& frame, const Script& script) {
            return match.Mismatch(frame, script);
          }};
}

TcpMatch SynAck() { return {.flags = kSyn | kAck, .seq = 0}; }
TcpMatch Ack() { return {.flags = kAck, .psh = false}; }
TcpMatch Ack(uint32_t ack) { return Ack().WithAck(ack); }
TcpMatch Data(std::string_view text) { return Data(ToFrame(text)); }
TcpMatch Data(const Frame& data) { return {.flags = kAck, .data = data}; }
TcpMatch Fin() { return {.flags = kFin | kAck}; }
TcpMatch DataFin(std::string_view text) { return {.flags = kFin | kAck, .data = ToFrame(text)}; }
TcpMatch Rst() { return {.flags = kRst}; }
TcpMatch Rst(uint32_t seq) { return Rst().AtSeq(seq); }
TcpMatch RstAck() { return {.flags = kRst | kAck}; }
TcpMatch RstAck(uint32_t ack) { return RstAck().WithAck(ack); }

Matcher ArpRequest(Ipv4Address target, MacAddress destination) {
  return {"ARP request for " + device::ToString(target),
          [=](const NaiveFrame& frame, const Script&) -> std::string {
            if (!frame.arp || frame.arp->operation != 1) return " it is no ARP request;";
            if (frame.arp->target_ip != target.value) return " it asks for another address;";
            if (frame.destination != Octets(destination)) return " it is sent to another host;";
            if (frame.arp->sender_ip == frame.arp->target_ip) return " it is an announcement;";
            return "";
          }};
}

Matcher ArpReply(MacAddress to, Ipv4Address to_ip) {
  return {"ARP reply to " + device::ToString(to) + " " + device::ToString(to_ip),
          [=](const NaiveFrame& frame, const Script&) -> std::string {
            if (!frame.arp || frame.arp->operation != 2) return " it is no ARP reply;";
            if (frame.destination != Octets(to)) return " it is sent to another host;";
            if (frame.arp->target_ip != to_ip.value) return " its target is another address;";
            if (frame.arp->sender_ip != kOurIp.value || frame.source != Octets(kOurMac)) {
              return " it does not tell our address;";
            }
            return "";
          }};
}

Matcher ArpAnnouncement() {
  return {"ARP announcement", [](const NaiveFrame& frame, const Script&) -> std::string {
            if (!frame.arp || frame.arp->operation != 1) return " it is no ARP request;";
            if (frame.arp->sender_ip != frame.arp->target_ip) return " it is no announcement;";
            if (frame.destination != Octets(MacAddress::Broadcast())) return " it is no broadcast;";
            return "";
          }};
}

Matcher EchoReply(uint32_t rest_of_header, const Frame& payload, Ipv4Address to) {
  return {"ICMP echo reply with " + DataText(payload),
          [=](const NaiveFrame& frame, const Script&) -> std::string {
            if (!frame.icmp || frame.icmp->type != 0) return " it is no echo reply;";
            if (frame.icmp->rest_of_header != rest_of_header)
              return " identifier or number differ;";
            if (frame.icmp->payload != payload) return " the data differ;";
            if (frame.ip->destination != to.value) return " it is for another host;";
            return "";
          }};
}

Matcher Unreachable(UnreachableCode code) {
  return {"ICMP unreachable, code " + std::to_string(static_cast<int>(code)),
          [=](const NaiveFrame& frame, const Script&) -> std::string {
            if (!frame.icmp || frame.icmp->type != 3) return " it is not unreachable;";
            if (frame.icmp->code != static_cast<uint8_t>(code)) return " the code differs;";
            return "";
          }};
}

Matcher UdpTo(Ipv4Endpoint to, uint16_t from_port, const Frame& payload) {
  return {
      "UDP to " + device::ToString(to.address) + "." + std::to_string(to.port) + " with " +
          DataText(payload),
      [=](const NaiveFrame& frame, const Script&) -> std::string {
        if (!frame.udp) return " it is not UDP;";
        if (frame.ip->destination != to.address.value || frame.udp->destination_port != to.port) {
          return " it is for another endpoint;";
        }
        if (frame.udp->source_port != from_port) return " it is from another port;";
        if (frame.udp->payload != payload) return " the data differ;";
        return "";
      }};
}

Matcher AnyFrame() {
  return {"any frame", [](const NaiveFrame&, const Script&) { return std::string(); }};
}

MacAddress MacOf(Ipv4Address host) {
  if (host == kPeerIp) return kPeerMac;
  return {{2, 1, static_cast<uint8_t>(host.value >> 24), static_cast<uint8_t>(host.value >> 16),
           static_cast<uint8_t>(host.value >> 8), static_cast<uint8_t>(host.value)}};
}

}  // namespace aether::testing
