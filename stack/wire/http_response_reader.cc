#include "stack/wire/http_response_reader.h"

#include <algorithm>
#include <string_view>

#include "stack/base/check.h"

namespace aether {

void HttpResponseReader::Start(bool head_request) {
  state_ = State::kHead;
  error_ = Drop::kNone;
  head_request_ = head_request;
  until_end_ = false;
  interim_ = 0;
  head_.reserve(limits_.head_bytes_max);
  head_.clear();
  scanner_ = {};
  response_.reset();
  length_left_ = 0;
  body_bytes_ = 0;
  bytes_ = 0;
}

void HttpResponseReader::Fail(Drop error) {
  state_ = State::kFailed;
  error_ = error;
}

size_t HttpResponseReader::TakeFraming(Bytes piece) {
  size_t taken = 0;
  while (taken < piece.size()) {
    const Bytes rest = piece.subspan(taken);
    size_t size = 0;
    if (state_ == State::kHead) {
      size = TakeHead(rest);
    } else if (state_ == State::kBody && response_->body() == HttpBody::kChunked) {
      size = TakeChunkFraming(rest);
    }
    if (size == 0) break;
    taken += size;
  }
  bytes_ += taken;
  return taken;
}

size_t HttpResponseReader::TakeHead(Bytes piece) {
  const Bytes fits = piece.first(std::min(piece.size(), limits_.head_bytes_max - head_.size()));
  const uint32_t before = scanner_.size();
  const bool complete = scanner_.Feed(fits);
  const size_t size = scanner_.size() - before;
  head_.insert(head_.end(), fits.begin(), fits.begin() + static_cast<ptrdiff_t>(size));
  // What does not begin as HTTP is not waited for.
  static constexpr std::string_view kBegin = "HTTP/";
  const size_t begin = std::min(head_.size(), kBegin.size());
  if (!std::equal(head_.begin(), head_.begin() + static_cast<ptrdiff_t>(begin), kBegin.begin())) {
    Fail(Drop::kHttpBadResponse);
  } else if (complete) {
    OnHead();
  } else if (head_.size() == limits_.head_bytes_max) {
    Fail(Drop::kHttpHeadersTooLarge);
  }
  return size;
}

void HttpResponseReader::OnHead() {
  UnfoldHttpFields(head_);
  const auto view = HttpResponseView::Parse(head_, limits_.fields_max);
  if (!view) {
    // The scanner has seen the end of a head; what the parser misses there is no line of one.
    Fail(view.error() == Drop::kHttpTooShort ? Drop::kHttpBadResponse : view.error());
    return;
  }
  if (view->status() >= 200) {
    response_ = *view;
    StartBody();
    return;
  }
  // [RFC 9110 15.2] any number of interim responses may come first, asked for or not; here, a
  // bounded one. [RFC 9110 15.2.2] 101 only answers an Upgrade, which we never ask for.
  if (view->status() == 101 || interim_ == limits_.interim_max) {
    Fail(Drop::kHttpBadResponse);
    return;
  }
  ++interim_;
  head_.clear();
  scanner_ = {};
}

// [RFC 9112 6.3] where the content ends, in the order of its rules.
void HttpResponseReader::StartBody() {
  state_ = State::kBody;
  const uint16_t status = response_->status();
  if (head_request_ || status == 204 || status == 304) {
    state_ = State::kDone;
    return;
  }
  switch (response_->body()) {
    case HttpBody::kChunked:
      chunked_ = HttpChunkedSkipper(limits_.chunk_extra_bytes_max, UINT64_MAX);
      return;
    case HttpBody::kLength:
      length_left_ = response_->content_length();
      if (length_left_ > limits_.body_bytes_max) {
        Fail(Drop::kHttpBodyTooLong);
      } else if (length_left_ == 0) {
        state_ = State::kDone;
      }
      return;
    case HttpBody::kNone:
    case HttpBody::kUnknownCoding:
      until_end_ = true;
      return;
  }
}

size_t HttpResponseReader::TakeChunkFraming(Bytes piece) {
  const size_t size = chunked_.FeedFraming(piece);
  if (chunked_.failed()) {
    Fail(Drop::kHttpBadChunk);
  } else if (chunked_.done()) {
    state_ = State::kDone;
  } else if (chunked_.data_left() > limits_.body_bytes_max - body_bytes_) {
    Fail(Drop::kHttpBodyTooLong);
  }
  return size;
}

uint64_t HttpResponseReader::body_ahead() const {
  if (state_ != State::kBody) return 0;
  if (until_end_) return kUntilEnd;
  return response_->body() == HttpBody::kChunked ? chunked_.data_left() : length_left_;
}

void HttpResponseReader::TakeBody(uint64_t size) {
  AETHER_CHECK(size <= body_ahead());
  if (size == 0) return;
  if (until_end_ && size > limits_.body_bytes_max - body_bytes_) {
    Fail(Drop::kHttpBodyTooLong);
    return;
  }
  body_bytes_ += size;
  bytes_ += size;
  if (until_end_) return;
  if (response_->body() == HttpBody::kChunked) {
    chunked_.TakeData(size);
    // Of each chunk, so that a long body in small chunks is not refused for its framing.
    if (chunked_.data_left() == 0) chunked_.AllowExtra(limits_.chunk_extra_bytes_max);
  } else {
    length_left_ -= size;
    if (length_left_ == 0) state_ = State::kDone;
  }
}

void HttpResponseReader::OnEnd() {
  if (state_ == State::kHead) {
    Fail(Drop::kHttpTooShort);
  } else if (state_ == State::kBody) {
    // [RFC 9112 section 8] a response that ends before its length or its last chunk is incomplete.
    if (until_end_) {
      state_ = State::kDone;
    } else {
      Fail(Drop::kHttpBodyTooShort);
    }
  }
}

}  // namespace aether
