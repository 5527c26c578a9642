// Loops over all bytes of a frame, for the second parsers and models. A sanitizer's check before
// each byte would make them twenty times as long, and most of what a fuzz target does; so they have
// none, and look at the first and the last byte of what they are given instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "stack/base/bytes.h"

#if defined(__clang__)
#define AETHER_PLAIN_LOOP __attribute__((no_sanitize("coverage", "address", "undefined"), noinline))
#else
#define AETHER_PLAIN_LOOP
#endif

namespace aether::testing {
namespace plain_internal {

AETHER_PLAIN_LOOP inline uint64_t SumOfWords(const uint8_t* at, size_t size) {
  uint64_t sum = 0;
  constexpr size_t kBlock = 64;
  for (; size >= kBlock; at += kBlock, size -= kBlock) {
    uint32_t high = 0;
    uint32_t low = 0;
    for (size_t i = 0; i < kBlock; i += 2) {
      high += at[i];
      low += at[i + 1];
    }
    sum += uint64_t{high} * 256 + low;
  }
  for (size_t i = 0; i < size; ++i) sum += i % 2 == 0 ? at[i] * 256u : at[i];
  return sum;
}

AETHER_PLAIN_LOOP inline bool HoldsWord(const uint8_t* at, size_t size, uint64_t word) {
  // Any four bytes in a row of its eight, wherever they begin, are a first sign.
  const auto low = static_cast<uint32_t>(word);
  uint32_t signs = 0;
  size_t i = 0;
  for (; i + 4 <= size; i += 4) {
    uint32_t here;
    std::memcpy(&here, at + i, 4);
    signs |= static_cast<uint32_t>(here == low) |
             static_cast<uint32_t>(here == (low << 8 | low >> 24)) |
             static_cast<uint32_t>(here == (low << 16 | low >> 16)) |
             static_cast<uint32_t>(here == (low << 24 | low >> 8));
  }
  if (signs == 0) return false;
  for (i = 0; i + 8 <= size; ++i) {
    if (std::memcmp(at + i, &word, 8) == 0) return true;
  }
  return false;
}

// The sanitizer's look at both ends.
inline void Touch(Bytes data) {
  const volatile uint8_t* const at = data.data();
  if (!data.empty()) static_cast<void>(static_cast<uint8_t>(at[0] + at[data.size() - 1]));
}

}  // namespace plain_internal

// [RFC 1071 1] the sum of the 16-bit words, an odd byte being the first of one; not folded.
inline uint64_t SumOfWords(Bytes data) {
  plain_internal::Touch(data);
  return plain_internal::SumOfWords(data.data(), data.size());
}

// Whether the eight bytes of `word`, four bytes twice, stand anywhere in `data`.
inline bool HoldsWord(Bytes data, uint64_t word) {
  plain_internal::Touch(data);
  return plain_internal::HoldsWord(data.data(), data.size(), word);
}

}  // namespace aether::testing
