// What a script expects the stack to send. A matcher has a text for messages and a check that says
// why a frame differs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"
#include "stack/wire/address.h"
#include "stack/wire/icmp.h"

namespace aether::testing {

class Script;

struct Matcher {
  std::string text;
  // Empty when the frame matches.
  std::function<std::string(const NaiveFrame& frame, const Script& script)> mismatch;
};

// A TCP segment; numbers are relative to the peer that it is sent to. What is not set may be
// anything, but a segment carries no data unless said.
struct TcpMatch {
  uint8_t flags = 0;  // PSH does not count unless `psh` is set
  std::optional<bool> psh{};
  std::optional<uint32_t> seq{};
  std::optional<uint32_t> ack{};
  std::optional<uint16_t> window{};
  std::optional<uint16_t> mss{};
  std::optional<uint16_t> peer_port{};
  std::optional<Frame> data = Frame{};

  TcpMatch AtSeq(uint32_t value) const;
  TcpMatch WithAck(uint32_t value) const;
  TcpMatch WithWindow(uint16_t value) const;
  TcpMatch WithMss(uint16_t value) const;
  TcpMatch WithPsh(bool value = true) const;
  TcpMatch ToPort(uint16_t value) const;
  // Any data will do.
  TcpMatch WithAnyData() const;

  std::string Text() const;
  std::string Mismatch(const NaiveFrame& frame, const Script& script) const;
  // NOLINTNEXTLINE(google-explicit-constructor): Expect(SynAck()) is what a script should look
  // like.
  operator Matcher() const;
};

TcpMatch SynAck();
// An acknowledgement and nothing else.
TcpMatch Ack();
TcpMatch Ack(uint32_t ack);
TcpMatch Data(std::string_view text);
TcpMatch Data(const Frame& data);
TcpMatch Fin();
TcpMatch DataFin(std::string_view text);
// A reset without and with ACK.
TcpMatch Rst();
TcpMatch Rst(uint32_t seq);
TcpMatch RstAck();
TcpMatch RstAck(uint32_t ack);

Matcher ArpRequest(Ipv4Address target, MacAddress destination = MacAddress::Broadcast());
Matcher ArpReply(MacAddress to = kPeerMac, Ipv4Address to_ip = kPeerIp);
Matcher ArpAnnouncement();
Matcher EchoReply(uint32_t rest_of_header, const Frame& payload, Ipv4Address to = kPeerIp);
Matcher Unreachable(UnreachableCode code);
Matcher UdpTo(Ipv4Endpoint to, uint16_t from_port, const Frame& payload);
Matcher AnyFrame();

// The address that frames of a host on the peer's side come from: the peer's own, or one made of
// the IPv4 address.
MacAddress MacOf(Ipv4Address host);

}  // namespace aether::testing
