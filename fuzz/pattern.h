// Bytes that say where in a stream they stand (P1): the byte at offset k is f(k). What comes out of
// a queue or a connection is compared with f at the offset where it should be, and so a loss, a
// copy and an exchange of places all show. The pattern comes again only after 65,521 bytes, a
// prime, which no chunk or segment size divides.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "stack/base/bytes.h"

namespace aether::fuzz {

class Pattern {
 public:
  static constexpr size_t kPeriodBytes = 65521;
  static constexpr size_t kPieceBytesMax = 65536;

  // `size` <= kPieceBytesMax bytes from `offset` on. They live as long as the process.
  static Bytes At(uint64_t offset, size_t size) {
    return Bytes(Table()).subspan(static_cast<size_t>(offset % kPeriodBytes), size);
  }
  static bool Matches(Bytes bytes, uint64_t offset) {
    return bytes.empty() ||
           std::memcmp(bytes.data(), At(offset, bytes.size()).data(), bytes.size()) == 0;
  }
  // [RFC 1071 1] the sum of a piece in the form of wire/checksum.h; from sums of single bytes, made
  // once.
  static uint16_t Sum(uint64_t offset, size_t size) {
    static const auto prefixes = [] {
      // The sums of every other byte below an index.
      std::array<uint32_t, kPeriodBytes + kPieceBytesMax + 2> sums{};
      for (size_t i = 0; i < Table().size(); ++i) sums[i + 2] = sums[i] + Table()[i];
      return sums;
    }();
    const size_t at = static_cast<size_t>(offset % kPeriodBytes);
    // How many bytes are the first of a 16-bit word, and how many the second.
    const size_t firsts = (size + 1) / 2 * 2;
    const size_t seconds = size / 2 * 2;
    const uint64_t sum = (prefixes[at + firsts] - prefixes[at]) * uint64_t{256} +
                         (prefixes[at + 1 + seconds] - prefixes[at + 1]);
    return NetworkOrder(static_cast<uint16_t>(sum == 0 ? 0 : (sum - 1) % 0xffff + 1));
  }

 private:
  static const std::array<uint8_t, kPeriodBytes + kPieceBytesMax>& Table() {
    static const auto table = [] {
      std::array<uint8_t, kPeriodBytes + kPieceBytesMax> bytes{};
      for (size_t i = 0; i < bytes.size(); ++i) {
        uint64_t mix = (i % kPeriodBytes + 1) * 0x9e3779b97f4a7c15u;
        mix ^= mix >> 29;
        bytes[i] = static_cast<uint8_t>((mix * 0xbf58476d1ce4e5b9u) >> 56);
      }
      return bytes;
    }();
    return table;
  }
};

}  // namespace aether::fuzz
