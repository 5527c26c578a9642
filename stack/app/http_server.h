// An HTTP/1.1 server (RFC 9110, RFC 9112) on the stack's public API: the built-in page, or files
// from a ContentSource in bounded pieces; GET and HEAD, keep-alive, pipelining. It takes decisions
// from events and times alone. Left out: ranges, conditional requests, the Date field (the core
// knows no wall clock).
//
// A response is queued as soon as a head is complete, in order; content of the request is skipped
// after that. Other methods get 405 when RFC 9110 or RFC 5789 know them, 501 when not. After every
// 4xx or 5xx that leaves doubt about where the next request begins the connection is closed,
// lingering.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include "stack/app/content.h"
#include "stack/app/http_limits.h"
#include "stack/app/http_responses.h"
#include "stack/base/pool.h"
#include "stack/base/timer_wheel.h"
#include "stack/stack.h"
#include "stack/wire/http.h"
#include "stack/wire/http_chunked.h"

namespace aether::app {

struct HttpCounters {
  uint64_t connections = 0;             // accepted
  uint64_t refused = 0;                 // reset at once, because connections_max were open
  uint64_t requests = 0;                // answered heads, good and bad
  std::array<uint64_t, 6> responses{};  // by class: responses[2] counts 2xx
  uint64_t bytes_out = 0;               // queued, heads included
  uint64_t timeouts = 0;                // connections ended by a deadline of HttpLimits
  uint64_t aborted = 0;                 // reset by us: a file fell short, a client took nothing
  uint64_t echoes = 0;                  // reads answered by original_echo

  void Add(const HttpCounters& other) {
    connections += other.connections;
    refused += other.refused;
    requests += other.requests;
    for (size_t i = 0; i < responses.size(); ++i) responses[i] += other.responses[i];
    bytes_out += other.bytes_out;
    timeouts += other.timeouts;
    aborted += other.aborted;
    echoes += other.echoes;
  }
};

struct HttpOptions {
  uint16_t port = 80;
  uint16_t owner = 0;                // of the listener, see ListenOptions
  bool original_echo = false;        // what does not begin as HTTP is echoed
  ContentSource* content = nullptr;  // outlives the server; null serves the built-in page alone
  HttpLimits limits;
};

class HttpServer {
 public:
  // Listens; the stack outlives the server. Fails as Stack::TcpListen does.
  static std::expected<std::unique_ptr<HttpServer>, Error> Create(Stack& stack,
                                                                  const HttpOptions& options,
                                                                  Instant now);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // An event of the listener or one of its connections.
  void OnEvent(const Event& event, Instant now);
  // Expires what is due; to be called after the events of a batch, and at NextDeadline().
  void Advance(Instant now);
  Instant NextDeadline() const { return wheel_.NextDeadline(); }
  void Prefetch(const Event& event) const {
    if (event.kind == Event::Kind::kConnection && event.user < pool_.touched())
      pool_.Prefetch(event.user);
  }

  const HttpCounters& counters() const { return counters_; }
  uint32_t connection_count() const { return pool_.used() - freed_count_; }
  // See HttpLimits::partial_heads_bytes_max.
  uint64_t partial_heads_bytes() const { return partial_heads_bytes_; }
  uint32_t transfer_count() const {
    return static_cast<uint32_t>(transfers_.size() - free_transfers_.size());
  }

 private:
  enum class Phase : uint8_t {
    kFree,
    kHead,    // reading a request, or waiting for one
    kSend,    // sending a file
    kBody,    // skipping the content of a request
    kLinger,  // the last response is queued and our side shut down
  };
  // What a phase says to the loop that runs it.
  enum class Next : uint8_t { kContinue, kWait, kGone };

  static constexpr uint64_t kChunkedBody = UINT64_MAX;

  // While something waits for the client.
  struct Waiting {
    Instant overall;              // the end of all patience
    Instant stall;                // the end of patience without progress
    uint32_t unacknowledged = 0;  // when progress was last looked at
    uint32_t linger_left_bytes = 0;
  };

  union Extra {
    Waiting waiting = {};        // kHead when blocked, kSend, kLinger
    HttpChunkedSkipper skipper;  // kBody
    Extra() {}
  };

  struct Connection {
    uint32_t index = 0;            // its own
    uint32_t transfer = kNoIndex;  // when freed: the next one of those
    ConnectionId id;
    Instant deadline;        // what the phase waits for must have happened by then
    uint64_t body_left = 0;  // of the request being answered, or kChunkedBody
    Extra extra;
    HttpHeadScanner scanner;  // begun but not complete: counted in partial_heads_bytes_
    Phase phase = Phase::kFree;
    bool head_complete : 1 = false;  // the scanner found the end
    bool blocked : 1 = false;     // a response did not fit; the request stays in the receive queue
    bool first : 1 = true;        // no request was answered yet
    bool keep_alive : 1 = false;  // after the response being sent
    bool peer_closed : 1 = false;
  };

  struct Transfer {
    std::unique_ptr<Content> content;
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  HttpServer(Stack& stack, const HttpOptions& options, Instant now);

  // http_server.cc: connections and times
  void Accept(ListenerId listener, Instant now);
  void Run(uint32_t index, Instant now);
  Next RunSend(Connection& connection, Instant now);
  Next RunBody(Connection& connection, Instant now);
  Next RunLinger(Connection& connection);
  Next AfterResponse(Connection& connection, Instant now);
  Next Block(Connection& connection, Instant now);
  Next StartLinger(Connection& connection, Instant now);
  void OnTimer(uint32_t index, Instant now);
  Next OnDeadline(Connection& connection, Instant now);
  Next OnLingerDeadline(Connection& connection, Instant now);
  void StartWaiting(Connection& connection, uint64_t bytes, Instant now);
  void CheckProgress(Connection& connection, Instant now);
  void SetDeadline(Connection& connection, Instant deadline);
  void RetrySoon(Connection& connection, Instant now);
  void ReleaseTransfer(Connection& connection);
  Next Abort(Connection& connection);
  Next Close(Connection& connection);
  Next Release(Connection& connection);

  // http_server_requests.cc: requests and responses
  Next RunHead(Connection& connection, Instant now);
  Next ScanHead(Connection& connection, Instant now);
  uint64_t PartialHeadBytes(const Connection& connection) const;
  void EndPartialHead(Connection& connection);
  Next ParseGathered(Connection& connection, Instant now);
  Next Echo(Connection& connection, Instant now);
  Next Respond(Connection& connection, const HttpRequestView& request, Instant now);
  Next RespondToPath(Connection& connection, const HttpRequestView& request, bool keep_alive,
                     Instant now);
  Next SendStatic(Connection& connection, const HttpRequestView& request, HttpStatus status,
                  bool keep_alive, Instant now);
  Next SendFile(Connection& connection, const HttpRequestView& request,
                std::unique_ptr<Content> content, bool keep_alive, Instant now);
  Next Refuse(Connection& connection, HttpStatus status, Instant now);
  void Answered(Connection& connection, const HttpRequestView& request, HttpStatus status,
                size_t bytes, bool keep_alive);

  Stack& stack_;
  const HttpOptions options_;
  const HttpResponses& responses_;
  Pool<Connection> pool_;
  TimerWheel wheel_;
  // Closed during this batch, whose events may still name them; linked through `transfer`.
  uint32_t freed_ = kNoIndex;
  uint32_t freed_count_ = 0;
  std::vector<Transfer> transfers_;
  std::vector<uint32_t> free_transfers_;
  std::vector<uint8_t> head_;   // a head that lay in several pieces
  std::vector<char> path_;      // a decoded path
  std::vector<uint8_t> piece_;  // a piece of a file
  uint64_t partial_heads_bytes_ = 0;
  HttpCounters counters_;
};

}  // namespace aether::app
