// Position-coded payload: the byte at offset k of a stream is a function of k and the stream's
// seed, so that a byte that is lost, repeated, moved or from another connection is seen where it is
// read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"

namespace aether::testing::sim {

class Stream {
 public:
  explicit constexpr Stream(uint64_t seed) : seed_(seed) {}

  constexpr uint8_t At(uint64_t offset) const {
    return static_cast<uint8_t>(Word(offset / 8) >> (offset % 8 * 8));
  }
  void Fill(uint64_t offset, MutableBytes out) const {
    uint64_t word = Word(offset / 8);
    for (size_t i = 0; i < out.size(); ++i, ++offset) {
      if (offset % 8 == 0) word = Word(offset / 8);
      out[i] = static_cast<uint8_t>(word >> (offset % 8 * 8));
    }
  }
  // How many bytes of `data` are those of the stream from `offset` on.
  size_t MatchLength(uint64_t offset, Bytes data) const {
    uint64_t word = Word(offset / 8);
    for (size_t i = 0; i < data.size(); ++i, ++offset) {
      if (offset % 8 == 0) word = Word(offset / 8);
      if (data[i] != static_cast<uint8_t>(word >> (offset % 8 * 8))) return i;
    }
    return data.size();
  }

 private:
  // The finaliser of a well-known mixer (Vigna's splitmix64): no two words of a stream are alike.
  constexpr uint64_t Word(uint64_t index) const {
    uint64_t z = seed_ + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  uint64_t seed_;
};

}  // namespace aether::testing::sim
