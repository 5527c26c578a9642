// A grammar with an operand of every kind, for tests.
#pragma once

#include "fuzz/stateful/grammar.h"

namespace aether::fuzz {

inline constexpr std::array<const char*, 3> kTestModes = {"plain", "small", "odd"};
inline constexpr std::array<const char*, 3> kTestBits = {"F", "S", "R"};
inline constexpr std::array<const char*, 4> kTestBases = {"next", "acked", "window_end", "zero"};
inline constexpr std::array<Operand, 2> kTestHead = {{
    {Operand::Kind::kByte, "mode", kTestModes},
    {Operand::Kind::kFlags, "switches", kTestBits},
}};
inline constexpr std::array<Operation, 5> kTestOperations = {{
    {"segment",
     {{{Operand::Kind::kFlags, "flags", kTestBits},
       {Operand::Kind::kLive, "seq", kTestBases},
       {Operand::Kind::kWord, "window"},
       {Operand::Kind::kBytes, "raw"}}}},
    {"time", {{{Operand::Kind::kTime, "after"}}}},
    {"nothing", {}},
    {"value", {{{Operand::Kind::kLong, "value"}, {Operand::Kind::kByte, "mode", kTestModes}}}},
    {"data", {{{Operand::Kind::kBytes, "data"}}}},
}};
inline constexpr std::array<uint8_t, 3> kTestBytes = {0x10, 0x12, 0xff};
inline constexpr Grammar kTestGrammar{
    .target = "test",
    .head = kTestHead,
    .operations = kTestOperations,
    .bytes_of_interest = kTestBytes,
};

}  // namespace aether::fuzz
