// The input of dns_resolver: the head bytes, the operations, and the servers and names that their
// operands choose from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/stateful/grammar.h"
#include "fuzz/stateful/world.h"

namespace aether::fuzz::dns_resolver {

inline constexpr std::array<Ipv4Endpoint, 3> kServers = {
    {{kPeerIp, 53}, {Ipv4Address::Of(10, 0, 0, 9), 53}, {Ipv4Address::Of(10, 0, 0, 11), 5353}}};
inline constexpr std::array<std::string_view, 6> kNames = {
    "a.example",
    "B.example",
    "www.example.org",
    "x",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.example",
    "\\001.example"};

enum Op : uint8_t {
  kStart,
  kStartText,
  kRelease,
  kAnswer,
  kRaw,
  kServersAre,
  kTime,
  kDeadline,
  kBlock,
  kOpCount
};
inline constexpr const char* kQuestionNames[] = {
    "same", "other_name", "other_case", "other_type", "other_class", "twice", "none"};
inline constexpr std::array<Operation, kOpCount> kOperations = {{
    {"start", {{{Operand::Kind::kByte, "name"}}}},
    {"start_text", {{{Operand::Kind::kBytes, "text"}}}},
    {"release", {{{Operand::Kind::kByte, "slot"}}}},
    {"answer",
     {{{Operand::Kind::kByte, "to"},      // how many questions ago
       {Operand::Kind::kByte, "id"},      // 0: its number; else a bit of it is turned over
       {Operand::Kind::kByte, "port"},    // the same
       {Operand::Kind::kByte, "server"},  // 0: the right one
       {Operand::Kind::kByte, "question", kQuestionNames},
       {Operand::Kind::kWord, "flags"},  // differ from those of a good answer
       {Operand::Kind::kByte, "count"},  // records more than there are
       // Four bytes each: what, whose, for how long, and which name or address.
       {Operand::Kind::kBytes, "records"}}}},
    {"raw", {{{Operand::Kind::kByte, "to"}, {Operand::Kind::kBytes, "bytes"}}}},
    {"servers", {{{Operand::Kind::kByte, "which"}}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    {"block", {{{Operand::Kind::kByte, "calls"}}}},
}};
inline constexpr const char* kStageNames[] = {"nothing", "asked", "cached", "three_asked"};
inline constexpr std::array<Operand, 2> kHead = {
    {{Operand::Kind::kByte, "stage", kStageNames}, {Operand::Kind::kByte, "seed"}}};
inline constexpr std::array<uint8_t, 8> kInteresting = {0xc0, 0x0c, 0, 1, 5, 6, 63, 255};
inline constexpr Grammar kGrammar{.target = "dns_resolver",
                                  .head = kHead,
                                  .operations = kOperations,
                                  .bytes_of_interest = kInteresting};

}  // namespace aether::fuzz::dns_resolver
