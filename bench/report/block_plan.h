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

// More make an interval hardly narrower: bad minutes of the machine last longer than the run.
inline constexpr size_t kBlocksMax = 100;

// As many blocks as fit into the minutes when one takes so many seconds; `least` at least, and
// beyond that kBlocksMax at most.
size_t BlocksFor(size_t least, double minutes, double seconds_of_a_block);

}  // namespace aether::perf
