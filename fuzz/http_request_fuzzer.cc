// Heads of HTTP requests (RFC 9112 section 3), in one piece and cut. The first two bytes of the
// input choose the limits and where it is cut.
#include <algorithm>
#include <string>
#include <string_view>

#include "fuzz/naive_http.h"
#include "fuzz/target.h"
#include "stack/wire/http.h"

namespace aether::fuzz {
namespace {

constexpr size_t kInputBytesMax = 4096;

struct NaiveRequest {
  bool is_complete = false;
  bool is_valid = false;
  size_t head_bytes = 0;
  std::string_view method;
  std::string_view target;
  std::string_view path;
  std::string_view query;
  std::string_view host;
  bool is_absolute = false;
  bool has_host = false;
  unsigned minor = 0;
  HttpExpect expect = HttpExpect::kNone;
  NaiveFraming framing;
};

// [RFC 3986 3.2.2] and [RFC 9110 7.2]; what stands in brackets is not looked into.
bool NaiveIsHost(std::string_view host) {
  for (const char c : host) {
    if (!NaiveIsAlnum(c) && std::string_view("-._~%!$&'()*+,;=:[]").find(c) == host.npos)
      return false;
  }
  std::string_view after = host;
  if (host.starts_with('[')) {
    if (host.find(']') == host.npos) return false;
    after = host.substr(host.find(']') + 1);
    if (!after.empty() && after[0] != ':') return false;
  } else if (host.find('[') != host.npos || host.find(']') != host.npos) {
    return false;
  }
  const size_t colon = after.find(':');
  return colon == after.npos || NaiveAreDigits(after.substr(colon + 1));
}

// [RFC 9112 3.2] the four forms of a target.
bool NaiveTakeTarget(NaiveRequest& request) {
  const std::string_view target = request.target;
  for (const char c : target) {
    if (c <= ' ' || c > '~' || c == '#') return false;
  }
  if (target.empty()) return false;
  if (request.method == "CONNECT") return NaiveIsHost(target);
  if (target == "*") return request.method == "OPTIONS";
  std::string_view rest = target;
  if (target[0] != '/') {
    request.is_absolute = true;
    const size_t slashes = target.find("://");
    if (slashes == target.npos) return false;
    const std::string_view scheme = target.substr(0, slashes);
    if (!NaiveSame(scheme, "http") && !NaiveSame(scheme, "https")) return false;
    rest.remove_prefix(slashes + 3);
    request.host = rest.substr(0, rest.find_first_of("/?"));
    if (request.host.empty() || request.host[0] == ':' || !NaiveIsHost(request.host)) return false;
    rest.remove_prefix(request.host.size());
  }
  request.path = rest.substr(0, rest.find('?'));
  if (request.path.size() < rest.size()) request.query = rest.substr(request.path.size() + 1);
  if (request.path.empty()) request.path = "/";
  return true;
}

bool NaiveTakeRequestLine(std::string_view line, const HttpHeadLimits& limits,
                          NaiveRequest& request) {
  const size_t first = line.find(' ');
  if (first == line.npos) return false;
  const size_t second = line.find(' ', first + 1);
  if (second == line.npos) return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (!NaiveIsToken(request.method) || request.method.size() > 32) return false;
  if (request.target.size() > limits.target_bytes_max || !NaiveTakeTarget(request)) return false;
  if (version.size() != 8 || !version.starts_with("HTTP/1.") || !NaiveIsDigit(version[7]))
    return false;
  request.minor = static_cast<unsigned>(version[7] - '0');
  return true;
}

bool NaiveTakeField(std::string_view line, NaiveRequest& request) {
  std::string_view name;
  std::string_view value;
  if (!NaiveSplitField(line, name, value)) return false;
  NaiveTakeFraming(name, value, request.framing);
  if (NaiveSame(name, "host")) {
    if (request.has_host || !NaiveIsHost(value)) return false;
    request.has_host = true;
    if (!request.is_absolute) request.host = value;
  }
  if (NaiveSame(name, "expect")) {
    const bool is_known = NaiveSame(value, "100-continue");
    if (!is_known) request.expect = HttpExpect::kUnknown;
    if (request.expect == HttpExpect::kNone) request.expect = HttpExpect::kContinue;
  }
  return request.framing.is_valid;
}

NaiveRequest NaiveParse(std::string_view text, const HttpHeadLimits& limits) {
  NaiveRequest request;
  std::string_view rest = text;
  std::string_view line;
  unsigned empty_lines = 0;
  do {
    if (!NaiveTakeLine(rest, line)) return request;
  } while (line.empty() && ++empty_lines > 0);
  bool is_valid = empty_lines <= 4 && NaiveTakeRequestLine(line, limits, request);
  const size_t fields_at = text.size() - rest.size();
  for (unsigned fields = 0;; ++fields) {
    if (!NaiveTakeLine(rest, line)) return request;
    if (line.empty()) break;
    if (fields == limits.fields_max) is_valid = false;
    is_valid = is_valid && NaiveTakeField(line, request);
  }
  request.is_complete = true;
  request.head_bytes = text.size() - rest.size();
  if (request.head_bytes - fields_at > limits.header_bytes_max) is_valid = false;
  if (!request.has_host && request.minor > 0) is_valid = false;
  const NaiveFraming& framing = request.framing;
  if (framing.has_coding && (framing.has_length || request.minor == 0 || !framing.ends_chunked))
    is_valid = false;
  if (request.minor == 0) request.expect = HttpExpect::kNone;
  request.is_valid = is_valid;
  return request;
}

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
  const NaiveRequest naive = NaiveParse(TextOf(copy.bytes()), limits);
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
