// http URLs and references to others (RFC 3986, RFC 9110 4.2.1). The input is a URL, and behind a
// line feed a reference that is resolved against it.
#include <algorithm>
#include <string>
#include <string_view>

#include "fuzz/naive_http.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/app/http_url.h"

namespace aether::fuzz {
namespace {

using app::HttpUrl;

constexpr size_t kInputBytesMax = 512;

AETHER_UNCOUNTED_BEGIN

struct NaiveUrl {
  bool is_valid = false;
  std::string host;
  unsigned port = 80;
  std::string target;
};

// RFC 3986 appendix B, by hand, and what RFC 9110 4.2.1 says of http.
AETHER_UNCOUNTED void NaiveParse(std::string_view text, NaiveUrl& url) {
  url.is_valid = false;
  url.port = 80;
  url.host.clear();
  for (const char c : text) {
    if (c < '!' || c > '~') return;
  }
  if (text.size() < 7 || !NaiveSame(text.substr(0, 4), "http") || text.substr(4, 3) != "://")
    return;
  std::string_view rest = text.substr(7);
  rest = rest.substr(0, rest.find('#'));
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  const size_t colon = authority.find(':');
  std::string_view host = authority.substr(0, colon);
  if (colon != authority.npos && colon + 1 < authority.size()) {
    url.port = 0;
    for (const char c : authority.substr(colon + 1)) {
      if (!NaiveIsDigit(c)) return;
      url.port = std::min(url.port * 10 + static_cast<unsigned>(c - '0'), 100000u);
    }
    if (url.port < 1 || url.port > 65535) return;
  }
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  bool is_after_dot = true;
  for (const char c : host) {
    if (c == '.' && is_after_dot) return;
    is_after_dot = c == '.';
    if (!NaiveIsAlnum(c) && c != '-' && c != '.' && c != '_') return;
    url.host.append(1, c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  }
  url.target.clear();
  if (rest.empty() || rest[0] != '/') url.target.push_back('/');
  url.target.append(rest);
  url.is_valid = !is_after_dot;
}

// [RFC 3986 5.2.4] in what was merged no segment means "here" or "up".
AETHER_UNCOUNTED bool HasDotSegment(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

AETHER_UNCOUNTED_END

void CheckResolve(const HttpUrl& base, std::string_view reference) {
  const auto self = base.Resolve("");
  FUZZ_CHECK(P9, self.has_value() && *self == base);
  const auto url = base.Resolve(reference);
  CurrentTrace().Add(url.has_value() ? 1 : 0);
  if (!url) return;
  CurrentTrace().Add(BytesOf(url->target));
  FUZZ_CHECK(P10, url->target.starts_with('/'));
  const auto again = base.Resolve(url->ToString());
  FUZZ_CHECK(P9, again.has_value() && *again == *url);
  // A path, from the root or not, stays with the host.
  const bool is_path = !reference.empty() && reference.find_first_of(":?#") == reference.npos &&
                       !reference.starts_with("//");
  if (!is_path) return;
  FUZZ_CHECK(P10, url->host == base.host && url->port == base.port);
  FUZZ_CHECK(P10, !HasDotSegment(url->target));
}

void RunOne(Bytes input) {
  static NaiveUrl naive;
  const ExactCopy copy(input);
  std::string_view reference = TextOf(copy.bytes());
  const std::string_view text = reference.substr(0, reference.find('\n'));
  reference.remove_prefix(std::min(text.size() + 1, reference.size()));
  NaiveParse(text, naive);
  const auto url = HttpUrl::Parse(text);
  FUZZ_CHECK(P10, url.has_value() == naive.is_valid);
  CurrentTrace().Add(url.has_value() ? 1 : 0);
  if (!url) {
    FUZZ_CHECK(P10, url.error().ends_with('.'));
    return;
  }
  FUZZ_CHECK(P10, url->host == naive.host && url->port == naive.port);
  FUZZ_CHECK(P10, url->target == naive.target);
  const auto again = HttpUrl::Parse(url->ToString());
  FUZZ_CHECK(P9, again.has_value());
  FUZZ_CHECK(P9, *again == *url);
  CheckResolve(*url, reference);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::RunOne({data, size});
  return 0;
}
