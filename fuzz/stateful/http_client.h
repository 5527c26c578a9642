// What is known of a connection to the server besides what its peer does: since when it is there,
// and when what of it was taken.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "fuzz/stateful/stream_peer.h"
#include "stack/base/time.h"

namespace aether::fuzz::http_server {

struct HttpClient {
  StreamPeer peer;
  // When the stack took bytes of the stream, by where they begin; all that came at one time are
  // one. What found no memory counts from its repetition.
  struct Mark {
    size_t offset;
    Instant at;
  };
  std::array<Mark, 600> marks;
  size_t mark_count = 0;
  // When the server got the connection, which is when the stack took the end of its handshake.
  std::optional<Instant> accepted_at;
  // When the latest new byte of the server came.
  Instant answered_at{};
  // Nothing was done that lets the server break off: neither time nor a shut window.
  bool is_smooth = true;

  void OnTaken(size_t offset, Instant now) {
    if (mark_count > 0 && marks[mark_count - 1].at == now) return;
    if (mark_count == marks.size()) {
      marks.back().at = now;
    } else {
      marks[mark_count++] = {offset, now};
    }
  }
  // Of a byte that was taken.
  Instant TakenAt(size_t offset) const {
    size_t i = mark_count - 1;
    while (i > 0 && marks[i].offset > offset) --i;
    return marks[i].at;
  }
};

}  // namespace aether::fuzz::http_server
