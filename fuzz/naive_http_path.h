// The path of a request target on its way to the name of a file (RFC 3986 section 6.2.2): the
// second opinion of http_path_fuzzer.cc and of http_server_fuzzer.cc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/naive_http.h"

namespace aether::fuzz {

inline constexpr size_t kNaivePathBytesMax = 1024;

// Escapes first, then the segments: no byte that an escape hides may be a slash, so the order does
// not matter.
struct NaivePath {
  bool is_valid = false;
  bool directory = false;
  std::array<char, kNaivePathBytesMax + 1> decoded{};
  size_t decoded_bytes = 0;
  std::array<std::string_view, kNaivePathBytesMax + 1> segments{};
  size_t depth = 0;
};

inline int NaiveHex(char c) {
  const size_t at = std::string_view("0123456789abcdefABCDEF").find(c);
  if (at == std::string_view::npos) return -1;
  return static_cast<int>(at > 15 ? at - 6 : at);
}

inline bool NaiveDecode(std::string_view raw, NaivePath& naive) {
  for (size_t i = 0; i < raw.size(); ++i) {
    int byte = static_cast<uint8_t>(raw[i]);
    if (byte == '%') {
      const int high = i + 1 < raw.size() ? NaiveHex(raw[i + 1]) : -1;
      const int low = i + 2 < raw.size() ? NaiveHex(raw[i + 2]) : -1;
      if (high < 0 || low < 0) return false;
      byte = high * 16 + low;
      if (byte == '/') return false;
      i += 2;
    }
    if (byte < 32 || byte == 127 || byte == '\\') return false;
    naive.decoded[naive.decoded_bytes++] = static_cast<char>(byte);
  }
  return true;
}

inline void NaiveParsePath(std::string_view raw, NaivePath& naive) {
  if (raw.empty() || raw[0] != '/' || !NaiveDecode(raw, naive)) return;
  std::string_view rest(naive.decoded.data(), naive.decoded_bytes);
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    naive.directory = segment.empty() || segment == "." || segment == "..";
    if (!naive.directory) naive.segments[naive.depth++] = segment;
    if (segment == "..") {
      if (naive.depth == 0) return;
      --naive.depth;
    }
  }
  naive.is_valid = true;
}

}  // namespace aether::fuzz
