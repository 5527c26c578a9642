// What the tests of wire/ share: exact-size copies on the heap, so that a sanitizer sees one byte
// too far, and a short way to write bytes down.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/random.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AETHER_TEST_UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define AETHER_TEST_UNDER_SANITIZER 1
#endif
#endif

namespace aether {

// Tests that count in billions do less under a sanitizer.
#if defined(AETHER_TEST_UNDER_SANITIZER)
inline constexpr bool kUnderSanitizer = true;
#else
inline constexpr bool kUnderSanitizer = false;
#endif

// A copy with nothing behind it.
class ExactBytes {
 public:
  explicit ExactBytes(Bytes from) : size_(from.size()), bytes_(new uint8_t[from.size()]) {
    std::copy(from.begin(), from.end(), bytes_.get());
  }
  operator Bytes() const { return {bytes_.get(), size_}; }  // NOLINT: stands in for a span
  MutableBytes mutable_bytes() { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<uint8_t[]> bytes_;
};

inline std::vector<uint8_t> ToVector(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// Pieces written one after the other.
inline std::vector<uint8_t> Join(std::initializer_list<std::vector<uint8_t>> pieces) {
  std::vector<uint8_t> all;
  for (const auto& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

inline void FillRandom(Random& random, MutableBytes out) {
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(random.Next32());
}

inline std::vector<uint8_t> RandomBytes(Random& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  FillRandom(random, bytes);
  return bytes;
}

// Calls visit(prefix) with every proper prefix of `whole`, each in a buffer of its own.
template <typename Visit>
void ForEachProperPrefix(Bytes whole, Visit&& visit) {
  for (size_t size = 0; size < whole.size(); ++size) {
    const ExactBytes prefix(whole.first(size));
    visit(Bytes(prefix));
  }
}

}  // namespace aether
