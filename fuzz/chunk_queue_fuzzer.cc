// Three queues that share a pool of chunks too small for them: what was appended comes out, an
// append takes all or nothing, and which of the two depends on the chunks alone (P14).
#include <array>

#include "fuzz/pattern.h"
#include "fuzz/records.h"
#include "fuzz/target.h"
#include "stack/base/chunk_queue.h"

namespace aether::fuzz {
namespace {

// The bytes from `first` to `end` of the queue's stream. Where they lie follows from arithmetic:
// the first one `head` bytes into its chunk.
struct Model {
  uint64_t first = 0;
  uint64_t end = 0;
  size_t head = 0;
  size_t size() const { return static_cast<size_t>(end - first); }
  size_t Chunks(size_t more = 0) const {
    if (size() + more == 0) return 0;
    return (head + size() + more + Chunk::kBytes - 1) / Chunk::kBytes;
  }
  void Consume(size_t count) {
    first += count;
    head = size() == 0 ? 0 : (head + count) % Chunk::kBytes;
  }
};

class Run {
 public:
  explicit Run(uint32_t chunks) : pool_(chunks) {
    for (size_t i = 0; i < models_.size(); ++i) models_[i].first = models_[i].end = i * 10007;
  }

  void Step(Records& records) {
    const uint8_t op = records.Byte();
    ChunkQueue& queue = queues_[op % 3];
    Model& model = models_[op % 3];
    switch (op / 3 % 5) {
      case 0:
      case 1: {
        const uint32_t size = records.Size(6 * Chunk::kBytes);
        const size_t more = model.Chunks(size) - model.Chunks();
        const bool fits = more <= pool_.capacity() - pool_.used();
        FUZZ_CHECK(P14, queue.Append(pool_, Pattern::At(model.end, size)) == fits);
        if (fits) model.end += size;
        break;
      }
      case 2:
        CheckFront(queue, model, records.Size(0xffffffffu));
        break;
      case 3: {
        const size_t count = records.Size(static_cast<uint32_t>(model.size()));
        queue.Consume(pool_, count);
        model.Consume(count);
        break;
      }
      default:
        queue.Clear(pool_);
        model.Consume(model.size());
        break;
    }
    CheckFront(queue, model, 0);
    FUZZ_CHECK(P4, queue.size() == model.size() && queue.empty() == (model.size() == 0));
    FUZZ_CHECK(P4, pool_.used() == models_[0].Chunks() + models_[1].Chunks() + models_[2].Chunks());
    CurrentTrace().Add(queue.size());
  }

  void Finish() {
    for (size_t i = 0; i < queues_.size(); ++i) {
      for (size_t at = 0; at < models_[i].size();) {
        const Bytes piece = queues_[i].Front(pool_, at);
        FUZZ_CHECK(P1, !piece.empty() && Pattern::Matches(piece, models_[i].first + at));
        at += piece.size();
      }
      queues_[i].Clear(pool_);
    }
    FUZZ_CHECK(P5, pool_.used() == 0);
  }

 private:
  void CheckFront(const ChunkQueue& queue, const Model& model, size_t offset) const {
    const Bytes front = queue.Front(pool_, offset);
    if (offset >= model.size()) {
      FUZZ_CHECK(P1, front.empty());
      return;
    }
    const size_t in_chunk = Chunk::kBytes - (model.head + offset) % Chunk::kBytes;
    FUZZ_CHECK(P1, front.size() == std::min(in_chunk, model.size() - offset));
    FUZZ_CHECK(P1, Pattern::Matches(front, model.first + offset));
  }

  ChunkPool pool_;
  std::array<ChunkQueue, 3> queues_;
  std::array<Model, 3> models_;
};

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return -1;
  aether::fuzz::Records records({data, size});
  aether::fuzz::Run run(records.Below(9));
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
