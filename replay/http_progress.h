// Where a connection with HTTP/1.x on it is: how many requests the client has sent, whole or in
// part, and how many responses have come. Text is fed in the order of the stream; what is not HTTP
// ends the counting and is said.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/wire/http.h"
#include "stack/wire/http_chunked.h"
#include "stack/wire/http_response_reader.h"

namespace aether::replay {

// A request and its answer.
struct HttpExchange {
  std::string target;
  uint16_t status = 0;
  uint64_t body_bytes = 0;
  std::string body;  // the beginning of it
};

// Client text that looks like the beginning of a request.
bool LooksLikeHttp(Bytes text);

class HttpProgress {
 public:
  static constexpr size_t kPendingMax = 1024;
  static constexpr size_t kTargetBytesMax = 1024;

  // Of exchanges, so much of the content is kept for TakeFinished; nothing: they are only counted.
  explicit HttpProgress(std::optional<size_t> keep_body_bytes = std::nullopt)
      : keep_body_bytes_(keep_body_bytes) {}

  void OnClientText(Bytes text);
  void OnServerText(Bytes text);
  void OnServerEnd();

  // Heads that were sent whole, and one for what can not be read.
  uint64_t requests() const { return requests_; }
  // Of the last one content is still to be sent, or the head of another one has begun.
  bool InRequest() const { return body_left_ > 0 || in_chunks_ || !head_.empty(); }
  uint64_t responses() const { return responses_; }
  bool AllAnswered() const { return responses_ >= requests_; }
  // By class of their status.
  const std::array<uint64_t, 6>& by_class() const { return by_class_; }
  bool client_broken() const { return client_broken_; }
  bool server_broken() const { return server_broken_; }
  std::vector<HttpExchange> TakeFinished() { return std::exchange(finished_, {}); }

 private:
  struct Pending {
    bool head_method = false;
    std::string target;
  };

  Bytes TakeHead(Bytes text);
  void OnRequest(const HttpRequestView& request);
  void StartReader();
  void FinishResponse();

  std::optional<size_t> keep_body_bytes_;
  std::vector<uint8_t> head_;
  uint64_t body_left_ = 0;
  bool in_chunks_ = false;
  HttpChunkedSkipper chunks_;
  bool client_broken_ = false;
  uint64_t requests_ = 0;
  std::deque<Pending> pending_;
  std::optional<HttpResponseReader> reader_;
  bool reading_ = false;
  bool server_broken_ = false;
  uint64_t responses_ = 0;
  std::array<uint64_t, 6> by_class_{};
  std::string body_;
  std::vector<HttpExchange> finished_;
};

}  // namespace aether::replay
