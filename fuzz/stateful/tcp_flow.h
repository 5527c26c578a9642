// One TCP connection with the stack as the fuzzer plays it: what the peer knows of both directions,
// and segments made from it. Every payload byte is a function of its sequence number, so that
// whatever the stack delivers can be told by its place (P1); the same for what the stack sends,
// relative to its own first number.
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

inline constexpr std::array<const char*, 8> kTcpFlagNames = {"F", "S", "R", "P",
                                                             "A", "U", "E", "C"};
inline constexpr std::array<const char*, 8> kSeqBaseNames = {
    "next", "acked", "window_end", "initial", "last", "last_end", "zero", "hole"};
inline constexpr std::array<const char*, 6> kAckBaseNames = {"next",      "last", "initial",
                                                             "last_sent", "zero", "highest"};
// Sets of flags that mean something, for a grammar's bytes_of_interest.
inline constexpr std::array<uint8_t, 16> kTcpFlagsOfInterest = {
    0x10, 0x10, 0x18, 0x18, 0x02, 0x12, 0x11, 0x19, 0x04, 0x14, 0x30, 0xc2, 0x50, 0x01, 0x00, 0x29};

// Where a segment's options come from. "Automatic" is what this connection would carry: the offer
// on a SYN, timestamps where they were agreed on.
enum class OptionsChoice : uint8_t {
  kAutomatic,
  kNone,
  kRaw,           // the bytes of `raw`, padded
  kAutomaticRaw,  // the automatic ones, and `raw`
  kTimestamp,     // our clock moved by the distance of `extra`, the right echo
  kEcho,          // our clock; the echo moved by the distance of `extra`
  // SACK, with timestamps where agreed on; `extra` is a number of the stack.
  kSack,       // one block of a segment from `extra` on
  kSackTo,     // one block from a segment behind the highest acknowledgement up to `extra`
  kSackThree,  // three blocks of a segment from `extra` on, holes of a segment between them
  kSackBytes,  // as many blocks as fit, of one byte, a byte between them
  kSackWide,   // one block from `extra` up to all that was sent
  kSackTwice,  // D-SACK: the segment before the highest acknowledgement, then one from `extra` on
  // The options of a SYN with something else in them.
  kSynMss,    // MSS alone: the distance of `extra`
  kSynScale,  // everything, and the scale is the distance of `extra`
  kSynSack,   // MSS and SACK permitted alone
};
inline constexpr std::array<const char*, 15> kOptionsNames = {
    "auto",      "none",       "raw",     "auto_raw",   "timestamp",
    "echo",      "sack",       "sack_to", "sack_three", "sack_bytes",
    "sack_wide", "sack_twice", "syn_mss", "syn_scale",  "syn_sack"};

// What is unusual about a segment, bit by bit; its checksums are right in spite of it but for those
// that are to be wrong.
namespace segment_shape {
inline constexpr uint8_t kBadChecksum = 0x01;
inline constexpr uint8_t kBadIpChecksum = 0x02;
inline constexpr uint8_t kOffsetShort = 0x04;  // a data offset of 4
inline constexpr uint8_t kOffsetLong = 0x08;   // of 15: what follows counts as options
inline constexpr uint8_t kCongested = 0x10;    // CE, RFC 3168
inline constexpr uint8_t kPadded = 0x20;       // zeros behind the packet
inline constexpr uint8_t kIpOptions = 0x40;    // four bytes of them
inline constexpr uint8_t kReserved = 0x80;     // reserved bits of the header are set
}  // namespace segment_shape
inline constexpr std::array<const char*, 8> kShapeNames = {
    "bad_sum", "bad_ip_sum", "offset_short", "offset_long",
    "ce",      "padded",     "ip_options",   "reserved"};

// The operands of a record that makes a segment, in their order; targets put them into an Operation
// as they stand.
inline constexpr std::array<Operand, 9> kSegmentOperands = {{
    {Operand::Kind::kFlags, "flags", kTcpFlagNames},
    {Operand::Kind::kLive, "seq", kSeqBaseNames},
    {Operand::Kind::kLive, "ack", kAckBaseNames},
    {Operand::Kind::kWord, "window_less"},  // what it falls short of 65535; unscaled
    {Operand::Kind::kWord, "payload"},      // bytes, modulo kPayloadBytesMax + 1
    {Operand::Kind::kByte, "options", kOptionsNames},
    {Operand::Kind::kFlags, "shape", kShapeNames},
    {Operand::Kind::kLive, "extra", kAckBaseNames},  // as `options` says; with URG, the distance is
                                                     // the urgent pointer
    {Operand::Kind::kBytes, "raw"},
}};
inline constexpr uint32_t kPayloadBytesMax = 2920;

// What kHole and the choices of SACK take for a segment.
inline constexpr uint32_t kSackSegment = 536;

class TcpFlow {
 public:
  TcpFlow(Ipv4Endpoint peer, Ipv4Endpoint stack, uint32_t initial_sequence);

  const Ipv4Endpoint& peer() const { return peer_; }
  const Ipv4Endpoint& stack() const { return stack_; }
  // For connections that the stack opens from a port of its choice.
  void set_stack_port(uint16_t port) { stack_.port = port; }

  // What a Live's base means. Values not known yet are 0.
  enum SeqBase : uint8_t {
    kSeqNext,       // behind what was sent without a hole
    kSeqAcked,      // what the stack acknowledged (its rcv_nxt as far as we know)
    kSeqWindowEnd,  // the right edge of the window it offers
    kSeqInitial,    // our iss
    kSeqLast,       // of the segment before
    kSeqLastEnd,    // behind the segment before
    kSeqZero,       // absolute
    kSeqHole,       // a segment of 536 ahead of kSeqNext
    // 8 to 15: the same again
  };
  enum AckBase : uint8_t {
    kAckNext,      // all that the stack sent
    kAckLast,      // what we acknowledged last
    kAckInitial,   // the stack's iss
    kAckLastSent,  // the beginning of the last segment that the stack sent
    kAckZero,
    kAckHighest,  // the highest that we ever acknowledged
    // 6 to 15: the same again
  };
  uint32_t SeqValue(const Live& live) const;
  uint32_t AckValue(const Live& live) const;

  // What our SYNs offer.
  struct Offer {
    uint16_t mss = 1460;  // 0: no option
    bool sack = true;
    bool timestamps = true;
    int scale = 7;  // below 0: no option
  };
  Offer offer;
  // Our clock of timestamps; targets move it with the time.
  uint32_t clock_ms = 0;
  // False where the stack sends something else than Pattern.
  bool checks_payload = true;
  // False once segments of the flow came from elsewhere: its numbers are no more than a guess.
  bool checks_numbers = true;

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
    std::optional<Bytes> options{};  // a multiple of 4 bytes; none: the automatic ones
    uint16_t urgent_pointer = 0;
    Bytes text{};  // a payload of its own instead of Pattern
  };
  Bytes Build(const Plain& plain);
  // Numbers as a well-behaved peer would have them: all that came is acknowledged.
  Bytes BuildNext(uint8_t flags, uint32_t payload_bytes = 0, uint16_t window = 65535);

  // A segment from elsewhere that arrives as ours; without text.
  void CountForeign(const testing::NaiveTcp& tcp, Bytes options);
  // What was sent comes again: an acknowledgement that was too early may be right by now.
  void CountAgain(uint8_t flags, uint32_t ack, uint16_t window) { CountOffer(flags, ack, window); }

  // The stack sent this on this flow. P1: its payload is the pattern's; P2 in small: it
  // acknowledges nothing that was not sent, the right edge of its window does not move left, it
  // sends nothing beyond ours but a probe.
  void OnSent(const testing::NaiveFrame& frame);
  bool Matches(const testing::NaiveFrame& frame) const;

  // The stream that the target writes begins at this offset of Pattern, so that the directions
  // differ.
  static constexpr uint64_t kWrittenOffset = 20000;
  // P1: these bytes are what we send from `seq` on.
  bool IsOurs(Bytes bytes, uint32_t seq) const;
  // A SYN that we sent had this number; true when there were too many to remember.
  bool SentSyn(uint32_t seq) const;
  // The same of FINs; true when there were too many to remember.
  bool SentFin(uint32_t seq) const;

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
  bool has_timestamps() const;
  // By which the windows that we send are shifted.
  uint8_t our_scale() const;
  uint32_t stack_timestamp() const { return stack_timestamp_; }
  // We have sent timestamps in a handshake that had none: nothing is known of what was agreed on.
  bool has_made_up_offer() const { return has_made_up_offer_; }

 private:
  struct Segment {
    Plain plain;
    uint8_t shape = 0;
  };
  // A handshake of the stack: cookies make several possible at once.
  struct Handshake {
    uint32_t stack_iss = 0;
    uint32_t our_iss = 0;
  };

  Bytes Emit(const Segment& segment);
  size_t EmitPayload(uint8_t* at, const Segment& segment, uint32_t& sum) const;
  void CountSent(const Segment& segment, Bytes options, uint32_t payload_bytes);
  void CountSyn(const Segment& segment, Bytes options, uint32_t end);
  Bytes AutomaticOptions(uint8_t flags);
  Bytes ChosenOptions(const Record& record, uint8_t flags);
  Bytes SackOptions(OptionsChoice choice, uint32_t extra);
  // The window, if what is acknowledged was sent.
  void CountOffer(uint8_t flags, uint32_t ack, uint16_t window);
  void OnSynSent(const testing::NaiveTcp& tcp);
  bool FindHandshake(uint32_t seq);
  void CheckWindow(const testing::NaiveTcp& tcp);
  uint32_t PatternOffset(uint32_t seq) const { return seq - pattern_base_ - 1; }

  Ipv4Endpoint peer_;
  Ipv4Endpoint stack_;
  uint32_t pattern_base_;
  // Ours.
  uint32_t iss_;
  uint32_t snd_nxt_;
  uint32_t sent_end_;  // the highest number that the stack may have got
  uint32_t acked_;
  uint32_t last_seq_;
  uint32_t last_end_;
  uint32_t window_end_ = 0;
  uint32_t plain_window_end_ = 0;
  bool has_window_ = false;
  std::array<uint32_t, 16> syns_{};
  size_t syn_count_ = 0;
  std::array<uint32_t, 32> fins_{};
  size_t fin_count_ = 0;
  uint32_t syn_window_ = 0;
  bool offered_timestamps_ = false;
  std::optional<uint8_t> offered_scale_;
  bool fin_sent_ = false;
  // A SYN went out after the connection was over; what the stack says to it tells which one counts.
  bool is_restarting_ = false;
  struct Numbers {
    uint32_t iss = 0;
    uint32_t snd_nxt = 0;
    uint32_t sent_end = 0;
    uint32_t acked = 0;
    bool fin_sent = false;
  };
  Numbers before_restart_;
  // The stack's.
  std::optional<uint32_t> stack_iss_;
  std::optional<testing::NaiveTcp> stack_syn_;
  std::array<Handshake, 16> handshakes_{};
  size_t handshake_count_ = 0;
  uint32_t rcv_nxt_ = 0;
  uint32_t last_ack_ = 0;
  uint32_t highest_ack_ = 0;
  uint32_t stack_last_ = 0;
  uint32_t stack_timestamp_ = 0;
  uint32_t offered_end_ = 0;
  bool fin_received_ = false;
  bool reset_received_ = false;
  // The stack has sent a SYN, and nothing since.
  bool is_opening_ = false;
  bool has_made_up_offer_ = false;

  std::array<uint8_t, 40> options_;
  std::array<uint8_t, 14 + 24 + 60 + kPayloadBytesMax + 64> frame_;
};

}  // namespace aether::fuzz
