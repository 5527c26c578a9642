#include "stack/app/http_client.h"

#include <algorithm>
#include <initializer_list>

#include "stack/base/check.h"

namespace aether::app {
namespace {

// What would end a line or a word of the request never gets into one.
bool IsPlain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

HttpClient::HttpClient(Stack& stack, const HttpClientOptions& options, Instant now)
    : stack_(stack), options_(options), wheel_(options.limits.requests_max, now) {
  exchanges_.reserve(options.limits.requests_max);
  for (uint32_t i = 0; i < options.limits.requests_max; ++i)
    exchanges_.emplace_back(options.limits.response);
  request_.reserve(options.limits.request_bytes_max);
}

// [RFC 9112 section 3] the request line, in origin form, and [RFC 9110 7.2] the Host field, first.
std::expected<void, Error> HttpClient::WriteRequest(const HttpRequest& request) {
  if (!IsPlain(request.host) || request.host.empty() || !IsPlain(request.target) ||
      !request.target.starts_with('/')) {
    return std::unexpected(Error::kBadArgument);
  }
  const std::initializer_list<std::string_view> parts = {
      request.head ? "HEAD " : "GET ", request.target, " HTTP/1.1\r\nHost: ", request.host,
      // [RFC 9112 9.6] one request per connection, and the server may know.
      "\r\nUser-Agent: aether-fetch\r\nAccept: */*\r\nConnection: close\r\n\r\n"};
  request_.clear();
  for (const std::string_view part : parts) {
    if (part.size() > options_.limits.request_bytes_max - request_.size())
      return std::unexpected(Error::kTooLong);
    request_.insert(request_.end(), part.begin(), part.end());
  }
  return {};
}

std::expected<HttpRequestId, Error> HttpClient::Start(const HttpRequest& request, Instant now) {
  if (const auto written = WriteRequest(request); !written) return std::unexpected(written.error());
  const auto free = std::ranges::find(exchanges_, HttpPhase::kNone, &Exchange::phase);
  if (free == exchanges_.end()) return std::unexpected(Error::kTooMany);
  const auto connection = stack_.TcpConnect(request.server, {.owner = options_.owner});
  if (!connection) return std::unexpected(connection.error());
  // What does not fit now never will: the queue is as large as it gets before the connection is
  // made.
  if (stack_.Write(*connection, request_) != request_.size()) {
    stack_.Abort(*connection);
    return std::unexpected(Error::kQueueFull);
  }
  Exchange& exchange = *free;
  exchange.phase = HttpPhase::kConnecting;
  exchange.failure = HttpFailure::kNone;
  exchange.connection = *connection;
  exchange.idle_timeout = request.idle_timeout;
  exchange.idle_at = request.connect_timeout > Duration(0) ? now + request.connect_timeout : kNever;
  exchange.deadline = request.deadline;
  exchange.reader.Start(request.head);
  exchange.last.reset();
  ++exchange.generation;
  ++counters_.requests;
  stack_.SetUser(*connection, IndexOf(exchange));
  Arm(exchange);
  return HttpRequestId{IndexOf(exchange), exchange.generation};
}

void HttpClient::Release(HttpRequestId id) {
  Exchange* exchange = Find(id);
  if (exchange == nullptr) return;
  if (IsUnderWay(*exchange)) {
    ++counters_.released;
    stack_.Abort(exchange->connection);
    wheel_.Cancel(IndexOf(*exchange));
  }
  exchange->phase = HttpPhase::kNone;
}

const HttpClient::Exchange* HttpClient::Find(HttpRequestId id) const {
  if (id.index >= exchanges_.size()) return nullptr;
  const Exchange& exchange = exchanges_[id.index];
  return exchange.phase != HttpPhase::kNone && exchange.generation == id.generation ? &exchange
                                                                                    : nullptr;
}

HttpPhase HttpClient::phase(HttpRequestId id) const {
  const Exchange* exchange = Find(id);
  return exchange != nullptr ? exchange->phase : HttpPhase::kNone;
}

HttpFailure HttpClient::failure(HttpRequestId id) const {
  const Exchange* exchange = Find(id);
  return exchange != nullptr ? exchange->failure : HttpFailure::kNone;
}

Drop HttpClient::fault(HttpRequestId id) const {
  const Exchange* exchange = Find(id);
  return exchange != nullptr ? exchange->reader.error() : Drop::kNone;
}

const HttpResponseView* HttpClient::response(HttpRequestId id) const {
  const Exchange* exchange = Find(id);
  return exchange != nullptr && exchange->reader.response() ? &*exchange->reader.response()
                                                            : nullptr;
}

Bytes HttpClient::head(HttpRequestId id) const {
  const Exchange* exchange = Find(id);
  return exchange != nullptr ? exchange->reader.head() : Bytes();
}

uint64_t HttpClient::body_bytes(HttpRequestId id) const {
  const Exchange* exchange = Find(id);
  return exchange != nullptr ? exchange->reader.body_bytes() : 0;
}

std::optional<tcp::Snapshot> HttpClient::Inspect(HttpRequestId id) const {
  const Exchange* exchange = Find(id);
  if (exchange == nullptr) return std::nullopt;
  return IsUnderWay(*exchange) ? stack_.Inspect(exchange->connection) : exchange->last;
}

Bytes HttpClient::Peek(HttpRequestId id, size_t offset) const {
  const Exchange* exchange = Find(id);
  if (exchange == nullptr || exchange->phase != HttpPhase::kBody) return {};
  const uint64_t ahead = exchange->reader.body_ahead();
  if (offset >= ahead) return {};
  const Bytes piece = stack_.Peek(exchange->connection, offset);
  return piece.first(static_cast<size_t>(std::min<uint64_t>(piece.size(), ahead - offset)));
}

void HttpClient::Consume(HttpRequestId id, size_t size, Instant now) {
  Exchange* exchange = Find(id);
  if (exchange == nullptr || exchange->phase != HttpPhase::kBody || size == 0) return;
  AETHER_CHECK(size <= stack_.Readable(exchange->connection));
  exchange->reader.TakeBody(size);
  stack_.Consume(exchange->connection, size);
  Progress(*exchange, now);
  Run(*exchange);
}

void HttpClient::OnEvent(const Event& event, Instant now) {
  if (event.kind != Event::Kind::kConnection || event.user >= exchanges_.size()) return;
  Exchange& exchange = exchanges_[event.user];
  if (!IsUnderWay(exchange) || exchange.connection != event.connection) return;
  if ((event.mask & tcp_event::kConnected) != 0 && exchange.phase == HttpPhase::kConnecting) {
    exchange.phase = HttpPhase::kWaiting;
    Progress(exchange, now);
  }
  const bool connecting = exchange.phase == HttpPhase::kConnecting;
  if ((event.mask & tcp_event::kReset) != 0) {
    Fail(exchange, connecting ? HttpFailure::kRefused : HttpFailure::kReset);
    return;
  }
  if ((event.mask & tcp_event::kTimedOut) != 0) {
    Fail(exchange, connecting ? HttpFailure::kConnectTimeout : HttpFailure::kLost);
    return;
  }
  if ((event.mask & (tcp_event::kReadable | tcp_event::kPeerClosed)) == 0) return;
  if ((event.mask & tcp_event::kReadable) != 0) Progress(exchange, now);
  Run(exchange);
}

// Takes all framing that can be taken, and sees what that leads to.
void HttpClient::Run(Exchange& exchange) {
  using State = HttpResponseReader::State;
  HttpResponseReader& reader = exchange.reader;
  while (reader.state() != State::kDone && reader.state() != State::kFailed) {
    const size_t framing = reader.TakeFraming(stack_.Peek(exchange.connection));
    if (framing == 0) break;
    stack_.Consume(exchange.connection, framing);
  }
  const bool at_end = stack_.AtEnd(exchange.connection);
  const bool nothing_came = reader.bytes() == 0;
  if (at_end) reader.OnEnd();
  switch (reader.state()) {
    case State::kHead:
      return;
    case State::kBody:
      exchange.phase = HttpPhase::kBody;
      return;
    case State::kDone:
      Finish(exchange);
      return;
    case State::kFailed:
      break;
  }
  const bool early =
      reader.error() == Drop::kHttpTooShort || reader.error() == Drop::kHttpBodyTooShort;
  Fail(exchange, !early         ? HttpFailure::kBadResponse
                 : nothing_came ? HttpFailure::kNoResponse
                                : HttpFailure::kClosedEarly);
}

void HttpClient::Progress(Exchange& exchange, Instant now) {
  exchange.idle_at = exchange.idle_timeout > Duration(0) ? now + exchange.idle_timeout : kNever;
  Arm(exchange);
}

void HttpClient::Arm(Exchange& exchange) {
  const Instant next = std::min(exchange.idle_at, exchange.deadline);
  if (next == kNever) {
    wheel_.Cancel(IndexOf(exchange));
  } else {
    wheel_.Schedule(IndexOf(exchange), next);
  }
}

void HttpClient::Advance(Instant now) {
  wheel_.Advance(now, [this, now](uint32_t index) { OnTimer(exchanges_[index], now); });
}

void HttpClient::OnTimer(Exchange& exchange, Instant now) {
  if (!IsUnderWay(exchange)) return;
  if (now >= exchange.deadline) {
    Fail(exchange, HttpFailure::kDeadline);
  } else if (now < exchange.idle_at) {
    Arm(exchange);
  } else if (exchange.phase == HttpPhase::kBody && stack_.Readable(exchange.connection) > 0) {
    // It is our user who does not go on.
    Progress(exchange, now);
  } else {
    Fail(exchange, exchange.phase == HttpPhase::kConnecting ? HttpFailure::kConnectTimeout
                                                            : HttpFailure::kIdleTimeout);
  }
}

void HttpClient::Finish(Exchange& exchange) {
  ++counters_.done;
  exchange.phase = HttpPhase::kDone;
  exchange.last = stack_.Inspect(exchange.connection);
  wheel_.Cancel(IndexOf(exchange));
  // What a server sends behind its response answers nothing; Close resets it then.
  stack_.Close(exchange.connection);
}

void HttpClient::Fail(Exchange& exchange, HttpFailure failure) {
  ++counters_.failed;
  exchange.phase = HttpPhase::kFailed;
  exchange.failure = failure;
  exchange.last = stack_.Inspect(exchange.connection);
  wheel_.Cancel(IndexOf(exchange));
  stack_.Abort(exchange.connection);
}

}  // namespace aether::app
