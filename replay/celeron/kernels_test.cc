#include "replay/celeron/kernels.h"

#include <gtest/gtest.h>

#include <set>

namespace aether::celeron {
namespace {

TEST(Kernels, AreAtLeastADozenWithNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Kernel& kernel : MakeKernels()) {
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name;
    EXPECT_FALSE(kernel.what.empty());
    EXPECT_GT(kernel.warm_operations, 0U);
    EXPECT_GT(kernel.operations, 0U);
  }
  EXPECT_GE(names.size(), 12U);
}

TEST(Kernels, WorkIsDoneAndTheSameEachTime) {
  const auto once = MakeKernels();
  const auto again = MakeKernels();
  for (size_t i = 0; i < once.size(); ++i) {
    const uint64_t result = once[i].run(100);
    EXPECT_EQ(result, again[i].run(100)) << once[i].name;
    EXPECT_NE(result, 0U) << once[i].name;
  }
}

// Each item once before the first one comes again: no shorter circle hides in the list.
TEST(Kernels, ListsAreOneCircle) {
  for (const Kernel& kernel : MakeKernels()) {
    if (kernel.name != "list_l1") continue;
    EXPECT_EQ(kernel.warm_operations, 256U);
    const uint64_t all = kernel.run(256);
    EXPECT_EQ(kernel.run(256), all);
    EXPECT_NE(kernel.run(128) + kernel.run(127), all);
  }
}

}  // namespace
}  // namespace aether::celeron
