// A bounded first-in first-out queue of frames in one ring of bytes. All memory is taken at
// construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "stack/base/bytes.h"

namespace aether::device {

class FrameQueue {
 public:
  // At most `frames_max` frames with together at most `bytes_max` bytes.
  FrameQueue(size_t frames_max, size_t bytes_max);

  // Takes a copy; false when it does not fit now. A frame that could never fit, and an empty one,
  // are taken and discarded: a caller that waits for room would wait forever.
  bool Push(Bytes frame);
  // Copies the oldest frame into `into` and returns its size, 0 when there is none. A frame larger
  // than `into` is discarded, and the next one is tried.
  size_t Pop(MutableBytes into);

  size_t frames() const { return frames_; }
  size_t bytes() const { return bytes_; }
  uint64_t discarded() const { return discarded_; }

 private:
  std::vector<uint8_t> storage_;
  std::vector<size_t> sizes_;
  size_t read_at_ = 0;     // in storage_
  size_t first_size_ = 0;  // in sizes_
  size_t frames_ = 0;
  size_t bytes_ = 0;
  uint64_t discarded_ = 0;
};

}  // namespace aether::device
