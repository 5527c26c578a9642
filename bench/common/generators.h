// Input for benches: random, from a seed, so that neither a constant payload nor a constant port
// flatters a figure and every run has the same input.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/tcp/segment.h"
#include "stack/wire/address.h"

namespace aether::bench {

// SplitMix64 (Steele, Lea, Flood 2014): any seed will do, and it costs next to nothing.
class Generator {
 public:
  explicit Generator(uint64_t seed) : state_(seed) {}

  uint64_t Next64() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint32_t Next32() { return static_cast<uint32_t>(Next64() >> 32); }
  // In [0, bound).
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>((uint64_t{Next32()} * bound) >> 32);
  }
  uint16_t Port() { return static_cast<uint16_t>(1024 + Below(65536 - 1024)); }

  std::vector<uint8_t> Payload(size_t size) {
    std::vector<uint8_t> bytes(size);
    Fill(bytes);
    return bytes;
  }
  void Fill(MutableBytes out) {
    for (size_t at = 0; at < out.size(); at += 8) {
      const uint64_t word = Next64();
      std::memcpy(out.data() + at, &word, std::min<size_t>(8, out.size() - at));
    }
  }
  // The numbers below `count` in a random order.
  std::vector<uint32_t> Permutation(uint32_t count) {
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0u);
    for (uint32_t i = count; i > 1; --i) std::swap(order[i - 1], order[Below(i)]);
    return order;
  }

 private:
  uint64_t state_;
};

// The remote end of connection `number`: no two below 2^32 are the same, and they look random.
// Addresses are those of RFC 2544, 198.18.0.0/15; ports those of clients.
inline Ipv4Endpoint ClientOf(uint32_t number, uint32_t seed = 0x5eed) {
  // Both steps can be undone, so nothing is drawn twice.
  uint32_t x = number * 0x9e3779b1u + seed;
  x ^= x >> 15;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  return {{Ipv4Address::Of(198, 18, 0, 0).value | x >> 15},
          static_cast<uint16_t>(0x8000u | (x & 0x7fffu))};
}

inline tcp::FlowKey FlowOf(uint32_t number, uint32_t seed = 0x5eed) {
  const Ipv4Endpoint client = ClientOf(number, seed);
  return {.remote = client.address,
          .local = Ipv4Address::Of(10, 0, 0, 2),
          .remote_port = client.port,
          .local_port = 80};
}

}  // namespace aether::bench
