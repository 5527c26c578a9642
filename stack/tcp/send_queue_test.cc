#include "stack/tcp/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "stack/base/random.h"
#include "stack/tcp/buffers.h"

namespace aether::tcp {
namespace {

class SendQueueTest : public ::testing::Test {
 protected:
  Buffers buffers_{ChunkPool(8),       Pool<SendItem>(16), Pool<SentSegment>(8),
                   Pool<HeldRange>(8), Pool<Recovery>(8),  Pool<OutOfOrder>(8)};
  SendQueue queue_;
};

TEST_F(SendQueueTest, StaticBytesLeaveWithTheirPrecomputedSum) {
  std::vector<uint8_t> page(389);
  for (size_t i = 0; i < page.size(); ++i) page[i] = static_cast<uint8_t>(i * 7);
  ASSERT_TRUE(queue_.AppendStatic(buffers_, StaticBytes::Of(page)));
  EXPECT_EQ(buffers_.chunks.used(), 0u);
  std::vector<uint8_t> out(389);
  EXPECT_EQ(queue_.TakeNext(buffers_, out.data(), 389), SumBytes(page));
  EXPECT_EQ(out, page);
  queue_.Acknowledge(buffers_, 389);
  EXPECT_EQ(buffers_.items.used(), 0u);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(SendQueueTest, TakesWhatThePoolsAllow) {
  const std::vector<uint8_t> data(20 * Chunk::kBytes, 3);
  EXPECT_EQ(queue_.Append(buffers_, data, data.size()), 8 * Chunk::kBytes);
  EXPECT_EQ(queue_.Append(buffers_, data, 1), 0u);
  queue_.Clear(buffers_);
  EXPECT_EQ(buffers_.chunks.used(), 0u);
  EXPECT_EQ(buffers_.items.used(), 0u);
  EXPECT_EQ(queue_.Append(buffers_, data, 5), 5u);
  for (int i = 0; i < 15; ++i)
    ASSERT_TRUE(queue_.AppendStatic(buffers_, {Bytes(data).first(1), 0}));
  EXPECT_FALSE(queue_.AppendStatic(buffers_, {Bytes(data).first(1), 0}));
  queue_.Clear(buffers_);
}

// Random writes, sends and acknowledgements against a deque; the sum of every segment against the
// bytes that left.
TEST_F(SendQueueTest, AgreesWithADeque) {
  Random random({2, 3});
  std::vector<uint8_t> pattern(70000);
  for (uint8_t& byte : pattern) byte = static_cast<uint8_t>(random.Next32());
  std::deque<uint8_t> unsent;
  size_t in_flight = 0;
  for (int step = 0; step < 50000; ++step) {
    const size_t size = random.Below(3000);
    const Bytes piece = Bytes(pattern).subspan(random.Below(60000), size);
    switch (random.Below(4)) {
      case 0: {
        const size_t taken = queue_.Append(buffers_, piece, piece.size());
        unsent.insert(unsent.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(taken));
        break;
      }
      case 1:
        if (queue_.AppendStatic(buffers_, StaticBytes::Of(piece))) {
          unsent.insert(unsent.end(), piece.begin(), piece.end());
        }
        break;
      case 2: {
        std::vector<uint8_t> out(std::min(unsent.size(), size));
        const uint16_t sum = queue_.TakeNext(buffers_, out.data(), out.size());
        ASSERT_TRUE(std::equal(out.begin(), out.end(), unsent.begin()));
        // Two forms of zero are one.
        ASSERT_EQ(sum % 0xffff, SumBytes(out) % 0xffff);
        unsent.erase(unsent.begin(), unsent.begin() + static_cast<ptrdiff_t>(out.size()));
        in_flight += out.size();
        break;
      }
      default: {
        const size_t count = random.Below(static_cast<uint32_t>(in_flight) + 1);
        queue_.Acknowledge(buffers_, count);
        in_flight -= count;
        break;
      }
    }
    ASSERT_EQ(queue_.unsent(), unsent.size());
    ASSERT_EQ(queue_.size(), unsent.size() + in_flight);
  }
  queue_.Clear(buffers_);
  EXPECT_EQ(buffers_.items.used() + buffers_.chunks.used(), 0u);
}

}  // namespace
}  // namespace aether::tcp
