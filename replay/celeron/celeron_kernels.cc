// celeron_kernels: times the validation kernels, or runs each once in the function that callgrind
// is told to count in. Prints a line for each: name, operations, and nanoseconds for one
// or whether it is a chain.
//
//   celeron_kernels --time [--runs=400]    the shortest of so many runs
//   celeron_kernels --count                in aether_counted_region, in the same order
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "replay/celeron/kernels.h"
#include "replay/counted_region.h"

namespace aether::celeron {
namespace {

volatile uint64_t sink;

double BestNs(const Kernel& kernel, int runs) {
  double best = 1e300;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    sink = kernel.run(kernel.operations);
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    best = std::min(best, taken.count());
  }
  return best;
}

int Time(int runs) {
  for (const Kernel& kernel : MakeKernels()) {
    sink = kernel.run(kernel.warm_operations);
    const double ns = BestNs(kernel, runs);
    std::printf("%s\t%llu\t%.4f\t%s\n", kernel.name.c_str(),
                static_cast<unsigned long long>(kernel.operations),
                ns / static_cast<double>(kernel.operations), kernel.what.c_str());
  }
  return 0;
}

int Count() {
  for (const Kernel& kernel : MakeKernels()) {
    sink = kernel.run(kernel.warm_operations);
    constexpr uint64_t kRuns = 5;
    aether_counted_region([&kernel] { sink = kernel.run(kernel.operations * kRuns); });
    std::printf("%s\t%llu\t%d\n", kernel.name.c_str(),
                static_cast<unsigned long long>(kernel.operations * kRuns),
                kernel.is_chain ? 1 : 0);
  }
  return 0;
}

}  // namespace
}  // namespace aether::celeron

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const std::string runs = argc == 3 ? argv[2] : "--runs=400";
  if (mode == "--count" && argc == 2) return aether::celeron::Count();
  if (mode == "--time" && runs.starts_with("--runs=")) {
    const int number = std::atoi(runs.c_str() + 7);
    if (number >= 1 && number <= 100'000) return aether::celeron::Time(number);
  }
  std::fprintf(stderr, "usage: celeron_kernels --time [--runs=N] | --count\n");
  return 2;
}
