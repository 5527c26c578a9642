// The bounds that rows stand beside: what the machine could do at best with the same bytes or
// lines.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"

namespace aether::bench {

// Loads every byte into the widest vector registers that there are and does nothing with it.
void LoadOnly(const uint8_t* from, size_t size);
// "avx512", "avx2" or "words": what LoadOnly uses here.
const char* LoadOnlyUnit();

// The least that can be done with a frame: its first line is in a register.
inline uint64_t TouchLine(const uint8_t* line) {
  uint64_t word;
  std::memcpy(&word, line, sizeof word);
  return word;
}

}  // namespace aether::bench
