#include "bench/common/cycles.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace aether::bench {
namespace {

// From registers: newer cores do an addition of a constant in no time at all.
template <typename T>
inline void DependentAdd(T& sum, T by) {
#if defined(__x86_64__)
  asm volatile("add %1, %0" : "+r"(sum) : "r"(by));
#elif defined(__aarch64__)
  asm volatile("add %0, %0, %1" : "+r"(sum) : "r"(by));
#else
  sum += by;
  asm volatile("" : "+r"(sum));
#endif
}

}  // namespace

double MeasureCyclesPerNs() {
  constexpr int kLoops = 5'000;
  constexpr int kAddsPerLoop = 32;
  std::array<double, 40> rates{};
  uint64_t sum = 1;
  uint64_t by = 3;
  asm volatile("" : "+r"(by));
  for (double& rate : rates) {
    const auto begin = std::chrono::steady_clock::now();
    for (int loop = 0; loop < kLoops; ++loop) {
      for (int i = 0; i < kAddsPerLoop; ++i) DependentAdd(sum, by);
    }
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    rate = double{kLoops} * kAddsPerLoop / taken.count();
  }
  // Whoever takes the core away for a while makes the rate look lower, nothing makes it look
  // higher.
  return *std::max_element(rates.begin(), rates.end());
}

}  // namespace aether::bench
