// The input of two_stacks: the head bytes that choose the setup, and the operations: what the
// applications do, and what happens to frames on their way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/stateful/grammar.h"

namespace aether::fuzz::two_stacks {

enum Op : uint8_t {
  kConnect,
  kWrite,
  kWriteStatic,
  kRead,
  kShutdown,
  kClose,
  kAbort,
  kOptions,
  kListen,
  kUnlisten,
  kDeliver,
  kDrop,
  kDouble,
  kDamage,
  kCut,
  kRewrite,
  kFlush,
  kLossy,
  kTime,
  kDeadline,
  kOpCount,
};

inline constexpr const char* kConnectNames[] = {"plain", "crossing"};
inline constexpr Operand kSide{Operand::Kind::kByte, "side"};
inline constexpr Operand kLane{Operand::Kind::kByte, "lane"};
inline constexpr Operand kWhich{Operand::Kind::kByte, "which"};
inline constexpr Operand kBytesCount{Operand::Kind::kWord, "bytes"};
inline constexpr std::array<Operation, kOpCount> kOperations = {{
    {"connect", {{kSide, kLane, {Operand::Kind::kByte, "how", kConnectNames}}}},
    {"write", {{kSide, kLane, kBytesCount}}},
    {"write_static", {{kSide, kLane, kBytesCount}}},
    {"read", {{kSide, kLane, kBytesCount}}},
    {"shutdown", {{kSide, kLane}}},
    {"close", {{kSide, kLane}}},
    {"abort", {{kSide, kLane}}},
    {"options",
     {{kSide,
       kLane,
       {Operand::Kind::kByte, "flags"},
       {Operand::Kind::kByte, "keepalive_s"},
       {Operand::Kind::kByte, "user_timeout_s"}}}},
    {"listen", {{kSide, {Operand::Kind::kByte, "backlog"}}}},
    {"unlisten", {{kSide}}},
    {"deliver", {{kSide, kWhich}}},  // a frame of that side, not always the first
    {"drop", {{kSide, kWhich}}},
    {"double", {{kSide, kWhich}}},
    {"damage", {{kSide, kWhich, {Operand::Kind::kWord, "bit"}}}},
    {"cut", {{kSide, kWhich, kBytesCount}}},
    {"rewrite",
     {{kSide, {Operand::Kind::kLong, "sequence_by"}, {Operand::Kind::kLong, "acknowledgment_by"}}}},
    {"flush", {}},
    {"lossy", {{{Operand::Kind::kByte, "of_0"}, {Operand::Kind::kByte, "of_1"}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
}};

enum Flags : uint8_t {
  kByHand = 1,      // frames wait for records; otherwise all are delivered after each
  kLazyReader = 2,  // bytes wait for records; otherwise they are read at once
  kSmallMtu = 4,
  kFewChunks = 8,
  kSmallBuffers = 16,
  kNearWrap = 32,
  kGraceful = 64,
  kAgain = 128,
};
inline constexpr const char* kFlagNames[] = {"by_hand",    "lazy_reader",   "small_mtu",
                                             "few_chunks", "small_buffers", "near_wrap",
                                             "graceful",   "again"};
inline constexpr const char* kProfileNames[] = {"full",  "no_sack", "no_timestamps", "no_scaling",
                                                "mixed", "newreno", "cookies",       "classic"};
inline constexpr const char* kStageNames[] = {"nothing",   "connected", "two_lanes",   "crossing",
                                              "in_flight", "half_shut", "shut_window", "closing"};
inline constexpr std::array<Operand, 3> kHead = {{{Operand::Kind::kFlags, "flags", kFlagNames},
                                                  {Operand::Kind::kByte, "profile", kProfileNames},
                                                  {Operand::Kind::kByte, "stage", kStageNames}}};
inline constexpr std::array<uint8_t, 4> kInteresting = {0, 1, 0x80, 0xff};
inline constexpr Grammar kGrammar{.target = "two_stacks",
                                  .head = kHead,
                                  .operations = kOperations,
                                  .bytes_of_interest = kInteresting};

struct Choices {
  uint8_t flags = 0;
  uint8_t profile = 0;
  uint8_t stage = 0;
  bool Has(uint8_t flag) const { return (flags & flag) != 0; }
};

}  // namespace aether::fuzz::two_stacks
