// HTTP responses (RFC 9112): heads, and the reader that finds the content in a stream, which gets
// it in one piece and in small ones. The first two bytes of the input choose which of the two,
// limits, request and pieces.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/naive_chunked.h"
#include "fuzz/naive_http.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/wire/http_response.h"
#include "stack/wire/http_response_reader.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = 1024;

AETHER_UNCOUNTED_BEGIN

struct NaiveResponse {
  bool is_complete = false;
  bool is_valid = false;
  size_t head_bytes = 0;
  unsigned minor = 0;
  unsigned status = 0;
  std::string_view reason;
  bool has_server = false;
  std::string_view server;
  NaiveFraming framing;
};

bool NaiveTakeStatusLine(std::string_view line, NaiveResponse& response) {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || !NaiveIsDigit(line[7]) || line[8] != ' ')
    return false;
  if (!NaiveAreDigits(line.substr(9, 3)) || line[9] == '0') return false;
  response.minor = static_cast<unsigned>(line[7] - '0');
  for (const char c : line.substr(9, 3))
    response.status = response.status * 10 + static_cast<unsigned>(c - '0');
  if (line.size() == 12) return true;
  response.reason = line.substr(13);
  return line[12] == ' ' && NaiveIsFieldText(response.reason);
}

AETHER_UNCOUNTED NaiveResponse NaiveParse(std::string_view text, uint32_t fields_max) {
  NaiveResponse response;
  std::string_view rest = text;
  std::string_view line;
  if (!NaiveTakeLine(rest, line)) return response;
  bool is_valid = NaiveTakeStatusLine(line, response);
  for (unsigned fields = 0;; ++fields) {
    if (!NaiveTakeLine(rest, line)) return response;
    if (line.empty()) break;
    std::string_view name;
    std::string_view value;
    is_valid = is_valid && fields < fields_max && NaiveSplitField(line, name, value);
    if (!is_valid) continue;
    NaiveTakeFraming(name, value, response.framing);
    if (!response.has_server && NaiveSame(name, "server")) {
      response.has_server = true;
      response.server = value;
    }
  }
  const NaiveFraming& framing = response.framing;
  if (framing.has_coding && (framing.has_length || response.minor == 0 ||
                             framing.has_other_coding || !framing.ends_chunked))
    is_valid = false;
  response.is_complete = true;
  response.is_valid = is_valid && framing.is_valid;
  response.head_bytes = text.size() - rest.size();
  return response;
}

HttpBody BodyOf(const NaiveFraming& framing) {
  if (framing.has_coding) return HttpBody::kChunked;
  return framing.has_length ? HttpBody::kLength : HttpBody::kNone;
}

void CheckView(const HttpResponseView& view, const NaiveResponse& naive) {
  const NaiveFraming& framing = naive.framing;
  FUZZ_CHECK(P10, view.head_size() == naive.head_bytes);
  FUZZ_CHECK(P10, view.status() == naive.status && view.minor_version() == naive.minor);
  FUZZ_CHECK(P10, view.reason() == naive.reason);
  FUZZ_CHECK(P10, view.body() == BodyOf(framing));
  FUZZ_CHECK(P10, view.content_length() == framing.length);
  FUZZ_CHECK(P10, view.keep_alive() ==
                      (!framing.says_close && (naive.minor > 0 || framing.says_keep_alive)));
  const auto server = view.Find("server");
  FUZZ_CHECK(P10, server.has_value() == naive.has_server);
  FUZZ_CHECK(P10, server.value_or("") == naive.server);
}

// A response that says the same in the plainest form is read the same.
AETHER_UNCOUNTED void CheckRoundTrip(const HttpResponseView& view) {
  static std::string text;
  text.assign("HTTP/1.").append(std::to_string(view.minor_version())).append(" ");
  text.append(std::to_string(view.status())).append(" ").append(view.reason()).append("\r\n");
  if (view.body() == HttpBody::kLength)
    text.append("Content-Length: ").append(std::to_string(view.content_length())).append("\r\n");
  if (view.body() == HttpBody::kChunked) text.append("Transfer-Encoding: chunked\r\n");
  text.append(view.keep_alive() ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
  const ExactCopy copy(BytesOf(text));
  const auto again = HttpResponseView::Parse(copy.bytes(), 4);
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, again->status() == view.status() && again->reason() == view.reason());
  FUZZ_CHECK(P9, again->minor_version() == view.minor_version() && again->body() == view.body());
  FUZZ_CHECK(P9, again->content_length() == view.content_length());
  FUZZ_CHECK(P9, again->keep_alive() == view.keep_alive());
}

// What a reader made of a stream.
struct Outcome {
  HttpResponseReader::State state{};
  Drop error = Drop::kNone;
  uint64_t taken = 0;
  uint64_t body_bytes = 0;
  uint64_t body_hash = 0;
  unsigned status = 0;
  bool operator==(const Outcome&) const = default;
};

AETHER_UNCOUNTED Outcome Read(Bytes stream, const HttpResponseLimits& limits, bool head_request,
                              size_t piece_bytes) {
  using State = HttpResponseReader::State;
  HttpResponseReader reader(limits);
  reader.Start(head_request);
  ByteHash body;
  uint64_t body_bytes = 0;
  size_t at = 0;
  while (at < stream.size() && (reader.state() == State::kHead || reader.state() == State::kBody)) {
    const Bytes piece = stream.subspan(at, std::min(piece_bytes, stream.size() - at));
    const size_t framing = reader.TakeFraming(piece);
    const size_t size =
        static_cast<size_t>(std::min<uint64_t>(reader.body_ahead(), piece.size() - framing));
    reader.TakeBody(size);
    if (reader.state() != State::kFailed) {
      for (const uint8_t byte : piece.subspan(framing, size)) body.Add(byte);
      body_bytes += size;
    }
    at += framing + size;
    FUZZ_CHECK(P8, framing + size > 0 || reader.state() == State::kFailed);
  }
  if (reader.state() != State::kFailed)
    FUZZ_CHECK(P10, reader.bytes() == at && reader.body_bytes() == body_bytes);
  FUZZ_CHECK(P10, reader.body_bytes() <= limits.body_bytes_max);
  if (reader.state() != State::kDone) reader.OnEnd();
  // A reader that goes elsewhere takes along what its views point to.
  const HttpResponseReader moved(std::move(reader));
  FUZZ_CHECK(P10, moved.state() == State::kDone || moved.state() == State::kFailed);
  FUZZ_CHECK(P10, (moved.state() == State::kFailed) == (moved.error() != Drop::kNone));
  const size_t head_bytes = moved.response() ? moved.response()->head_size() : 0;
  FUZZ_CHECK(P10, moved.head().size() == head_bytes);
  return {.state = moved.state(),
          .error = moved.error(),
          .taken = at,
          .body_bytes = body_bytes,
          .body_hash = body.hash(),
          .status = moved.response() ? moved.response()->status() : 0u};
}

// [RFC 9112 5.2] folded lines become one, those behind the status line stay.
void NaiveUnfold(std::string_view text, std::string& out) {
  out.clear();
  std::string_view line;
  for (size_t lines = 0; NaiveTakeLine(text, line); ++lines) {
    if (lines >= 2 && (line.starts_with(' ') || line.starts_with('\t'))) {
      out.resize(out.size() - 2);
      out.append(" ");
    }
    out.append(line).append("\r\n");
    if (lines > 0 && line.empty()) return;
  }
}

// Whether the stream holds a whole response and what its content is, after RFC 9112 section 6.
struct NaiveOutcome {
  bool is_done = false;
  unsigned status = 0;
  uint64_t body_bytes = 0;
};

AETHER_UNCOUNTED NaiveOutcome NaiveRead(Bytes stream, const HttpResponseLimits& limits,
                                        bool head_request) {
  static std::string head;
  std::string_view rest = TextOf(stream);
  NaiveResponse response;
  for (unsigned interim = 0;; ++interim) {
    // The end of the head is an empty line; a fold is none.
    std::string_view behind = rest;
    std::string_view line;
    for (size_t lines = 0; NaiveTakeLine(behind, line) && (lines == 0 || !line.empty()); ++lines) {
    }
    NaiveUnfold(rest, head);
    response = NaiveParse(head, limits.fields_max);
    const size_t head_bytes = rest.size() - behind.size();
    if (!response.is_valid || head_bytes > limits.head_bytes_max) return {};
    rest = behind;
    if (response.status >= 200) break;
    if (response.status == 101 || interim == limits.interim_max) return {};
  }
  NaiveOutcome outcome{.is_done = true, .status = response.status};
  if (head_request || response.status == 204 || response.status == 304) return outcome;
  if (response.framing.has_coding) {
    const NaiveChunked body(BytesOf(rest), limits.chunk_extra_bytes_max, limits.body_bytes_max,
                            true);
    outcome.is_done = body.verdict() == NaiveChunked::Verdict::kDone;
    outcome.body_bytes = body.data_bytes();
    return outcome;
  }
  const uint64_t length = response.framing.has_length ? response.framing.length : rest.size();
  outcome.is_done = length <= rest.size() && length <= limits.body_bytes_max;
  outcome.body_bytes = length;
  return outcome;
}

AETHER_UNCOUNTED_END

// The head alone, whole and cut.
void RunHead(const HttpResponseLimits& limits, unsigned pieces, Bytes input) {
  const ExactCopy copy(input);
  const auto view = HttpResponseView::Parse(copy.bytes(), limits.fields_max);
  const NaiveResponse naive = NaiveParse(TextOf(copy.bytes()), limits.fields_max);
  FUZZ_CHECK(P10, view.has_value() == (naive.is_complete && naive.is_valid));
  CurrentTrace().Add(view ? 0 : static_cast<uint64_t>(view.error()));
  if (view) {
    CheckView(*view, naive);
    CheckRoundTrip(*view);
  }
  // An answer other than "more" does not depend on what follows.
  const ExactCopy cut(input.first(input.size() * pieces / 256));
  const auto view_of_cut = HttpResponseView::Parse(cut.bytes(), limits.fields_max);
  if (view_of_cut) FUZZ_CHECK(P11, view && view->head_size() == view_of_cut->head_size());
  if (!view_of_cut && view_of_cut.error() != Drop::kHttpTooShort)
    FUZZ_CHECK(P11, !view && view.error() == view_of_cut.error());
}

void RunStream(const HttpResponseLimits& limits, bool head_request, unsigned pieces, Bytes input) {
  const ExactCopy copy(input);
  const Outcome whole = Read(copy.bytes(), limits, head_request, input.size());
  const Outcome small = Read(copy.bytes(), limits, head_request, 1 + pieces % 16);
  FUZZ_CHECK(P11, whole.state == small.state && whole.error == small.error);
  if (whole.state == HttpResponseReader::State::kDone) FUZZ_CHECK(P11, whole == small);
  const NaiveOutcome expected = NaiveRead(copy.bytes(), limits, head_request);
  FUZZ_CHECK(P10, (whole.state == HttpResponseReader::State::kDone) == expected.is_done);
  if (expected.is_done)
    FUZZ_CHECK(P10, whole.body_bytes == expected.body_bytes && whole.status == expected.status);
  CurrentTrace().Add(static_cast<uint64_t>(whole.error));
  CurrentTrace().Add(whole.body_hash);
}

void RunOne(unsigned choice, unsigned pieces, Bytes input) {
  HttpResponseLimits limits{.head_bytes_max = 640};
  if (choice & 1) {
    limits = {.head_bytes_max = 64 + choice,
              .fields_max = 3,
              .interim_max = 1,
              .body_bytes_max = 40,
              .chunk_extra_bytes_max = 8};
  }
  if (choice & 4) {
    RunHead(limits, pieces, input);
  } else {
    RunStream(limits, (choice & 2) != 0, pieces, input);
  }
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return -1;
  size = std::min(size, aether::fuzz::kInputBytesMax);
  aether::fuzz::RunOne(data[0], data[1], {data + 2, size - 2});
  return 0;
}
