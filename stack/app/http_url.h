// http URLs (RFC 3986, RFC 9110 4.2.1): what a client needs of one to ask for it. Strict: what a
// request could not carry, or a person would not have meant, is refused with a sentence. Left out:
// user names, IPv6 literals, internationalised names.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace aether::app {

struct HttpUrl {
  static constexpr size_t kSizeMax = 8000;
  static constexpr uint16_t kDefaultPort = 80;

  std::string host;  // in lower case, without a dot at the end
  uint16_t port = kDefaultPort;
  std::string target;  // path and query; begins with '/'

  // The error is a sentence that names what is wrong.
  static std::expected<HttpUrl, std::string> Parse(std::string_view text);
  // [RFC 3986 section 5] a reference found in a response to this URL, such as a Location.
  std::expected<HttpUrl, std::string> Resolve(std::string_view reference) const;

  // [RFC 9110 7.2] what the Host field says.
  std::string Authority() const;
  std::string ToString() const;
  bool operator==(const HttpUrl&) const = default;
};

}  // namespace aether::app
