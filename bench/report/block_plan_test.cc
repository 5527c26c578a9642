#include "bench/report/block_plan.h"

#include <gtest/gtest.h>

#include <set>

namespace aether::perf {
namespace {

TEST(BlockPlan, HasEveryRowOnceInMirroredOrders) {
  std::set<size_t> firsts;
  size_t base_first = 0;
  for (size_t block = 0; block < 200; ++block) {
    const auto steps = PlanBlock(5, block, 10);
    std::set<size_t> rows;
    for (const BlockStep& step : steps) {
      rows.insert(step.row);
      EXPECT_EQ(step.order[0], step.order[3]);
      EXPECT_EQ(step.order[1], step.order[2]);
      EXPECT_NE(step.order[0], step.order[1]);
      base_first += step.order[0] == Which::kBase ? 1u : 0u;
    }
    EXPECT_EQ(rows.size(), 10u);
    firsts.insert(steps[0].row);
  }
  EXPECT_EQ(firsts.size(), 10u);
  EXPECT_GT(base_first, 900u);
  EXPECT_LT(base_first, 1100u);
}

TEST(BlockPlan, IsOfSeedAndBlockAlone) {
  EXPECT_EQ(PlanBlock(5, 3, 10), PlanBlock(5, 3, 10));
  EXPECT_NE(PlanBlock(5, 3, 10), PlanBlock(5, 4, 10));
  EXPECT_NE(PlanBlock(5, 3, 10), PlanBlock(6, 3, 10));
}

TEST(BlockPlan, FillsTheMinutes) {
  EXPECT_EQ(BlocksFor(12, 10, 60), 12u);
  EXPECT_EQ(BlocksFor(12, 10, 50), 12u);
  EXPECT_EQ(BlocksFor(12, 10, 20), 30u);
  EXPECT_EQ(BlocksFor(12, 10, 1), kBlocksMax);
  EXPECT_EQ(BlocksFor(12, 10, 0), kBlocksMax);
  EXPECT_EQ(BlocksFor(kBlocksMax + 1, 10, 1), kBlocksMax + 1);
}

}  // namespace
}  // namespace aether::perf
