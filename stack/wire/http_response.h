// The head of an HTTP/1.x response (RFC 9110, RFC 9112): status line, fields, and what they say
// about the content. A user of HttpResponseReader sees heads that are complete; here nothing is
// kept.
//
// As strict as for requests where leniency lets two readers disagree: bare CR, NUL, space before a
// colon, two lengths, a length beside a coding. The reason phrase may be missing with its space, as
// some servers have it. Left out: what fields mean beyond framing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"
#include "stack/wire/http.h"

namespace aether {

class HttpResponseView {
 public:
  // `data` begins with a response. kHttpTooShort: no fault so far, but the head is not complete;
  // any other error is final, whatever follows.
  static std::expected<HttpResponseView, Drop> Parse(Bytes data, uint32_t fields_max);

  // Bytes up to and with the empty line.
  size_t head_size() const { return head_size_; }
  // 100 to 999; [RFC 9110 section 15] what is above 599 counts as an error of the server.
  uint16_t status() const { return status_; }
  // The version is 1.minor; minors above 1 behave as 1.
  uint8_t minor_version() const { return minor_version_; }
  // As it came; may be empty, and may hold bytes beyond ASCII.
  std::string_view reason() const { return Text(reason_offset_, reason_size_); }
  // What the fields say; the status and the method of the request may say that there is no content.
  // kNone: neither a length nor a coding, so it ends with the connection.
  HttpBody body() const { return body_; }
  uint64_t content_length() const { return content_length_; }
  // [RFC 9112 9.3] what version and Connection field say about the connection.
  bool keep_alive() const { return keep_alive_; }
  // The value of the first field of that name, in lower case, without the space around it.
  std::optional<std::string_view> Find(std::string_view lower_name) const;

 private:
  friend class HttpResponseParser;
  HttpResponseView() = default;
  std::string_view Text(uint32_t offset, uint32_t size) const {
    return {reinterpret_cast<const char*>(data_) + offset, size};
  }

  const uint8_t* data_ = nullptr;
  uint64_t content_length_ = 0;
  uint32_t head_size_ = 0;
  uint32_t reason_offset_ = 0;
  uint32_t reason_size_ = 0;
  uint32_t fields_offset_ = 0;
  uint16_t status_ = 0;
  HttpBody body_ = HttpBody::kNone;
  uint8_t minor_version_ = 0;
  bool keep_alive_ = false;
};

// [RFC 9112 5.2] joins folded lines of a complete head with spaces, in place, as a user agent must
// before it interprets them. A fold right behind the status line stays, for Parse to refuse.
void UnfoldHttpFields(MutableBytes head);

}  // namespace aether
