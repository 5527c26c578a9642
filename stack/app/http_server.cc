// Connections and their times. What is read and answered stands in http_server_requests.cc.
#include "stack/app/http_server.h"

#include <algorithm>
#include <utility>

namespace aether::app {

std::expected<std::unique_ptr<HttpServer>, Error> HttpServer::Create(Stack& stack,
                                                                     const HttpOptions& options,
                                                                     Instant now) {
  std::unique_ptr<HttpServer> server(new HttpServer(stack, options, now));
  const auto listener = stack.TcpListen(
      options.port,
      ListenOptions{.owner = options.owner, .backlog = 1024, .socket = {.no_delay = true}});
  if (!listener) return std::unexpected(listener.error());
  return server;
}

HttpServer::HttpServer(Stack& stack, const HttpOptions& options, Instant now)
    : stack_(stack),
      options_(options),
      responses_(HttpResponses::Instance()),
      pool_(options.limits.connections_max),
      wheel_(options.limits.connections_max, now),
      head_(options.limits.head.HeadBytesMax() + 1),
      path_(options.limits.head.target_bytes_max + 32) {
  static_assert(sizeof(Connection) <= 80);
  if (options.content == nullptr) return;
  piece_.resize(std::max<uint32_t>(options.limits.file_piece_bytes_max, 1));
  transfers_.resize(options.limits.transfers_max);
  free_transfers_.reserve(transfers_.size());
  for (uint32_t i = options.limits.transfers_max; i > 0; --i) free_transfers_.push_back(i - 1);
}

void HttpServer::OnEvent(const Event& event, Instant now) {
  if (event.kind == Event::Kind::kAcceptable) {
    Accept(event.listener, now);
    return;
  }
  if (event.kind != Event::Kind::kConnection || event.user >= pool_.touched()) return;
  Connection& connection = pool_[event.user];
  if (connection.phase == Phase::kFree || connection.id != event.connection) return;
  if ((event.mask & tcp_event::kPeerClosed) != 0) connection.peer_closed = true;
  if ((event.mask & (tcp_event::kReset | tcp_event::kTimedOut | tcp_event::kFinished)) != 0) {
    Close(connection);
    return;
  }
  Run(event.user, now);
}

void HttpServer::Advance(Instant now) {
  wheel_.Advance(now, [&](uint32_t index) { OnTimer(index, now); });
  while (freed_ != kNoIndex) {
    const uint32_t index = freed_;
    freed_ = pool_[index].transfer;
    --freed_count_;
    pool_.Free(index);
  }
}

void HttpServer::Accept(ListenerId listener, Instant now) {
  while (const std::optional<ConnectionId> id = stack_.Accept(listener)) {
    const uint32_t index = pool_.Allocate();
    if (index == kNoIndex) {
      stack_.Abort(*id);
      ++counters_.refused;
      continue;
    }
    ++counters_.connections;
    Connection& connection = pool_[index];
    connection.index = index;
    connection.id = *id;
    connection.phase = Phase::kHead;
    stack_.SetUser(*id, index);
    SetDeadline(connection, now + options_.limits.head_timeout);
    Run(index, now);
  }
}

void HttpServer::Run(uint32_t index, Instant now) {
  Connection& connection = pool_[index];
  Next next = Next::kContinue;
  while (next == Next::kContinue) {
    switch (connection.phase) {
      case Phase::kHead:
        next = RunHead(connection, now);
        break;
      case Phase::kSend:
        next = RunSend(connection, now);
        break;
      case Phase::kBody:
        next = RunBody(connection, now);
        break;
      case Phase::kLinger:
        next = RunLinger(connection);
        break;
      case Phase::kFree:
        return;
    }
  }
}

// Fills the send queue from the file. A piece waits until there is room for all of it, unless
// nothing is on the way.
HttpServer::Next HttpServer::RunSend(Connection& connection, Instant now) {
  CheckProgress(connection, now);
  Transfer& transfer = transfers_[connection.transfer];
  while (transfer.offset < transfer.size) {
    const uint64_t left = transfer.size - transfer.offset;
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(left, piece_.size()));
    const size_t space = stack_.WriteSpace(connection.id);
    const size_t on_the_way = stack_.Unacknowledged(connection.id);
    if (space < wanted && on_the_way > 0) break;
    const MutableBytes piece = MutableBytes(piece_).first(std::min(space, wanted));
    if (piece.empty()) break;
    const size_t got = std::min(transfer.content->Read(transfer.offset, piece), piece.size());
    // The length was promised; a response that ends early must not look whole [RFC 9112 section 8].
    if (got == 0) return Abort(connection);
    const size_t written = stack_.Write(connection.id, piece.first(got));
    transfer.offset += written;
    counters_.bytes_out += written;
    if (written < got) break;
  }
  connection.extra.waiting.unacknowledged =
      static_cast<uint32_t>(stack_.Unacknowledged(connection.id));
  if (transfer.offset == transfer.size) {
    ReleaseTransfer(connection);
    return AfterResponse(connection, now);
  }
  RetrySoon(connection, now);
  return Next::kWait;
}

// [RFC 9112 9.3] content is read to its end before the next request on the connection.
HttpServer::Next HttpServer::RunBody(Connection& connection, Instant now) {
  bool failed = false;
  while (connection.body_left > 0 && !failed) {
    const Bytes piece = stack_.Peek(connection.id);
    if (piece.empty()) return connection.peer_closed ? Close(connection) : Next::kWait;
    size_t taken;
    if (connection.body_left == kChunkedBody) {
      taken = connection.extra.skipper.Feed(piece);
      if (connection.extra.skipper.done()) connection.body_left = 0;
      failed = connection.extra.skipper.failed();
    } else {
      taken = static_cast<size_t>(std::min<uint64_t>(piece.size(), connection.body_left));
      connection.body_left -= taken;
    }
    stack_.Consume(connection.id, taken);
  }
  if (failed) return StartLinger(connection, now);
  connection.phase = Phase::kHead;
  connection.extra.waiting = {};
  SetDeadline(connection, now + options_.limits.idle_timeout);
  return Next::kContinue;
}

HttpServer::Next HttpServer::RunLinger(Connection& connection) {
  while (true) {
    const Bytes piece = stack_.Peek(connection.id);
    if (piece.empty()) return connection.peer_closed ? Close(connection) : Next::kWait;
    const size_t taken = std::min<size_t>(piece.size(), connection.extra.waiting.linger_left_bytes);
    // With bytes unread, Close resets: enough was read.
    if (taken == 0) return Close(connection);
    stack_.Consume(connection.id, taken);
    connection.extra.waiting.linger_left_bytes -= static_cast<uint32_t>(taken);
  }
}

// The whole response is queued.
HttpServer::Next HttpServer::AfterResponse(Connection& connection, Instant now) {
  if (!connection.keep_alive) return StartLinger(connection, now);
  if (connection.body_left > 0) {
    connection.phase = Phase::kBody;
    connection.extra.skipper =
        HttpChunkedSkipper(options_.limits.chunk_extra_bytes_max, options_.limits.body_bytes_max);
    SetDeadline(connection, now + options_.limits.body_timeout);
    return Next::kContinue;
  }
  connection.phase = Phase::kHead;
  SetDeadline(connection, now + options_.limits.idle_timeout);
  return Next::kContinue;
}

// The response does not fit now; the request stays where it is and is looked at again later.
HttpServer::Next HttpServer::Block(Connection& connection, Instant now) {
  if (!connection.blocked) {
    connection.blocked = true;
    StartWaiting(connection, stack_.Unacknowledged(connection.id), now);
  }
  RetrySoon(connection, now);
  return Next::kWait;
}

// [RFC 9112 9.6] half a close first: what the client still sends is read until it has had time to
// get the response.
HttpServer::Next HttpServer::StartLinger(Connection& connection, Instant now) {
  ReleaseTransfer(connection);
  EndPartialHead(connection);
  connection.phase = Phase::kLinger;
  stack_.Shutdown(connection.id);
  StartWaiting(connection, stack_.Unacknowledged(connection.id), now);
  connection.extra.waiting.linger_left_bytes = options_.limits.linger_bytes_max;
  SetDeadline(connection, now + options_.limits.linger_timeout);
  return Next::kContinue;
}

void HttpServer::OnTimer(uint32_t index, Instant now) {
  Connection& connection = pool_[index];
  if (connection.phase == Phase::kFree) return;
  // Before the deadline it was a retry.
  if (now < connection.deadline || OnDeadline(connection, now) == Next::kContinue) Run(index, now);
  if (connection.phase != Phase::kFree && !wheel_.IsArmed(index))
    wheel_.Schedule(index, connection.deadline);
}

HttpServer::Next HttpServer::OnDeadline(Connection& connection, Instant now) {
  if (connection.phase == Phase::kLinger) return OnLingerDeadline(connection, now);
  ++counters_.timeouts;
  if (connection.phase == Phase::kBody) return StartLinger(connection, now);
  // The client takes nothing: there is no use in saying more.
  if (connection.phase == Phase::kSend || connection.blocked ||
      stack_.Unacknowledged(connection.id) > 0) {
    return Abort(connection);
  }
  // [RFC 9110 15.5.9] a part of a request came, but not all of it in time.
  if (connection.scanner.size() > 0) return Refuse(connection, HttpStatus::kRequestTimeout, now);
  return StartLinger(connection, now);
}

HttpServer::Next HttpServer::OnLingerDeadline(Connection& connection, Instant now) {
  Waiting& waiting = connection.extra.waiting;
  const uint32_t unacknowledged = static_cast<uint32_t>(stack_.Unacknowledged(connection.id));
  if (unacknowledged < waiting.unacknowledged) {
    waiting.unacknowledged = unacknowledged;
    waiting.stall = now + options_.limits.stall_timeout;
  } else if (unacknowledged == 0) {
    return Close(connection);  // all was taken a while ago
  }
  if (unacknowledged > 0 && now >= std::min(waiting.stall, waiting.overall)) {
    ++counters_.timeouts;
    return Abort(connection);
  }
  SetDeadline(connection, now + options_.limits.linger_timeout);
  return Next::kWait;
}

// `bytes` are to be taken by the client.
void HttpServer::StartWaiting(Connection& connection, uint64_t bytes, Instant now) {
  const uint64_t seconds_max = 365 * 24 * 3600;
  const uint64_t seconds =
      std::min(bytes / std::max(options_.limits.send_bytes_per_second_min, 1u), seconds_max);
  connection.extra.waiting = {
      .overall = now + options_.limits.stall_timeout + std::chrono::seconds(seconds),
      .stall = now + options_.limits.stall_timeout,
      .unacknowledged = static_cast<uint32_t>(stack_.Unacknowledged(connection.id)),
      .linger_left_bytes = 0};
  SetDeadline(connection, connection.extra.waiting.stall);
}

void HttpServer::CheckProgress(Connection& connection, Instant now) {
  const uint32_t unacknowledged = static_cast<uint32_t>(stack_.Unacknowledged(connection.id));
  if (unacknowledged >= connection.extra.waiting.unacknowledged) return;
  connection.extra.waiting.unacknowledged = unacknowledged;
  connection.extra.waiting.stall = now + options_.limits.stall_timeout;
  SetDeadline(connection,
              std::min(connection.extra.waiting.stall, connection.extra.waiting.overall));
}

void HttpServer::SetDeadline(Connection& connection, Instant deadline) {
  connection.deadline = deadline;
  wheel_.Schedule(connection.index, deadline);
}

// Where nothing is on the way no event will come; the stack was out of memory.
void HttpServer::RetrySoon(Connection& connection, Instant now) {
  if (stack_.Unacknowledged(connection.id) > 0) return;
  wheel_.Schedule(connection.index,
                  std::min(connection.deadline, now + options_.limits.retry_after));
}

void HttpServer::ReleaseTransfer(Connection& connection) {
  if (connection.transfer == kNoIndex) return;
  transfers_[connection.transfer] = {};
  free_transfers_.push_back(connection.transfer);
  connection.transfer = kNoIndex;
}

HttpServer::Next HttpServer::Abort(Connection& connection) {
  stack_.Abort(connection.id);
  ++counters_.aborted;
  return Release(connection);
}

HttpServer::Next HttpServer::Close(Connection& connection) {
  stack_.Close(connection.id);
  return Release(connection);
}

HttpServer::Next HttpServer::Release(Connection& connection) {
  ReleaseTransfer(connection);
  EndPartialHead(connection);
  wheel_.Cancel(connection.index);
  connection.phase = Phase::kFree;
  connection.id = {};
  connection.transfer = freed_;
  freed_ = connection.index;
  ++freed_count_;
  return Next::kGone;
}

}  // namespace aether::app
