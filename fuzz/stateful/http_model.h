// What an HTTP server has to say to the bytes of one client (RFC 9110, RFC 9112), written from the
// RFCs and from the promises in stack/app/http_server.h: a splitter of requests, the answers that
// are due to them, and a check of what really came. The bytes of the client as a whole count; how
// they were cut does not (P11).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/naive_http_request.h"
#include "stack/base/bytes.h"
#include "stack/wire/http.h"

namespace aether::fuzz {

// The files that the server has. The content of file i is Pattern from i * kHttpFileStride on.
struct HttpFile {
  std::string_view path;
  uint32_t bytes;
  uint32_t readable_bytes;  // reading stops here: less than `bytes` is a file that was cut
  std::string_view media_type;
};
inline constexpr size_t kHttpFileStride = 1000;
inline constexpr std::array<HttpFile, 8> kHttpFiles = {{
    {"/index.html", 97, 97, "text/html"},
    {"/a", 5, 5, "text/plain"},
    {"/empty", 0, 0, "text/plain"},
    {"/big", 6000, 6000, "application/octet-stream"},
    {"/dir/index.html", 300, 300, "text/html"},
    {"/cut", 3000, 1000, "text/plain"},
    {"/gone", 40, 0, "text/plain"},
    {"/a b/c", 700, 700, "text/plain"},
}};
// Index in kHttpFiles, -1: there is no such file.
int FindHttpFile(std::string_view path);

struct HttpSetup {
  bool has_files = false;
  HttpHeadLimits head;
  uint64_t body_bytes_max = 0;
  uint32_t chunk_extra_bytes_max = 0;
};

class HttpModel {
 public:
  // One response that is due.
  struct Due {
    uint16_t status = 0;  // 0: a refusal, with one of the codes for malformed requests
    bool is_head = false;
    bool closes = false;
    bool needs_transfer = false;  // a path was looked up: 503 may come instead
    int file = -1;
  };
  enum class Tail : uint8_t {
    kIdle,    // between requests
    kHead,    // in a head that is not complete
    kBody,    // in the content of a request
    kClosed,  // nothing of what follows is answered
  };
  static constexpr size_t kDueMax = 600;

  void Judge(Bytes stream, const HttpSetup& setup);
  size_t due_count() const { return due_count_; }
  const Due& due(size_t at) const { return due_[at]; }
  Tail tail() const { return tail_; }
  // Where the head or content begins that is not complete.
  size_t tail_at() const { return tail_at_; }
  // A file that falls short is among what is due: the connection is reset in the middle.
  bool has_cut_file() const { return has_cut_file_; }

  struct Check {
    bool may_be_unavailable = false;  // 503 for want of a limit
    bool may_time_out = false;        // 408, or an end without an answer
  };
  // P1, P10: the responses in `received` are those that are due, in order; the last one may be
  // incomplete. Returns how many are complete.
  size_t CheckResponses(Bytes received, Check check) const;

 private:
  void TakeRequest(const NaiveRequest& request, const HttpSetup& setup);
  Due AnswerTo(const NaiveRequest& request, const HttpSetup& setup) const;
  bool TakeBody(const NaiveRequest& request, Bytes rest, const HttpSetup& setup);

  std::array<Due, kDueMax> due_;
  size_t due_count_ = 0;
  size_t body_bytes_ = 0;
  Tail tail_ = Tail::kIdle;
  size_t tail_at_ = 0;
  bool has_cut_file_ = false;
};

}  // namespace aether::fuzz
