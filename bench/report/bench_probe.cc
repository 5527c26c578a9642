// What the gate tests itself with: three kinds of work, done some per cent more often when the
// folder that the program is called from is named so (plus_5/bench_probe). One loop of dependent
// additions, one of sums over a segment, one that follows pointers through the second cache.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/common/generators.h"
#include "bench/common/suite.h"
#include "stack/wire/checksum.h"

namespace aether::bench {
namespace {

// Of one operation without a slowdown; a per cent is a whole number of them.
constexpr size_t kSteps = 100;

size_t steps = kSteps;

size_t StepsFrom(std::string_view program) {
  const size_t mark = program.rfind("plus_");
  if (mark == program.npos) return kSteps;
  return kSteps + std::strtoull(program.data() + mark + 5, nullptr, 10);
}

std::string None() { return {}; }

void TimeAdditions(benchmark::State& state) {
  uint64_t sum = 1;
  for (auto _ : state) {
    for (size_t step = 0; step < steps; ++step) {
      for (int i = 0; i < 16; ++i) {
        sum += step;
        asm volatile("" : "+r"(sum));
      }
    }
  }
  benchmark::DoNotOptimize(sum);
}

void TimeChecksum(benchmark::State& state) {
  Generator generator(1);
  const std::vector<uint8_t> segment = generator.Payload(1460);
  for (auto _ : state)
    for (size_t step = 0; step < steps; ++step) benchmark::DoNotOptimize(SumBytes(segment));
}

void TimeChase(benchmark::State& state) {
  constexpr uint32_t kPlaces = 32 * 1024;
  Generator generator(2);
  const std::vector<uint32_t> order = generator.Permutation(kPlaces);
  std::vector<uint32_t> next(kPlaces);
  for (uint32_t i = 0; i < kPlaces; ++i) next[order[i]] = order[(i + 1) % kPlaces];
  uint32_t at = 0;
  for (auto _ : state)
    for (size_t step = 0; step < steps; ++step) at = next[at];
  benchmark::DoNotOptimize(at);
}

void Fill(Suite& suite) {
  suite.Add("probe/additions", None, TimeAdditions);
  suite.Add("probe/checksum", None, TimeChecksum);
  suite.Add("probe/chase", None, TimeChase);
}

}  // namespace
}  // namespace aether::bench

int main(int argc, char** argv) {
  aether::bench::steps = aether::bench::StepsFrom(argv[0]);
  return aether::bench::SuiteMain(argc, argv, aether::bench::Fill);
}
