// A ring of frames, and two devices with one in each direction, against lists of sizes: every frame
// comes out once, in order and with its bytes, what cannot fit is taken and gone, and what does not
// fit now is refused.
#include <algorithm>
#include <array>

#include "fuzz/pattern.h"
#include "fuzz/records.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/device/frame_queue.h"
#include "stack/device/memory_pair.h"

namespace aether::fuzz {
namespace {

// All of it is the model: what there is to explore is behind its calls.
AETHER_UNCOUNTED_BEGIN

using device::FrameQueue;
using device::MemoryDevice;
using device::MemoryPair;

constexpr size_t kInputBytesMax = 512;
constexpr size_t kRoomMax = 600;

// What one direction holds: sizes, and where in the stream of all frames the first one begins.
class Model {
 public:
  Model(size_t frames_max, size_t bytes_max) : frames_max_(frames_max), bytes_max_(bytes_max) {}

  // What becomes of a frame of this size.
  bool CanNeverHold(size_t size) const {
    return size == 0 || size > bytes_max_ || frames_max_ == 0;
  }
  bool HasRoom(size_t size) const { return frames() < frames_max_ && bytes_ + size <= bytes_max_; }
  void Push(size_t size) {
    sizes_[end_++] = size;
    bytes_ += size;
  }
  Bytes next(size_t size) const { return Pattern::At(offset_ + bytes_, size); }
  // The next one that fits; 0 when there is none. Those before it are gone.
  size_t Pop(size_t room, uint64_t& discarded) {
    while (begin_ != end_) {
      const size_t size = sizes_[begin_++];
      bytes_ -= size;
      offset_ += size;
      if (size <= room) return size;
      ++discarded;
    }
    return 0;
  }
  uint64_t offset() const { return offset_; }
  size_t frames() const { return end_ - begin_; }
  size_t bytes() const { return bytes_; }

 private:
  const size_t frames_max_;
  const size_t bytes_max_;
  std::array<size_t, kInputBytesMax> sizes_;  // each push takes a byte of the input
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t bytes_ = 0;
  uint64_t offset_ = 0;
};

// One end of a line: a queue by itself, or the two ends of a pair.
class Run {
 public:
  Run(size_t frames_max, size_t bytes_max)
      : queue_(frames_max, bytes_max),
        pair_({frames_max, bytes_max}),
        models_{{{frames_max, bytes_max}, {frames_max, bytes_max}, {frames_max, bytes_max}}} {}

  void Step(Records& records) {
    const uint8_t op = records.Byte();
    const size_t line = op / 2 % 3;
    if (op % 2 == 0) {
      Push(line, records.Size(kRoomMax));
    } else {
      Pop(line, records.Size(kRoomMax));
    }
    FUZZ_CHECK(P4, queue_.frames() == models_[0].frames());
    FUZZ_CHECK(P4, queue_.bytes() == models_[0].bytes());
    FUZZ_CHECK(P4, queue_.discarded() == discarded_[0]);
    FUZZ_CHECK(P4, pair_.b().waiting() == models_[1].frames());
    FUZZ_CHECK(P4, pair_.a().waiting() == models_[2].frames());
  }

  void Finish() {
    for (size_t line = 0; line < models_.size(); ++line) {
      while (Pop(line, kRoomMax)) {
      }
      FUZZ_CHECK(P5, models_[line].frames() == 0);
    }
    FUZZ_CHECK(P5, queue_.frames() == 0 && queue_.bytes() == 0);
  }

 private:
  void Push(size_t line, size_t size) {
    Model& model = models_[line];
    const Bytes frame = model.next(size);
    const bool is_taken = line == 0   ? queue_.Push(frame)
                          : line == 1 ? pair_.a().Send(frame)
                                      : pair_.b().Send(frame);
    if (model.CanNeverHold(size)) {
      FUZZ_CHECK(P2, is_taken);
      ++discarded_[line];
      return;
    }
    FUZZ_CHECK(P2, is_taken == model.HasRoom(size));
    if (is_taken) model.Push(size);
  }

  bool Pop(size_t line, size_t room) {
    // Behind the end of it AddressSanitizer watches.
    static std::array<uint8_t, kRoomMax> memory;
    const MutableBytes into = MutableBytes(memory).last(room);
    const size_t size = line == 0   ? queue_.Pop(into)
                        : line == 1 ? pair_.b().Receive(into)
                                    : pair_.a().Receive(into);
    Model& model = models_[line];
    FUZZ_CHECK(P1, size == model.Pop(room, discarded_[line]));
    FUZZ_CHECK(P1, Pattern::Matches(into.first(size), model.offset() - size));
    CurrentTrace().Add(size);
    return size > 0;
  }

  FrameQueue queue_;
  MemoryPair pair_;
  std::array<Model, 3> models_;
  std::array<uint64_t, 3> discarded_{};
};

AETHER_UNCOUNTED_END

}  // namespace
}  // namespace aether::fuzz

extern "C" AETHER_UNCOUNTED int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aether::fuzz;
  if (size > kInputBytesMax) return -1;
  Records records({data, size});
  const size_t frames_max = records.Below(9);
  const size_t bytes_max = records.Size(1000);
  Run run(frames_max, bytes_max);
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
