// Random numbers from a seed: SipHash-2-4 in counter mode. The same seed gives the same numbers;
// without the seed the next number cannot be told from the ones before, which DHCP xids, ports and
// keys rely on. The core reads no entropy: the runtime passes a seed from the kernel, tests pass a
// constant.
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/siphash.h"

namespace aether {

// 128 bits; all of them count.
using Seed = std::array<uint64_t, 2>;

class Random {
 public:
  explicit constexpr Random(Seed seed) : key_{seed[0], seed[1]} {}

  constexpr uint64_t Next64() { return SipHash24(key_, counter_++); }
  constexpr uint32_t Next32() { return static_cast<uint32_t>(Next64()); }

  // Uniform in [0, bound); bound > 0. The bias of the multiply-shift is below 2^-32 and accepted.
  constexpr uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>((static_cast<uint64_t>(Next32()) * bound) >> 32);
  }

  constexpr SipKey NextKey() { return SipKey{Next64(), Next64()}; }
  constexpr Seed NextSeed() { return Seed{Next64(), Next64()}; }

 private:
  SipKey key_;
  uint64_t counter_ = 0;
};

}  // namespace aether
