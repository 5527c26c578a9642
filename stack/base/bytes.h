// Byte views and big-endian fields: the only way in which the stack touches the bytes of a packet.
// Owns nothing; a view borrows the caller's buffer. Loads and stores go through memcpy, so
// alignment never matters.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace aether {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

// Converts between host and network (big-endian) order.
template <std::unsigned_integral T>
constexpr T NetworkOrder(T value) {
  if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) {
    return value;
  } else {
    return std::byteswap(value);
  }
}

template <std::unsigned_integral T>
inline T LoadBe(const uint8_t* from) {
  T raw;
  std::memcpy(&raw, from, sizeof raw);
  return NetworkOrder(raw);
}

template <std::unsigned_integral T>
inline void StoreBe(uint8_t* to, T value) {
  const T raw = NetworkOrder(value);
  std::memcpy(to, &raw, sizeof raw);
}

// A big-endian field at a fixed offset of a header. The caller has checked that `kEnd` bytes are
// there.
template <std::unsigned_integral T, size_t kFieldOffset>
struct Field {
  static constexpr size_t kOffset = kFieldOffset;
  static constexpr size_t kEnd = kFieldOffset + sizeof(T);
  static T Load(const uint8_t* header) { return LoadBe<T>(header + kOffset); }
  static void Store(uint8_t* header, T value) { StoreBe<T>(header + kOffset, value); }
};

}  // namespace aether
