// The text of HTTP/1.x (RFC 9110, RFC 9112) read a line at a time, as the RFCs describe it: what
// the naive parsers of http_request_fuzzer.cc and http_response_fuzzer.cc have in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/uncounted.h"
#include "stack/base/bytes.h"

namespace aether::fuzz {
AETHER_UNCOUNTED_BEGIN

inline std::string_view TextOf(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline Bytes BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline bool NaiveIsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool NaiveIsAlnum(char c) {
  return NaiveIsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline bool NaiveAreDigits(std::string_view text) {
  for (const char c : text) {
    if (!NaiveIsDigit(c)) return false;
  }
  return true;
}

// [RFC 9110 5.6.2]
inline bool NaiveIsToken(std::string_view text) {
  for (const char c : text) {
    if (!NaiveIsAlnum(c) && std::string_view("!#$%&'*+-.^_`|~").find(c) == text.npos) return false;
  }
  return !text.empty();
}

// [RFC 9110 5.5] visible characters, spaces, tabs, and whatever lies beyond ASCII.
inline bool NaiveIsFieldText(std::string_view text) {
  for (const char c : text) {
    const unsigned byte = static_cast<uint8_t>(c);
    if ((byte < 32 && byte != 9) || byte == 127) return false;
  }
  return true;
}

inline std::string_view NaiveTrim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

inline bool NaiveSame(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

// Takes the next element off a list with commas between [RFC 9110 5.6.1]; false when all are taken.
// `list` is empty after the last one, and its `data()` null.
inline bool NaiveTakeElement(std::string_view& list, std::string_view& element) {
  if (list.data() == nullptr) return false;
  const size_t comma = list.find(',');
  element = NaiveTrim(list.substr(0, comma));
  list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
  return true;
}

// Takes a line off `text`, without its end, CR LF or LF; false when there is no end.
inline bool NaiveTakeLine(std::string_view& text, std::string_view& line) {
  const size_t end = text.find('\n');
  if (end == text.npos) return false;
  line = text.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return true;
}

// What the fields say about framing and the connection.
struct NaiveFraming {
  bool is_valid = true;
  bool has_length = false;
  uint64_t length = 0;
  bool has_coding = false;
  bool ends_chunked = false;
  bool has_other_coding = false;
  bool says_close = false;
  bool says_keep_alive = false;
};

// [RFC 9110 8.6] one number, or the same one several times.
inline void NaiveTakeLength(std::string_view element, NaiveFraming& framing) {
  if (element.empty() || !NaiveAreDigits(element)) {
    framing.is_valid = false;
    return;
  }
  // More than 64 bits hold, compared as digits.
  constexpr std::string_view kMax = "18446744073709551615";
  const std::string_view digits =
      element.substr(std::min(element.find_first_not_of('0'), element.size()));
  if (digits.size() > kMax.size() || (digits.size() == kMax.size() && digits > kMax)) {
    framing.is_valid = false;
    return;
  }
  uint64_t number = 0;
  for (const char c : digits) number = number * 10 + static_cast<unsigned>(c - '0');
  if (framing.has_length && framing.length != number) framing.is_valid = false;
  framing.has_length = true;
  framing.length = number;
}

inline void NaiveTakeFraming(std::string_view name, std::string_view value, NaiveFraming& framing) {
  const bool is_length = NaiveSame(name, "content-length");
  const bool is_coding = NaiveSame(name, "transfer-encoding");
  const bool is_connection = NaiveSame(name, "connection");
  if (!is_length && !is_coding && !is_connection) return;
  if (is_coding) framing.has_coding = true;
  // A value without a byte is a list of one empty element, too.
  std::string_view list = value.data() == nullptr ? std::string_view("") : value;
  for (std::string_view element; NaiveTakeElement(list, element);) {
    if (is_length) NaiveTakeLength(element, framing);
    if (is_coding && !element.empty()) {
      if (framing.ends_chunked) framing.is_valid = false;
      framing.ends_chunked = NaiveSame(element, "chunked");
      if (!framing.ends_chunked) framing.has_other_coding = true;
    }
    if (is_connection && NaiveSame(element, "close")) framing.says_close = true;
    if (is_connection && NaiveSame(element, "keep-alive")) framing.says_keep_alive = true;
  }
}

// Splits a field line; false when it is none.
inline bool NaiveSplitField(std::string_view line, std::string_view& name,
                            std::string_view& value) {
  const size_t colon = line.find(':');
  if (colon == line.npos) return false;
  name = line.substr(0, colon);
  value = NaiveTrim(line.substr(colon + 1));
  return NaiveIsToken(name) && NaiveIsFieldText(line.substr(colon + 1));
}

AETHER_UNCOUNTED_END
}  // namespace aether::fuzz
