// The Internet checksum: every unit that this processor has against a sum of single bytes, at any
// alignment, cut anywhere, copied, updated in place, and over the pseudo header.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "fuzz/records.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/wire/checksum.h"

namespace aether::fuzz {
namespace {

constexpr std::array kUnits = {ChecksumUnit::kReference, ChecksumUnit::kPortable,
                               ChecksumUnit::kAvx2, ChecksumUnit::kAvx512};

// [RFC 1071 1] one byte at a time in the order of the wire; one's complement is arithmetic modulo
// 65,535 in which only a sum of nothing but zeros is 0.
AETHER_UNCOUNTED uint16_t SlowSum(Bytes bytes) {
  uint64_t sum = 0;
  const uint8_t* at = bytes.data();
  for (size_t left = bytes.size() / 2; left > 0; --left, at += 2) sum += at[0] * 256u + at[1];
  if (bytes.size() % 2 != 0) sum += at[0] * 256u;
  return static_cast<uint16_t>(sum == 0 ? 0 : (sum - 1) % 0xffff + 1);
}
// The sums of wire/checksum.h are in the order of memory.
uint16_t Wire(uint16_t sum) { return NetworkOrder(sum); }

// The sum of two pieces, the second of which starts at offset `cut`.
uint16_t Joined(uint16_t first, uint16_t second, size_t cut) {
  return SumAdd(first, cut % 2 == 0 ? second : SumSwap(second));
}

struct Case {
  size_t from_align = 0;
  size_t to_align = 0;
  size_t size = 0;
  std::array<size_t, 2> cuts{};
  size_t word_at = 0;
  uint16_t new_word = 0;
  bool is_edge = false;  // of the update's carries; then new_word is ignored
  size_t flip_bit = 0;
};

// `to` ends where its allocation ends.
void CheckUnit(ChecksumUnit unit, Bytes data, uint8_t* to, uint16_t expected) {
  FUZZ_CHECK(P10, Wire(SumBytesWith(unit, data)) == expected);
  std::memset(to, 0xa5, data.size());
  FUZZ_CHECK(P10, Wire(CopyAndSumWith(unit, to, data)) == expected);
  FUZZ_CHECK(P1, data.empty() || std::memcmp(to, data.data(), data.size()) == 0);
}

void CheckPieces(Bytes data, const Case& c, uint16_t expected) {
  const size_t first = c.cuts[0];
  const size_t second = c.cuts[1];
  uint16_t sum = SumBytes(data.first(first));
  sum = Joined(sum, SumBytes(data.subspan(first, second - first)), first);
  sum = Joined(sum, SumBytes(data.subspan(second)), second);
  FUZZ_CHECK(P11, Wire(sum) == expected);
  FUZZ_CHECK(P10, Wire(SumBytes(data)) == expected);
  const size_t header = std::min<size_t>(data.size(), 60) / 4 * 4;
  FUZZ_CHECK(P10, Wire(SumHeader(data.data(), header)) == SlowSum(data.first(header)));
}

// A message whose first word is its checksum, as sender, router and receiver see it.
void CheckMessage(MutableBytes data, const Case& c) {
  if (data.size() < 4) return;
  StoreBe<uint16_t>(data.data(), 0);
  StoreBe(data.data(), ChecksumOf(SumBytes(data)));
  FUZZ_CHECK(P13, SumIsValid(SumBytes(data)) == (SlowSum(data) == 0xffff));
  FUZZ_CHECK(P13, SumIsValid(SumBytes(data)));
  const size_t at = c.word_at % (data.size() / 2 - 1) * 2 + 2;
  const uint16_t before = LoadBe<uint16_t>(data.data());
  const uint16_t old_word = LoadBe<uint16_t>(data.data() + at);
  // With this one the three words of the update add up to all ones and a carry.
  const uint16_t edge = static_cast<uint16_t>(before + old_word + 1);
  const uint16_t new_word = c.is_edge ? edge : c.new_word;
  StoreBe(data.data() + at, new_word);
  // [RFC 1624 3] the update is what computing it again gives.
  const uint16_t updated = ChecksumUpdate(before, old_word, new_word);
  StoreBe<uint16_t>(data.data(), 0);
  const uint16_t again = ChecksumOf(SumBytes(data));
  const bool is_zero = SlowSum(data) == 0;  // then 0 and 0xffff are the same
  FUZZ_CHECK(P11, updated == again || (is_zero && updated == 0));
  StoreBe(data.data(), updated);
  if (!is_zero) FUZZ_CHECK(P13, SumIsValid(SumBytes(data)));
  // Every single bit counts.
  if (!SumIsValid(SumBytes(data))) return;
  uint8_t& byte = data[c.flip_bit / 8 % data.size()];
  byte = static_cast<uint8_t>(byte ^ 1u << (c.flip_bit % 8));
  FUZZ_CHECK(P13, !SumIsValid(SumBytes(data)));
}

void CheckPseudoHeader(Records& records) {
  std::array<uint8_t, 12> bytes{};
  const Ipv4Address source{records.U32()};
  const Ipv4Address destination{records.U32()};
  StoreBe(bytes.data(), source.value);
  StoreBe(bytes.data() + 4, destination.value);
  bytes[9] = records.Byte();
  StoreBe(bytes.data() + 10, records.U16());
  const uint16_t sum = SumPseudoHeader(source, destination, bytes[9], LoadBe<uint16_t>(&bytes[10]));
  FUZZ_CHECK(P10, Wire(sum) == SlowSum(bytes));
  FUZZ_CHECK(P10, SumOfWord(LoadBe<uint16_t>(&bytes[10])) == SumBytes(Bytes(bytes).subspan(10)));
}

AETHER_UNCOUNTED void Repeat(Bytes bytes, MutableBytes to) {
  size_t filled = std::min(bytes.size(), to.size());
  if (filled == 0) return;
  std::memcpy(to.data(), bytes.data(), filled);
  // Whole periods, twice as many each time.
  for (; filled < to.size(); filled *= 2)
    std::memcpy(&to[filled], to.data(), std::min(filled, to.size() - filled));
}

void Run(Records records, bool is_rare) {
  Case c;
  c.from_align = records.Below(64);
  c.to_align = records.Below(64);
  const uint8_t kind = records.Byte();
  // Up to the largest datagram, in one of 64 inputs whatever is in them: were it to be had by a
  // byte, the engine would learn to ask for it, and all would be slow.
  c.size = is_rare ? records.U16() : records.Size(700);
  const uint32_t most = static_cast<uint32_t>(c.size);
  c.cuts = {records.Below(most + 1), records.Below(most + 1)};
  std::ranges::sort(c.cuts);
  c.word_at = records.U16();
  c.new_word = records.U16();
  c.is_edge = kind % 4 == 3;
  c.flip_bit = records.U32();
  CheckPseudoHeader(records);
  // The rest of the input, repeated: long runs of equal bytes make the carries.
  const Bytes rest = records.Take(records.size());
  const auto memory = std::make_unique_for_overwrite<uint8_t[]>(c.from_align + c.size);
  uint8_t* const at = memory.get() + c.from_align;
  Repeat(rest.empty() ? Bytes(&kind, 1) : rest, {at, c.size});
  const Bytes data(at, c.size);
  const uint16_t expected = SlowSum(data);
  CurrentTrace().Add(expected);
  const auto copy = std::make_unique_for_overwrite<uint8_t[]>(c.to_align + c.size);
  for (const ChecksumUnit unit : kUnits) {
    // The reference unit is as slow as the one here.
    if (unit == ChecksumUnit::kReference && c.size > 64) continue;
    if (IsAvailable(unit)) CheckUnit(unit, data, copy.get() + c.to_align, expected);
  }
  CheckPieces(data, c, expected);
  CheckMessage({at, c.size}, c);
}

}  // namespace
}  // namespace aether::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return -1;
  aether::fuzz::Trace hash;
  hash.Add(aether::Bytes(data, size));
  aether::fuzz::Run(aether::fuzz::Records({data, size}), hash.hash() % 64 == 0);
  return 0;
}
