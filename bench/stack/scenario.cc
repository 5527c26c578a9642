#include "bench/stack/scenario.h"

#include <algorithm>

#include "bench/stack/lock_count.h"
#include "bench/stack/wait_count.h"
#include "stack/testing/counting_allocator.h"

namespace aether::bench {
namespace {

constexpr uint32_t kFramesPerClose = 5;
// Of a chunk: brings back into the caches what the twin has pushed out of them.
constexpr uint32_t kWarmUpShare = 4;

// Long enough that the clock's own time does not count, and four turns around all connections, of
// which the first warms up: without it some thousand connections would look as if their memory were
// twice as much, for the twin's comes between. With more than that nothing stays in a cache anyway.
uint32_t OperationsPerChunk(const ScenarioOptions& options) {
  constexpr uint32_t kCachedMax = 16384;
  const uint32_t connections = std::min(options.connections, kCachedMax);
  const uint32_t operations =
      options.close ? std::max(2 * connections, 1024u) : std::max(4 * connections, 4096u);
  // In whole batches.
  return operations / options.batch * options.batch;
}

size_t FramesMax(const ScenarioOptions& options) {
  const size_t operations = OperationsPerChunk(options) + options.batch;
  return std::max<size_t>(8192, operations * (options.close ? kFramesPerClose : 1) + 64);
}

// Every neighbour is heard of more often than it would be asked.
constexpr Duration kArpEvery = std::chrono::seconds(20);

uint32_t OpenMax(const ScenarioOptions& options) {
  return options.connections + options.idle + options.batch;
}

ServerOptions ServerOptionsOf(const ScenarioOptions& options) {
  return {.kind = options.server,
          .connections_max = OpenMax(options) + 64,
          .time_wait_max = options.time_wait_max,
          .close = options.close,
          .profile = options.profile};
}

// 1 us, or less so that a turn around all connections takes no more than 20 ms: the clients of a
// slow server would send other frames (delayed acknowledgements, retransmissions).
Duration FrameTime(const ScenarioOptions& options) {
  const uint64_t frames = uint64_t{options.connections} * (options.close ? kFramesPerClose : 1);
  constexpr Duration kTurn = std::chrono::milliseconds(20);
  return std::clamp<Duration>(kTurn / static_cast<int64_t>(frames), Duration(1),
                              std::chrono::microseconds(1));
}

}  // namespace

__attribute__((noinline)) Sent Replay(Server& server, std::span<const FrameLog::Batch> batches,
                                      const FrameLog& log, TransmitRing& ring) {
  Sent sent;
  for (const FrameLog::Batch& batch : batches) {
    server.Receive(log.FramesOf(batch), batch.now);
    while (const size_t size = server.Transmit(ring.Next(), batch.now)) {
      ++sent.frames;
      sent.bytes += size;
    }
  }
  return sent;
}

const char* ReplayExact(Server& server, const FrameLog& log, TransmitRing& ring) {
  const std::span<const uint64_t> expected = log.sent_hashes();
  size_t at = 0;
  bool is_same = true;
  for (const FrameLog::Batch& batch : log.batches()) {
    server.Receive(log.FramesOf(batch), batch.now);
    while (true) {
      const MutableBytes out = ring.Next();
      const size_t size = server.Transmit(out, batch.now);
      if (size == 0) break;
      is_same &= at < expected.size() && expected[at] == FrameLog::HashOf(out.first(size));
      ++at;
    }
  }
  if (!is_same) return "a frame differs from the twin's";
  return at == expected.size() ? "" : "fewer frames than of the twin";
}

Scenario::Scenario(const ScenarioOptions& options)
    : options_(options),
      frame_time_(FrameTime(options)),
      operations_per_chunk_(OperationsPerChunk(options)),
      log_(FramesMax(options)),
      twin_(options.make_server(ServerOptionsOf(options))),
      measured_(options.make_server(ServerOptionsOf(options))),
      client_(
          {.open_max = OpenMax(options),
           .close = options.close,
           .strict = options.strict,
           .timestamps = options.profile.timestamps || options.server == ServerKind::kReflector},
          ExpectedResponse(options.close)) {
  RefreshNeighbour();
  ReplaySetup();
  if (options.close) {
    // From here on `connections` are open whenever a group begins, and all TIME-WAIT records that
    // may exist do.
    while (opened_ < options_.connections || finished_ < options_.time_wait_max) {
      RecordCloseGroup();
      if (log_.frames_left() < 1024) ReplaySetup();
    }
    ReplaySetup();
  } else {
    OpenAll();
  }
}

// Each opens and gets one response, which it acknowledges.
void Scenario::OpenAll() {
  const uint32_t count = options_.connections + options_.idle;
  Generator generator(count);
  for (const uint32_t number : generator.Permutation(count)) {
    Open(number);
    client_.Ack(number, log_, now_);
    FinishBatch(0);
    if (log_.frames_left() < 64) ReplaySetup();
  }
  ReplaySetup();
  order_ = generator.Permutation(options_.connections);
}

void Scenario::Open(uint32_t number) {
  client_.Syn(number, log_, now_);
  FinishBatch(0);
  client_.Ack(number, log_, now_);
  client_.Request(number, log_, now_);
  FinishBatch(0);
}

void Scenario::ReplaySetup() {
  const Sent sent = Replay(*measured_, log_.batches(), log_, ring_);
  Expect(sent, log_.sent_hashes().size(), log_.sent_bytes());
  log_.Clear();
}

void Scenario::RefreshNeighbour() {
  if (now_ - last_arp_ < kArpEvery) return;
  last_arp_ = now_;
  Client::Arp(log_);
  FinishBatch(0);
}

// The frames that were added go to the twin, and what it answers to the clients.
void Scenario::FinishBatch(uint32_t operations) {
  now_ += frame_time_ * static_cast<int64_t>(log_.open_frames());
  const FrameLog::Batch& batch = log_.Close(now_, operations);
  twin_->Receive(log_.FramesOf(batch), now_);
  while (true) {
    const MutableBytes out = ring_.Next();
    const size_t size = twin_->Transmit(out, now_);
    if (size == 0) break;
    log_.NoteSent(out.first(size));
    client_.OnFrame(out.first(size));
  }
}

void Scenario::FinishBatchWhenFull() {
  if (log_.open_frames() == options_.batch) FinishBatch(0);
}

void Scenario::RecordKeepAlive() {
  for (uint32_t i = 0; i < options_.batch; ++i) {
    client_.Request(order_[cursor_], log_, now_);
    cursor_ = cursor_ + 1 == order_.size() ? 0 : cursor_ + 1;
  }
  FinishBatch(options_.batch);
}

// As many connections as a batch has frames begin, and as many of the oldest end.
void Scenario::RecordCloseGroup() {
  const uint32_t group = options_.batch;
  for (uint32_t i = 0; i < group; ++i) {
    client_.Syn(opened_ + i, log_, now_);
    FinishBatchWhenFull();
  }
  for (uint32_t i = 0; i < group; ++i) {
    client_.Ack(opened_ + i, log_, now_);
    FinishBatchWhenFull();
    client_.Request(opened_ + i, log_, now_);
    FinishBatchWhenFull();
  }
  opened_ += group;
  if (opened_ < options_.connections) return;
  for (uint32_t i = 0; i < group; ++i) {
    client_.Ack(finished_ + i, log_, now_);
    FinishBatchWhenFull();
    client_.Fin(finished_ + i, log_, now_);
    if (log_.open_frames() == options_.batch) FinishBatch(i + 1 == group ? group : 0);
  }
  finished_ += group;
}

void Scenario::Record() {
  log_.Clear();
  RefreshNeighbour();
  for (uint32_t done = 0; done < operations_per_chunk_; done += options_.batch) {
    if (options_.close) {
      RecordCloseGroup();
    } else {
      RecordKeepAlive();
    }
  }
  operations_timed_ = 0;
  for (const FrameLog::Batch& batch : log_.batches().subspan(SplitAt()))
    operations_timed_ += batch.operations;
  if (wrong_.empty() && client_.owed() != 0) wrong_ = "answers are missing";
}

// The first batch that is timed.
size_t Scenario::SplitAt() const {
  uint32_t operations = 0;
  size_t at = 0;
  while (operations < operations_per_chunk_ / kWarmUpShare)
    operations += log_.batches()[at++].operations;
  return at;
}

void Scenario::Expect(const Sent& sent, uint64_t frames, uint64_t bytes) {
  if (wrong_.empty() && (sent.frames != frames || sent.bytes != bytes))
    wrong_ = "other frames came out than of the twin";
}

Sent Scenario::ReplayCounted(std::span<const FrameLog::Batch> batches) {
  const testing::AllocationScope scope;
  const uint64_t locks = LockCount();
  const uint64_t waits = WaitCount();
  const Sent sent = Replay(*measured_, batches, log_, ring_);
  waits_ += WaitCount() - waits;
  locks_ += LockCount() - locks;
  allocations_ += scope.count();
  return sent;
}

void Scenario::RunWarmUp() {
  const auto batches = log_.batches().first(SplitAt());
  const Sent sent = Replay(*measured_, batches, log_, ring_);
  Expect(sent, batches.back().sent_frames, batches.back().sent_bytes);
}

void Scenario::RunTimed() {
  const size_t split = SplitAt();
  const FrameLog::Batch& before = log_.batches()[split - 1];
  const Sent sent = ReplayCounted(log_.batches().subspan(split));
  Expect(sent, log_.sent_hashes().size() - before.sent_frames,
         log_.sent_bytes() - before.sent_bytes);
}

void Scenario::RunWhole() {
  const Sent sent = ReplayCounted(log_.batches());
  Expect(sent, log_.sent_hashes().size(), log_.sent_bytes());
}

void Scenario::RunExact() {
  if (const char* difference = ReplayExact(*measured_, log_, ring_); wrong_.empty())
    wrong_ = difference;
}

std::string Scenario::Wrong() const {
  if (!client_.wrong().empty()) return client_.wrong();
  if (!wrong_.empty()) return wrong_;
  if (options_.is_peer) return {};
  if (allocations_ != 0) return std::to_string(allocations_) + " allocations";
  if (locks_ != 0) return std::to_string(locks_) + " locks";
  if (waits_ != 0) return std::to_string(waits_) + " waits";
  const Stack* const stack = measured_->stack();
  if (stack == nullptr) return {};
  const Counters& counters = stack->counters();
  // A pure acknowledgement of the client's is delivered; only a stray one would be dropped.
  if (counters.TotalDrops() != 0) return "the stack dropped frames";
  if (counters.tcp_retransmissions != 0 || counters.tcp_loss_probes != 0)
    return "the stack sent segments again";
  if (counters.tcp_cookies_sent != 0 && options_.profile.syn_cookies != tcp::SynCookies::kAlways)
    return "the stack sent cookies";
  return {};
}

}  // namespace aether::bench
