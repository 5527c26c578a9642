#include "stack/base/chunk_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "stack/base/random.h"

namespace aether {
namespace {

TEST(ChunkQueue, TakesMemoryOnlyWhileSomethingIsQueued) {
  ChunkPool pool(4);
  ChunkQueue queue;
  const std::vector<uint8_t> data(5000, 7);
  ASSERT_TRUE(queue.Append(pool, data));
  EXPECT_EQ(pool.used(), 3u);
  queue.Consume(pool, 5000);
  EXPECT_EQ(pool.used(), 0u);
}

TEST(ChunkQueue, AppendIsAllOrNothingAtTheEdgeOfThePool) {
  ChunkPool pool(2);
  ChunkQueue queue;
  std::vector<uint8_t> data(2 * Chunk::kBytes + 1, 1);
  EXPECT_FALSE(queue.Append(pool, data));
  EXPECT_EQ(pool.used(), 0u);
  data.pop_back();
  EXPECT_TRUE(queue.Append(pool, data));
  EXPECT_FALSE(queue.Append(pool, Bytes(data).first(1)));
  EXPECT_EQ(queue.size(), data.size());
  queue.Clear(pool);
}

TEST(ChunkQueue, AgreesWithADeque) {
  Random random({5, 6});
  ChunkPool pool(16);
  ChunkQueue queue;
  std::deque<uint8_t> model;
  uint8_t next = 0;
  for (int step = 0; step < 20000; ++step) {
    if (random.Below(2) == 0) {
      std::vector<uint8_t> data(random.Below(4000));
      for (uint8_t& byte : data) byte = next++;
      if (queue.Append(pool, data)) {
        model.insert(model.end(), data.begin(), data.end());
      } else {
        next = static_cast<uint8_t>(next - data.size());
      }
    } else if (!model.empty()) {
      const size_t offset = random.Below(static_cast<uint32_t>(model.size()));
      const Bytes front = queue.Front(pool, offset);
      ASSERT_FALSE(front.empty());
      ASSERT_TRUE(
          std::equal(front.begin(), front.end(), model.begin() + static_cast<ptrdiff_t>(offset)));
      const size_t count = random.Below(static_cast<uint32_t>(model.size()) + 1);
      queue.Consume(pool, count);
      model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(count));
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_TRUE(queue.Front(pool, queue.size()).empty());
  }
  queue.Clear(pool);
  EXPECT_EQ(pool.used(), 0u);
}

}  // namespace
}  // namespace aether
