// Requests and responses of the HTTP server.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "stack/app/http_server.h"
#include "stack/base/check.h"
#include "stack/wire/http_path.h"

namespace aether::app {
namespace {

constexpr std::string_view kEchoPrefix = "Aether Echo: ";
constexpr std::string_view kEchoSuffix = "> ";
constexpr std::string_view kIndexName = "/index.html";
// Enough for the header of a file.
constexpr size_t kFileHeaderBytesMax = 384;
constexpr size_t kMediaTypeBytesMax = 128;

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

HttpStatus StatusOf(Drop drop) {
  switch (drop) {
    case Drop::kHttpUriTooLong:
      return HttpStatus::kUriTooLong;
    case Drop::kHttpHeadersTooLarge:
      return HttpStatus::kHeadersTooLarge;
    case Drop::kHttpBadVersion:
      return HttpStatus::kVersionNotSupported;
    default:
      return HttpStatus::kBadRequest;
  }
}

// Begins with a method and a space, or with as much of them as there is.
bool MayBeHttp(Bytes data) {
  static constexpr std::string_view kBeginnings[] = {
      "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "};
  return std::ranges::any_of(kBeginnings, [&](std::string_view beginning) {
    const size_t size = std::min(data.size(), beginning.size());
    return std::memcmp(data.data(), beginning.data(), size) == 0;
  });
}

HttpPersistence PersistenceOf(const HttpRequestView& request, bool keep_alive) {
  // [RFC 9112 9.6] whoever will close says so.
  if (!keep_alive) return HttpPersistence::kClose;
  // [RFC 9112 9.3] to a 1.0 client the persistence must be confirmed.
  return request.minor_version() == 0 ? HttpPersistence::kKeepAlive : HttpPersistence::kDefault;
}

// Appends to an array that was made large enough.
class HeaderWriter {
 public:
  void Add(std::string_view text) {
    AETHER_CHECK(text.size() <= text_.size() - size_);
    std::copy(text.begin(), text.end(), text_.begin() + static_cast<ptrdiff_t>(size_));
    size_ += text.size();
  }
  void Add(uint64_t number) {
    const auto result = std::to_chars(text_.data() + size_, text_.data() + text_.size(), number);
    AETHER_CHECK(result.ec == std::errc());
    size_ = static_cast<size_t>(result.ptr - text_.data());
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, kFileHeaderBytesMax> text_;
  size_t size_ = 0;
};

}  // namespace

HttpServer::Next HttpServer::RunHead(Connection& connection, Instant now) {
  if (connection.blocked) {
    CheckProgress(connection, now);
    if (stack_.WriteSpace(connection.id) == 0) return Next::kWait;
  }
  if (connection.head_complete) return ParseGathered(connection, now);
  if (connection.scanner.size() > 0) return ScanHead(connection, now);
  const Bytes piece = stack_.Peek(connection.id);
  if (piece.empty()) return connection.peer_closed ? Close(connection) : Next::kWait;
  if (options_.original_echo && !MayBeHttp(piece)) return Echo(connection, now);
  const auto request = HttpRequestView::Parse(piece, options_.limits.head);
  if (request) [[likely]]
    return Respond(connection, *request, now);
  if (request.error() != Drop::kHttpTooShort)
    return Refuse(connection, StatusOf(request.error()), now);
  return ScanHead(connection, now);
}

// The head does not lie in one piece: its end is looked for, each byte once.
HttpServer::Next HttpServer::ScanHead(Connection& connection, Instant now) {
  // The deadline is set when the first byte is seen and not moved by later ones; a connection's
  // first request has its deadline from the beginning.
  if (connection.scanner.size() == 0 && !connection.first) {
    SetDeadline(connection, now + options_.limits.head_timeout);
  }
  partial_heads_bytes_ -= PartialHeadBytes(connection);
  HttpHeadScanner& scanner = connection.scanner;
  while (!connection.head_complete && !scanner.IsTooLong(options_.limits.head)) {
    const Bytes piece = stack_.Peek(connection.id, scanner.size());
    if (piece.empty()) {
      partial_heads_bytes_ += PartialHeadBytes(connection);
      if (connection.peer_closed) return Refuse(connection, HttpStatus::kBadRequest, now);
      if (partial_heads_bytes_ > options_.limits.partial_heads_bytes_max) {
        return Refuse(connection, HttpStatus::kUnavailable, now);
      }
      return Next::kWait;
    }
    connection.head_complete = scanner.Feed(piece);
  }
  connection.head_complete = true;  // or too long, which Parse will say
  return ParseGathered(connection, now);
}

uint64_t HttpServer::PartialHeadBytes(const Connection& connection) const {
  if (connection.scanner.size() == 0 || connection.head_complete) return 0;
  return uint64_t{connection.scanner.size()} + options_.limits.partial_head_base_bytes;
}

void HttpServer::EndPartialHead(Connection& connection) {
  partial_heads_bytes_ -= PartialHeadBytes(connection);
  connection.scanner = {};
}

HttpServer::Next HttpServer::ParseGathered(Connection& connection, Instant now) {
  const size_t size = std::min<size_t>(connection.scanner.size(), head_.size());
  Bytes head = stack_.Peek(connection.id);
  if (head.size() < size) {
    size_t gathered = 0;
    while (gathered < size) {
      const Bytes piece = stack_.Peek(connection.id, gathered);
      AETHER_CHECK(!piece.empty());
      const size_t taken = std::min(piece.size(), size - gathered);
      std::memcpy(head_.data() + gathered, piece.data(), taken);
      gathered += taken;
    }
    head = Bytes(head_).first(size);
  }
  const auto request = HttpRequestView::Parse(head, options_.limits.head);
  if (!request) return Refuse(connection, StatusOf(request.error()), now);
  return Respond(connection, *request, now);
}

// The original's own checks expect this: what is not HTTP comes back, framed by two texts, and the
// connection stays.
HttpServer::Next HttpServer::Echo(Connection& connection, Instant now) {
  const size_t frame = kEchoPrefix.size() + kEchoSuffix.size();
  const size_t space = stack_.WriteSpace(connection.id);
  if (space <= frame) return Block(connection, now);
  const size_t size = std::min(stack_.Readable(connection.id), space - frame);
  size_t written = stack_.Write(connection.id, AsBytes(kEchoPrefix));
  for (size_t done = 0; done < size;) {
    const Bytes piece = stack_.Peek(connection.id);
    const size_t wanted = std::min(piece.size(), size - done);
    written += stack_.Write(connection.id, piece.first(wanted));
    stack_.Consume(connection.id, wanted);
    done += wanted;
  }
  written += stack_.Write(connection.id, AsBytes(kEchoSuffix));
  if (written != size + frame) return Abort(connection);  // the stack is out of memory
  ++counters_.echoes;
  counters_.bytes_out += written;
  connection.blocked = false;
  connection.first = false;
  SetDeadline(connection, now + options_.limits.idle_timeout);
  return Next::kContinue;
}

HttpServer::Next HttpServer::Respond(Connection& connection, const HttpRequestView& request,
                                     Instant now) {
  bool keep_alive = request.keep_alive();
  const bool is_get = request.method() == HttpMethod::kGet || request.method() == HttpMethod::kHead;
  if (request.body() != HttpBody::kNone || request.expect() != HttpExpect::kNone) [[unlikely]] {
    // [RFC 9110 10.1.1] an expectation that is not known.
    if (request.expect() == HttpExpect::kUnknown) {
      return SendStatic(connection, request, HttpStatus::kExpectationFailed, false, now);
    }
    // [RFC 9112 6.1] a coding that is not known.
    if (request.body() == HttpBody::kUnknownCoding) {
      return SendStatic(connection, request, HttpStatus::kNotImplemented, false, now);
    }
    if (request.body() == HttpBody::kLength &&
        request.content_length() > options_.limits.body_bytes_max) {
      return SendStatic(connection, request, HttpStatus::kContentTooLarge, false, now);
    }
    // [RFC 9110 10.1.1] the final status comes instead of 100; whether the content follows nobody
    // knows then.
    if (request.expect() == HttpExpect::kContinue) keep_alive = false;
  }
  if (!is_get) [[unlikely]] {
    // [RFC 9110 9.1] 501 for a method that is not known, 405 for one that is not allowed.
    return SendStatic(connection, request,
                      request.method() == HttpMethod::kUnknown ? HttpStatus::kNotImplemented
                                                               : HttpStatus::kMethodNotAllowed,
                      keep_alive, now);
  }
  if (options_.content == nullptr && request.path().size() == 1) [[likely]] {
    return SendStatic(connection, request, HttpStatus::kOk, keep_alive, now);
  }
  return RespondToPath(connection, request, keep_alive, now);
}

HttpServer::Next HttpServer::RespondToPath(Connection& connection, const HttpRequestView& request,
                                           bool keep_alive, Instant now) {
  const auto decoded = DecodeHttpPath(request.path(), path_);
  if (!decoded) return SendStatic(connection, request, HttpStatus::kBadRequest, false, now);
  std::string_view path = decoded->path;
  const bool is_root = path.size() == 1;
  if (options_.content != nullptr) {
    if (stack_.WriteSpace(connection.id) < kFileHeaderBytesMax &&
        stack_.Unacknowledged(connection.id) > 0) {
      return Block(connection, now);
    }
    if (free_transfers_.empty())
      return SendStatic(connection, request, HttpStatus::kUnavailable, false, now);
    if (decoded->directory && !is_root) {
      std::memcpy(path_.data() + path.size(), kIndexName.data(), kIndexName.size());
      path = {path.data(), path.size() + kIndexName.size()};
    }
    std::unique_ptr<Content> content = options_.content->Open(path);
    if (content != nullptr)
      return SendFile(connection, request, std::move(content), keep_alive, now);
  }
  return SendStatic(connection, request, is_root ? HttpStatus::kOk : HttpStatus::kNotFound,
                    keep_alive, now);
}

HttpServer::Next HttpServer::SendStatic(Connection& connection, const HttpRequestView& request,
                                        HttpStatus status, bool keep_alive, Instant now) {
  const StaticBytes& response = responses_.Get(status, PersistenceOf(request, keep_alive),
                                               request.method() == HttpMethod::kHead);
  if (!stack_.WriteStatic(connection.id, response)) return Block(connection, now);
  Answered(connection, request, status, response.bytes.size(), keep_alive);
  return AfterResponse(connection, now);
}

HttpServer::Next HttpServer::SendFile(Connection& connection, const HttpRequestView& request,
                                      std::unique_ptr<Content> content, bool keep_alive,
                                      Instant now) {
  const uint64_t size = content->size();
  const std::string_view media_type = content->media_type();
  HeaderWriter header;
  header.Add("HTTP/1.1 200 OK\r\nServer: Aether\r\n");
  header.Add(HttpConnectionField(PersistenceOf(request, keep_alive)));
  header.Add("Content-Type: ");
  header.Add(media_type.size() <= kMediaTypeBytesMax ? media_type : "application/octet-stream");
  header.Add("\r\nContent-Length: ");
  header.Add(size);
  header.Add("\r\n\r\n");
  const size_t written = stack_.Write(connection.id, AsBytes(header.text()));
  if (written == 0) return Block(connection, now);
  if (written < header.text().size()) return Abort(connection);  // the stack is out of memory
  const bool head_only = request.method() == HttpMethod::kHead;
  Answered(connection, request, HttpStatus::kOk, written, keep_alive);
  if (head_only || size == 0) return AfterResponse(connection, now);
  connection.transfer = free_transfers_.back();
  free_transfers_.pop_back();
  transfers_[connection.transfer] = {.content = std::move(content), .offset = 0, .size = size};
  connection.phase = Phase::kSend;
  StartWaiting(connection, size, now);
  return Next::kContinue;
}

// A response that is the last one, to something that cannot be understood or did not come in time.
HttpServer::Next HttpServer::Refuse(Connection& connection, HttpStatus status, Instant now) {
  const StaticBytes& response =
      responses_.Get(status, HttpPersistence::kClose, /*head_only=*/false);
  if (!stack_.WriteStatic(connection.id, response)) return Block(connection, now);
  ++counters_.requests;
  ++counters_.responses[HttpStatusCode(status) / 100];
  counters_.bytes_out += response.bytes.size();
  return StartLinger(connection, now);
}

// Notes a response that was queued, and takes the head away: the views of `request` are gone
// afterwards.
void HttpServer::Answered(Connection& connection, const HttpRequestView& request, HttpStatus status,
                          size_t bytes, bool keep_alive) {
  ++counters_.requests;
  ++counters_.responses[HttpStatusCode(status) / 100];
  counters_.bytes_out += bytes;
  connection.keep_alive = keep_alive;
  connection.body_left = request.body() == HttpBody::kNone     ? 0
                         : request.body() == HttpBody::kLength ? request.content_length()
                                                               : kChunkedBody;
  connection.scanner = {};
  connection.head_complete = false;
  connection.blocked = false;
  connection.first = false;
  stack_.Consume(connection.id, request.head_size());
}

}  // namespace aether::app
