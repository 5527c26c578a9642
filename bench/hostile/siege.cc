#include "bench/hostile/siege.h"

#include <algorithm>
#include <chrono>

#include "bench/common/thread_clock.h"
#include "bench/stack/lock_count.h"
#include "stack/base/random.h"
#include "stack/testing/counting_allocator.h"
#include "stack/testing/frame_builder.h"

namespace aether::bench {
namespace {

constexpr uint32_t kFramesPerClose = 5;
constexpr Duration kFrameTime = std::chrono::microseconds(1);
// Every neighbour is heard of more often than it would be asked, and every silent client before the
// server lets go of it.
constexpr Duration kKeepUpEvery = std::chrono::seconds(20);
// Only a response is as long.
constexpr size_t kResponseFrameBytesMin = 300;

uint32_t OperationsPerChunk(const SiegeOptions& options) {
  const uint32_t real_frames = options.close ? kFramesPerClose : 1;
  const uint32_t each = (options.real_requests ? 1 : 0) +
                        (options.flood == FloodKind::kNone ? 0 : options.hostile_per_real);
  const uint32_t operations = options.frames_per_chunk / (each * real_frames);
  return std::max(operations / options.batch, 2u) * options.batch;
}

size_t FramesMax(const SiegeOptions& options) {
  const size_t frames = size_t{OperationsPerChunk(options) + options.batch} *
                        (options.close ? kFramesPerClose : 1) * (1 + options.hostile_per_real);
  return std::max<size_t>(8192, frames + 2 * options.connections + 256);
}

Ipv4Address DestinationOf(Bytes frame) {
  if (frame.size() < testing::kIpv4PayloadAt || LoadBe<uint16_t>(frame.data() + 12) != 0x0800)
    return {};
  return {LoadBe<uint32_t>(frame.data() + testing::kIpv4At + 16)};
}

}  // namespace

ServerOptions SiegeServerOptions(const SiegeOptions& options) {
  return {.kind = ServerKind::kHttp,
          .connections_max = 4096,
          .time_wait_max = 4096,
          .close = options.close,
          .profile = tcp::kFull};
}

SipKey DemuxKeyOf(Seed seed) {
  // What is drawn before it: the keys and seeds of the interface, 128 bits each.
  constexpr int kDrawnBefore = 4;
  Random random(seed);
  for (int i = 0; i < kDrawnBefore; ++i) random.NextKey();
  return random.NextKey();
}

std::string OverLimit(const MemoryUse& use, const Config& config) {
  const auto check = [](const char* what, uint64_t is, uint64_t max) {
    return is <= max ? std::string()
                     : std::to_string(is) + ' ' + what + ", more than " + std::to_string(max);
  };
  const uint64_t frames = uint64_t{config.net.arp_queue_max} + config.net.output_frames_max +
                          config.net.output_fragments_max;
  for (const std::string& wrong :
       {check("connections", use.connections, config.tcp.connections_max),
        check("half-open connections", use.half_open, config.tcp.half_open_max),
        check("TIME-WAIT records", use.time_wait_records, config.tcp.time_wait_max),
        check("timers", use.tcp_timers, config.tcp.connections_max),
        check("replies", use.tcp_replies, config.tcp.replies_max),
        check("chunks", use.chunks, config.buffers.chunks_max),
        check("send items", use.send_items, config.buffers.send_items_max),
        check("sent segments", use.sent_segments, config.buffers.sent_segments_max),
        check("held ranges", use.held_ranges, config.buffers.held_ranges_max),
        check("recoveries", use.recoveries, config.tcp.connections_max),
        check("out-of-order records", use.out_of_orders, config.tcp.connections_max),
        check("neighbours", use.neighbors, config.net.neighbors_max),
        check("frames", use.frames, frames),
        check("datagrams in reassembly", use.fragmented_datagrams,
              config.net.reassembly_datagrams_max)}) {
    if (!wrong.empty()) return wrong;
  }
  return {};
}

Siege::Siege(const SiegeOptions& options)
    : options_(options),
      operations_per_chunk_(OperationsPerChunk(options)),
      log_(FramesMax(options)),
      twin_(options.make_server(SiegeServerOptions(options))),
      measured_(options.make_server(SiegeServerOptions(options))),
      client_({.open_max = options.connections + options.batch,
               .close = options.close,
               .strict = options.strict,
               .takes_acks = options.flood == FloodKind::kAck || options.flood == FloodKind::kRst,
               .may_lose = options.flood == FloodKind::kSlowCrowd},
              ExpectedResponse(options.close)) {
  AETHER_CHECK(options.batch <= options.connections);
  OpenReal();
  const Config& config = twin_->stack()->config();
  FloodOptions flood{.kind = options.flood, .real_flow = [this] { return RandomRealFlow(); }};
  flood.table_entries = config.tcp.connections_max + config.tcp.time_wait_max;
  if (options.knows_key) flood.guessed_key = DemuxKeyOf(config.seed);
  flood_ = MakeFlood(flood);
  const uint32_t frames = has_flood() ? flood_->frames_until_steady() : 0;
  for (uint32_t done = 0; done < frames; ++done) {
    AddHostile();
    if (log_.frames_left() < 64) ReplaySetup();
  }
  ReplaySetup();
}

// As many as are to be open. Without requests or with keep-alive these are all that there will be.
void Siege::OpenReal() {
  KeepUp();
  if (options_.close && options_.real_requests) {
    // All TIME-WAIT records that may exist do.
    const uint32_t records = SiegeServerOptions(options_).time_wait_max;
    while (finished_ < records) {
      RecordCloseGroup();
      if (log_.frames_left() < 1024) ReplaySetup();
    }
  } else {
    for (uint32_t number = 0; number < options_.connections; ++number) {
      Open(number);
      client_.Ack(number, log_, now_);
      FinishBatch();
      if (log_.frames_left() < 64) ReplaySetup();
    }
    opened_ = options_.connections;
    order_ = generator_.Permutation(options_.connections);
  }
  ReplaySetup();
}

void Siege::Open(uint32_t number) {
  client_.Syn(number, log_, now_);
  FinishBatch();
  client_.Ack(number, log_, now_);
  client_.Request(number, log_, now_);
  FinishBatch();
}

RealFlow Siege::RandomRealFlow() {
  const uint32_t number = finished_ + generator_.Below(opened_ - finished_);
  return {ClientOf(number), client_.NextSequence(number)};
}

void Siege::ReplaySetup() {
  if (log_.open_frames() != 0) FinishBatch();
  const Sent sent = Replay(*measured_, log_.batches(), log_, ring_);
  Expect(sent, 0, log_.batches().size());
  log_.Clear();
}

// The frames that were added go to the twin, and what it answers to clients and attackers.
void Siege::FinishBatch() {
  now_ += kFrameTime * static_cast<int64_t>(log_.open_frames());
  const FrameLog::Batch& batch = log_.Close(now_, open_.operations);
  if (is_recording_) {
    whole_.operations += open_.operations;
    whole_.answered += open_.answered;
    whole_.hostile_frames += open_.hostile_frames;
    if (split_ == 0 && whole_.operations >= operations_per_chunk_ / kWarmUpShare) {
      split_ = log_.batches().size();
    } else if (split_ != 0) {
      timed_.operations += open_.operations;
      timed_.answered += open_.answered;
      timed_.real_frames += open_.real_frames;
      timed_.hostile_frames += open_.hostile_frames;
    }
  }
  open_ = {};
  twin_->Receive(log_.FramesOf(batch), now_);
  NoteHighWater();
  while (true) {
    const MutableBytes out = ring_.Next();
    const size_t size = twin_->Transmit(out, now_);
    if (size == 0) break;
    const MutableBytes frame = out.first(size);
    log_.NoteSent(frame);
    if (!IsAttacker(DestinationOf(frame))) {
      client_.OnFrame(frame);
    } else if (has_flood()) {
      flood_->OnFrame(frame);
    }
  }
}

void Siege::FinishBatchWhenFull() {
  if (log_.open_frames() >= options_.batch) FinishBatch();
}

void Siege::NoteHighWater() {
  const MemoryUse use = twin_->stack()->memory_in_use();
  const std::string wrong = OverLimit(use, twin_->stack()->config());
  if (wrong_.empty() && !wrong.empty()) wrong_ = wrong;
#define AETHER_BENCH_HIGH_WATER(member, text) \
  high_water_.member = std::max(high_water_.member, use.member);
  AETHER_MEMORY_USE(AETHER_BENCH_HIGH_WATER)
#undef AETHER_BENCH_HIGH_WATER
}

// Outside of what is timed: the router is heard of, and those whose requests are left out.
void Siege::KeepUp() {
  if (now_ - last_arp_ >= kKeepUpEvery) {
    last_arp_ = now_;
    Client::Arp(log_);
    FinishBatch();
  }
  if (options_.real_requests || now_ - last_request_ < kKeepUpEvery) return;
  last_request_ = now_;
  // With close the response would be the last.
  if (options_.close) return;
  for (const uint32_t number : order_) {
    if (client_.IsOwed(number)) continue;
    client_.Request(number, log_, now_);
    FinishBatch();
  }
}

void Siege::AddHostile() {
  ++open_.hostile_frames;
  flood_->Add(log_, now_);
  FinishBatchWhenFull();
}

// A frame of a real client's and its share of the flood, in an order that nobody can foresee.
template <typename Write>
void Siege::AddReal(Write&& write) {
  const uint32_t hostile = is_recording_ && has_flood() ? options_.hostile_per_real : 0;
  const uint32_t place = hostile == 0 ? 0 : generator_.Below(hostile + 1);
  for (uint32_t i = 0; i <= hostile; ++i) {
    if (i != place) {
      AddHostile();
    } else if (options_.real_requests) {
      ++open_.real_frames;
      write();
      FinishBatchWhenFull();
    }
  }
}

void Siege::RecordKeepAlive() {
  for (uint32_t i = 0; i < options_.batch; ++i) {
    const uint32_t number = order_[cursor_];
    cursor_ = cursor_ + 1 == order_.size() ? 0 : cursor_ + 1;
    AddReal([&] {
      ++open_.operations;
      // Whoever still waits is not served, and goes on waiting; whoever was reset opens again.
      if (MayLose() && client_.IsOwed(number)) return;
      if (MayLose() && client_.IsLost(number)) return client_.Syn(number, log_, now_);
      ++open_.answered;
      client_.Request(number, log_, now_);
    });
    if (!options_.real_requests) ++open_.operations;
  }
}

// As many connections as a batch has frames begin, and as many of the oldest end.
void Siege::RecordCloseGroup() {
  const uint32_t group = options_.batch;
  const uint32_t first = opened_;
  for (uint32_t i = 0; i < group; ++i) {
    AddReal([&] {
      client_.Syn(first + i, log_, now_);
      ++opened_;
    });
  }
  for (uint32_t i = 0; i < group; ++i) {
    // Whoever gets no SYN-ACK gives up.
    bool is_open = true;
    AddReal([&] {
      is_open = !MayLose() || !(client_.IsOwed(first + i) || client_.IsLost(first + i));
      if (is_open) client_.Ack(first + i, log_, now_);
    });
    AddReal([&] {
      if (is_open) client_.Request(first + i, log_, now_);
    });
  }
  if (options_.real_requests && opened_ < options_.connections) return;
  for (uint32_t i = 0; i < group; ++i) {
    const bool is_lost = MayLose() && (client_.IsOwed(finished_) || client_.IsLost(finished_));
    AddReal([&] {
      if (!is_lost) client_.Ack(finished_, log_, now_);
    });
    AddReal([&] {
      if (is_lost) {
        client_.Abandon(finished_, log_);
      } else {
        client_.Fin(finished_, log_, now_);
        ++open_.answered;
      }
      ++finished_;
      ++open_.operations;
    });
    if (!options_.real_requests) ++open_.operations;
  }
}

void Siege::Record() {
  log_.Clear();
  KeepUp();
  whole_ = timed_ = {};
  split_ = 0;
  is_recording_ = true;
  for (uint32_t done = 0; done < operations_per_chunk_; done += options_.batch) {
    if (options_.close) {
      RecordCloseGroup();
    } else {
      RecordKeepAlive();
    }
  }
  if (log_.open_frames() != 0) FinishBatch();
  is_recording_ = false;
  if (wrong_.empty() && !MayLose() && client_.owed() != 0)
    wrong_ = std::to_string(client_.owed()) + " requests were not answered";
}

void Siege::Expect(const Sent& sent, size_t from, size_t to) {
  const auto batches = log_.batches();
  if (to == 0) return;
  const uint64_t frames_before = from == 0 ? 0 : batches[from - 1].sent_frames;
  const uint64_t bytes_before = from == 0 ? 0 : batches[from - 1].sent_bytes;
  if (wrong_.empty() && (sent.frames != batches[to - 1].sent_frames - frames_before ||
                         sent.bytes != batches[to - 1].sent_bytes - bytes_before)) {
    wrong_ = "other frames came out than of the twin";
  }
}

void Siege::RunWarmUp() {
  Expect(Replay(*measured_, log_.batches().first(split_), log_, ring_), 0, split_);
}

void Siege::RunTimed() {
  const testing::AllocationScope scope;
  const uint64_t locks = LockCount();
  const Sent sent = Replay(*measured_, log_.batches().subspan(split_), log_, ring_);
  locks_ += LockCount() - locks;
  allocations_ += scope.count();
  Expect(sent, split_, log_.batches().size());
}

SiegeTime Siege::MeasureTimed() {
  const double begin = ThreadNs();
  RunTimed();
  SiegeTime time = timed_;
  time.ns = ThreadNs() - begin;
  return time;
}

void Siege::RunForService(std::vector<double>& service_ns) {
  using Wall = std::chrono::steady_clock;
  const auto ns = [](Wall::duration time) {
    return std::chrono::duration<double, std::nano>(time).count();
  };
  // More than the clocks themselves take.
  constexpr double kTakenAwayNs = 1000;
  Sent sent;
  for (const FrameLog::Batch& batch : log_.batches().subspan(split_)) {
    const size_t samples = service_ns.size();
    const double thread_begin = ThreadNs();
    const Wall::time_point begin = Wall::now();
    measured_->Receive(log_.FramesOf(batch), batch.now);
    while (true) {
      const MutableBytes out = ring_.Next();
      const size_t size = measured_->Transmit(out, batch.now);
      if (size == 0) break;
      ++sent.frames;
      sent.bytes += size;
      if (size >= kResponseFrameBytesMin && !IsAttacker(DestinationOf(out.first(size))))
        service_ns.push_back(ns(Wall::now() - begin));
    }
    const double wall_ns = ns(Wall::now() - begin);
    // Somebody else had the processor: that says nothing about the server.
    if (wall_ns > ThreadNs() - thread_begin + kTakenAwayNs) service_ns.resize(samples);
  }
  Expect(sent, split_, log_.batches().size());
}

void Siege::RunWhole() {
  Expect(Replay(*measured_, log_.batches(), log_, ring_), 0, log_.batches().size());
}

void Siege::RunExact() {
  if (const char* difference = ReplayExact(*measured_, log_, ring_); wrong_.empty())
    wrong_ = difference;
}

std::string Siege::Wrong() const {
  if (!client_.wrong().empty()) return client_.wrong();
  if (!wrong_.empty()) return wrong_;
  if (allocations_ != 0) return std::to_string(allocations_) + " allocations";
  if (locks_ != 0) return std::to_string(locks_) + " locks";
  return MissedAim(options_.flood, measured_->stack()->counters(), high_water_);
}

}  // namespace aether::bench
