// Rows of bulk transfers: one operation is a full segment's text from one application to the other.
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/common/working_set.h"
#include "bench/stack/bulk.h"
#include "bench/stack/lock_count.h"
#include "bench/stack/rows.h"
#include "stack/testing/counting_allocator.h"
#include "stack/wire/checksum.h"

namespace aether::bench {
namespace {

std::string CheckBulk(bool both_ways) {
  Bulk bulk({.both_ways = both_ways, .check = true});
  for (int chunk = 0; chunk < 4; ++chunk) bulk.RunChunk();
  return bulk.Wrong();
}

void TimeBulk(benchmark::State& state, bool both_ways) {
  Bulk bulk({.both_ways = both_ways});
  const uint64_t frames = bulk.frames();
  uint64_t allocations = 0;
  uint64_t locks = 0;
  while (state.KeepRunningBatch(Bulk::kSegmentsPerChunk)) {
    const testing::AllocationScope scope;
    const uint64_t locks_before = LockCount();
    bulk.RunChunk();
    allocations += scope.count();
    locks += LockCount() - locks_before;
  }
  if (allocations != 0) state.SkipWithError("allocations");
  if (locks != 0) state.SkipWithError("locks");
  const std::string wrong = bulk.Wrong();
  if (!wrong.empty()) state.SkipWithError(wrong.c_str());
  const auto segments = static_cast<double>(state.iterations());
  state.counters["frames"] = static_cast<double>(bulk.frames() - frames) / segments;
  state.counters["bits_per_second"] =
      benchmark::Counter(segments * Bulk::kSegmentBytes * 8, benchmark::Counter::kIsRate);
}

// What no stack can do without: the text is copied and summed on its way into the frame and on its
// way out of it.
void TimeTwoCopies(benchmark::State& state) {
  const WorkingSet from(32 * 2048, Bulk::kSegmentBytes, 0, 1);
  const WorkingSet frames(32 * 2048, Bulk::kSegmentBytes, 66 % 64, 2);
  const WorkingSet to(32 * 2048, Bulk::kSegmentBytes, 0, 3);
  TimeEach(state, [&](size_t i) {
    uint8_t* const frame = frames.Piece(i);
    uint16_t sum = CopyAndSum(frame, {from.Piece(i), Bulk::kSegmentBytes});
    sum = SumAdd(sum, CopyAndSum(to.Piece(i), {frame, Bulk::kSegmentBytes}));
    benchmark::DoNotOptimize(sum);
    benchmark::ClobberMemory();
  });
  state.counters["bits_per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * Bulk::kSegmentBytes * 8,
                         benchmark::Counter::kIsRate);
}

}  // namespace

void AddBulkRows(Suite& suite) {
  for (const bool both_ways : {false, true}) {
    suite.Add(
        std::string("bulk/") + (both_ways ? "both_ways" : "one_way"),
        [both_ways] { return CheckBulk(both_ways); },
        [both_ways](benchmark::State& state) { TimeBulk(state, both_ways); });
  }
  suite.AddBound("bulk", "two_copies_and_sums", TimeTwoCopies);
}

}  // namespace aether::bench
