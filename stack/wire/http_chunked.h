// The framing of a chunked body (RFC 9112 7.1), read in order to skip it or to get at the data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"

namespace aether {

// Skips a chunked body (RFC 9112 7.1) that arrives in pieces: sizes, extensions, data and trailers.
class HttpChunkedSkipper {
 public:
  // Chunk extensions and trailers together may take `extra_bytes_max`, data `data_bytes_max`.
  HttpChunkedSkipper(uint32_t extra_bytes_max, uint64_t data_bytes_max)
      : data_left_max_(data_bytes_max), extra_left_(extra_bytes_max) {}
  HttpChunkedSkipper() : HttpChunkedSkipper(0, 0) {}

  // Takes bytes up to the end of the body or the first fault; how many.
  size_t Feed(Bytes piece);

  // To get at the data instead: takes framing up to the next data, the end or the first fault; how
  // many bytes.
  size_t FeedFraming(Bytes piece);
  // Data that comes next, before more framing.
  uint64_t data_left() const { return state_ == State::kData ? chunk_left_ : 0; }
  // Takes that much of it; size <= data_left().
  void TakeData(uint64_t size);
  // For what follows, instead of what is left of the allowance so far.
  void AllowExtra(uint32_t extra_bytes_max) { extra_left_ = extra_bytes_max; }

  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }

 private:
  enum class State : uint8_t {
    kSizeFirst,
    kSize,
    kExtensionSpace,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailer,
    kTrailerLf,
    kEndLf,
    kDone,
    kFailed,
  };
  State Step(uint8_t byte);
  State TakeDigit(uint8_t byte);
  // kFailed when extensions and trailers have grown too long, else `next`.
  State TakeExtra(uint8_t byte, State next);

  uint64_t chunk_left_ = 0;
  uint64_t data_left_max_;
  uint32_t extra_left_;
  State state_ = State::kSizeFirst;
};

}  // namespace aether
