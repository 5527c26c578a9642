// The input of tcp_passive and tcp_active: the head bytes that choose the setup, the states that a
// run begins in, and the operations.
#pragma once

#include <array>
#include <cstdint>

#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/tcp_flow.h"
#include "fuzz/stateful/tcp_world.h"

namespace aether::fuzz {

// --- Head bytes, in their order ---

enum class TcpHead : uint8_t { kProfile, kLimits, kStage, kSequence, kOffer, kApp, kClock };

inline constexpr std::array<const char*, 23> kProfileNames = {
    "full",           "classic",       "no_timestamps", "no_sack",      "no_scaling",
    "cookies_always", "cookies_never", "newreno",       "uncontrolled", "no_retransmission",
    "no_reassembly",  "no_rack",       "no_fast",       "no_undo",      "no_delayed_ack",
    "no_nagle",       "no_probes",     "no_growth",     "no_mtu",       "no_ecn",
    "plain",          "no_request",    "no_limited"};
// A profile by its number, modulo.
tcp::Profile ProfileOf(uint8_t number);

inline constexpr std::array<const char*, 8> kLimitNames = {
    "few_chunks", "few_ranges",   "mtu_68",   "small_receive",
    "small_send", "few_sessions", "few_half", "few_segments"};
inline constexpr std::array<const char*, 10> kSequenceNames = {
    "zero",   "plain",      "before_half", "half",     "before_end",
    "at_end", "across_end", "across_half", "negative", "one"};
inline constexpr std::array<const char*, 7> kOfferNames = {
    "no_sack", "no_timestamps", "no_scale", "no_mss", "small_mss", "old_clock", "large_scale"};
inline constexpr std::array<const char*, 8> kAppNames = {
    "lazy_accept", "lazy_read", "lingers", "answers", "hangs_up", "compare", "closes", "unjudged"};
inline constexpr std::array<const char*, 3> kClockNames = {"plain", "before_end", "before_half"};
// P11: carry out the input twice, with all numbers and the clock moved.
inline constexpr uint8_t kAppCompare = 0x20;

// The states that a run begins in; of tcp_active, the stack opens the connection.
enum class TcpStage : uint8_t {
  kFresh,     // LISTEN, or nothing
  kHalfOpen,  // SYN-RECEIVED; of tcp_active SYN-SENT
  kEstablished,
  kInFlight,    // the stack has sent data that nobody acknowledged
  kHeld,        // data behind a hole wait in the stack
  kRecovering,  // duplicate acknowledgements, SACK with holes
  kTimedOut,    // data in flight, and the timer fired twice
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
  kPeerShut,  // the peer's window is zero, data wait
  kShut,      // ours is zero, nobody reads
  kTwo,       // both flows are established
  kOrphan,    // the application let go with data unsent
  kCrossing,  // both SYNs at once; of tcp_passive, the handshake is over and nobody accepts
  kCrowded,   // as many half-open connections as there may be
};
inline constexpr std::array<const char*, 19> kStageNames = {
    "fresh",      "half_open",  "established", "in_flight", "held",     "recovering", "timed_out",
    "fin_wait_1", "fin_wait_2", "close_wait",  "closing",   "last_ack", "time_wait",  "peer_shut",
    "shut",       "two",        "orphan",      "crossing",  "crowded"};

inline constexpr std::array<Operand, 7> kTcpHead = {{
    {Operand::Kind::kByte, "profile", kProfileNames},
    {Operand::Kind::kFlags, "limits", kLimitNames},
    {Operand::Kind::kByte, "stage", kStageNames},
    {Operand::Kind::kByte, "sequence", kSequenceNames},
    {Operand::Kind::kFlags, "offer", kOfferNames},
    {Operand::Kind::kFlags, "app", kAppNames},
    {Operand::Kind::kByte, "clock", kClockNames},
}};

// --- Operations ---

enum class TcpOperation : uint8_t {
  kSegment,
  kOther,  // a segment of the other flow
  kPeer,
  kTime,
  kDeadline,
  kRead,
  kWrite,
  kEnd,
  kAccept,
  kOptions,
  kListen,
  kIcmp,
  kDamaged,
  kCut,
  kBatch,
  kBurst,
  kFlood,
  kReflect,
  kAgain,
  kConnect,
};

inline constexpr std::array<const char*, 4> kEndNames = {"shutdown", "close", "abort", "unlisten"};
inline constexpr std::array<const char*, 4> kSocketOptionNames = {"no_delay", "quick_ack",
                                                                  "keepalive", "user_timeout"};
inline constexpr std::array<const char*, 4> kBurstNames = {"backwards", "twice", "last_missing",
                                                           "every_other"};
inline constexpr std::array<const char*, 4> kReflectNames = {"as_it_is", "mirrored", "land",
                                                             "broadcast"};

inline constexpr std::array<Operation, 20> kTcpOperations = {{
    {"segment", kSegmentOperands},
    {"other", kSegmentOperands},
    // The step of a well-behaved peer: everything acknowledged, and data or FIN.
    {"peer",
     {{{Operand::Kind::kFlags, "flags", kTcpFlagNames},
       {Operand::Kind::kWord, "payload"},
       {Operand::Kind::kWord, "window_less"},
       {Operand::Kind::kByte, "flow"}}}},
    {"time", {{{Operand::Kind::kTime, "after"}}}},
    {"deadline", {{{Operand::Kind::kByte, "more"}}}},
    {"read", {{{Operand::Kind::kWord, "less"}, {Operand::Kind::kByte, "which"}}}},
    {"write", {{{Operand::Kind::kWord, "bytes"}, {Operand::Kind::kByte, "which"}}}},
    {"end", {{{Operand::Kind::kByte, "how", kEndNames}, {Operand::Kind::kByte, "which"}}}},
    {"accept", {}},
    {"options",
     {{{Operand::Kind::kFlags, "set", kSocketOptionNames},
       {Operand::Kind::kTime, "time"},
       {Operand::Kind::kByte, "probes"},
       {Operand::Kind::kByte, "dscp"},
       {Operand::Kind::kByte, "which"}}}},
    {"listen", {{{Operand::Kind::kByte, "backlog"}}}},
    // An error about what the stack sent.
    {"icmp",
     {{{Operand::Kind::kByte, "type"},
       {Operand::Kind::kByte, "code"},
       {Operand::Kind::kWord, "mtu"},
       {Operand::Kind::kLive, "seq", kAckBaseNames},
       {Operand::Kind::kByte, "flow"},
       {Operand::Kind::kByte, "quoted"}}}},
    // A good segment, one bit of which is turned over (P13).
    {"damaged",
     {{{Operand::Kind::kFlags, "flags", kTcpFlagNames},
       {Operand::Kind::kWord, "bit"},
       {Operand::Kind::kWord, "payload"},
       {Operand::Kind::kLive, "seq", kSeqBaseNames}}}},
    // The same, the end of it missing.
    {"cut",
     {{{Operand::Kind::kFlags, "flags", kTcpFlagNames},
       {Operand::Kind::kWord, "bytes"},
       {Operand::Kind::kWord, "payload"}}}},
    // The segments that follow arrive together.
    {"batch", {{{Operand::Kind::kByte, "count"}}}},
    {"burst",
     {{{Operand::Kind::kByte, "count"},
       {Operand::Kind::kWord, "payload"},
       {Operand::Kind::kFlags, "order", kBurstNames},
       {Operand::Kind::kLive, "seq", kSeqBaseNames}}}},
    // SYNs from many ports; then resets, if told.
    {"flood", {{{Operand::Kind::kByte, "count"}, {Operand::Kind::kFlags, "flags", kTcpFlagNames}}}},
    {"reflect", {{{Operand::Kind::kByte, "how", kReflectNames}}}},
    {"again", {{{Operand::Kind::kByte, "more"}}}},
    {"connect", {{{Operand::Kind::kByte, "flow"}}}},
}};

// Carries out an input, and ends it with P5. `active`: the stack opens the connection.
void RunTcpInput(const Grammar& grammar, Bytes input, bool active);

}  // namespace aether::fuzz
