#include "stack/wire/http_chunked.h"

#include <algorithm>

#include "stack/base/check.h"
#include "stack/wire/http.h"

namespace aether {

HttpChunkedSkipper::State HttpChunkedSkipper::TakeExtra(uint8_t byte, State next) {
  if ((byte < 0x20 && byte != '\t') || byte == 0x7f || extra_left_ == 0) return State::kFailed;
  --extra_left_;
  return next;
}

HttpChunkedSkipper::State HttpChunkedSkipper::TakeDigit(uint8_t byte) {
  const int value = HttpHexValue(byte);
  // [RFC 9112 7.1] large sizes must not overflow: what is allowed at all fits with room to spare.
  if (value < 0 || chunk_left_ > data_left_max_) return State::kFailed;
  if (chunk_left_ > (UINT64_MAX >> 4)) return State::kFailed;
  chunk_left_ = chunk_left_ << 4 | static_cast<uint64_t>(value);
  // Leading zeros are as long as a client likes; they count as extra bytes.
  if (chunk_left_ == 0) return TakeExtra(byte, State::kSize);
  return State::kSize;
}

HttpChunkedSkipper::State HttpChunkedSkipper::Step(uint8_t byte) {
  switch (state_) {
    case State::kSizeFirst:
      chunk_left_ = 0;
      return TakeDigit(byte);
    case State::kSize:
      if (byte == '\r') return State::kSizeLf;
      if (byte == ';') return TakeExtra(byte, State::kExtension);
      if (byte == ' ' || byte == '\t') return TakeExtra(byte, State::kExtensionSpace);
      return TakeDigit(byte);
    case State::kExtensionSpace:
      if (byte == ';') return TakeExtra(byte, State::kExtension);
      return byte == ' ' || byte == '\t' ? TakeExtra(byte, State::kExtensionSpace) : State::kFailed;
    case State::kExtension:
      return byte == '\r' ? State::kSizeLf : TakeExtra(byte, State::kExtension);
    case State::kSizeLf:
      if (byte != '\n' || chunk_left_ > data_left_max_) return State::kFailed;
      data_left_max_ -= chunk_left_;
      return chunk_left_ == 0 ? State::kTrailerStart : State::kData;
    case State::kDataCr:
      return byte == '\r' ? State::kDataLf : State::kFailed;
    case State::kDataLf:
      return byte == '\n' ? State::kSizeFirst : State::kFailed;
    case State::kTrailerStart:
      if (byte == '\r') return State::kEndLf;
      return IsHttpTokenByte(byte) ? TakeExtra(byte, State::kTrailer) : State::kFailed;
    case State::kTrailer:
      return byte == '\r' ? State::kTrailerLf : TakeExtra(byte, State::kTrailer);
    case State::kTrailerLf:
      return byte == '\n' ? State::kTrailerStart : State::kFailed;
    case State::kEndLf:
      return byte == '\n' ? State::kDone : State::kFailed;
    case State::kData:
    case State::kDone:
    case State::kFailed:
      break;
  }
  return State::kFailed;
}

size_t HttpChunkedSkipper::FeedFraming(Bytes piece) {
  size_t taken = 0;
  while (taken < piece.size() && state_ != State::kData && state_ != State::kDone &&
         state_ != State::kFailed) {
    state_ = Step(piece[taken]);
    if (state_ != State::kFailed) ++taken;
  }
  return taken;
}

void HttpChunkedSkipper::TakeData(uint64_t size) {
  AETHER_CHECK(size <= data_left());
  if (size == 0) return;
  chunk_left_ -= size;
  if (chunk_left_ == 0) state_ = State::kDataCr;
}

size_t HttpChunkedSkipper::Feed(Bytes piece) {
  size_t taken = 0;
  while (taken < piece.size() && state_ != State::kDone && state_ != State::kFailed) {
    const uint64_t data = std::min<uint64_t>(data_left(), piece.size() - taken);
    TakeData(data);
    taken += static_cast<size_t>(data);
    taken += FeedFraming(piece.subspan(taken));
  }
  return taken;
}

}  // namespace aether
