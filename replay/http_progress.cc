#include "replay/http_progress.h"

#include <algorithm>
#include <string_view>

namespace aether::replay {
namespace {

constexpr uint32_t kChunkExtraBytesMax = 1 << 20;
constexpr HttpHeadLimits kHeadLimits{
    .target_bytes_max = 65536, .header_bytes_max = 65536, .fields_max = 1000};

std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool LooksLikeHttp(Bytes text) {
  const std::string_view line = AsText(text.first(std::min<size_t>(text.size(), 256)));
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space > 32) return false;
  return HttpMethodOf(line.substr(0, space)) != HttpMethod::kUnknown && space + 1 < line.size();
}

void HttpProgress::OnClientText(Bytes text) {
  while (!text.empty() && !client_broken_) {
    if (body_left_ > 0) {
      const uint64_t taken = std::min<uint64_t>(body_left_, text.size());
      body_left_ -= taken;
      text = text.subspan(taken);
    } else if (in_chunks_) {
      text = text.subspan(chunks_.Feed(text));
      if (chunks_.done() || chunks_.failed()) in_chunks_ = false;
      if (chunks_.failed()) client_broken_ = true;
    } else {
      text = TakeHead(text);
    }
  }
}

// What of the text is behind the head.
Bytes HttpProgress::TakeHead(Bytes text) {
  const size_t had = head_.size();
  head_.insert(head_.end(), text.begin(), text.end());
  const auto request = HttpRequestView::Parse(head_, kHeadLimits);
  if (!request && request.error() == Drop::kHttpTooShort) return {};
  if (!request) {
    // It will be answered with an error, and nothing is understood after that.
    ++requests_;
    pending_.push_back({});
    client_broken_ = true;
    head_.clear();
    return {};
  }
  const size_t size = request->head_size();
  OnRequest(*request);
  head_.clear();
  return text.subspan(size > had ? size - had : 0);
}

void HttpProgress::OnRequest(const HttpRequestView& request) {
  ++requests_;
  body_left_ = request.body() == HttpBody::kLength ? request.content_length() : 0;
  if (request.body() == HttpBody::kChunked || request.body() == HttpBody::kUnknownCoding) {
    in_chunks_ = true;
    chunks_ = HttpChunkedSkipper(kChunkExtraBytesMax, UINT64_MAX);
  }
  if (pending_.size() == kPendingMax) pending_.pop_front();
  Pending pending{.head_method = request.method() == HttpMethod::kHead, .target = {}};
  if (keep_body_bytes_ && request.target().size() <= kTargetBytesMax &&
      request.method() == HttpMethod::kGet) {
    pending.target = request.path();
  }
  pending_.push_back(std::move(pending));
}

void HttpProgress::StartReader() {
  if (!reader_) reader_.emplace(HttpResponseLimits{.head_bytes_max = 16384});
  reader_->Start(!pending_.empty() && pending_.front().head_method);
  body_.clear();
  reading_ = true;
}

void HttpProgress::OnServerText(Bytes text) {
  while (!text.empty() && !server_broken_) {
    if (!reading_) StartReader();
    text = text.subspan(reader_->TakeFraming(text));
    if (reader_->state() == HttpResponseReader::State::kBody) {
      const uint64_t size = std::min<uint64_t>(reader_->body_ahead(), text.size());
      if (keep_body_bytes_ && body_.size() < *keep_body_bytes_) {
        const size_t kept = std::min<size_t>(size, *keep_body_bytes_ - body_.size());
        body_.append(AsText(text.first(kept)));
      }
      reader_->TakeBody(size);
      text = text.subspan(size);
    }
    if (reader_->state() == HttpResponseReader::State::kFailed) server_broken_ = true;
    if (reader_->state() == HttpResponseReader::State::kDone) FinishResponse();
  }
}

void HttpProgress::OnServerEnd() {
  if (!reading_ || server_broken_) return;
  reader_->OnEnd();
  if (reader_->state() == HttpResponseReader::State::kDone) FinishResponse();
}

void HttpProgress::FinishResponse() {
  reading_ = false;
  ++responses_;
  const uint16_t status = reader_->response() ? reader_->response()->status() : uint16_t{0};
  ++by_class_[std::min<size_t>(status / 100, 5)];
  Pending pending;
  if (!pending_.empty()) {
    pending = std::move(pending_.front());
    pending_.pop_front();
  }
  if (keep_body_bytes_ && !pending.target.empty()) {
    finished_.push_back({.target = std::move(pending.target),
                         .status = status,
                         .body_bytes = reader_->body_bytes(),
                         .body = std::move(body_)});
    body_.clear();
  }
}

}  // namespace aether::replay
