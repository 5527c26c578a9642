// Rows of what a connection costs in memory, everything counted: what the kernel says this process
// has in memory, before and after many of them. The figure is the counter `bytes_each`; the time of
// these rows means nothing.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <string>

#include "bench/stack/client.h"
#include "bench/stack/frame_log.h"
#include "bench/stack/resident.h"
#include "bench/stack/rows.h"
#include "bench/stack/server.h"
#include "stack/tcp/layer.h"

namespace aether::bench {
namespace {

enum class What { kIdle, kTimeWait, kHalfOpen };

struct MemoryOptions {
  What what = What::kIdle;
  ServerKind server = ServerKind::kHttp;
  uint32_t count = 0;
  double bytes_max = 0;  // the floor of MEASURING
};

// One server and its clients, without a twin and without a clock that counts.
class Population {
 public:
  explicit Population(const MemoryOptions& options)
      : options_(options),
        log_(16),
        client_({.open_max = options.count, .close = options.what == What::kTimeWait},
                ExpectedResponse(options.what == What::kTimeWait)),
        out_(2048) {}

  // What is in memory with the server that it was not without it.
  size_t MeasureBytes() {
    ::malloc_trim(0);
    const size_t before = ResidentBytes();
    server_ = MakeServer(ServerOptionsOf(options_));
    Client::Arp(log_);
    Exchange();
    for (uint32_t number = 0; number < options_.count; ++number) Add(number);
    return ResidentBytes() - before;
  }

  std::string Wrong() const {
    if (!client_.wrong().empty()) return client_.wrong();
    const Stack& stack = *server_->stack();
    const uint32_t all = options_.count;
    switch (options_.what) {
      case What::kIdle:
        return stack.connection_count() == all ? "" : "not all are open";
      case What::kTimeWait:
        return stack.time_wait_count() == all ? "" : "not all are in TIME-WAIT";
      case What::kHalfOpen:
        return stack.counters().tcp_cookies_sent == all ? "" : "not all got a cookie";
    }
    return {};
  }

 private:
  // Some 16,000 new connections a second: what a connection lets go of when it falls silent is for
  // the next ones to use.
  static constexpr Duration kExchangeTime = std::chrono::microseconds(20);

  // The table of flows is full when all are there: what it costs beyond is for others.
  static ServerOptions ServerOptionsOf(const MemoryOptions& options) {
    const uint32_t all = options.count;
    ServerOptions server{.kind = options.server, .connections_max = all, .time_wait_max = 16};
    if (options.what != What::kIdle) std::swap(server.connections_max, server.time_wait_max);
    server.close = options.what == What::kTimeWait;
    if (options.what == What::kHalfOpen) server.profile.syn_cookies = tcp::SynCookies::kAlways;
    return server;
  }

  void Exchange() {
    now_ += kExchangeTime;
    server_->Receive(log_.FramesOf(log_.Close(now_, 0)), now_);
    while (const size_t size = server_->Transmit(out_, now_))
      client_.OnFrame(Bytes(out_).first(size));
    log_.Clear();
  }

  void Add(uint32_t number) {
    client_.Syn(number, log_, now_);
    Exchange();
    if (options_.what == What::kHalfOpen) return;
    client_.Ack(number, log_, now_);
    client_.Request(number, log_, now_);
    Exchange();
    client_.Ack(number, log_, now_);
    if (options_.what == What::kTimeWait) client_.Fin(number, log_, now_);
    Exchange();
  }

  MemoryOptions options_;
  FrameLog log_;
  Client client_;
  std::unique_ptr<Server> server_;
  std::vector<uint8_t> out_;
  Instant now_ = kBegin;
};

void AddRow(Suite& suite, const std::string& row, const MemoryOptions& options,
            size_t bytes_by_parts) {
  const auto none = [] { return std::string(); };
  suite
      .Add("memory/" + row, none,
           [options, bytes_by_parts](benchmark::State& state) {
             const SmallPages small_pages;
             double bytes = 0;
             std::string wrong;
             for ([[maybe_unused]] auto _ : state) {
               // What a server takes in any case is found with a few connections.
               MemoryOptions few = options;
               few.count = 16;
               Population(few).MeasureBytes();  // what the process takes once
               const size_t fixed_bytes = Population(few).MeasureBytes();
               Population population(options);
               const size_t all_bytes = population.MeasureBytes();
               bytes = (static_cast<double>(all_bytes) - static_cast<double>(fixed_bytes)) /
                       (options.count - few.count);
               wrong = population.Wrong();
             }
             // Everything but a half-open connection is somewhere.
             if (wrong.empty() && bytes < static_cast<double>(bytes_by_parts) / 2)
               wrong = "memory was reused, nothing was measured";
             if (wrong.empty() && bytes > options.bytes_max)
               wrong = "more than " + std::to_string(options.bytes_max) +
                       " bytes each: " + std::to_string(bytes);
             if (!wrong.empty()) state.SkipWithError(wrong.c_str());
             state.counters[std::string(kBytesEach)] = bytes;
             state.counters["bytes_by_parts"] = static_cast<double>(bytes_by_parts);
           })
      ->Iterations(1);
}

}  // namespace

void AddMemoryRows(Suite& suite) {
  // A power of two less 16 of the other kind: what fills the table of flows.
  const uint32_t count = suite.Pick(131072u, 65536u) - 16;
  AddRow(suite, "idle/stack",
         {.what = What::kIdle, .server = ServerKind::kBare, .count = count, .bytes_max = 384},
         tcp::Layer::kIdleConnectionBytes);
  // With the application's own state.
  AddRow(suite, "idle/with_http",
         {.what = What::kIdle, .server = ServerKind::kHttp, .count = count, .bytes_max = 384},
         tcp::Layer::kIdleConnectionBytes);
  AddRow(suite, "time_wait",
         {.what = What::kTimeWait, .server = ServerKind::kHttp, .count = count, .bytes_max = 64},
         tcp::Layer::kTimeWaitBytes);
  AddRow(suite, "half_open",
         {.what = What::kHalfOpen, .server = ServerKind::kHttp, .count = count, .bytes_max = 1}, 0);
}

}  // namespace aether::bench
