// An input as a stream of records: one operation byte, then small operands. Reading never fails:
// operands are brought into range, not rejected, and beyond the end everything is 0. So any edit of
// the bytes is an input that means something, and most edits change one record only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::fuzz {

class Records {
 public:
  explicit Records(Bytes input) : rest_(input) {}

  bool empty() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }

  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte;
  }
  uint16_t U16() {
    const uint32_t high = Byte();
    return static_cast<uint16_t>(high << 8 | Byte());
  }
  uint32_t U32() {
    const uint32_t high = U16();
    return high << 16 | U16();
  }
  uint64_t U64() {
    const uint64_t high = U32();
    return high << 32 | U32();
  }
  bool Flag() { return (Byte() & 1) != 0; }

  // A number in [0, bound), bound > 0, from as many bytes as the bound needs.
  uint32_t Below(uint32_t bound) {
    if (bound <= 0x100) return Byte() % bound;
    if (bound <= 0x10000) return U16() % bound;
    return U32() % bound;
  }
  // A size in [0, most]: half of all first bytes are small sizes as they are, the others make large
  // ones with the byte after them.
  uint32_t Size(uint32_t most) {
    const uint32_t first = Byte();
    const uint32_t size = first < 0x80 ? first : (first & 0x7f) << 8 | Byte();
    return most == 0xffffffffu ? size : size % (most + 1);
  }
  // Up to `count` bytes of the input; fewer at its end.
  Bytes Take(size_t count) {
    const Bytes bytes = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(bytes.size());
    return bytes;
  }
  // A span of time from one byte, logarithmic with four steps per doubling: from 1 ns to 2^60 ns
  // (36 years), and none at all.
  Duration Time() {
    const uint8_t byte = Byte();
    if (byte == 0) return {};
    return Duration{(int64_t{4 | (byte & 3)} << std::min(byte >> 2, 60)) / 4};
  }
  // The same up to `most`.
  Duration Time(Duration most) { return std::min(Time(), most); }

 private:
  Bytes rest_;
};

}  // namespace aether::fuzz
