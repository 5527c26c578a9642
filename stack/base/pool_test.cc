#include "stack/base/pool.h"

#include <gtest/gtest.h>

namespace aether {
namespace {

struct Thing {
  int value = 42;
};

TEST(Pool, HandsOutUpToItsCapacityAndNoMore) {
  Pool<Thing> pool(3);
  const uint32_t a = pool.Allocate(), b = pool.Allocate(), c = pool.Allocate();
  EXPECT_EQ(pool.Allocate(), kNoIndex);
  EXPECT_EQ(pool.used(), 3u);
  EXPECT_EQ(pool[b].value, 42);
  pool[b].value = 7;
  pool.Free(b);
  EXPECT_EQ(pool.Allocate(), b);
  EXPECT_EQ(pool[b].value, 42) << "a recycled object starts anew";
  pool.Free(a);
  pool.Free(b);
  pool.Free(c);
  EXPECT_EQ(pool.used(), 0u);
  EXPECT_EQ(pool.high_water(), 3u);
}

TEST(PoolDeathTest, FreeOfWhatWasNeverHandedOut) {
  Pool<Thing> pool(3);
  EXPECT_DEATH(pool.Free(0), "check failed");
}

}  // namespace
}  // namespace aether
