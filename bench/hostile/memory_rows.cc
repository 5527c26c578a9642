// Rows of what a server takes in memory under a flood: what the kernel says this process has more
// than with a server that nobody attacks. It must not grow with the length of the flood, and may
// not exceed what the limits add up to. The time of these rows means nothing.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <string>

#include "bench/hostile/rows.h"
#include "bench/stack/resident.h"
#include "stack/tcp/buffers.h"
#include "stack/tcp/layer.h"

namespace aether::bench {
namespace {

// The largest objects of each kind that the limits allow, and all of them.
double LimitBytes(const Config& config) {
  const BufferLimits& buffers = config.buffers;
  constexpr size_t kOfApplication = 256;
  const size_t connection = tcp::Layer::kIdleConnectionBytes + sizeof(tcp::Recovery) +
                            sizeof(tcp::OutOfOrder) + kOfApplication;
  const double tcp = double(config.tcp.connections_max) * double(connection) +
                     double(config.tcp.time_wait_max) * double(tcp::Layer::kTimeWaitBytes);
  const double queues = double(buffers.chunks_max) * double(sizeof(Chunk) + 16) +
                        double(buffers.send_items_max) * double(sizeof(tcp::SendItem) + 8) +
                        double(buffers.sent_segments_max) * double(sizeof(tcp::SentSegment) + 8) +
                        double(buffers.held_ranges_max) * double(sizeof(tcp::HeldRange) + 8);
  const double fragments = double(config.net.reassembly_bytes_max) +
                           double(config.net.reassembly_datagrams_max) *
                               (double(config.net.reassembly_fragments_per_datagram_max) * 4 +
                                // The pages at both ends of what is used.
                                double(config.net.reassembly_datagram_bytes_max));
  const double frames = double(config.net.arp_queue_max + config.net.output_frames_max +
                               config.net.output_fragments_max) *
                        (double(config.mtu) + 64);
  return tcp + queues + fragments + frames;
}

struct Held {
  double after_n = 0;
  double after_2n = 0;
  std::string wrong;
};

// Of the two servers that a siege has.
Held Measure(FloodKind kind, uint32_t chunks) {
  ::malloc_trim(0);
  const size_t before = ResidentBytes();
  Siege siege({.flood = kind});
  const auto run = [&] {
    for (uint32_t i = 0; i < chunks; ++i) {
      siege.Record();
      siege.RunWhole();
    }
    return (static_cast<double>(ResidentBytes()) - static_cast<double>(before)) / 2;
  };
  Held held;
  held.after_n = run();
  held.after_2n = run();
  held.wrong = siege.Wrong();
  return held;
}

void Time(benchmark::State& state, FloodKind kind, uint32_t chunks) {
  const SmallPages small_pages;
  Held flood;
  Held plain;
  for ([[maybe_unused]] auto _ : state) {
    Measure(FloodKind::kNone, 1);  // what the process takes once
    plain = Measure(FloodKind::kNone, chunks);
    flood = Measure(kind, chunks);
  }
  const double bytes = std::max(0.0, flood.after_2n - plain.after_2n);
  const double growth = flood.after_2n - flood.after_n;
  const double limit = LimitBytes(StackConfig(SiegeServerOptions({})));
  std::string wrong = flood.wrong;
  // Some pages are always touched late: of the log, and where times lead to other slots of a wheel.
  constexpr double kGrowthMax = 512 * 1024;
  if (wrong.empty() && growth > kGrowthMax)
    wrong = "twice the flood takes " + std::to_string(growth) + " bytes more";
  if (wrong.empty() && bytes > limit)
    wrong = std::to_string(bytes) + " bytes, more than the limits add up to";
  if (!wrong.empty()) state.SkipWithError(wrong.c_str());
  state.counters[std::string(kBytesEach)] = bytes;
  state.counters["growth_bytes"] = growth;
  state.counters["limit_bytes"] = limit;
}

}  // namespace

void AddMemoryRows(Suite& suite) {
  const uint32_t chunks = suite.Pick(24u, 3u);
  const auto none = [] { return std::string(); };
  for (const FloodName& flood : kFloods) {
    suite
        .Add("hostile_memory/" + std::string(flood.name), none,
             [kind = flood.kind, chunks](benchmark::State& state) { Time(state, kind, chunks); })
        ->Iterations(1);
  }
}

}  // namespace aether::bench
