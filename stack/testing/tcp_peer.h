// The other end of a TCP connection in a script, driven by hand: it sends what it is told and keeps
// count. All sequence numbers are relative: SYN is 0, the first byte of data 1, in both directions.
// Before the stack has sent a SYN, its numbers are absolute.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"
#include "stack/wire/address.h"
#include "stack/wire/tcp.h"

namespace aether::testing {

class Script;

// A segment to send. What is not set follows from what was sent and seen before.
struct Segment {
  uint8_t flags = tcp_flags::kAck;
  std::optional<uint32_t> seq{};
  std::optional<uint32_t> ack{};
  Frame data{};
  std::optional<uint16_t> window{};
  Frame options{};
  uint16_t urgent_pointer = 0;
};

struct TcpPeerSpec {
  Ipv4Address address = kPeerIp;
  uint16_t port = 40000;
  uint16_t stack_port = 80;
  uint32_t initial_sequence = 0x10000000;
  uint16_t window = 65535;
};

class TcpPeer {
 public:
  TcpPeer(Script& script, const TcpPeerSpec& spec)
      : script_(&script), spec_(spec), window_(spec.window) {}

  // The frame of a segment, without sending or counting it.
  Frame Build(const Segment& segment) const;
  // Sends it; numbers at the end of what was sent move snd_nxt.
  void Send(const Segment& segment);

  // With an MSS option, 1460 unless told otherwise; 0 for none.
  void Syn(uint16_t mss = 1460);
  // Acknowledges everything seen.
  void Ack();
  void Ack(uint32_t ack);
  void Data(std::string_view text);
  void Data(const Frame& data);
  // With the acknowledgement of everything seen.
  void Fin();
  void Rst();

  // Called by the script for every segment that the stack sends to this peer.
  void OnOutput(const NaiveTcp& tcp);

  const TcpPeerSpec& spec() const { return spec_; }
  uint32_t snd_nxt() const { return snd_nxt_; }
  // The end of what the stack has sent.
  uint32_t rcv_nxt() const { return rcv_nxt_; }
  void set_window(uint16_t window) { window_ = window; }
  void set_snd_nxt(uint32_t snd_nxt) { snd_nxt_ = snd_nxt; }
  // From now on every segment without options of its own has timestamps: this value, and the latest
  // one of the stack as the echo.
  void set_timestamp(std::optional<uint32_t> value) { timestamp_ = value; }
  uint32_t last_timestamp() const { return last_timestamp_; }

  uint32_t stack_initial_sequence() const { return irs_.value_or(0); }
  uint32_t RelativeSeq(uint32_t absolute) const { return absolute - irs_.value_or(0); }
  uint32_t RelativeAck(uint32_t absolute) const { return absolute - spec_.initial_sequence; }
  // Forgets the stack's numbers, for a new connection between the same ports that starts at
  // `initial_sequence`.
  void Restart(uint32_t initial_sequence);

 private:
  Script* script_;
  TcpPeerSpec spec_;
  uint16_t window_;
  uint32_t snd_nxt_ = 0;
  uint32_t rcv_nxt_ = 0;
  std::optional<uint32_t> irs_;
  std::optional<uint32_t> timestamp_;
  uint32_t last_timestamp_ = 0;
};

}  // namespace aether::testing
