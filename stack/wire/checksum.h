// The Internet checksum (RFC 1071), the incremental update (RFC 1624), and the pseudo header of TCP
// and UDP.
//
// A sum is the one's-complement sum of the data taken as 16-bit words IN MEMORY ORDER, folded to 16
// bits, an odd last byte padded with zero. Sums of pieces add up with SumAdd when every piece but
// the last has an even length; a piece that starts at an odd offset enters through SumSwap (RFC
// 1071 2(B)). Only ChecksumOf turns a sum into the value of a field.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/wire/address.h"

namespace aether {

// Which code SumBytes runs; chosen at first use, the widest that the processor has.
enum class ChecksumUnit : uint8_t { kReference, kPortable, kAvx2, kAvx512 };

// Folded sum of any number of bytes at any alignment.
uint16_t SumBytes(Bytes data);
// Copies `from` to `to` (no overlap) and returns the folded sum of it, in one pass.
uint16_t CopyAndSum(uint8_t* to, Bytes from);

// The same with a chosen unit, for tests and benches; false from IsAvailable means the call must
// not be made.
bool IsAvailable(ChecksumUnit unit);
uint16_t SumBytesWith(ChecksumUnit unit, Bytes data);
uint16_t CopyAndSumWith(ChecksumUnit unit, uint8_t* to, Bytes from);

constexpr uint16_t SumAdd(uint16_t a, uint16_t b) {
  const uint32_t sum = uint32_t{a} + b;
  return static_cast<uint16_t>(sum + (sum >> 16));
}
// The upper half of a number plus itself with its halves exchanged is the sum of both halves with
// the carry taken around.
constexpr uint16_t SumFold(uint64_t sum) {
  const uint32_t half = static_cast<uint32_t>((sum + std::rotl(sum, 32)) >> 32);
  return static_cast<uint16_t>((half + std::rotl(half, 16)) >> 16);
}
// The sum of the same bytes, had they started at an odd offset.
constexpr uint16_t SumSwap(uint16_t sum) { return static_cast<uint16_t>(sum << 8 | sum >> 8); }
// The value of a checksum field, in host order, ready for StoreBe.
constexpr uint16_t ChecksumOf(uint16_t sum) { return NetworkOrder(static_cast<uint16_t>(~sum)); }
// True when data that contains its own checksum sums up right.
constexpr bool SumIsValid(uint16_t sum) { return sum == 0xffff; }
// A host-order 16-bit value as a piece of a sum.
constexpr uint16_t SumOfWord(uint16_t host_order) { return NetworkOrder(host_order); }

// The words of a short header, a multiple of 4 bytes, added up but not folded: such totals, and
// folded sums, are added as they are and folded once. Inlined.
inline uint64_t TotalOfHeader(const uint8_t* header, size_t size) {
  uint64_t sum = 0;
  uint64_t carries = 0;
  for (; size >= 8; size -= 8, header += 8) {
    uint64_t words;
    std::memcpy(&words, header, sizeof words);
    sum += words;
    carries += sum < words ? 1u : 0u;
  }
  if (size >= 4) {
    uint32_t word;
    std::memcpy(&word, header, sizeof word);
    carries += word;
  }
  // 2^64 is 1 modulo 2^16-1, as is 2^32.
  return (sum & 0xffffffffu) + (sum >> 32) + carries;
}
inline uint16_t SumHeader(const uint8_t* header, size_t size) {
  return SumFold(TotalOfHeader(header, size));
}

// The pseudo header of RFC 9293 3.1 and RFC 768; `length` counts header and payload.
inline uint64_t TotalOfPseudoHeader(Ipv4Address source, Ipv4Address destination, uint8_t protocol,
                                    uint16_t length) {
  return uint64_t{NetworkOrder(source.value)} + NetworkOrder(destination.value) +
         NetworkOrder(static_cast<uint16_t>(protocol)) + NetworkOrder(length);
}
inline uint16_t SumPseudoHeader(Ipv4Address source, Ipv4Address destination, uint8_t protocol,
                                uint16_t length) {
  return SumFold(TotalOfPseudoHeader(source, destination, protocol, length));
}

// A checksum field after one 16-bit word of the data changed: RFC 1624 equation 3. All host order.
constexpr uint16_t ChecksumUpdate(uint16_t checksum, uint16_t old_word, uint16_t new_word) {
  const uint32_t sum =
      uint32_t{static_cast<uint16_t>(~checksum)} + static_cast<uint16_t>(~old_word) + new_word;
  const uint32_t folded = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~(folded + (folded >> 16)));
}

}  // namespace aether
