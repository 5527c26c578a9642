#include "bench/common/cycles.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace aether::bench {
namespace {

constexpr int kAdds = 64;

// kAdds additions, each of which waits for the one before. From registers: newer cores do an
// addition of a constant in no time at all. Written out, because a short loop takes two cycles a
// turn where it happens to lie across two lines.
inline void DependentAdds(uint64_t& sum, uint64_t by) {
#if defined(__x86_64__)
  asm volatile(".rept 64\n\tadd %1, %0\n\t.endr" : "+r"(sum) : "r"(by));
#elif defined(__aarch64__)
  asm volatile(".rept 64\n\tadd %0, %0, %1\n\t.endr" : "+r"(sum) : "r"(by));
#else
  for (int i = 0; i < kAdds; ++i) {
    sum += by;
    asm volatile("" : "+r"(sum));
  }
#endif
}

}  // namespace

double MeasureCyclesPerNs() {
  constexpr int kLoops = 2'500;
  std::array<double, 40> rates{};
  uint64_t sum = 1;
  uint64_t by = 3;
  asm volatile("" : "+r"(by));
  for (double& rate : rates) {
    const auto begin = std::chrono::steady_clock::now();
    for (int loop = 0; loop < kLoops; ++loop) DependentAdds(sum, by);
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    rate = double{kLoops} * kAdds / taken.count();
  }
  // Whoever takes the core away for a while makes the rate look lower, nothing makes it look
  // higher.
  return *std::max_element(rates.begin(), rates.end());
}

}  // namespace aether::bench
