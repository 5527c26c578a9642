// Flow lookup: hash, slot, and the line of the connection that holds the key, in the stages in
// which the stack does them (stack.cc): single, and in batches of 32 whose cache misses overlap. At
// 1, 1,000, 65,536 and 1,048,576 flows. Bound: a random line, prefetched in the same batches.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "bench/common/generators.h"
#include "bench/common/suite.h"
#include "stack/base/pool.h"
#include "stack/tcp/connection.h"
#include "stack/tcp/demux.h"

namespace aether::bench {
namespace {

constexpr size_t kBatch = 32;
// Lookups that are prepared at a time: more than any cache remembers of, at a million flows.
constexpr size_t kQueries = 1 << 16;

// As far apart as real connections are, and the key in the first line, as there.
struct alignas(64) Block {
  tcp::FlowKey flow;
  std::array<uint8_t, sizeof(tcp::Connection) - sizeof(tcp::FlowKey)> rest;
};

class Table {
 public:
  explicit Table(uint32_t flows) : demux_(flows, SipKey{1, 2}), blocks_(flows) {
    Generator generator(flows);
    // Neighbours in time are no neighbours in memory.
    const std::vector<uint32_t> order = generator.Permutation(flows);
    for (uint32_t i = 0; i < flows; ++i) blocks_.Allocate();
    for (uint32_t i = 0; i < flows; ++i) {
      blocks_[order[i]].flow = FlowOf(i);
      demux_.Insert(demux_.Hash(FlowOf(i)), order[i]);
    }
    queries_.reserve(kQueries);
    lines_.reserve(kQueries);
    for (size_t i = 0; i < kQueries; ++i) {
      const uint32_t number = generator.Below(flows);
      queries_.push_back(FlowOf(number));
      lines_.push_back(order[number]);
    }
  }

  uint32_t Find(const tcp::FlowKey& flow, uint32_t hash) const {
    return demux_.Find(hash, [&](uint32_t value) { return blocks_[value].flow == flow; });
  }

  std::string CheckAll() const {
    for (size_t i = 0; i < kQueries; ++i) {
      if (Find(queries_[i], demux_.Hash(queries_[i])) != lines_[i]) return "another connection";
    }
    for (uint32_t number = 0; number < 1000; ++number) {
      const tcp::FlowKey stranger = FlowOf(blocks_.capacity() + number);
      if (Find(stranger, demux_.Hash(stranger)) != kNoIndex) return "finds a stranger";
    }
    return {};
  }

  void TimeSingle(benchmark::State& state) const {
    TimeEach(state, [&](size_t i) {
      const tcp::FlowKey& flow = queries_[i % kQueries];
      benchmark::DoNotOptimize(Find(flow, demux_.Hash(flow)));
    });
  }
  void TimeStrangers(benchmark::State& state) const {
    TimeEach(state, [&](size_t i) {
      const tcp::FlowKey flow = FlowOf(blocks_.capacity() + static_cast<uint32_t>(i % kQueries));
      benchmark::DoNotOptimize(Find(flow, demux_.Hash(flow)));
    });
  }
  void TimeBatch(benchmark::State& state) const {
    std::array<uint32_t, kBatch> hashes;
    size_t at = 0;
    while (state.KeepRunningBatch(kBatch)) {
      const tcp::FlowKey* batch = &queries_[at];
      for (size_t i = 0; i < kBatch; ++i) {
        hashes[i] = demux_.Hash(batch[i]);
        demux_.PrefetchSlot(hashes[i]);
      }
      for (size_t i = 0; i < kBatch; ++i) {
        const uint32_t guess = demux_.Guess(hashes[i]);
        if (guess != kNoIndex) __builtin_prefetch(&blocks_[guess]);
      }
      for (size_t i = 0; i < kBatch; ++i) benchmark::DoNotOptimize(Find(batch[i], hashes[i]));
      at = (at + kBatch) % kQueries;
    }
  }
  void TimeRandomLines(benchmark::State& state) const {
    size_t at = 0;
    while (state.KeepRunningBatch(kBatch)) {
      for (size_t i = 0; i < kBatch; ++i) __builtin_prefetch(&blocks_[lines_[at + i]]);
      for (size_t i = 0; i < kBatch; ++i)
        benchmark::DoNotOptimize(blocks_[lines_[at + i]].flow.remote.value);
      at = (at + kBatch) % kQueries;
    }
  }
  void TimeOneLine(benchmark::State& state) const {
    // The next line depends on what stands in the one before, as a single lookup's caller does.
    uint32_t last = 0;
    TimeEach(state, [&](size_t i) {
      last = blocks_[lines_[(i + (last & 1)) % kQueries]].flow.remote.value;
      benchmark::DoNotOptimize(last);
    });
  }

 private:
  tcp::Demux demux_;
  Pool<Block> blocks_;
  std::vector<tcp::FlowKey> queries_;
  std::vector<uint32_t> lines_;
};

// Only one is in memory.
const Table& TableOf(uint32_t flows) {
  static uint32_t current = 0;
  static std::unique_ptr<Table> table;
  if (current != flows) {
    table.reset();
    table = std::make_unique<Table>(flows);
    current = flows;
  }
  return *table;
}

void Fill(Suite& suite) {
  const uint32_t counts[] = {1, 1000, 65536, suite.Pick(1u << 20, 1u << 17)};
  for (const uint32_t flows : counts) {
    const std::string row = "demux/" + std::to_string(flows);
    suite.Add(
        row + "/batch_32", [flows] { return TableOf(flows).CheckAll(); },
        [flows](benchmark::State& state) { TableOf(flows).TimeBatch(state); });
    suite.AddBound(row + "/batch_32", "prefetched_line",
                   [flows](benchmark::State& state) { TableOf(flows).TimeRandomLines(state); });
    const auto none = [] { return std::string(); };  // checked with the batch
    suite.Add(row + "/single", none,
              [flows](benchmark::State& state) { TableOf(flows).TimeSingle(state); });
    suite.AddBound(row + "/single", "random_line",
                   [flows](benchmark::State& state) { TableOf(flows).TimeOneLine(state); });
    suite.Add(row + "/stranger", none,
              [flows](benchmark::State& state) { TableOf(flows).TimeStrangers(state); });
  }
}

}  // namespace
}  // namespace aether::bench

AETHER_BENCH_MAIN(aether::bench::Fill)
