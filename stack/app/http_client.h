// An HTTP/1.1 client (RFC 9110, RFC 9112) on the stack's public API: GET and HEAD, one request per
// connection. It takes decisions from events and times alone.
//
//   const auto id = client.Start({.server = ..., .host = "a.example", .target = "/"}, now);
//   ... OnEvent, Advance ...
//   switch (client.phase(*id)) { case kBody: use Peek(*id), then Consume(*id, n, now) ... }
//   client.Release(*id)
//
// Content stays in the receive queue of its connection until it is consumed, so that a slow user
// slows the server down, and memory stays bounded. Left out: redirects (the user's decision),
// requests with content, persistent connections, codings but chunked.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "stack/base/drop.h"
#include "stack/base/timer_wheel.h"
#include "stack/stack.h"
#include "stack/wire/http_response_reader.h"

namespace aether::app {

struct HttpClientLimits {
  uint32_t requests_max = 256;  // at the same time, finished ones that were not released included
  uint32_t request_bytes_max = 16 * 1024;
  HttpResponseLimits response{};
};

struct HttpClientOptions {
  uint16_t owner = 0;
  HttpClientLimits limits{};
};

struct HttpRequest {
  Ipv4Endpoint server{};
  std::string_view host{};    // of the Host field
  std::string_view target{};  // path and query
  bool head = false;
  // Zero: as long as it takes; the stack gives a connection up some time.
  Duration connect_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(60);  // without a byte from a server that may send
  Instant deadline = kNever;                         // of it all
};

enum class HttpPhase : uint8_t {
  kNone,        // a stale handle
  kConnecting,  // no answer yet to our SYN
  kWaiting,     // for the head of the response
  kBody,        // the head is there; content may be
  kDone,        // and consumed, all of it
  kFailed,
};

enum class HttpFailure : uint8_t {
  kNone,
  kRefused,         // our SYN was answered with a reset, or a hard ICMP error
  kConnectTimeout,  // ... or not at all
  kIdleTimeout,
  kDeadline,
  kReset,        // by the server, before the end
  kLost,         // given up by the stack
  kNoResponse,   // closed before a response began
  kClosedEarly,  // closed within the head or the content
  kBadResponse,  // see fault()
};

struct HttpClientCounters {
  uint64_t requests = 0;
  uint64_t done = 0;
  uint64_t failed = 0;
  uint64_t released = 0;  // before their end
};

struct HttpRequestId {
  uint32_t index = 0xffffffff;
  uint32_t generation = 0;
  constexpr bool operator==(const HttpRequestId&) const = default;
};

class HttpClient {
 public:
  // The stack outlives the client.
  HttpClient(Stack& stack, const HttpClientOptions& options, Instant now);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Opens a connection and queues the request. kBadArgument: the host or the target cannot stand in
  // a request. kTooLong, kTooMany: a limit. Others are those of Stack::TcpConnect.
  std::expected<HttpRequestId, Error> Start(const HttpRequest& request, Instant now);
  // Forgets the request; one that is under way is reset.
  void Release(HttpRequestId id);

  HttpPhase phase(HttpRequestId id) const;
  HttpFailure failure(HttpRequestId id) const;
  // What was wrong with the response, in kBadResponse and kClosedEarly.
  Drop fault(HttpRequestId id) const;
  // From kBody on, until Release; null before.
  const HttpResponseView* response(HttpRequestId id) const;
  Bytes head(HttpRequestId id) const;
  // Content consumed so far.
  uint64_t body_bytes(HttpRequestId id) const;
  // Of the connection; after its end as it was then.
  std::optional<tcp::Snapshot> Inspect(HttpRequestId id) const;

  // The first contiguous bytes of content behind `offset` ones, empty when there are none; never
  // beyond a chunk. Valid until Consume or the next Receive of the stack.
  Bytes Peek(HttpRequestId id, size_t offset = 0) const;
  // Takes `size` bytes that Peek has shown.
  void Consume(HttpRequestId id, size_t size, Instant now);

  // An event of one of the client's connections.
  void OnEvent(const Event& event, Instant now);
  void Advance(Instant now);
  Instant NextDeadline() const { return wheel_.NextDeadline(); }

  const HttpClientCounters& counters() const { return counters_; }

 private:
  struct Exchange {
    explicit Exchange(const HttpResponseLimits& limits) : reader(limits) {}
    uint32_t generation = 0;
    HttpPhase phase = HttpPhase::kNone;
    HttpFailure failure = HttpFailure::kNone;
    ConnectionId connection;
    Duration idle_timeout{0};
    Instant idle_at = kNever;  // without progress until then it is over; or without a connection
    Instant deadline = kNever;
    HttpResponseReader reader;
    std::optional<tcp::Snapshot> last;  // of a connection that is gone
  };

  static bool IsUnderWay(const Exchange& exchange) {
    return exchange.phase >= HttpPhase::kConnecting && exchange.phase <= HttpPhase::kBody;
  }
  const Exchange* Find(HttpRequestId id) const;
  Exchange* Find(HttpRequestId id) {
    return const_cast<Exchange*>(static_cast<const HttpClient*>(this)->Find(id));
  }
  uint32_t IndexOf(const Exchange& exchange) const {
    return static_cast<uint32_t>(&exchange - exchanges_.data());
  }
  std::expected<void, Error> WriteRequest(const HttpRequest& request);
  void Run(Exchange& exchange);
  void Progress(Exchange& exchange, Instant now);
  void OnTimer(Exchange& exchange, Instant now);
  void Arm(Exchange& exchange);
  void Finish(Exchange& exchange);
  void Fail(Exchange& exchange, HttpFailure failure);

  Stack& stack_;
  const HttpClientOptions options_;
  std::vector<Exchange> exchanges_;
  TimerWheel wheel_;
  std::vector<uint8_t> request_;  // being written
  HttpClientCounters counters_;
};

}  // namespace aether::app
