// What the naive parsers of the targets have in common: fields and the checksum of RFC 1071, one
// word at a time, and nothing of wire/.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/base/bytes.h"
#include "stack/testing/plain_loops.h"

namespace aether::fuzz {
AETHER_UNCOUNTED_BEGIN

inline unsigned NaiveWord(Bytes data, size_t at) { return data[at] * 256u + data[at + 1]; }
inline uint32_t NaiveLong(Bytes data, size_t at) {
  return NaiveWord(data, at) * 65536u + NaiveWord(data, at + 2);
}

// The folded sum of `data`, and of what was added up before.
inline unsigned NaiveSum(Bytes data, uint64_t before = 0) {
  uint64_t sum = before + testing::SumOfWords(data);
  while (sum > 0xffff) sum = sum % 0x10000 + sum / 0x10000;
  return static_cast<unsigned>(sum);
}

// Puts the right checksum at `at`; `before` is the sum of a pseudo header.
inline void NaiveRepair(MutableBytes data, size_t at, uint64_t before = 0) {
  data[at] = data[at + 1] = 0;
  const unsigned checksum = 0xffff - NaiveSum(data, before);
  data[at] = static_cast<uint8_t>(checksum / 256);
  data[at + 1] = static_cast<uint8_t>(checksum % 256);
}

// Turns over one bit, another one for every input.
inline void FlipOneBit(MutableBytes data) {
  const uint64_t bit = CurrentTrace().hash() % (data.size() * 8);
  data[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
}

AETHER_UNCOUNTED_END
}  // namespace aether::fuzz
