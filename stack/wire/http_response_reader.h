// Reads one HTTP/1.x response from a stream that arrives in any pieces (RFC 9112 section 6):
// interim responses skipped, the head kept, the content left where it lies. The user holds the
// stream; the reader says how many of its next bytes are framing, which it takes, and how many are
// content, which the user may leave there for as long as he likes.
//
//   while (...) {
//     stream.Drop(reader.TakeFraming(stream.Peek()));
//     if (reader.state() == kBody) { use min(reader.body_ahead(), ...) bytes; reader.TakeBody(n) }
//   }
//   at the end of the stream: reader.OnEnd()
//
// Memory: one buffer of head_bytes_max, from the first Start on. Every byte of framing is looked at
// a constant number of times. Left out: trailers are checked and skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"
#include "stack/wire/http.h"
#include "stack/wire/http_chunked.h"
#include "stack/wire/http_response.h"

namespace aether {

struct HttpResponseLimits {
  // Status line, fields and the empty line; of each interim response as well.
  uint32_t head_bytes_max = 64 * 1024;
  uint32_t fields_max = 256;
  uint32_t interim_max = 16;
  uint64_t body_bytes_max = UINT64_MAX;
  // Size line of a chunk beyond its digits, or trailers.
  uint32_t chunk_extra_bytes_max = 16 * 1024;
};

class HttpResponseReader {
 public:
  enum class State : uint8_t { kHead, kBody, kDone, kFailed };
  static constexpr uint64_t kUntilEnd = UINT64_MAX;

  explicit HttpResponseReader(const HttpResponseLimits& limits) : limits_(limits) {}
  // The view of the head points into the reader's buffer.
  HttpResponseReader(HttpResponseReader&&) = default;
  HttpResponseReader(const HttpResponseReader&) = delete;

  // A new response; `head_request`: to a HEAD request, so without content.
  void Start(bool head_request);
  // `piece` holds the next bytes of the stream, as many as there are. How many of them are framing
  // and taken; what is behind them is content, or of no concern.
  size_t TakeFraming(Bytes piece);
  // Content that comes next, before more framing; kUntilEnd when the end of the stream ends it.
  uint64_t body_ahead() const;
  // Takes content; size <= body_ahead().
  void TakeBody(uint64_t size);
  // The stream ended behind what was taken.
  void OnEnd();

  State state() const { return state_; }
  // In kFailed: what is wrong.
  Drop error() const { return error_; }
  // Of the final response, from kBody on; nothing before, nor when the head was at fault.
  const std::optional<HttpResponseView>& response() const { return response_; }
  // As it came, folded lines joined.
  Bytes head() const { return response_ ? Bytes(head_) : Bytes(); }
  // Content taken so far.
  uint64_t body_bytes() const { return body_bytes_; }
  // Bytes of the response, framing and interim ones included, taken so far.
  uint64_t bytes() const { return bytes_; }

 private:
  size_t TakeHead(Bytes piece);
  void OnHead();
  void StartBody();
  void Fail(Drop error);
  size_t TakeChunkFraming(Bytes piece);

  HttpResponseLimits limits_;
  State state_ = State::kHead;
  Drop error_ = Drop::kNone;
  bool head_request_ = false;
  bool until_end_ = false;
  uint32_t interim_ = 0;
  std::vector<uint8_t> head_;
  HttpHeadScanner scanner_;
  std::optional<HttpResponseView> response_;
  HttpChunkedSkipper chunked_;
  uint64_t length_left_ = 0;
  uint64_t body_bytes_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace aether
