// Every form of operator new counts once.
#include "stack/testing/counting_allocator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace aether::testing {
namespace {

struct alignas(128) Wide {
  uint8_t bytes[128];
};

// Where an optimiser cannot see it.
void* volatile sink;

TEST(CountingAllocator, CountsEveryForm) {
  const AllocationScope nothing;
  EXPECT_EQ(nothing.count(), 0u);

  const AllocationScope one;
  const auto number = std::make_unique<int>(7);
  sink = number.get();
  EXPECT_EQ(one.count(), 1u);

  const AllocationScope array;
  const auto numbers = std::make_unique<int[]>(100);
  sink = numbers.get();
  EXPECT_EQ(array.count(), 1u);

  const AllocationScope aligned;
  const auto wide = std::make_unique<Wide>();
  sink = wide.get();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(wide.get()) % 128, 0u);
  EXPECT_EQ(aligned.count(), 1u);

  const AllocationScope quiet;
  const std::unique_ptr<int> maybe(new (std::nothrow) int(1));
  sink = maybe.get();
  EXPECT_EQ(quiet.count(), 1u);

  const AllocationScope grown;
  std::vector<std::string> strings;
  for (int i = 0; i < 10; ++i) strings.emplace_back(100, 'x');
  sink = strings.data();
  EXPECT_GT(grown.count(), 10u);
  EXPECT_EQ(nothing.count(), 4 + grown.count());
}

}  // namespace
}  // namespace aether::testing
