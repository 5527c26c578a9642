#include "stack/wire/http_path.h"

#include <cstddef>
#include <cstdint>

#include "stack/base/check.h"
#include "stack/wire/http.h"

namespace aether {

std::expected<HttpPath, Drop> DecodeHttpPath(std::string_view raw, std::span<char> out) {
  AETHER_CHECK(out.size() > raw.size());
  if (raw.empty() || raw.front() != '/') return std::unexpected(Drop::kHttpBadRequest);
  size_t size = 0;  // of the path so far, which never ends with a slash
  bool directory = false;
  size_t at = 0;
  while (at < raw.size()) {
    ++at;  // the slash
    out[size] = '/';
    const size_t segment = size + 1;
    size_t end = segment;
    for (; at < raw.size() && raw[at] != '/'; ++at) {
      char c = raw[at];
      if (c == '%') {
        if (raw.size() - at < 3) return std::unexpected(Drop::kHttpBadRequest);
        const int high = HttpHexValue(static_cast<uint8_t>(raw[at + 1]));
        const int low = HttpHexValue(static_cast<uint8_t>(raw[at + 2]));
        if (high < 0 || low < 0) return std::unexpected(Drop::kHttpBadRequest);
        c = static_cast<char>(high << 4 | low);
        if (c == '/') return std::unexpected(Drop::kHttpBadRequest);
        at += 2;
      }
      const uint8_t byte = static_cast<uint8_t>(c);
      if (byte < 0x20 || byte == 0x7f || byte == '\\')
        return std::unexpected(Drop::kHttpBadRequest);
      out[end++] = c;
    }
    const std::string_view text(out.data() + segment, end - segment);
    directory = text.empty() || text == "." || text == "..";
    if (!directory) {
      size = end;
    } else if (text == "..") {
      // [RFC 3986 5.2.4] takes the segment before away; above the root there is nothing to take.
      if (size == 0) return std::unexpected(Drop::kHttpBadRequest);
      while (out[--size] != '/') {
      }
    }
  }
  if (size == 0) {
    out[0] = '/';
    size = 1;
  }
  return HttpPath{std::string_view(out.data(), size), directory};
}

}  // namespace aether
