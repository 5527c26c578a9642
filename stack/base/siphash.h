// SipHash: a keyed hash for short inputs (Aumasson, Bernstein: "SipHash: a fast short-input PRF",
// 2012). SipHash-2-4 where an attacker must not forge (cookies, ISNs, random numbers), SipHash-1-3
// where he must not collide (hash tables). The word forms hash the same bytes as the byte form
// would on a little-endian machine.
#pragma once

#include <bit>
#include <cstdint>

#include "stack/base/bytes.h"

namespace aether {

struct SipKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

namespace siphash_internal {

struct State {
  uint64_t v0, v1, v2, v3;

  explicit constexpr State(SipKey key)
      : v0(key.k0 ^ 0x736f6d6570736575u),
        v1(key.k1 ^ 0x646f72616e646f6du),
        v2(key.k0 ^ 0x6c7967656e657261u),
        v3(key.k1 ^ 0x7465646279746573u) {}

  constexpr void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  template <int kRounds>
  constexpr void Absorb(uint64_t word) {
    v3 ^= word;
    for (int i = 0; i < kRounds; ++i) Round();
    v0 ^= word;
  }

  template <int kRounds>
  constexpr uint64_t Finish() {
    v2 ^= 0xff;
    for (int i = 0; i < kRounds; ++i) Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

// Hashes whole 64-bit words; the length word says how many bytes there were.
template <int kCompress, int kFinalize, typename... Words>
constexpr uint64_t HashWords(SipKey key, Words... words) {
  State state(key);
  (state.Absorb<kCompress>(words), ...);
  state.Absorb<kCompress>(uint64_t{sizeof...(words) * 8} << 56);
  return state.Finish<kFinalize>();
}

}  // namespace siphash_internal

template <typename... Words>
constexpr uint64_t SipHash24(SipKey key, Words... words) {
  return siphash_internal::HashWords<2, 4>(key, static_cast<uint64_t>(words)...);
}

template <typename... Words>
constexpr uint64_t SipHash13(SipKey key, Words... words) {
  return siphash_internal::HashWords<1, 3>(key, static_cast<uint64_t>(words)...);
}

// SipHash-2-4 of a byte string; the authors' test vectors hold for it.
uint64_t SipHash24Bytes(SipKey key, Bytes data);

}  // namespace aether
