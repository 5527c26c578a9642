#include "stack/app/http_url.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "stack/wire/http_text.h"

namespace aether::app {
namespace {

constexpr bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// [RFC 3986 3.1] the scheme of a text that has one, without the colon.
std::optional<std::string_view> SchemeOf(std::string_view text) {
  if (text.empty() || !IsLetter(text[0])) return std::nullopt;
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':') return text.substr(0, i);
    if (!IsLetter(c) && !IsDigit(c) && c != '+' && c != '-' && c != '.') return std::nullopt;
  }
  return std::nullopt;
}

// For messages: on one line, whatever it holds, and not without end.
std::string Shown(std::string_view text) {
  constexpr size_t kShownMax = 200;
  std::string out;
  out.reserve(std::min(text.size(), kShownMax) + 5);
  out += '"';
  for (const char c : text.substr(0, kShownMax)) out += c < ' ' || c > '~' ? '?' : c;
  if (text.size() > kShownMax) out.append("...");
  out += '"';
  return out;
}

bool HasOnlyUrlBytes(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

// [RFC 3986 3.2] host [ ":" port ]; the error is the end of a sentence.
std::optional<std::string> TakeAuthority(std::string_view authority, HttpUrl& url) {
  if (authority.find('@') != std::string_view::npos)
    return "has a user name, which is not supported";
  if (authority.starts_with('[')) return "has an IPv6 address, which is not supported";
  const size_t colon = authority.find(':');
  std::string_view host = authority.substr(0, colon);
  if (colon != std::string_view::npos && colon + 1 < authority.size()) {
    uint32_t port = 0;
    for (const char c : authority.substr(colon + 1)) {
      if (!IsDigit(c)) return "has a port that is none";
      port = port * 10 + static_cast<uint32_t>(c - '0');
      if (port > 65535) return "has a port that is none";
    }
    if (port == 0) return "has a port that is none";
    url.port = static_cast<uint16_t>(port);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty()) return "has no host";
  // No name has an empty label; one at the end would be another name each time it is read.
  if (host.starts_with('.') || host.ends_with('.') || host.find("..") != std::string_view::npos)
    return "has a host that is no name";
  url.host.reserve(host.size());
  for (const char c : host) {
    if (!IsLetter(c) && !IsDigit(c) && c != '-' && c != '.' && c != '_')
      return "has a host that is no name";
    url.host += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
  return std::nullopt;
}

// [RFC 3986 5.2.4] "." and ".." go away.
std::string RemoveDotSegments(std::string_view path) {
  std::vector<std::string_view> segments;
  bool ends_in_slash = false;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    ends_in_slash = segment == "." || segment == "..";
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (segment != ".") {
      segments.push_back(segment);
    }
  }
  std::string out;
  for (const std::string_view segment : segments) out.append("/").append(segment);
  if (ends_in_slash || out.empty()) out += '/';
  return out;
}

}  // namespace

std::expected<HttpUrl, std::string> HttpUrl::Parse(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    std::string sentence = "The URL ";
    sentence.append(Shown(text)).append(" ").append(what).append(".");
    return std::unexpected(sentence);
  };
  if (text.size() > kSizeMax) return wrong("is too long");
  if (!HasOnlyUrlBytes(text))
    return wrong("holds a space or another character that must be percent-encoded");
  // In letters of either size.
  const std::string_view scheme = SchemeOf(text).value_or("");
  if (http_text::EqualsNoCase(scheme, "https"))
    return wrong("asks for https, which is not supported: only http is");
  if (!http_text::EqualsNoCase(scheme, "http") || !text.substr(5).starts_with("//"))
    return wrong("is no http URL: give one as http://host/path");
  std::string_view rest = text.substr(7);
  rest = rest.substr(0, rest.find('#'));  // [RFC 9110 7.1] a fragment is never sent
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  HttpUrl url;
  if (const auto fault = TakeAuthority(rest.substr(0, end), url)) return wrong(*fault);
  const std::string_view target = rest.substr(end);
  // [RFC 9110 4.2.3] an empty path is the same as "/".
  if (!target.starts_with('/')) url.target.push_back('/');
  url.target += target;
  return url;
}

std::expected<HttpUrl, std::string> HttpUrl::Resolve(std::string_view reference) const {
  if (SchemeOf(reference)) return Parse(reference);
  if (reference.starts_with("//")) return Parse(std::string("http:").append(reference));
  std::string base = "http://";
  base += Authority();
  const std::string_view path = std::string_view(target).substr(0, target.find('?'));
  if (reference.empty() || reference[0] == '#') return Parse(base + target);
  if (reference[0] == '?') return Parse(base + std::string(path) + std::string(reference));
  std::string absolute(reference);
  if (reference[0] != '/') {
    // [RFC 3986 5.2.3] in the place of what follows the last slash of our path.
    absolute.insert(0, path.substr(0, path.rfind('/') + 1));
  }
  const size_t end = std::min(absolute.find_first_of("?#"), absolute.size());
  return Parse(base + RemoveDotSegments(std::string_view(absolute).substr(0, end)) +
               absolute.substr(end));
}

std::string HttpUrl::Authority() const {
  std::string text = host;
  if (port != kDefaultPort) text.append(":").append(std::to_string(port));
  return text;
}

std::string HttpUrl::ToString() const {
  std::string text = "http://";
  return text.append(Authority()).append(target);
}

}  // namespace aether::app
