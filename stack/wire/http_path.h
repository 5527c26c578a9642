// From the path of a request target to a path that can name a file (RFC 3986 section 6.2.2).
#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "stack/base/drop.h"

namespace aether {

struct HttpPath {
  std::string_view path;   // "/" or "/a/b": no empty, "." or ".." segment, no slash at the end
  bool directory = false;  // it ended with a slash or a dot segment
};

// Decodes percent escapes once, then removes dot segments and empty ones. Refused: escapes that are
// not two digits, an escaped slash, a backslash or control character, escaped or not, and ".."
// above the root. `out` must hold raw.size() + 1 bytes; the result points into it.
std::expected<HttpPath, Drop> DecodeHttpPath(std::string_view raw, std::span<char> out);

}  // namespace aether
