// The Internet checksum without vectors: the reference, which is RFC 1071 word for word, and the
// portable version, which adds 64 bits at a time (RFC 1071 2(C): one's-complement sums of wider
// words fold to the same value).
#include <cstring>

#include "stack/wire/checksum_units.h"

namespace aether::checksum_internal {

uint16_t SumReference(const uint8_t* from, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; ++i) {
    // [RFC 1071 1] bytes pair up to 16-bit words in memory order; an odd last byte is padded with
    // zero.
    const uint32_t byte = from[i];
    sum += (i % 2 == 0) == (std::endian::native == std::endian::little) ? byte : byte << 8;
    // [RFC 1071 1] the carry goes around to the low end.
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return SumFold(sum);
}

uint16_t CopyAndSumReference(uint8_t* to, const uint8_t* from, size_t size) {
  for (size_t i = 0; i < size; ++i) to[i] = from[i];
  return SumReference(to, size);
}

uint16_t SumPortable(const uint8_t* from, size_t size) {
  if (size < 64) return SumShort(from, size);
  CarrySum a;
  CarrySum b;
  CarrySum c;
  CarrySum d;
  for (; size >= 32; size -= 32, from += 32) {
    a.Add(LoadWord(from));
    b.Add(LoadWord(from + 8));
    c.Add(LoadWord(from + 16));
    d.Add(LoadWord(from + 24));
  }
  a.Add(b.Total());
  a.Add(c.Total());
  a.Add(d.Total());
  return SumAdd(SumFold(a.Total()), SumShort(from, size));
}

uint16_t CopyAndSumPortable(uint8_t* to, const uint8_t* from, size_t size) {
  CarrySum a;
  CarrySum b;
  for (; size >= 16; size -= 16, from += 16, to += 16) {
    const uint64_t first = LoadWord(from);
    const uint64_t second = LoadWord(from + 8);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + 8, &second, sizeof second);
    a.Add(first);
    b.Add(second);
  }
  a.Add(b.Total());
  if (size != 0) std::memcpy(to, from, size);
  return SumAdd(SumFold(a.Total()), SumShort(from, size));
}

}  // namespace aether::checksum_internal
