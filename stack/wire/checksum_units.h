// The implementations behind wire/checksum.h, one per ChecksumUnit. Each returns the same folded
// sum for the same bytes, reads and writes not one byte outside of what it is given, and takes any
// alignment and any size (vector units: below 16 GiB, where a 64-bit total of 32-bit words could
// wrap). Private to checksum*.cc and to tests.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "stack/wire/checksum.h"

namespace aether::checksum_internal {

inline constexpr uint64_t kVectorSizeMaxBytes = uint64_t{1} << 34;

inline uint64_t LoadWord(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The last `size` < 8 bytes as a word padded with zeros at its far end in memory.
inline uint64_t LoadPartialWord(const uint8_t* from, size_t size) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t word = 0;
  size_t at = 0;
  if ((size & 4) != 0) {
    uint32_t four;
    std::memcpy(&four, from, sizeof four);
    word = four;
    at = 4;
  }
  if ((size & 2) != 0) {
    uint16_t two;
    std::memcpy(&two, from + at, sizeof two);
    word |= uint64_t{two} << (8 * at);
    at += 2;
  }
  if ((size & 1) != 0) word |= uint64_t{from[at]} << (8 * at);
  return word;
}

// A 64-bit sum that keeps its carries apart, so that neither addition waits for the other.
struct CarrySum {
  uint64_t sum = 0;
  uint64_t carries = 0;

  void Add(uint64_t word) {
    sum += word;
    carries += sum < word ? 1u : 0u;
  }
  // 2^64 is 1 modulo 2^16-1, so a carry counts one.
  uint64_t Total() const {
    const uint64_t total = sum + carries;
    return total + (total < carries ? 1u : 0u);
  }
};

// The sum in general registers, word by word: the fastest way for some tens of bytes.
inline uint16_t SumShort(const uint8_t* from, size_t size) {
  CarrySum sum;
  if (size < 8) return SumFold(LoadPartialWord(from, size));
  const uint8_t* const end = from + size;
  for (; size >= 8; size -= 8, from += 8) sum.Add(LoadWord(from));
  // With a whole word before it, the rest comes from one load that ends where the data ends.
  if (size != 0) sum.Add(LoadWord(end - 8) >> (64 - 8 * size));
  return SumFold(sum.Total());
}

uint16_t SumReference(const uint8_t* from, size_t size);
uint16_t CopyAndSumReference(uint8_t* to, const uint8_t* from, size_t size);
uint16_t SumPortable(const uint8_t* from, size_t size);
uint16_t CopyAndSumPortable(uint8_t* to, const uint8_t* from, size_t size);

#if defined(__x86_64__)
uint16_t SumAvx2(const uint8_t* from, size_t size);
uint16_t CopyAndSumAvx2(uint8_t* to, const uint8_t* from, size_t size);
uint16_t SumAvx512(const uint8_t* from, size_t size);
uint16_t CopyAndSumAvx512(uint8_t* to, const uint8_t* from, size_t size);
#endif

}  // namespace aether::checksum_internal
