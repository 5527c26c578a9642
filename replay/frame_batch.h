// Frames in one piece of memory, in the order in which they were added. Memory is kept by Clear.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stack/base/bytes.h"

namespace aether::replay {

class FrameBatch {
 public:
  // Room for a frame, to be written before the next call.
  MutableBytes Add(size_t size) {
    const size_t at = bytes_.size();
    bytes_.resize(at + size);
    ends_.push_back(at + size);
    return MutableBytes(bytes_).subspan(at, size);
  }
  void Add(Bytes frame) { std::ranges::copy(frame, Add(frame.size()).begin()); }

  size_t size() const { return ends_.size(); }
  bool empty() const { return ends_.empty(); }
  size_t bytes() const { return bytes_.size(); }
  // Until the next Add or Clear.
  Bytes operator[](size_t index) const {
    const size_t from = index == 0 ? 0 : ends_[index - 1];
    return Bytes(bytes_).subspan(from, ends_[index] - from);
  }
  void Clear() {
    bytes_.clear();
    ends_.clear();
  }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<size_t> ends_;
};

}  // namespace aether::replay
