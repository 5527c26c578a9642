// Pieces of one size that fill a working set, visited in a random order.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "bench/common/generators.h"
#include "stack/base/bytes.h"

namespace aether::bench {

class WorkingSet {
 public:
  // As many pieces of `piece_bytes` as fit into `set_bytes`, but at least one; each starts `offset`
  // bytes behind a cache line.
  WorkingSet(size_t set_bytes, size_t piece_bytes, size_t offset, uint64_t seed)
      : piece_bytes_(piece_bytes) {
    const size_t stride = (piece_bytes + offset + 63) / 64 * 64;
    const size_t pieces = std::max<size_t>(1, set_bytes / stride);
    // A vector unit may not read beyond the last piece, but a page is cheap.
    memory_.reset(
        static_cast<uint8_t*>(std::aligned_alloc(4096, (pieces * stride / 4096 + 1) * 4096)));
    if (memory_ == nullptr) std::abort();
    Generator generator(seed);
    generator.Fill({memory_.get(), pieces * stride});
    starts_.reserve(pieces);
    for (const uint32_t at : generator.Permutation(static_cast<uint32_t>(pieces)))
      starts_.push_back(memory_.get() + at * stride + offset);
  }

  // Visited again and again.
  uint8_t* Piece(size_t visit) const { return starts_[visit % starts_.size()]; }
  // The same without a division; `cursor` begins at 0.
  uint8_t* Next(size_t& cursor) const {
    uint8_t* const at = starts_[cursor];
    cursor = cursor + 1 == starts_.size() ? 0 : cursor + 1;
    return at;
  }
  size_t pieces() const { return starts_.size(); }
  size_t piece_bytes() const { return piece_bytes_; }

 private:
  struct Release {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  size_t piece_bytes_;
  std::unique_ptr<uint8_t, Release> memory_;
  std::vector<uint8_t*> starts_;
};

}  // namespace aether::bench
