#include "stack/testing/unpredictable.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

namespace aether::testing {
namespace {

// Standard deviations: a chance of one in ten million or so.
constexpr double kSigmas = 5.3;

// `count` events of which each happens with chance `p` among n.
bool IsFar(double count, double n, double p) {
  const double expected = n * p;
  return std::abs(count - expected) > kSigmas * std::sqrt(expected * (1 - p)) + 1;
}

// More often than chance allows; for rare events, where the spread is not that of a bell.
bool IsOften(size_t count, double expected) {
  return static_cast<double>(count) > expected + kSigmas * std::sqrt(expected) + 4;
}

// Chi-square of the top four bits, 15 degrees of freedom: above 65 one time in 3 million.
bool IsUneven(std::span<const uint32_t> values, int bits) {
  std::array<double, 16> bins{};
  for (const uint32_t value : values) ++bins[value >> (bits - 4) & 15];
  const double expected = static_cast<double>(values.size()) / 16;
  double sum = 0;
  for (const double bin : bins) sum += (bin - expected) * (bin - expected) / expected;
  return sum > 65;
}

// How many values follow from the three before them by x' = a x + c.
size_t LinearHits(std::span<const uint32_t> values, uint32_t mask) {
  size_t hits = 0;
  for (size_t i = 3; i < values.size(); ++i) {
    const uint32_t from = values[i - 2] - values[i - 3];
    if (from % 2 == 0) continue;
    // The inverse of an odd number modulo a power of two, by Newton's iteration.
    uint32_t inverse = from;
    for (int round = 0; round < 5; ++round) inverse *= 2 - from * inverse;
    const uint32_t a = (values[i - 1] - values[i - 2]) * inverse;
    if (((values[i - 1] + a * (values[i - 1] - values[i - 2]) - values[i]) & mask) == 0) ++hits;
  }
  return hits;
}

}  // namespace

std::string Suspicion(std::span<const uint32_t> raw, int bits) {
  const uint32_t mask = bits == 32 ? 0xffffffffu : (1u << bits) - 1;
  std::vector<uint32_t> values(raw.begin(), raw.end());
  for (uint32_t& value : values) value &= mask;
  const double n = static_cast<double>(values.size());
  const double range = static_cast<double>(mask) + 1;

  std::vector<uint32_t> steps;
  for (size_t i = 1; i < values.size(); ++i) steps.push_back((values[i] - values[i - 1]) & mask);
  for (int bit = 0; bit < bits; ++bit) {
    const auto has = [bit](uint32_t value) { return (value >> bit & 1) != 0; };
    if (IsFar(static_cast<double>(std::ranges::count_if(values, has)), n, 0.5)) {
      return "bit " + std::to_string(bit) + " is not even";
    }
    size_t changes = 0;
    for (size_t i = 1; i < values.size(); ++i) changes += has(values[i] ^ values[i - 1]) ? 1u : 0u;
    if (IsFar(static_cast<double>(changes), n - 1, 0.5)) {
      return "bit " + std::to_string(bit) + " follows from the one before";
    }
  }
  if (IsUneven(values, bits)) return "the values are not spread evenly";
  if (IsUneven(steps, bits)) return "the steps are not spread evenly";
  std::map<uint32_t, size_t> step_counts;
  for (const uint32_t step : steps) ++step_counts[step];
  for (const auto& [step, count] : step_counts) {
    if (IsOften(count, n / range)) return "the step " + std::to_string(step) + " comes too often";
  }
  const auto is_small = [&](uint32_t step) {
    return step < range / 256 || step > range - range / 256;
  };
  if (IsFar(static_cast<double>(std::ranges::count_if(steps, is_small)), n - 1, 2.0 / 256)) {
    return "too many or too few small steps";
  }
  size_t repeated = 0;
  for (size_t i = 1; i < steps.size(); ++i) repeated += steps[i] == steps[i - 1] ? 1u : 0u;
  if (IsOften(repeated, n / range)) return "the next step is the one before";
  if (IsOften(LinearHits(values, mask), n / range)) return "the next value follows by a x + c";
  return "";
}

}  // namespace aether::testing
