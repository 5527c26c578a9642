// The text of HTTP heads (RFC 9110 section 5, RFC 9112): what requests and responses read in the
// same way.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "stack/base/drop.h"

namespace aether::http_text {

constexpr bool IsSpace(char c) { return c == ' ' || c == '\t'; }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// `lower` has lower-case letters and '-' only; `text` holds no control characters, so the bit trick
// is exact.
inline bool EqualsNoCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  int difference = 0;
  for (size_t i = 0; i < lower.size(); ++i) difference |= (text[i] | 0x20) ^ lower[i];
  return difference == 0;
}

constexpr uint64_t Repeat(uint8_t byte) { return 0x0101010101010101u * byte; }

// The first control character other than a tab, or `end`.
inline const uint8_t* FindControl(const uint8_t* at, const uint8_t* end) {
  while (true) {
    if constexpr (std::endian::native == std::endian::little) {
      while (end - at >= 8) {
        uint64_t word;
        std::memcpy(&word, at, sizeof word);
        const uint64_t not_delete = word ^ Repeat(0x7f);
        // Bytes below 0x20, and 0x7f. Borrows can only mark a byte behind one that is marked
        // rightly.
        const uint64_t marks =
            (((word - Repeat(0x20)) & ~word) | ((not_delete - Repeat(1)) & ~not_delete)) &
            Repeat(0x80);
        if (marks != 0) {
          at += std::countr_zero(marks) / 8;
          break;
        }
        at += 8;
      }
    }
    while (at != end && *at >= 0x20 && *at != 0x7f) ++at;
    if (at == end || *at != '\t') return at;
    ++at;
  }
}

// Moves `at` behind the end of a line; `bad` when there is none.
inline Drop TakeLineEnd(const uint8_t*& at, const uint8_t* end, Drop bad) {
  if (at == end) return Drop::kHttpTooShort;
  if (*at == '\r') {
    if (end - at < 2) return Drop::kHttpTooShort;
    // [RFC 9112 2.2] a CR that no LF follows is not a line end, and nothing else either.
    if (at[1] != '\n') return bad;
    at += 2;
    return Drop::kNone;
  }
  // [RFC 9112 2.2] a lone LF may end a line.
  if (*at != '\n') return bad;
  ++at;
  return Drop::kNone;
}

inline std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the next element of a comma-separated list (RFC 9110 5.6.1), trimmed; empty ones come too.
// False at the end.
inline bool NextElement(std::string_view& list, std::string_view& element) {
  if (list.data() == nullptr) return false;
  const size_t comma = list.find(',');
  element = Trim(list.substr(0, comma));
  list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
  return true;
}

// [RFC 9110 8.6] digits only, within 64 bits; repeated only with the same value. `has` and `length`
// hold what earlier fields said. False: no length.
inline bool TakeContentLength(std::string_view value, bool& has, uint64_t& length) {
  std::string_view element;
  while (NextElement(value, element)) {
    if (element.empty()) return false;
    uint64_t number = 0;
    for (const char c : element) {
      if (!IsDigit(c)) return false;
      const uint64_t digit = static_cast<uint64_t>(c - '0');
      if (number > (UINT64_MAX - digit) / 10) return false;
      number = number * 10 + digit;
    }
    if (has && number != length) return false;
    has = true;
    length = number;
  }
  return true;
}

}  // namespace aether::http_text
