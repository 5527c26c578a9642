// The head of a request as RFC 9112 section 3 describes it, read a line at a time: the second
// opinion of http_request_fuzzer.cc and of http_server_fuzzer.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/naive_http.h"
#include "stack/wire/http.h"

namespace aether::fuzz {

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
inline bool NaiveIsHost(std::string_view host) {
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
inline bool NaiveTakeTarget(NaiveRequest& request) {
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

inline bool NaiveTakeRequestLine(std::string_view line, const HttpHeadLimits& limits,
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

inline bool NaiveTakeField(std::string_view line, NaiveRequest& request) {
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

inline NaiveRequest NaiveParseRequest(std::string_view text, const HttpHeadLimits& limits) {
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

}  // namespace aether::fuzz
