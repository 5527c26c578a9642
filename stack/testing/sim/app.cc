#include "stack/testing/sim/app.h"

#include <algorithm>
#include <array>

namespace aether::testing::sim {
namespace {

constexpr std::array<std::string_view, 6> kOutcomeNames = {"running", "finished",  "cut",
                                                           "reset",   "timed out", "abandoned"};
// Calls of one Step; the rest waits for the next turn, so that no application keeps the others
// waiting.
constexpr uint32_t kCallsPerStepMax = 64;

}  // namespace

App::App(const AppPlan& plan, Stream out, Stream in, Seed seed)
    : plan_(plan), out_(out), in_(in), dice_(seed) {}

void App::Attach(ConnectionId id, Instant now) {
  id_ = id;
  active_at_ = now_ = now;
}

std::string App::Describe() const {
  return std::string(kOutcomeNames[static_cast<size_t>(outcome_)]) + ", " +
         (is_open_ ? "" : "not open, ") + "read " + std::to_string(received_bytes_) + " bytes" +
         (saw_end_ ? " and the end" : "") + ", wrote " + std::to_string(written_bytes_) + " bytes" +
         (is_shut_ ? " and closed" : "") + ", at write step " + std::to_string(write_step_) +
         " of " + std::to_string(plan_.writes.size());
}

bool App::Verify(Bytes data, Instant now) {
  const size_t match = in_.MatchLength(received_bytes_, data);
  if (saw_end_ && !data.empty()) {
    complaint_ = std::to_string(data.size()) + " bytes were delivered after the end of the stream";
  } else if (match != data.size()) {
    complaint_ = "the byte delivered at offset " + std::to_string(received_bytes_ + match) +
                 " is " + std::to_string(data[match]) + ", not " +
                 std::to_string(in_.At(received_bytes_ + match));
  }
  received_bytes_ += match;
  if (!data.empty()) active_at_ = now;
  return complaint_.empty();
}

void App::NoteEnd(TcpHost& host) {
  // A connection that failed has an end, too, but not that of the stream.
  if (!saw_end_ && (events_ & (tcp_event::kReset | tcp_event::kTimedOut)) == 0 && host.AtEnd(id_)) {
    saw_end_ = true;
    active_at_ = now_;
  }
}

bool App::MayRead(Instant now) {
  is_read_waiting_ = true;
  if (now < stalled_until_ || now < next_read_at_) return false;
  is_read_waiting_ = false;
  return true;
}

uint32_t App::Read(TcpHost& host, Instant now) {
  if (plan_.IsEcho() || !MayRead(now)) return 0;
  const size_t readable = host.Readable(id_);
  if (readable == 0) {
    NoteEnd(host);
    return 0;
  }
  size_t size = static_cast<size_t>(dice_.Between(
      1, std::min<int64_t>(static_cast<int64_t>(readable), plan_.read_chunk_bytes_max)));
  // Small reads of a lot would take for ever; the last ones are small anyway.
  if (plan_.read_interval == Duration{0}) size = std::max(size, std::min<size_t>(readable, 64));
  if (stall_ < plan_.stalls.size()) {
    size = std::min<size_t>(size,
                            std::max<uint64_t>(plan_.stalls[stall_].bytes - since_stall_bytes_, 1));
  }
  for (size_t left = size; left > 0;) {
    const Bytes front = host.Peek(id_);
    const Bytes part = front.first(std::min(front.size(), left));
    if (part.empty() || !Verify(part, now)) {
      if (part.empty()) complaint_ = "Peek shows less than Readable counts";
      return 1;
    }
    left -= part.size();
    host.Consume(id_, part.size());
  }
  since_stall_bytes_ += size;
  if (stall_ < plan_.stalls.size() && since_stall_bytes_ >= plan_.stalls[stall_].bytes) {
    stalled_until_ = now + plan_.stalls[stall_].pause;
    since_stall_bytes_ = 0;
    ++stall_;
  }
  if (plan_.read_interval > Duration{0}) next_read_at_ = now + plan_.read_interval;
  return 1;
}

uint32_t App::Echo(TcpHost& host, Instant now) {
  if (!MayRead(now)) return 0;
  const Bytes front = host.Peek(id_);
  if (front.empty()) {
    NoteEnd(host);
    if (saw_end_) ++write_step_;
    return saw_end_ ? 1 : 0;
  }
  const Bytes part = front.first(std::min<size_t>(
      front.size(), static_cast<size_t>(dice_.Between(1, plan_.write_chunk_bytes_max))));
  const size_t written = host.Write(id_, part);
  if (written == 0) return 0;
  written_bytes_ += written;
  if (!Verify(part.first(written), now)) return 1;
  host.Consume(id_, written);
  return 1;
}

bool App::IsPaused(Duration pause, Instant now) {
  if (paused_until_ == kNever) paused_until_ = now + pause;
  if (now < paused_until_) return true;
  paused_until_ = kNever;
  return false;
}

uint32_t App::Send(TcpHost& host, WriteStep& step, Instant now) {
  if (step.bytes == 0) {
    ++write_step_;
    return 1;
  }
  if (chunk_left_bytes_ == 0) {
    chunk_left_bytes_ = static_cast<uint64_t>(dice_.Between(1, plan_.write_chunk_bytes_max));
  }
  std::array<uint8_t, 16384> buffer;
  const size_t size =
      static_cast<size_t>(std::min({step.bytes, chunk_left_bytes_, uint64_t{buffer.size()}}));
  const MutableBytes chunk(buffer.data(), size);
  out_.Fill(written_bytes_, chunk);
  const size_t written = host.Write(id_, chunk);
  if (written == 0) return 0;
  active_at_ = now;
  written_bytes_ += written;
  step.bytes -= written;
  chunk_left_bytes_ -= written;
  return 1;
}

uint32_t App::WriteSome(TcpHost& host, Instant now) {
  if (write_step_ >= plan_.writes.size()) return 0;
  WriteStep& step = plan_.writes[write_step_];
  switch (step.kind) {
    case WriteStep::Kind::kSend:
      return Send(host, step, now);
    case WriteStep::Kind::kAwait:
      if (received_bytes_ < step.bytes) return 0;
      break;
    case WriteStep::Kind::kAwaitEnd:
      if (!saw_end_) return 0;
      break;
    case WriteStep::Kind::kEcho:
      return Echo(host, now);
    case WriteStep::Kind::kPause:
      if (IsPaused(step.pause, now)) return 0;
      break;
    case WriteStep::Kind::kShutdown:
      host.Shutdown(id_);
      is_shut_ = true;
      break;
    case WriteStep::Kind::kClose:
      host.Close(id_);
      is_shut_ = true;
      End(Outcome::kCut);
      break;
    case WriteStep::Kind::kAbort:
      host.Abort(id_);
      End(Outcome::kCut);
      break;
  }
  ++write_step_;
  return 1;
}

// After the plan: our FIN, the peer's, and good-bye.
uint32_t App::Finish(TcpHost& host) {
  if (write_step_ < plan_.writes.size()) return 0;
  if (!is_shut_) {
    host.Shutdown(id_);
    is_shut_ = true;
    return 1;
  }
  if (!saw_end_) {
    // An echo reads no more by itself.
    if (plan_.IsEcho()) NoteEnd(host);
    if (!saw_end_) return 0;
  }
  if (plan_.waits_for_finished && (events_ & tcp_event::kFinished) == 0) return 0;
  host.Close(id_);
  End(Outcome::kFinished);
  return 1;
}

uint32_t App::Step(TcpHost& host, Instant now) {
  now_ = now;
  if (IsOver()) return 0;
  if ((events_ & (tcp_event::kReset | tcp_event::kTimedOut)) != 0) {
    host.Close(id_);
    End((events_ & tcp_event::kReset) != 0 ? Outcome::kReset : Outcome::kTimedOut);
    return 1;
  }
  if (plan_.idle_timeout > Duration{0} && now - active_at_ >= plan_.idle_timeout) {
    host.Abort(id_);
    End(Outcome::kAbandoned);
    return 1;
  }
  if (!is_open_) {
    is_open_ = host.IsOpen(id_);
    if (!is_open_) return 0;
  }
  uint32_t calls = 0;
  while (calls < kCallsPerStepMax && !IsOver() && complaint_.empty()) {
    uint32_t made = Read(host, now);
    if (!IsOver()) made += WriteSome(host, now);
    if (!IsOver()) made += Finish(host);
    if (made == 0) break;
    calls += made;
  }
  return calls;
}

Instant App::NextDeadline() const {
  if (IsOver()) return kNever;
  Instant next = paused_until_;
  if (is_read_waiting_) next = std::min(next, std::max(stalled_until_, next_read_at_));
  if (plan_.idle_timeout > Duration{0}) next = std::min(next, active_at_ + plan_.idle_timeout);
  return next;
}

}  // namespace aether::testing::sim
