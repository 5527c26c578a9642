#include "bench/report/block_plan.h"

#include <algorithm>

#include "bench/common/generators.h"

namespace aether::perf {

std::vector<BlockStep> PlanBlock(uint64_t seed, size_t block, size_t rows) {
  bench::Generator mixer(seed ^ (0x9e3779b97f4a7c15u * (block + 1)));
  bench::Generator generator(mixer.Next64());
  std::vector<BlockStep> steps;
  for (const uint32_t row : generator.Permutation(static_cast<uint32_t>(rows))) {
    const Which first = generator.Below(2) == 0 ? Which::kBase : Which::kHead;
    const Which second = first == Which::kBase ? Which::kHead : Which::kBase;
    steps.push_back({.row = row,
                     .order = {first, second, second, first},
                     .is_base_twin_reversed = generator.Below(2) == 0,
                     .is_head_twin_reversed = generator.Below(2) == 0});
  }
  return steps;
}

size_t BlocksFor(size_t least, double minutes, double seconds_of_a_block) {
  const double fitting = 60 * minutes / std::max(seconds_of_a_block, 1e-3);
  const double bounded = std::min(fitting, static_cast<double>(kBlocksMax));
  return std::max(least, static_cast<size_t>(bounded));
}

}  // namespace aether::perf
