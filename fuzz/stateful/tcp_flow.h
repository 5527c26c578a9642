// One TCP connection with the stack as the fuzzer plays it: what the peer knows of both directions,
// and segments made from it. Every payload byte at sequence number s is Pattern's at the offset
// s - iss - 1, so that whatever the stack delivers can be told by its place (P1); the same for what
// the stack sends, with its own iss.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "fuzz/stateful/grammar.h"
#include "stack/base/bytes.h"
#include "stack/testing/naive_parser.h"
#include "stack/wire/address.h"
#include "stack/wire/tcp.h"

namespace aether::fuzz {

// The operands of a record that makes a segment, in their order; targets put them into an Operation
// as they stand.
inline constexpr std::array<Operand, 9> kSegmentOperands = {{
    {Operand::Kind::kByte, "flags"},
    {Operand::Kind::kLive, "seq"},      // bases: kSeqBases
    {Operand::Kind::kLive, "ack"},      // bases: kAckBases
    {Operand::Kind::kWord, "window"},   // unscaled
    {Operand::Kind::kWord, "payload"},  // bytes, modulo kPayloadBytesMax + 1
    {Operand::Kind::kByte, "options"},  // OptionsChoice
    {Operand::Kind::kByte, "shape"},    // SegmentShape
    {Operand::Kind::kLive, "extra"},    // SACK edges, timestamps, urgent pointer: as options say
    {Operand::Kind::kBytes, "raw"},     // option bytes as they stand, where options say so
}};
inline constexpr uint32_t kPayloadBytesMax = 2920;

class TcpFlow {
 public:
  TcpFlow(Ipv4Endpoint peer, Ipv4Endpoint stack, uint32_t initial_sequence);

  const Ipv4Endpoint& peer() const { return peer_; }
  const Ipv4Endpoint& stack() const { return stack_; }

  // What a Live's base means. Values not known yet are 0.
  enum SeqBase : uint8_t {
    kSeqNext,       // after the last byte sent in order of numbers
    kSeqAcked,      // what the stack acknowledged (its rcv_nxt as far as we know)
    kSeqWindowEnd,  // the right edge of the window it offers
    kSeqInitial,    // our iss
    kSeqLast,       // of the segment before
    kSeqLastEnd,    // behind the segment before
    kSeqZero,       // absolute
    kSeqHole,       // one segment ahead of kSeqNext
    // 8 to 15: the same again
  };
  enum AckBase : uint8_t {
    kAckNext,      // all that the stack sent
    kAckLast,      // what we acknowledged last
    kAckInitial,   // the stack's iss
    kAckLastSent,  // the beginning of the last segment that the stack sent
    kAckZero,
    kAckHighest,  // the highest that we ever acknowledged
  };

  // The frame of a kSegmentOperands record, checksums right unless `shape` says otherwise; valid
  // until the next call. Counts it as sent.
  Bytes Build(const Record& record);
  // The same from plain values, for bringing a connection into a state.
  struct Plain {
    uint8_t flags = tcp_flags::kAck;
    uint32_t seq = 0;
    uint32_t ack = 0;
    uint16_t window = 65535;
    uint32_t payload_bytes = 0;
    Bytes options{};  // a multiple of 4 bytes
    uint16_t urgent_pointer = 0;
  };
  Bytes Build(const Plain& plain);

  // The stack sent this on this flow. P1: its payload is the pattern's, P2 in small: what it
  // acknowledges was sent, its right window edge does not move left, nothing beyond our window
  // (but for a probe), retransmitted bytes were not acknowledged.
  void OnSent(const testing::NaiveFrame& frame);
  bool Matches(const testing::NaiveFrame& frame) const;

  // Absolute numbers.
  uint32_t iss() const { return iss_; }
  uint32_t snd_nxt() const { return snd_nxt_; }
  uint32_t acked() const { return acked_; }  // by the stack
  std::optional<uint32_t> stack_iss() const { return stack_iss_; }
  uint32_t rcv_nxt() const { return rcv_nxt_; }  // behind all that the stack sent
  bool fin_sent() const { return fin_sent_; }
  bool fin_received() const { return fin_received_; }
  bool reset_received() const { return reset_received_; }
  const std::optional<testing::NaiveTcp>& stack_syn() const { return stack_syn_; }
  // Offset in the stream of what the stack delivers next; the target counts it up.
  uint64_t delivered_bytes = 0;

 private:
  Ipv4Endpoint peer_;
  Ipv4Endpoint stack_;
  uint32_t iss_;
  uint32_t snd_nxt_;
  uint32_t acked_;
  uint32_t rcv_nxt_ = 0;
  std::optional<uint32_t> stack_iss_;
  std::optional<testing::NaiveTcp> stack_syn_;
  bool fin_sent_ = false;
  bool fin_received_ = false;
  bool reset_received_ = false;
};

}  // namespace aether::fuzz
