#include "stack/wire/http_response.h"

#include <algorithm>

#include "stack/wire/http_text.h"

namespace aether {

using http_text::EqualsNoCase;
using http_text::FindControl;
using http_text::IsDigit;
using http_text::NextElement;
using http_text::TakeLineEnd;
using http_text::Trim;

// One pass over a head. Every step says kNone, kHttpTooShort when the data ended, or what is wrong.
class HttpResponseParser {
 public:
  HttpResponseParser(Bytes data, uint32_t fields_max, HttpResponseView& view)
      : begin_(data.data()),
        at_(data.data()),
        end_(data.data() + data.size()),
        fields_max_(fields_max),
        view_(view) {
    view_.data_ = begin_;
  }

  Drop Run() {
    Drop drop = StatusLine();
    if (drop == Drop::kNone) drop = FieldLines();
    if (drop == Drop::kNone) drop = Conclude();
    return drop;
  }

 private:
  uint32_t Offset(const uint8_t* at) const { return static_cast<uint32_t>(at - begin_); }
  static std::string_view Text(const uint8_t* from, const uint8_t* to) {
    return {reinterpret_cast<const char*>(from), static_cast<size_t>(to - from)};
  }

  Drop LineEnd();
  Drop Version();
  Drop Status();
  Drop StatusLine();
  Drop FieldLines();
  Drop TakeField(std::string_view name, std::string_view value);
  Drop TakeTransferEncoding(std::string_view value);
  void TakeConnection(std::string_view value);
  Drop Conclude();

  const uint8_t* const begin_;
  const uint8_t* at_;
  const uint8_t* const end_;
  const uint32_t fields_max_;
  HttpResponseView& view_;
  bool has_length_ = false;
  bool has_coding_ = false;
  bool ends_chunked_ = false;
  bool other_coding_ = false;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
};

Drop HttpResponseParser::LineEnd() { return TakeLineEnd(at_, end_, Drop::kHttpBadResponse); }

// [RFC 9112 2.3] HTTP/DIGIT.DIGIT, case-sensitive.
Drop HttpResponseParser::Version() {
  static constexpr std::string_view kShape = "HTTP/0.0";
  const uint8_t* const version = at_;
  for (const char expected : kShape) {
    if (at_ == end_) return Drop::kHttpTooShort;
    const char c = static_cast<char>(*at_);
    if (expected == '0' ? !IsDigit(c) : c != expected) return Drop::kHttpBadResponse;
    ++at_;
  }
  if (version[5] != '1') return Drop::kHttpBadVersion;
  view_.minor_version_ = static_cast<uint8_t>(version[7] - '0');
  return Drop::kNone;
}

// [RFC 9112 section 4] SP and three digits.
Drop HttpResponseParser::Status() {
  if (at_ == end_) return Drop::kHttpTooShort;
  if (*at_++ != ' ') return Drop::kHttpBadResponse;
  for (int i = 0; i < 3; ++i) {
    if (at_ == end_) return Drop::kHttpTooShort;
    const char c = static_cast<char>(*at_++);
    if (!IsDigit(c) || (i == 0 && c == '0')) return Drop::kHttpBadResponse;
    view_.status_ = static_cast<uint16_t>(view_.status_ * 10 + (c - '0'));
  }
  return Drop::kNone;
}

Drop HttpResponseParser::StatusLine() {
  if (const Drop drop = Version(); drop != Drop::kNone) return drop;
  if (const Drop drop = Status(); drop != Drop::kNone) return drop;
  if (at_ == end_) return Drop::kHttpTooShort;
  if (*at_ == ' ') {
    // [RFC 9112 section 4] the reason is for people and ignored.
    const uint8_t* const reason = ++at_;
    at_ = FindControl(at_, end_);
    view_.reason_offset_ = Offset(reason);
    view_.reason_size_ = static_cast<uint32_t>(at_ - reason);
  }
  return LineEnd();
}

Drop HttpResponseParser::FieldLines() {
  view_.fields_offset_ = Offset(at_);
  for (uint32_t fields = 0;; ++fields) {
    if (at_ == end_) return Drop::kHttpTooShort;
    if (*at_ == '\r' || *at_ == '\n') return LineEnd();
    if (fields == fields_max_) return Drop::kHttpHeadersTooLarge;
    // [RFC 9112 5.1] a name is a token. A proxy would strip space before the colon; what it means
    // is doubtful, so it is refused here, and with it [RFC 9112 5.2] a line that begins with a
    // space.
    const uint8_t* const name = at_;
    while (at_ != end_ && IsHttpTokenByte(*at_)) ++at_;
    if (at_ == end_) return Drop::kHttpTooShort;
    if (*at_ != ':' || at_ == name) return Drop::kHttpBadResponse;
    const uint8_t* const name_end = at_++;
    const uint8_t* const value = at_;
    at_ = FindControl(at_, end_);
    const uint8_t* const value_end = at_;
    if (const Drop drop = LineEnd(); drop != Drop::kNone) return drop;
    if (const Drop drop = TakeField(Text(name, name_end), Text(value, value_end));
        drop != Drop::kNone)
      return drop;
  }
}

Drop HttpResponseParser::TakeField(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 10:
      if (EqualsNoCase(name, "connection")) TakeConnection(Trim(value));
      return Drop::kNone;
    case 14:
      if (!EqualsNoCase(name, "content-length")) return Drop::kNone;
      // [RFC 9112 6.3] lengths that are none, or not the same, make a response unusable.
      return http_text::TakeContentLength(Trim(value), has_length_, view_.content_length_)
                 ? Drop::kNone
                 : Drop::kHttpBadLength;
    case 17:
      return EqualsNoCase(name, "transfer-encoding") ? TakeTransferEncoding(Trim(value))
                                                     : Drop::kNone;
    default:
      return Drop::kNone;
  }
}

// [RFC 9112 6.1] chunked is never applied twice, and nothing after it.
Drop HttpResponseParser::TakeTransferEncoding(std::string_view value) {
  has_coding_ = true;
  std::string_view element;
  while (NextElement(value, element)) {
    if (element.empty()) continue;
    if (ends_chunked_) return Drop::kHttpBadCoding;
    ends_chunked_ = EqualsNoCase(element, "chunked");
    if (!ends_chunked_) other_coding_ = true;
  }
  return Drop::kNone;
}

void HttpResponseParser::TakeConnection(std::string_view value) {
  std::string_view element;
  while (NextElement(value, element)) {
    if (EqualsNoCase(element, "close")) says_close_ = true;
    if (EqualsNoCase(element, "keep-alive")) says_keep_alive_ = true;
  }
}

Drop HttpResponseParser::Conclude() {
  if (has_coding_) {
    // [RFC 9112 6.3] a length beside a coding is a sign of response splitting; [RFC 9112 6.1] so is
    // a coding in a response of 1.0. Both ought to be treated as faults.
    if (has_length_ || view_.minor_version_ == 0) return Drop::kHttpBadLength;
    // We ask for no coding but the one that everybody has; content in another is of no use.
    if (other_coding_ || !ends_chunked_) return Drop::kHttpBadCoding;
    view_.body_ = HttpBody::kChunked;
  } else if (has_length_) {
    view_.body_ = HttpBody::kLength;
  }
  view_.keep_alive_ = !says_close_ && (view_.minor_version_ >= 1 || says_keep_alive_);
  view_.head_size_ = Offset(at_);
  return Drop::kNone;
}

std::expected<HttpResponseView, Drop> HttpResponseView::Parse(Bytes data, uint32_t fields_max) {
  HttpResponseView view;
  const Drop drop = HttpResponseParser(data, fields_max, view).Run();
  if (drop != Drop::kNone) return std::unexpected(drop);
  return view;
}

std::optional<std::string_view> HttpResponseView::Find(std::string_view lower_name) const {
  // Every line has been walked before: a name, a colon, and an end.
  std::string_view rest = Text(fields_offset_, head_size_ - fields_offset_);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) break;  // the empty line
    if (!EqualsNoCase(line.substr(0, colon), lower_name)) continue;
    std::string_view value = line.substr(colon + 1);
    if (value.ends_with('\r')) value.remove_suffix(1);
    return Trim(value);
  }
  return std::nullopt;
}

void UnfoldHttpFields(MutableBytes head) {
  const auto status_line = std::ranges::find(head, '\n');
  if (status_line == head.end()) return;
  bool is_empty = true;  // the line so far: the empty line has nothing to join
  for (size_t i = static_cast<size_t>(status_line - head.begin()) + 1; i + 1 < head.size(); ++i) {
    if (head[i] != '\n') {
      if (head[i] != '\r') is_empty = false;
      continue;
    }
    if (!is_empty && (head[i + 1] == ' ' || head[i + 1] == '\t')) {
      head[i] = ' ';
      if (head[i - 1] == '\r') head[i - 1] = ' ';
    } else {
      is_empty = true;
    }
  }
}

}  // namespace aether
