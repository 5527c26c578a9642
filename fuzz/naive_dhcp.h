// DHCP messages (RFC 2131 section 2, RFC 2132) as the RFCs describe them: the second opinion of
// dhcp_fuzzer.cc and of dhcp_client_fuzzer.cc.
#pragma once

#include <array>
#include <cstddef>

#include "fuzz/naive.h"
#include "stack/base/bytes.h"

namespace aether::fuzz {

// The first instance of every option, read from the field of options, then file, then sname as
// option 52 says.
struct NaiveDhcp {
  bool is_valid = false;
  std::array<Bytes, 256> options{};
  std::array<bool, 256> has{};
};

// RFC 2132 section 2: code, length, data; 0 pads, 255 ends. False: a length leads out of the field.
inline bool NaiveReadDhcpField(Bytes field, NaiveDhcp& naive) {
  for (size_t i = 0; i < field.size() && field[i] != 255;) {
    const unsigned code = field[i];
    if (code == 0) {
      ++i;
      continue;
    }
    if (i + 1 == field.size() || i + 2 + field[i + 1] > field.size()) return false;
    const Bytes data = field.subspan(i + 2, field[i + 1]);
    i += 2 + data.size();
    // What is known has one length, or a multiple of one.
    const bool is_word =
        code == 1 || code == 50 || code == 51 || code == 54 || code == 58 || code == 59;
    if (is_word && data.size() != 4) return false;
    if ((code == 3 || code == 6) && (data.empty() || data.size() % 4 != 0)) return false;
    if (code == 53 && data.size() != 1) return false;
    if (naive.has[code]) continue;
    naive.has[code] = true;
    naive.options[code] = data;
  }
  return true;
}

inline NaiveDhcp NaiveParseDhcp(Bytes payload) {
  NaiveDhcp naive;
  if (payload.size() < 240) return naive;
  if (payload[0] != 1 && payload[0] != 2) return naive;
  if (payload[1] != 1 || payload[2] != 6) return naive;
  if (payload[236] != 99 || payload[237] != 130 || payload[238] != 83 || payload[239] != 99)
    return naive;
  if (!NaiveReadDhcpField(payload.subspan(240), naive)) return naive;
  const bool is_overloaded = naive.has[52];
  unsigned overload = 0;
  if (is_overloaded) {
    if (naive.options[52].size() != 1) return naive;
    overload = naive.options[52][0];
    if (overload < 1 || overload > 3) return naive;
  }
  if (overload % 2 == 1 && !NaiveReadDhcpField(payload.subspan(108, 128), naive)) return naive;
  if (overload >= 2 && !NaiveReadDhcpField(payload.subspan(44, 64), naive)) return naive;
  if (!naive.has[53]) return naive;
  const unsigned type = naive.options[53][0];
  // Offer, ack and nak come from servers.
  const bool is_reply = type == 2 || type == 5 || type == 6;
  naive.is_valid = type >= 1 && type <= 8 && payload[0] == (is_reply ? 2 : 1);
  return naive;
}

}  // namespace aether::fuzz
