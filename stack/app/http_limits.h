// Every limit of the HTTP server, in one place.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/base/time.h"
#include "stack/wire/http.h"

namespace aether::app {

struct HttpLimits {
  uint32_t connections_max = 131072;
  // Files that are being sent at the same time; beyond that the answer is 503.
  uint32_t transfers_max = 1024;
  HttpHeadLimits head;
  // What heads that are not complete may hold in the receive queues of all connections, each
  // counted with partial_head_base_bytes besides its own; beyond that a head that comes in pieces
  // is answered with 503. Slow clients must not use up the memory that the others need.
  uint64_t partial_heads_bytes_max = 16 * 1024 * 1024;
  uint32_t partial_head_base_bytes = 2048;
  // Content of a request is read and thrown away, up to so much; more is answered with 413.
  uint64_t body_bytes_max = 1024 * 1024;
  // Chunk extensions and trailers of one request.
  uint32_t chunk_extra_bytes_max = 4096;
  // A file is read in pieces of at most this.
  uint32_t file_piece_bytes_max = 16384;

  // From the connection's beginning, or a later request's first byte, to the end of its head. Not
  // extended by progress.
  Duration head_timeout = std::chrono::seconds(10);
  // Between requests.
  Duration idle_timeout = std::chrono::seconds(60);
  // The whole content of a request.
  Duration body_timeout = std::chrono::seconds(30);
  // While a response waits for the client: without any progress ...
  Duration stall_timeout = std::chrono::seconds(30);
  // ... and in all: stall_timeout, and a second for so many bytes.
  uint32_t send_bytes_per_second_min = 1024;
  // After the last response input is read and thrown away for so long, and up to so much, before
  // the connection is let go: a reset for bytes that nobody reads could take the response from the
  // client [RFC 9112 9.6].
  Duration linger_timeout = std::chrono::seconds(2);
  uint32_t linger_bytes_max = 256 * 1024;
  // When the stack had no memory for a response although nothing is on the way that would bring an
  // event.
  Duration retry_after = std::chrono::milliseconds(50);
};

}  // namespace aether::app
