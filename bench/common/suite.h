// What every bench program has in common: rows that are checked against a reference before anything
// is timed, bounds that stand beside them, a quick mode, and what machine and build the figures are
// of. Google Benchmark does the timing and writes the JSON (--benchmark_out=FILE).
//
// A row is named by a path, `checksum/L1/1460/avx512`. A bound is a row of its own whose name ends
// in `/bound:what`; it belongs to all rows that its name without that ending is, or begins.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aether::bench {

// A row with a counter of this name is about memory, and its time means nothing.
inline constexpr std::string_view kBytesEach = "bytes_each";

// Says what is wrong; empty when nothing is.
using Check = std::function<std::string()>;
using Timed = std::function<void(benchmark::State&)>;

class Suite {
 public:
  explicit Suite(bool quick) : quick_(quick) {}

  // One tiny pass that fails on a wrong result: what ctest runs.
  bool quick() const { return quick_; }
  template <typename T>
  T Pick(T full, T quick) const {
    return quick_ ? quick : full;
  }

  // `timed` may call SkipWithError, which fails the program like a check does.
  benchmark::internal::Benchmark* Add(const std::string& row, Check check, Timed timed);
  // A bound of `row` and of all rows below it; nothing is compared with it but time.
  void AddBound(const std::string& row, const std::string& what, Timed timed);
  // The same number for every row, where a comparison with another build wants it.
  void FixIterations(int64_t iterations);
  // For what is a check of several rows, or of the bench itself.
  void AddCheck(const std::string& name, Check check);

  // Runs all checks; prints one line for each that fails, and answers how many did.
  size_t RunChecks() const;
  size_t check_count() const { return checks_.size(); }

 private:
  bool quick_;
  std::vector<std::pair<std::string, Check>> checks_;
  std::vector<benchmark::internal::Benchmark*> rows_;
};

// Calls `fill`, runs the checks, times what --benchmark_filter lets through and prints each row
// beside its bounds. 0: all is well; 1: bad arguments or nothing to run; 4: a wrong result.
int SuiteMain(int argc, char** argv, void (*fill)(Suite&));

// Calls op(i) for i = 0, 1, 2, ...; one call is one iteration, and the loop around it costs little.
template <typename Op>
void TimeEach(benchmark::State& state, Op&& op) {
  constexpr size_t kUnroll = 64;
  size_t i = 0;
  while (state.KeepRunningBatch(kUnroll)) {
    for (size_t k = 0; k < kUnroll; ++k) op(i++);
  }
}

}  // namespace aether::bench

#define AETHER_BENCH_MAIN(fill) \
  int main(int argc, char** argv) { return aether::bench::SuiteMain(argc, argv, fill); }
