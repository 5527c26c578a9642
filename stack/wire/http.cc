#include "stack/wire/http.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "stack/base/inline.h"
#include "stack/wire/http_text.h"

namespace aether {
namespace {

using http_text::EqualsNoCase;
using http_text::FindControl;
using http_text::IsDigit;
using http_text::NextElement;
using http_text::Repeat;
using http_text::TakeLineEnd;
using http_text::Trim;

constexpr bool IsAlnum(int c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

enum : uint8_t { kToken = 1, kTarget = 2, kHost = 4, kHostName = 8 };

// Which bytes may stand where.
constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  const std::string_view token = "!#$%&'*+-.^_`|~";     // RFC 9110 5.6.2
  const std::string_view host = "-._~%!$&'()*+,;=:[]";  // RFC 3986 3.2.2 and the port
  for (int c = 0; c < 256; ++c) {
    const char ch = static_cast<char>(c);
    uint8_t& bits = classes[static_cast<size_t>(c)];
    if (IsAlnum(c) || token.find(ch) != token.npos) bits |= kToken;
    if (IsAlnum(c) || host.find(ch) != host.npos) bits |= kHost;
    if (IsAlnum(c) || ch == '.' || ch == '-') bits |= kHostName;
    // Wider than RFC 3986: what clients leave unescaped in queries does no harm. A fragment is
    // never sent.
    if (c > 0x20 && c < 0x7f && c != '#') bits |= kTarget;
  }
  return classes;
}();

constexpr bool Is(uint8_t byte, uint8_t class_bits) { return (kClasses[byte] & class_bits) != 0; }

// The first byte that does not stand in a target, or `end`.
const uint8_t* FindTargetEnd(const uint8_t* at, const uint8_t* end) {
  if constexpr (std::endian::native == std::endian::little) {
    while (end - at >= 8) {
      uint64_t word;
      std::memcpy(&word, at, sizeof word);
      const uint64_t not_hash = word ^ Repeat('#');
      // Bytes up to 0x20, '#', and from 0x7f on. Carries and borrows can only mark a byte behind
      // one that is marked rightly.
      const uint64_t marks = (((word - Repeat(0x21)) & ~word) |
                              ((not_hash - Repeat(1)) & ~not_hash) | (word + Repeat(1)) | word) &
                             Repeat(0x80);
      if (marks != 0) return at + std::countr_zero(marks) / 8;
      at += 8;
    }
  }
  while (at != end && Is(*at, kTarget)) ++at;
  return at;
}

// [RFC 9110 7.2] uri-host [":" port]; empty is allowed.
bool IsHost(std::string_view host) {
  uint8_t common = 0xff;
  for (const char c : host) common &= kClasses[static_cast<uint8_t>(c)];
  if ((common & kHostName) != 0) [[likely]]
    return true;  // neither port nor brackets
  if ((common & kHost) == 0) return false;
  size_t port = host.find(':');
  if (!host.empty() && host.front() == '[') {
    const size_t bracket = host.find(']');
    if (bracket == host.npos) return false;
    port = bracket + 1 == host.size() ? host.npos : bracket + 1;
    if (port != host.npos && host[port] != ':') return false;
  } else if (host.find_first_of("[]") != host.npos) {
    return false;
  }
  if (port == host.npos) return true;
  return std::all_of(host.begin() + static_cast<ptrdiff_t>(port) + 1, host.end(), IsDigit);
}

}  // namespace

bool IsHttpTokenByte(uint8_t byte) { return Is(byte, kToken); }

HttpMethod HttpMethodOf(std::string_view token) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (token == kNames[i]) return static_cast<HttpMethod>(i);
  }
  return HttpMethod::kUnknown;
}

// One pass over a head. Every step says kNone, kHttpTooShort when the data ended, or what is wrong.
class HttpHeadParser {
 public:
  HttpHeadParser(Bytes data, const HttpHeadLimits& limits, HttpRequestView& view)
      : begin_(data.data()),
        at_(data.data()),
        end_(data.data() + data.size()),
        limits_(limits),
        view_(view) {
    view_.data_ = begin_;
  }

  Drop Run();

 private:
  uint32_t Offset(const uint8_t* at) const { return static_cast<uint32_t>(at - begin_); }
  uint32_t Offset(std::string_view text) const {
    return static_cast<uint32_t>(text.data() - reinterpret_cast<const char*>(begin_));
  }
  static std::string_view Text(const uint8_t* from, const uint8_t* to) {
    return {reinterpret_cast<const char*>(from), static_cast<size_t>(to - from)};
  }

  Drop LineEnd();
  Drop SkipEmptyLines();
  Drop RequestLine();
  Drop Method();
  Drop Target();
  Drop ClassifyTarget(std::string_view target);
  Drop Version();
  Drop Fields();
  Drop FieldLines();
  Drop TakeField(std::string_view name, std::string_view value);
  Drop TakeHost(std::string_view value);
  Drop TakeContentLength(std::string_view value);
  Drop TakeTransferEncoding(std::string_view value);
  void TakeConnection(std::string_view value);
  Drop Conclude();

  const uint8_t* const begin_;
  const uint8_t* at_;
  const uint8_t* end_;
  const HttpHeadLimits& limits_;
  HttpRequestView& view_;
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_coding_ = false;
  bool ends_chunked_ = false;
  bool other_coding_ = false;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
};

AETHER_INLINE Drop HttpHeadParser::LineEnd() {
  return TakeLineEnd(at_, end_, Drop::kHttpBadRequest);
}

// [RFC 9112 2.2] empty lines before the request line are ignored, a few of them.
AETHER_INLINE Drop HttpHeadParser::SkipEmptyLines() {
  for (uint32_t lines = 0; at_ != end_ && (*at_ == '\r' || *at_ == '\n'); ++lines) {
    if (lines == HttpHeadLimits::kLeadingLinesMax) return Drop::kHttpBadRequest;
    if (const Drop drop = LineEnd(); drop != Drop::kNone) return drop;
  }
  return Drop::kNone;
}

// [RFC 9112 section 3] method SP target SP version: exactly one space each.
AETHER_INLINE Drop HttpHeadParser::RequestLine() {
  if (const Drop drop = Method(); drop != Drop::kNone) return drop;
  if (const Drop drop = Target(); drop != Drop::kNone) return drop;
  return Version();
}

AETHER_INLINE Drop HttpHeadParser::Method() {
  if (end_ - at_ >= 4 && std::memcmp(at_, "GET ", 4) == 0) [[likely]] {
    view_.method_ = HttpMethod::kGet;
    at_ += 4;
    return Drop::kNone;
  }
  const uint8_t* const method = at_;
  while (at_ != end_ && Is(*at_, kToken)) {
    if (++at_ - method > HttpHeadLimits::kMethodBytesMax) return Drop::kHttpBadRequest;
  }
  if (at_ == end_) return Drop::kHttpTooShort;
  if (at_ == method || *at_ != ' ') return Drop::kHttpBadRequest;
  view_.method_ = HttpMethodOf(Text(method, at_));
  ++at_;
  return Drop::kNone;
}

AETHER_INLINE Drop HttpHeadParser::Target() {
  const uint8_t* const target = at_;
  at_ = FindTargetEnd(at_, end_);
  // [RFC 9112 section 3] 414 for a target that is longer than this server parses.
  if (at_ - target > limits_.target_bytes_max) return Drop::kHttpUriTooLong;
  if (at_ == end_) return Drop::kHttpTooShort;
  if (at_ == target || *at_ != ' ') return Drop::kHttpBadRequest;
  view_.target_offset_ = Offset(target);
  view_.target_size_ = static_cast<uint32_t>(at_ - target);
  ++at_;
  // [RFC 9112 3.2.3] CONNECT has the authority form and no other.
  if (view_.target_size_ == 1 && *target == '/' && view_.method_ != HttpMethod::kConnect)
      [[likely]] {
    view_.path_offset_ = view_.target_offset_;
    view_.path_size_ = 1;
    return Drop::kNone;
  }
  return ClassifyTarget(Text(target, at_ - 1));
}

// [RFC 9112 3.2] the four forms, each where it may stand.
AETHER_INLINE Drop HttpHeadParser::ClassifyTarget(std::string_view target) {
  if (view_.method_ == HttpMethod::kConnect) {
    view_.form_ = HttpTargetForm::kAuthority;
    return IsHost(target) ? Drop::kNone : Drop::kHttpBadRequest;
  }
  if (target == "*") {
    view_.form_ = HttpTargetForm::kAsterisk;
    return view_.method_ == HttpMethod::kOptions ? Drop::kNone : Drop::kHttpBadRequest;
  }
  std::string_view path = target;
  if (target.front() != '/') {
    // [RFC 9112 3.2.2] a server takes the absolute form, and its authority instead of the Host
    // field.
    view_.form_ = HttpTargetForm::kAbsolute;
    size_t scheme = 0;
    if (target.size() > 7 && EqualsNoCase(target.substr(0, 4), "http"))
      scheme = target[4] == ':' ? 4 : 5;
    if (scheme == 0 || (scheme == 5 && (target[4] | 0x20) != 's') ||
        target.substr(scheme, 3) != "://") {
      return Drop::kHttpBadRequest;
    }
    const size_t authority = scheme + 3;
    const size_t end = std::min(target.find_first_of("/?", authority), target.size());
    const std::string_view host = target.substr(authority, end - authority);
    // [RFC 9110 4.2.1] an http URI without a host is invalid. [RFC 9110 4.2.4] so is userinfo from
    // an untrusted source.
    if (host.empty() || host.front() == ':' || !IsHost(host)) return Drop::kHttpBadRequest;
    view_.host_offset_ = Offset(host);
    view_.host_size_ = static_cast<uint32_t>(host.size());
    path = target.substr(end);
  }
  const size_t question = std::min(path.find('?'), path.size());
  view_.path_offset_ = Offset(path);
  view_.path_size_ = static_cast<uint32_t>(question);
  if (question != path.size()) {
    view_.query_offset_ = view_.path_offset_ + static_cast<uint32_t>(question) + 1;
    view_.query_size_ = static_cast<uint32_t>(path.size() - question - 1);
  }
  return Drop::kNone;
}

// [RFC 9112 2.3] HTTP/DIGIT.DIGIT, case-sensitive.
AETHER_INLINE Drop HttpHeadParser::Version() {
  if (end_ - at_ >= 10 && std::memcmp(at_, "HTTP/1.1\r\n", 10) == 0) [[likely]] {
    view_.minor_version_ = 1;
    at_ += 10;
    return Drop::kNone;
  }
  static constexpr std::string_view kShape = "HTTP/0.0";
  const uint8_t* const version = at_;
  for (const char expected : kShape) {
    if (at_ == end_) return Drop::kHttpTooShort;
    const char c = static_cast<char>(*at_);
    if (expected == '0' ? !IsDigit(c) : c != expected) return Drop::kHttpBadRequest;
    ++at_;
  }
  if (const Drop drop = LineEnd(); drop != Drop::kNone) return drop;
  // [RFC 9110 15.6.6] 505 for a major version that is not spoken here.
  if (version[5] != '1') return Drop::kHttpBadVersion;
  view_.minor_version_ = static_cast<uint8_t>(version[7] - '0');
  return Drop::kNone;
}

// Looks at no more bytes than the limit, so that the answer does not depend on how much has
// arrived.
AETHER_INLINE Drop HttpHeadParser::Fields() {
  const bool cut = static_cast<size_t>(end_ - at_) >= limits_.header_bytes_max;
  if (cut) end_ = at_ + limits_.header_bytes_max;
  const Drop drop = FieldLines();
  // [RFC 6585 section 5] 431 for a header section that is too large.
  return drop == Drop::kHttpTooShort && cut ? Drop::kHttpHeadersTooLarge : drop;
}

AETHER_INLINE Drop HttpHeadParser::FieldLines() {
  for (uint32_t fields = 0;; ++fields) {
    if (at_ == end_) return Drop::kHttpTooShort;
    if (*at_ == '\r' || *at_ == '\n') return LineEnd();
    if (fields == limits_.fields_max) return Drop::kHttpHeadersTooLarge;
    // [RFC 9112 5.1] a name is a token with the colon right behind it: no space before it.
    // [RFC 9112 5.2] a line that begins with a space (obs-fold) is refused by the same test.
    const uint8_t* const name = at_;
    // Nearly every head has this field; letters differ in one bit from their capitals.
    const bool is_host =
        end_ - at_ > 4 && at_[4] == ':' && (LoadBe<uint32_t>(at_) | 0x20202020) == 0x686f7374;
    if (is_host) {
      at_ += 4;
    } else {
      while (at_ != end_ && Is(*at_, kToken)) ++at_;
    }
    if (at_ == end_) return Drop::kHttpTooShort;
    if (*at_ != ':' || at_ == name) return Drop::kHttpBadRequest;
    const uint8_t* const name_end = at_++;
    // [RFC 9110 5.5] values hold no control characters but tabs: NUL and a bare CR end here as what
    // LineEnd refuses.
    const uint8_t* const value = at_;
    at_ = FindControl(at_, end_);
    const uint8_t* const value_end = at_;
    if (const Drop drop = LineEnd(); drop != Drop::kNone) return drop;
    const Drop drop = is_host ? TakeHost(Trim(Text(value, value_end)))
                              : TakeField(Text(name, name_end), Text(value, value_end));
    if (drop != Drop::kNone) return drop;
  }
}

// All names but Host.
Drop HttpHeadParser::TakeField(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 6:
      // [RFC 9110 10.1.1] 100-continue is the only expectation there is.
      if (!EqualsNoCase(name, "expect")) return Drop::kNone;
      view_.expect_ =
          EqualsNoCase(Trim(value), "100-continue") && view_.expect_ != HttpExpect::kUnknown
              ? HttpExpect::kContinue
              : HttpExpect::kUnknown;
      return Drop::kNone;
    case 10:
      if (EqualsNoCase(name, "connection")) TakeConnection(Trim(value));
      return Drop::kNone;
    case 14:
      return EqualsNoCase(name, "content-length") ? TakeContentLength(Trim(value)) : Drop::kNone;
    case 17:
      return EqualsNoCase(name, "transfer-encoding") ? TakeTransferEncoding(Trim(value))
                                                     : Drop::kNone;
    default:
      return Drop::kNone;
  }
}

// [RFC 9112 3.2] more than one Host field, or one that is no host, is a bad request.
AETHER_INLINE Drop HttpHeadParser::TakeHost(std::string_view value) {
  if (has_host_ || !IsHost(value)) return Drop::kHttpBadRequest;
  has_host_ = true;
  if (view_.form_ != HttpTargetForm::kAbsolute) {
    view_.host_offset_ = Offset(value);
    view_.host_size_ = static_cast<uint32_t>(value.size());
  }
  return Drop::kNone;
}

Drop HttpHeadParser::TakeContentLength(std::string_view value) {
  return http_text::TakeContentLength(value, has_length_, view_.content_length_)
             ? Drop::kNone
             : Drop::kHttpBadLength;
}

// [RFC 9112 6.1] chunked stands once and last; no other coding is known here.
Drop HttpHeadParser::TakeTransferEncoding(std::string_view value) {
  has_coding_ = true;
  std::string_view element;
  while (NextElement(value, element)) {
    if (element.empty()) continue;  // [RFC 9110 5.6.1.2] empty elements of a list are ignored
    if (ends_chunked_) return Drop::kHttpBadLength;
    ends_chunked_ = EqualsNoCase(element, "chunked");
    if (!ends_chunked_) other_coding_ = true;
  }
  return Drop::kNone;
}

// [RFC 9110 7.6.1] a list of options, in any case.
void HttpHeadParser::TakeConnection(std::string_view value) {
  std::string_view element;
  while (NextElement(value, element)) {
    if (EqualsNoCase(element, "close")) says_close_ = true;
    if (EqualsNoCase(element, "keep-alive")) says_keep_alive_ = true;
  }
}

AETHER_INLINE Drop HttpHeadParser::Conclude() {
  // [RFC 9112 3.2] a request of 1.1 without a Host field is a bad request.
  if (!has_host_ && view_.minor_version_ >= 1) return Drop::kHttpBadRequest;
  if (has_coding_) {
    // [RFC 9112 6.1] a length beside a coding, and a coding from a 1.0 client, are signs of
    // smuggling. [RFC 9112 6.3] without chunked at the end nobody knows where the content ends.
    if (has_length_ || view_.minor_version_ == 0 || !ends_chunked_) return Drop::kHttpBadLength;
    view_.body_ = other_coding_ ? HttpBody::kUnknownCoding : HttpBody::kChunked;
  } else if (has_length_) {
    view_.body_ = HttpBody::kLength;
  }
  // [RFC 9112 9.3] close wins; 1.1 persists unless told otherwise, 1.0 only when told.
  view_.keep_alive_ = !says_close_ && (view_.minor_version_ >= 1 || says_keep_alive_);
  // [RFC 9110 10.1.1] an expectation in a 1.0 request is ignored.
  if (view_.minor_version_ == 0) view_.expect_ = HttpExpect::kNone;
  view_.head_size_ = Offset(at_);
  return Drop::kNone;
}

AETHER_INLINE Drop HttpHeadParser::Run() {
  Drop drop = SkipEmptyLines();
  if (drop == Drop::kNone) drop = RequestLine();
  if (drop == Drop::kNone) drop = Fields();
  if (drop == Drop::kNone) drop = Conclude();
  return drop;
}

std::expected<HttpRequestView, Drop> HttpRequestView::Parse(Bytes data,
                                                            const HttpHeadLimits& limits) {
  std::expected<HttpRequestView, Drop> view{HttpRequestView()};
  const Drop drop = HttpHeadParser(data, limits, *view).Run();
  if (drop != Drop::kNone) view = std::unexpected(drop);
  return view;
}

std::string_view HttpRequestView::path() const {
  // [RFC 9110 4.2.3] an empty path of an absolute URI is the same as "/".
  if (form_ == HttpTargetForm::kAbsolute && path_size_ == 0) return "/";
  return Text(path_offset_, path_size_);
}

bool HttpHeadScanner::Feed(Bytes piece) {
  const uint8_t* at = piece.data();
  const uint8_t* const end = at + piece.size();
  while (at != end) {
    if (line_bytes_ == 0) begins_with_cr_ = *at == '\r';
    const void* const found = std::memchr(at, '\n', static_cast<size_t>(end - at));
    const uint8_t* const line_end = found == nullptr ? end : static_cast<const uint8_t*>(found);
    const size_t bytes = static_cast<size_t>(line_end - at);
    line_bytes_ = static_cast<uint8_t>(std::min<size_t>(line_bytes_ + bytes, 2));
    size_ += static_cast<uint32_t>(bytes);
    if (found == nullptr) return false;
    ++size_;
    at = line_end + 1;
    const bool empty = line_bytes_ == 0 || (line_bytes_ == 1 && begins_with_cr_);
    line_bytes_ = 0;
    if (empty && request_line_size_ > 0) return true;
    if (!empty && request_line_size_ == 0) request_line_size_ = size_;
  }
  return false;
}

}  // namespace aether
