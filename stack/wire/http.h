// HTTP/1.x requests (RFC 9110, RFC 9112): the head, the end of a head that comes in pieces, the
// framing of a chunked body, and the path. Nothing here allocates or copies; nothing is looked at
// more than a constant number of times.
//
// Strict where leniency lets two readers disagree: bare CR, NUL, obs-fold, space before a colon, a
// length and a coding at once are all refused. One leniency of RFC 9112 2.2 is taken: a lone LF
// ends a line of the head (not of a chunk).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"

namespace aether {

enum class HttpMethod : uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kConnect,
  kOptions,
  kTrace,
  kPatch,
  kUnknown,  // a token that is none of these
};
HttpMethod HttpMethodOf(std::string_view token);

// [RFC 9110 5.6.2] what a token consists of.
bool IsHttpTokenByte(uint8_t byte);

// The value of a hexadecimal digit in either case, -1 for anything else.
constexpr int HttpHexValue(int c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class HttpTargetForm : uint8_t { kOrigin, kAbsolute, kAuthority, kAsterisk };

// How the content of a request is framed.
enum class HttpBody : uint8_t {
  kNone,
  kLength,  // content_length() bytes, which may be 0
  kChunked,
  kUnknownCoding,  // chunked around codings that are not known here: where it ends is known, what
                   // it says is not
};

enum class HttpExpect : uint8_t { kNone, kContinue, kUnknown };

struct HttpHeadLimits {
  // [RFC 9112 section 3] request lines of 8,000 octets and more should be understood.
  uint32_t target_bytes_max = 8000;
  // Field lines with their ends, and the empty line.
  uint32_t header_bytes_max = 16384;
  uint32_t fields_max = 100;

  static constexpr uint32_t kMethodBytesMax = 32;
  static constexpr uint32_t kLeadingLinesMax = 4;
  // No request line, with empty lines before it, and no head that is longer than this is ever
  // accepted.
  constexpr uint32_t RequestLineBytesMax() const {
    return 2 * kLeadingLinesMax + kMethodBytesMax + 1 + target_bytes_max + 11;
  }
  constexpr uint32_t HeadBytesMax() const { return RequestLineBytesMax() + header_bytes_max; }
};

class HttpRequestView {
 public:
  // `data` begins with a request. kHttpTooShort: no fault so far, but the head is not complete. Any
  // other error is final, whatever follows: 414 for kHttpUriTooLong, 431 for kHttpHeadersTooLarge,
  // 505 for kHttpBadVersion, 400 for the rest.
  static std::expected<HttpRequestView, Drop> Parse(Bytes data, const HttpHeadLimits& limits);

  // Bytes up to and with the empty line.
  size_t head_size() const { return head_size_; }
  HttpMethod method() const { return method_; }
  std::string_view target() const { return Text(target_offset_, target_size_); }
  HttpTargetForm form() const { return form_; }
  // Still percent-encoded; begins with '/' in origin and absolute form, empty in the others.
  std::string_view path() const;
  // What follows the '?', empty when there is none.
  std::string_view query() const { return Text(query_offset_, query_size_); }
  // From an absolute target or else the Host field; may be empty.
  std::string_view host() const { return Text(host_offset_, host_size_); }
  // The version is 1.minor; minors above 1 behave as 1.
  uint8_t minor_version() const { return minor_version_; }
  // [RFC 9112 9.3] what version and Connection field say about the connection.
  bool keep_alive() const { return keep_alive_; }
  HttpBody body() const { return body_; }
  uint64_t content_length() const { return content_length_; }
  HttpExpect expect() const { return expect_; }

 private:
  friend class HttpHeadParser;
  HttpRequestView() = default;
  std::string_view Text(uint32_t offset, uint32_t size) const {
    return {reinterpret_cast<const char*>(data_) + offset, size};
  }

  const uint8_t* data_ = nullptr;
  uint64_t content_length_ = 0;
  uint32_t head_size_ = 0;
  uint32_t target_offset_ = 0;
  uint32_t target_size_ = 0;
  uint32_t path_offset_ = 0;
  uint32_t path_size_ = 0;
  uint32_t query_offset_ = 0;
  uint32_t query_size_ = 0;
  uint32_t host_offset_ = 0;
  uint32_t host_size_ = 0;
  HttpMethod method_ = HttpMethod::kUnknown;
  HttpTargetForm form_ = HttpTargetForm::kOrigin;
  HttpBody body_ = HttpBody::kNone;
  HttpExpect expect_ = HttpExpect::kNone;
  uint8_t minor_version_ = 0;
  bool keep_alive_ = false;
};

// Finds the end of a head that arrives in pieces, each byte looked at once. It judges nothing:
// Parse does, when the head is complete or has grown too long.
class HttpHeadScanner {
 public:
  // Takes the bytes behind those taken before. True once the head is complete; nothing behind it is
  // taken.
  bool Feed(Bytes piece);
  // Bytes taken; the size of the head once it is complete.
  uint32_t size() const { return size_; }
  // The head is not complete, and whatever follows Parse will find an error in what was taken.
  bool IsTooLong(const HttpHeadLimits& limits) const {
    return request_line_size_ == 0 ? size_ > limits.RequestLineBytesMax()
                                   : size_ - request_line_size_ >= limits.header_bytes_max;
  }

 private:
  uint32_t size_ = 0;
  uint32_t request_line_size_ = 0;  // with empty lines before it; 0 until it was seen
  uint8_t line_bytes_ = 0;          // of the current line: 0, 1, or 2 for more
  bool begins_with_cr_ = false;
};

}  // namespace aether
