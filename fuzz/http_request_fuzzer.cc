// Heads of HTTP requests (RFC 9112 section 3), in one piece and cut. The first two bytes of the
// input choose the limits and where it is cut.
#include <algorithm>
#include <string>
#include <string_view>

#include "fuzz/naive_http_request.h"
#include "fuzz/target.h"
#include "stack/wire/http.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = 4096;

void CheckView(const HttpRequestView& view, const NaiveRequest& naive) {
  static constexpr std::string_view kMethods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                  "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  const auto method = std::ranges::find(kMethods, naive.method) - std::begin(kMethods);
  FUZZ_CHECK(P10, static_cast<ptrdiff_t>(view.method()) == method);
  FUZZ_CHECK(P10, view.head_size() == naive.head_bytes);
  FUZZ_CHECK(P10, view.target() == naive.target);
  FUZZ_CHECK(P10, (view.form() == HttpTargetForm::kAbsolute) == naive.is_absolute);
  FUZZ_CHECK(P10,
             (view.form() == HttpTargetForm::kAsterisk) == (naive.target == "*" && method != 5));
  FUZZ_CHECK(P10, (view.form() == HttpTargetForm::kAuthority) == (method == 5));
  FUZZ_CHECK(P10, view.path() == naive.path);
  FUZZ_CHECK(P10, view.query() == naive.query);
  FUZZ_CHECK(P10, view.host() == naive.host);
  FUZZ_CHECK(P10, view.minor_version() == naive.minor);
  FUZZ_CHECK(P10, view.expect() == naive.expect);
  const NaiveFraming& framing = naive.framing;
  HttpBody body = framing.has_length ? HttpBody::kLength : HttpBody::kNone;
  if (framing.has_coding)
    body = framing.has_other_coding ? HttpBody::kUnknownCoding : HttpBody::kChunked;
  FUZZ_CHECK(P10, view.body() == body);
  FUZZ_CHECK(P10, view.content_length() == framing.length);
  FUZZ_CHECK(P10, view.keep_alive() ==
                      (!framing.says_close && (naive.minor > 0 || framing.says_keep_alive)));
}

// A request that says the same in the plainest form is read the same.
void CheckRoundTrip(const HttpRequestView& view, const NaiveRequest& naive) {
  static std::string text;
  text.assign(naive.method).append(" ").append(view.target()).append(" HTTP/1.");
  text.append(1, static_cast<char>('0' + view.minor_version())).append("\r\nHost: ");
  text.append(view.form() == HttpTargetForm::kAbsolute ? "" : view.host()).append("\r\n");
  if (view.body() == HttpBody::kLength)
    text.append("Content-Length: ").append(std::to_string(view.content_length())).append("\r\n");
  if (view.body() == HttpBody::kChunked) text.append("Transfer-Encoding: chunked\r\n");
  if (view.body() == HttpBody::kUnknownCoding) text.append("Transfer-Encoding: x, chunked\r\n");
  text.append(view.keep_alive() ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
  if (view.expect() == HttpExpect::kContinue) text.append("Expect: 100-continue\r\n");
  if (view.expect() == HttpExpect::kUnknown) text.append("Expect: x\r\n");
  text.append("\r\n");
  const ExactCopy copy(BytesOf(text));
  const auto again = HttpRequestView::Parse(copy.bytes(), HttpHeadLimits{});
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, again->head_size() == text.size() && again->method() == view.method());
  FUZZ_CHECK(P9, again->target() == view.target() && again->form() == view.form());
  FUZZ_CHECK(P9, again->path() == view.path() && again->query() == view.query());
  FUZZ_CHECK(P9, again->host() == view.host() && again->minor_version() == view.minor_version());
  FUZZ_CHECK(P9, again->keep_alive() == view.keep_alive() && again->body() == view.body());
  FUZZ_CHECK(P9, again->content_length() == view.content_length());
  FUZZ_CHECK(P9, again->expect() == view.expect());
}

using Result = std::expected<HttpRequestView, Drop>;

// An answer other than "more" does not depend on what follows.
void CheckCut(const Result& cut, size_t cut_bytes, const Result& whole) {
  if (cut) {
    FUZZ_CHECK(P11, whole && whole->head_size() == cut->head_size());
  } else if (cut.error() != Drop::kHttpTooShort) {
    FUZZ_CHECK(P11, !whole && whole.error() == cut.error());
  } else if (whole) {
    FUZZ_CHECK(P11, cut_bytes < whole->head_size());
  }
}

void CheckScanner(Bytes cut, Bytes rest, const Result& whole, const HttpHeadLimits& limits) {
  HttpHeadScanner scanner;
  bool is_complete = scanner.Feed(cut);
  if (!is_complete) {
    if (scanner.IsTooLong(limits)) {
      FUZZ_CHECK(P11, !whole && whole.error() != Drop::kHttpTooShort);
    }
    is_complete = scanner.Feed(rest);
  }
  if (whole) FUZZ_CHECK(P10, is_complete && scanner.size() == whole->head_size());
  if (is_complete) FUZZ_CHECK(P10, whole || whole.error() != Drop::kHttpTooShort);
}

void RunOne(unsigned choice, unsigned cut_at, Bytes input) {
  HttpHeadLimits limits;
  if (choice % 2 == 1)
    limits = {.target_bytes_max = 40, .header_bytes_max = 60 + choice, .fields_max = 4};
  const ExactCopy copy(input);
  const ExactCopy cut(input.first(input.size() * cut_at / 256));
  const Result whole = HttpRequestView::Parse(copy.bytes(), limits);
  CurrentTrace().Add(whole ? 0 : static_cast<uint64_t>(whole.error()));
  CheckCut(HttpRequestView::Parse(cut.bytes(), limits), cut.bytes().size(), whole);
  CheckScanner(cut.bytes(), copy.bytes().subspan(cut.bytes().size()), whole, limits);
  const NaiveRequest naive = NaiveParseRequest(TextOf(copy.bytes()), limits);
  FUZZ_CHECK(P10, whole.has_value() == (naive.is_complete && naive.is_valid));
  if (!whole) return;
  CheckView(*whole, naive);
  CheckRoundTrip(*whole, naive);
  CurrentTrace().Add(BytesOf(whole->path()));
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne(data[0], data[1], {data + 2, size - 2});
  return 0;
}
