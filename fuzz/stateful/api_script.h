// The input of stack_api: the head bytes that choose the setup, and the operations: calls of
// stack.h, and what happens outside.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/stateful/grammar.h"

namespace aether::fuzz::stack_api {

enum Op : uint8_t {
  kListen,
  kUnlisten,
  kAccept,
  kConnect,
  kWrite,
  kWriteStatic,
  kRead,
  kShutdown,
  kClose,
  kAbort,
  kOptions,
  kUser,
  kStale,
  kBind,
  kUnbind,
  kPop,
  kSend,
  kJoin,
  kLeave,
  kAddress,
  kPeerOpens,
  kPeerSays,
  kPeerEnds,
  kPeerHolds,
  kPeerIsWild,
  kDatagram,
  kTime,
  kDeadline,
  kBlock,
  kOpCount,
};

inline constexpr const char* kRemoteNames[] = {"peer",      "other", "far",  "self",
                                               "broadcast", "group", "zero", "loopback"};
inline constexpr const char* kAddressNames[] = {"clear",   "usual",      "other",
                                                "host_32", "no_gateway", "wide"};
inline constexpr const char* kEndNames[] = {"fin", "rst"};
inline constexpr Operand kSlot{Operand::Kind::kByte, "slot"};
inline constexpr Operand kPortOperand{Operand::Kind::kByte, "port"};
inline constexpr Operand kSize{Operand::Kind::kWord, "bytes"};
inline constexpr Operand kPeer{Operand::Kind::kByte, "peer"};
inline constexpr std::array<Operation, kOpCount> kOperations = {{
    {"listen",
     {{kPortOperand,
       {Operand::Kind::kByte, "backlog"},
       {Operand::Kind::kByte, "local", kRemoteNames}}}},
    {"unlisten", {{kSlot}}},
    {"accept", {{kSlot}}},
    {"connect",
     {{{Operand::Kind::kByte, "remote", kRemoteNames},
       kPortOperand,
       {Operand::Kind::kByte, "local_port"},
       {Operand::Kind::kByte, "local", kRemoteNames}}}},
    {"write", {{kSlot, kSize}}},
    {"write_static", {{kSlot, kSize}}},
    {"read", {{kSlot, kSize, {Operand::Kind::kWord, "look_at"}}}},
    {"shutdown", {{kSlot}}},
    {"close", {{kSlot}}},
    {"abort", {{kSlot}}},
    {"options", {{kSlot, {Operand::Kind::kLong, "values"}}}},
    {"user", {{kSlot, {Operand::Kind::kLong, "value"}}}},
    {"stale", {{{Operand::Kind::kByte, "call"}, kSlot, {Operand::Kind::kLong, "index"}}}},
    {"bind", {{kPortOperand}}},
    {"unbind", {{kSlot}}},
    {"pop", {{kSlot}}},
    {"send",
     {{kSlot,
       {Operand::Kind::kByte, "to", kRemoteNames},
       kPortOperand,
       kSize,
       {Operand::Kind::kByte, "from_unspecified"}}}},
    {"join", {{{Operand::Kind::kByte, "group"}}}},
    {"leave", {{{Operand::Kind::kByte, "group"}}}},
    {"address", {{{Operand::Kind::kByte, "what", kAddressNames}}}},
    {"peer_opens", {{kPeer, kPortOperand}}},
    {"peer_says", {{kPeer, kSize}}},
    {"peer_ends", {{kPeer, {Operand::Kind::kByte, "how", kEndNames}}}},
    {"peer_holds", {{kPeer, {Operand::Kind::kByte, "on"}, {Operand::Kind::kWord, "window"}}}},
    {"peer_is_wild",
     {{kPeer,
       {Operand::Kind::kByte, "flags"},
       {Operand::Kind::kLong, "seq_by"},
       {Operand::Kind::kLong, "ack_by"},
       {Operand::Kind::kByte, "bytes"}}}},
    {"datagram", {{kPortOperand, kSize, {Operand::Kind::kByte, "to", kRemoteNames}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    {"block", {{{Operand::Kind::kByte, "calls"}}}},
}};

enum Flags : uint8_t {
  kClassic = 1,
  kSmallMtu = 2,
  kSmallBuffers = 4,
  kNoArp = 8,
  kCookies = 16,
  kProbed = 32
};
inline constexpr const char* kFlagNames[] = {"classic", "small_mtu", "small_buffers",
                                             "no_arp",  "cookies",   "probed"};
inline constexpr const char* kStageNames[] = {"nothing", "listening", "accepted", "connected",
                                              "unread",  "unacked",   "bound",    "closing"};
inline constexpr std::array<Operand, 5> kHead = {{{Operand::Kind::kFlags, "flags", kFlagNames},
                                                  {Operand::Kind::kByte, "stage", kStageNames},
                                                  {Operand::Kind::kByte, "chunks"},  // 0: enough
                                                  {Operand::Kind::kByte, "items"},
                                                  {Operand::Kind::kByte, "records"}}};
inline constexpr std::array<uint8_t, 5> kInteresting = {0, 1, 2, 0x7f, 0xff};
inline constexpr Grammar kGrammar{.target = "stack_api",
                                  .head = kHead,
                                  .operations = kOperations,
                                  .bytes_of_interest = kInteresting};

// Which pool is as small as the lower four bits of `records` say: its upper bits, times 16.
enum class ScarcePool : uint8_t {
  kRecords,  // segments and ranges
  kSegments,
  kRanges,
  kConnections,
  kTimeWait,
  kReplies,
  kFrames,
  kDatagrams,
};

struct Choices {
  std::array<uint8_t, 5> head{};
  ScarcePool scarce_pool() const {
    return static_cast<ScarcePool>(head[4] == 0 ? 0 : (head[4] - 1) / 16 % 8);
  }
  bool Has(uint8_t flag) const { return (head[0] & flag) != 0; }
  bool IsScarce() const { return head[2] != 0 || head[3] != 0 || head[4] != 0; }
};

}  // namespace aether::fuzz::stack_api
