// The input of http_server: the head bytes, the operations, and the requests that clients write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/stateful/grammar.h"

namespace aether::fuzz::http_server {

inline constexpr size_t kFlows = 2;

inline constexpr std::array<std::string_view, 40> kTemplates = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /dir/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /cut HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%20b/c HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /../a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /..%2fa HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /dir/%2e%2e/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET //a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /dir/..//./a?q=/../ HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5\r\nabcde\r\n",
    "3;x=y\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\nT: v\r\n\r\n",
    "fffffffffffffffff\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n",
    "DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://a/a HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n",
};

enum Op : uint8_t {
  kConnect,
  kTemplate,
  kRaw,
  kFill,
  kFinish,
  kReset,
  kWindow,
  kHold,
  kAcknowledge,
  kTime,
  kDeadline,
  kDrip,
  kBlock,
  kOpCount,
};

inline constexpr Operand kFlow{Operand::Kind::kByte, "flow"};
// How many bytes a segment carries, 0: as many as it can.
inline constexpr Operand kCut{Operand::Kind::kByte, "cut"};

inline constexpr std::array<Operation, kOpCount> kOperations = {{
    {"connect", {{kFlow, {Operand::Kind::kByte, "mss"}}}},
    {"template", {{kFlow, {Operand::Kind::kByte, "which"}, kCut, {Operand::Kind::kByte, "less"}}}},
    {"raw", {{kFlow, kCut, {Operand::Kind::kBytes, "bytes"}}}},
    {"fill", {{kFlow, {Operand::Kind::kByte, "byte"}, {Operand::Kind::kWord, "count"}}}},
    {"finish", {{kFlow}}},
    {"reset", {{kFlow}}},
    {"window", {{kFlow, {Operand::Kind::kWord, "bytes"}}}},
    {"hold", {{kFlow, {Operand::Kind::kByte, "on"}}}},
    {"acknowledge", {{kFlow}}},
    {"time", {{{Operand::Kind::kTime, "by"}}}},
    {"deadline", {{{Operand::Kind::kByte, "times"}}}},
    // One byte, a while, the next one.
    {"drip",
     {{kFlow,
       {Operand::Kind::kByte, "which"},
       {Operand::Kind::kByte, "count"},
       {Operand::Kind::kTime, "gap"}}}},
    {"block", {{{Operand::Kind::kByte, "calls"}}}},
}};

inline constexpr const char* kContentNames[] = {"page", "files", "one_transfer", "echo"};
inline constexpr const char* kStageNames[] = {"nothing",   "connected",  "half_head", "sending",
                                              "half_body", "kept_alive", "two",       "lingering"};
inline constexpr const char* kLimitNames[] = {"small_heads", "few_partial", "few_connections",
                                              "small_mtu",   "few_chunks",  "small_send",
                                              "vanish",      "again"};
inline constexpr std::array<Operand, 3> kHead = {{{Operand::Kind::kByte, "content", kContentNames},
                                                  {Operand::Kind::kFlags, "limits", kLimitNames},
                                                  {Operand::Kind::kByte, "stage", kStageNames}}};
enum LimitBits : uint8_t {
  kSmallHeads = 1,
  kFewPartial = 2,
  kFewConnections = 4,
  kSmallMtu = 8,
  kFewChunks = 16,
  kSmallSend = 32,
  kVanish = 64,
  kAgain = 128,
};

inline constexpr std::array<uint8_t, 16> kInteresting = {'\r', '\n', ' ', '/', '.', '%', ':', ';',
                                                         '0',  '9',  'a', 'f', 0,   ',', '?', '-'};
inline constexpr Grammar kGrammar{.target = "http_server",
                                  .head = kHead,
                                  .operations = kOperations,
                                  .bytes_of_interest = kInteresting};

struct Choices {
  uint8_t content = 0;
  uint8_t limits = 0;
  uint8_t stage = 0;
  bool has_files() const { return content == 1 || content == 2; }
  bool echoes() const { return content == 3; }
};

}  // namespace aether::fuzz::http_server
