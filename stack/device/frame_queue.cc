#include "stack/device/frame_queue.h"

#include <algorithm>

namespace aether::device {

FrameQueue::FrameQueue(size_t frames_max, size_t bytes_max)
    : storage_(bytes_max), sizes_(frames_max) {}

bool FrameQueue::Push(Bytes frame) {
  if (frame.empty() || frame.size() > storage_.size() || sizes_.empty()) {
    ++discarded_;
    return true;
  }
  if (frames_ == sizes_.size() || frame.size() > storage_.size() - bytes_) return false;
  const size_t write_at = (read_at_ + bytes_) % storage_.size();
  const size_t until_end = std::min(frame.size(), storage_.size() - write_at);
  std::memcpy(storage_.data() + write_at, frame.data(), until_end);
  std::memcpy(storage_.data(), frame.data() + until_end, frame.size() - until_end);
  sizes_[(first_size_ + frames_) % sizes_.size()] = frame.size();
  ++frames_;
  bytes_ += frame.size();
  return true;
}

size_t FrameQueue::Pop(MutableBytes into) {
  while (frames_ != 0) {
    const size_t size = sizes_[first_size_];
    const bool fits = size <= into.size();
    if (fits) {
      const size_t until_end = std::min(size, storage_.size() - read_at_);
      std::memcpy(into.data(), storage_.data() + read_at_, until_end);
      std::memcpy(into.data() + until_end, storage_.data(), size - until_end);
    } else {
      ++discarded_;
    }
    first_size_ = (first_size_ + 1) % sizes_.size();
    read_at_ = (read_at_ + size) % storage_.size();
    --frames_;
    bytes_ -= size;
    if (fits) return size;
  }
  return 0;
}

}  // namespace aether::device
