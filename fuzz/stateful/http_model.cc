#include "fuzz/stateful/http_model.h"

#include <algorithm>

#include "fuzz/naive_chunked.h"
#include "fuzz/naive_http_path.h"
#include "fuzz/pattern.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"

namespace aether::fuzz {
namespace {

constexpr std::string_view kMethods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                         "CONNECT", "OPTIONS", "TRACE", "PATCH"};
constexpr size_t kPathBytesMax = 1024;

// A response as it stands in a stream.
struct NaiveResponse {
  bool is_complete = false;  // the head
  unsigned status = 0;
  size_t head_bytes = 0;
  std::string_view reason;
  bool has_server = false;
  bool has_type = false;
  bool allows = false;
  NaiveFraming framing;
};

AETHER_UNCOUNTED NaiveResponse ReadResponse(std::string_view text) {
  NaiveResponse response;
  std::string_view rest = text;
  std::string_view line;
  if (!NaiveTakeLine(rest, line)) return response;
  FUZZ_CHECK(P12, line.size() > 13 && line.starts_with("HTTP/1.1 ") && line[12] == ' ');
  FUZZ_CHECK(P12, NaiveAreDigits(line.substr(9, 3)) && NaiveIsFieldText(line));
  for (const char c : line.substr(9, 3))
    response.status = response.status * 10 + static_cast<unsigned>(c - '0');
  while (NaiveTakeLine(rest, line)) {
    if (line.empty()) {
      response.is_complete = true;
      response.head_bytes = text.size() - rest.size();
      break;
    }
    std::string_view name;
    std::string_view value;
    FUZZ_CHECK(P12, NaiveSplitField(line, name, value));
    FUZZ_CHECK(P12, !NaiveSame(name, "content-length") || !response.framing.has_length);
    NaiveTakeFraming(name, value, response.framing);
    if (NaiveSame(name, "server")) response.has_server = true;
    if (NaiveSame(name, "content-type")) response.has_type = !value.empty();
    if (NaiveSame(name, "allow")) response.allows = value == "GET, HEAD";
  }
  return response;
}

bool IsRefusal(unsigned status) {
  return status == 400 || status == 414 || status == 431 || status == 505;
}

}  // namespace

int FindHttpFile(std::string_view path) {
  for (size_t i = 0; i < kHttpFiles.size(); ++i) {
    if (kHttpFiles[i].path == path) return static_cast<int>(i);
  }
  return -1;
}

AETHER_UNCOUNTED HttpModel::Due HttpModel::AnswerTo(const NaiveRequest& request,
                                                    const HttpSetup& setup) const {
  Due due;
  due.is_head = request.method == "HEAD";
  const NaiveFraming& framing = request.framing;
  // [RFC 9112 9.3]
  due.closes = framing.says_close || (request.minor == 0 && !framing.says_keep_alive);
  const auto closing = [&due](uint16_t status) {
    due.status = status;
    due.closes = true;
    return due;
  };
  if (request.expect == HttpExpect::kUnknown) return closing(417);
  if (framing.has_coding && framing.has_other_coding) return closing(501);
  if (!framing.has_coding && framing.has_length && framing.length > setup.body_bytes_max)
    return closing(413);
  if (request.expect == HttpExpect::kContinue) due.closes = true;
  if (request.method != "GET" && !due.is_head) {
    const bool is_known = std::ranges::find(kMethods, request.method) != std::end(kMethods);
    due.status = is_known ? 405 : 501;
    return due;
  }
  // The path says which file.
  if (!setup.has_files && request.path == "/") {
    due.status = 200;
    return due;
  }
  static NaivePath path;
  path.is_valid = path.directory = false;
  path.decoded_bytes = path.depth = 0;
  FUZZ_CHECK(P4, request.path.size() <= kPathBytesMax);
  NaiveParsePath(request.path, path);
  if (!path.is_valid) return closing(400);
  due.needs_transfer = setup.has_files;
  std::array<char, kPathBytesMax + 16> name;
  size_t size = 0;
  for (size_t i = 0; i < path.depth; ++i) {
    name[size++] = '/';
    for (const char c : path.segments[i]) name[size++] = c;
  }
  if (path.directory || path.depth == 0) {
    for (const char c : std::string_view("/index.html")) name[size++] = c;
  }
  if (setup.has_files) due.file = FindHttpFile({name.data(), size});
  due.status = path.depth == 0 || due.file >= 0 ? 200 : 404;
  return due;
}

// What of the content is there; false when nothing of what follows is answered any more, or the
// content is not complete.
AETHER_UNCOUNTED bool HttpModel::TakeBody(const NaiveRequest& request, Bytes rest,
                                          const HttpSetup& setup) {
  const NaiveFraming& framing = request.framing;
  body_bytes_ = 0;
  if (framing.has_coding) {
    const NaiveChunked body(rest, setup.chunk_extra_bytes_max, setup.body_bytes_max, false);
    // Of a size that is too large the line may be read to its end first.
    if (body.verdict() == NaiveChunked::Verdict::kWrong) {
      tail_ = Tail::kClosed;
      return false;
    }
    tail_ = Tail::kBody;
    body_bytes_ = body.size();
    return body.verdict() == NaiveChunked::Verdict::kDone;
  }
  if (!framing.has_length) return true;
  tail_ = Tail::kBody;
  body_bytes_ = static_cast<size_t>(std::min<uint64_t>(framing.length, rest.size()));
  return framing.length <= rest.size();
}

AETHER_UNCOUNTED void HttpModel::Judge(Bytes stream, const HttpSetup& setup) {
  due_count_ = 0;
  has_cut_file_ = false;
  size_t at = 0;
  while (true) {
    tail_ = at == stream.size() ? Tail::kIdle : Tail::kHead;
    tail_at_ = at;
    if (at == stream.size() || due_count_ == kDueMax) return;
    const NaiveRequest request = NaiveParseRequest(TextOf(stream.subspan(at)), setup.head);
    if (!request.is_complete) return;
    Due& due = due_[due_count_++];
    if (!request.is_valid) {
      due = {.closes = true};
      tail_ = Tail::kClosed;
      return;
    }
    due = AnswerTo(request, setup);
    if (due.file >= 0 && !due.is_head) {
      const HttpFile& file = kHttpFiles[static_cast<size_t>(due.file)];
      if (file.readable_bytes < file.bytes) {
        has_cut_file_ = true;
        tail_ = Tail::kClosed;
        return;
      }
    }
    if (due.closes) {
      tail_ = Tail::kClosed;
      return;
    }
    at += request.head_bytes;
    tail_at_ = at;
    if (!TakeBody(request, stream.subspan(at), setup)) return;
    at += body_bytes_;
  }
}

AETHER_UNCOUNTED size_t HttpModel::CheckResponses(Bytes received, Check check) const {
  size_t at = 0;
  for (size_t count = 0;; ++count) {
    if (at == received.size()) return count;
    const NaiveResponse response = ReadResponse(TextOf(received.subspan(at)));
    if (!response.is_complete) return count;
    const NaiveFraming& framing = response.framing;
    FUZZ_CHECK(P12, framing.is_valid && framing.has_length && !framing.has_coding);
    FUZZ_CHECK(P12, response.has_server && response.has_type);
    FUZZ_CHECK(P12, response.allows == (response.status == 405));
    // The answer to what is not complete, or not in time, is the last one.
    Due due{.closes = true};
    bool is_due = count < due_count_;
    if (is_due) due = due_[count];
    const bool in_head = count == due_count_ && tail_ == Tail::kHead;
    if (response.status == 408) {
      FUZZ_CHECK(P10, check.may_time_out);
      due = {.closes = true};
      is_due = false;
    } else if (response.status == 503) {
      FUZZ_CHECK(P10, check.may_be_unavailable && (is_due || in_head));
      due = {.is_head = due.is_head, .closes = true};
      is_due = false;
    } else {
      FUZZ_CHECK(P10, is_due || in_head);
      FUZZ_CHECK(P10, due.status == 0 ? IsRefusal(response.status) : response.status == due.status);
    }
    // [RFC 9112 9.6] who closes says so.
    FUZZ_CHECK(P10, framing.says_close == due.closes);
    const Bytes body = received.subspan(at + response.head_bytes);
    // A refusal may come before it is known that HEAD is what was asked for.
    const bool is_early = response.status == 503 && !body.empty();
    const uint64_t size = due.is_head && !is_early ? 0 : framing.length;
    const Bytes here = body.first(static_cast<size_t>(std::min<uint64_t>(size, body.size())));
    if (due.file >= 0 && response.status == 200) {
      const HttpFile& file = kHttpFiles[static_cast<size_t>(due.file)];
      FUZZ_CHECK(P1, framing.length == file.bytes && here.size() <= file.readable_bytes);
      FUZZ_CHECK(P1, Pattern::Matches(here, static_cast<uint64_t>(due.file) * kHttpFileStride));
    }
    if (here.size() < size) return count;
    at += response.head_bytes + here.size();
    // Nothing follows the last one.
    if (due.closes) FUZZ_CHECK(P10, at == received.size());
  }
}

}  // namespace aether::fuzz
