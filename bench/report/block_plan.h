// The order in which a comparison runs: blocks of four runs of each row, ABBA or BAAB, rows and
// orders drawn anew for every block. From the seed and the block's number alone, so that a run that
// goes on after a stop goes on with the same plan.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace aether::perf {

enum class Which : uint8_t { kBase, kHead };

struct BlockStep {
  size_t row = 0;
  std::array<Which, 4> order{};
  // In which direction each side is compared with itself.
  bool is_base_twin_reversed = false;
  bool is_head_twin_reversed = false;

  bool operator==(const BlockStep&) const = default;
};

std::vector<BlockStep> PlanBlock(uint64_t seed, size_t block, size_t rows);

}  // namespace aether::perf
