// What is known of a connection to the server besides what its peer does: since when it is there,
// and when what was written.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "fuzz/stateful/stream_peer.h"
#include "stack/base/time.h"

namespace aether::fuzz::http_server {

struct HttpClient {
  StreamPeer peer;
  // When bytes of the stream were written, by where they begin.
  struct Mark {
    size_t offset;
    Instant at;
  };
  std::array<Mark, 600> marks;
  size_t mark_count = 0;
  Instant connected_at;
  // When the latest new byte of the server came.
  Instant answered_at{};
  // Nothing was done that lets the server break off: neither time nor a shut window.
  bool is_smooth = true;

  Instant WrittenAt(size_t offset) const {
    Instant at = connected_at;
    for (size_t i = 0; i < mark_count && marks[i].offset <= offset; ++i)
      at = std::max(at, marks[i].at);
    return at;
  }
};

}  // namespace aether::fuzz::http_server
