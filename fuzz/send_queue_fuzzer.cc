// What a connection has to send: copied and static pieces go in; what leaves, once or again, is the
// stream at the place asked for, with the sum of exactly these bytes.
#include <array>

#include "fuzz/pattern.h"
#include "fuzz/records.h"
#include "fuzz/target.h"
#include "stack/tcp/buffers.h"
#include "stack/tcp/send_queue.h"

namespace aether::fuzz {
namespace {

constexpr size_t kQueueBytesMax = 40000;

class Run {
 public:
  Run(uint32_t chunks, uint32_t items)
      : buffers_{ChunkPool(chunks),       Pool<tcp::SendItem>(items), Pool<tcp::SentSegment>(0),
                 Pool<tcp::HeldRange>(0), Pool<tcp::Recovery>(0),     Pool<tcp::OutOfOrder>(0)} {}

  void Step(Records& records) {
    switch (records.Byte() % 6) {
      case 0: {
        const uint32_t size = records.Size(6 * Chunk::kBytes);
        Append(size, records.Size(6 * Chunk::kBytes));
        break;
      }
      case 1:
        AppendStatic(records.Size(6 * Chunk::kBytes));
        break;
      case 2: {
        const size_t size = records.Size(static_cast<uint32_t>(std::min(Unsent(), out_.size())));
        const uint16_t sum = queue_.TakeNext(buffers_, out_.data(), size);
        CheckOut(sent_, size, sum);
        sent_ += size;
        break;
      }
      case 3: {
        const size_t sent = static_cast<size_t>(sent_ - acked_);
        if (sent == 0) break;
        const size_t offset = records.Size(static_cast<uint32_t>(sent - 1));
        const size_t most = std::min(sent - offset, out_.size());
        const size_t size = records.Size(static_cast<uint32_t>(most));
        CheckOut(acked_ + offset, size, queue_.CopyAgain(buffers_, offset, out_.data(), size));
        break;
      }
      case 4: {
        const size_t count = records.Size(static_cast<uint32_t>(sent_ - acked_));
        queue_.Acknowledge(buffers_, count);
        acked_ += count;
        break;
      }
      default:
        if (records.Byte() % 8 != 0) break;
        queue_.Clear(buffers_);
        acked_ = sent_ = end_;
        break;
    }
    FUZZ_CHECK(P4, queue_.size() == end_ - acked_ && queue_.unsent() == Unsent());
    FUZZ_CHECK(P4, queue_.empty() == (end_ == acked_));
    // Nothing is held for nothing.
    if (queue_.empty()) FUZZ_CHECK(P5, buffers_.chunks.used() == 0 && buffers_.items.used() == 0);
    CurrentTrace().Add(queue_.size());
  }

  void Finish() {
    while (Unsent() > 0) {
      const size_t size = std::min(Unsent(), out_.size());
      CheckOut(sent_, size, queue_.TakeNext(buffers_, out_.data(), size));
      sent_ += size;
    }
    queue_.Acknowledge(buffers_, static_cast<size_t>(sent_ - acked_));
    FUZZ_CHECK(P5, queue_.empty());
    FUZZ_CHECK(P5, buffers_.chunks.used() == 0 && buffers_.items.used() == 0);
  }

 private:
  size_t Unsent() const { return static_cast<size_t>(end_ - sent_); }
  bool IsExhausted() const {
    return buffers_.chunks.used() == buffers_.chunks.capacity() ||
           buffers_.items.used() == buffers_.items.capacity();
  }

  void Append(size_t size, size_t room) {
    room = std::min(room, kQueueBytesMax - static_cast<size_t>(end_ - acked_));
    const size_t taken = queue_.Append(buffers_, Pattern::At(end_, size), room);
    FUZZ_CHECK(P1, taken <= size && taken <= room);
    if (taken < std::min(size, room)) FUZZ_CHECK(P14, IsExhausted());
    end_ += taken;
  }

  void AppendStatic(size_t size) {
    size = std::min(size, kQueueBytesMax - static_cast<size_t>(end_ - acked_));
    const Bytes bytes = Pattern::At(end_, size);
    const bool fits = size == 0 || buffers_.items.used() < buffers_.items.capacity();
    FUZZ_CHECK(P14, queue_.AppendStatic(buffers_, {bytes, Pattern::Sum(end_, size)}) == fits);
    if (fits) end_ += size;
  }

  void CheckOut(uint64_t offset, size_t size, uint16_t sum) const {
    const Bytes bytes = Bytes(out_).first(size);
    FUZZ_CHECK(P1, Pattern::Matches(bytes, offset));
    FUZZ_CHECK(P12, sum == Pattern::Sum(offset, size));
  }

  tcp::Buffers buffers_;
  tcp::SendQueue queue_;
  // Offsets in the stream.
  uint64_t acked_ = 0;
  uint64_t sent_ = 0;
  uint64_t end_ = 0;
  std::array<uint8_t, 4500> out_;  // deliberately not initialised
};

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return -1;
  aether::fuzz::Records records({data, size});
  const uint32_t chunks = records.Below(9);
  aether::fuzz::Run run(chunks, records.Below(17));
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
