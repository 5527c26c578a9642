// The input of a stateful target: a few head bytes that choose configuration and starting state,
// then records of one operation byte and the operands of that operation. A target describes both
// in a Grammar, and from it come the reader (never rejects; beyond the end everything is 0), the
// text of fuzz-decode and fuzz-encode, and the mutator and crossover that work on whole records.
// Any bytes are an input, and every input has exactly one text that encodes back to it, but for
// what stands after the last complete record (text gives the operands that are missing as 0).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::fuzz {

// A number relative to a value that only exists while the target runs: base + distance * scale.
struct Live {
  uint8_t base = 0;   // which value, 4 bits; the target knows which
  uint8_t scale = 0;  // index into kLiveScales, 4 bits
  int16_t distance = 0;

  uint32_t Of(uint32_t base_value) const;
};
// What a distance counts in; large ones reach the other half of the sequence space.
inline constexpr std::array<uint32_t, 16> kLiveScales = {
    1, 1, 1, 1, 2, 8, 100, 536, 1000, 1448, 1460, 1u << 14, 65535, 1u << 16, 1u << 17, 1u << 24};

struct Operand {
  enum class Kind : uint8_t {
    kNone,   // no more operands
    kByte,   // 1 byte
    kWord,   // 2 bytes
    kLong,   // 4 bytes
    kLive,   // 3 bytes: base and scale in one, then the distance
    kTime,   // 1 byte, logarithmic, four steps per doubling (Record::Time)
    kBytes,  // a byte that tells how many follow; at most one such operand, the last
  };
  Kind kind = Kind::kNone;
  const char* name = "";
};

struct Operation {
  const char* name = "";
  std::array<Operand, 9> operands{};
};

struct Grammar {
  const char* target = "";
  std::span<const char* const> head;  // a name for each head byte
  std::span<const Operation>
      operations;  // at most 256; an operation byte counts modulo their number
  // Values that seeds of the mutator should know: flags, ports, option bytes.
  std::span<const uint8_t> bytes_of_interest{};
};

struct Record {
  uint8_t operation = 0;  // below the number of operations
  // By the place of the operand; of a kLive the three bytes as they stand.
  std::array<uint32_t, 9> values{};
  Bytes bytes;  // of a kBytes

  uint8_t U8(size_t at) const { return static_cast<uint8_t>(values[at]); }
  uint16_t U16(size_t at) const { return static_cast<uint16_t>(values[at]); }
  uint32_t U32(size_t at) const { return values[at]; }
  Live LiveAt(size_t at) const;
  // From 1 ns to 2^60 ns (36 years) in steps of a quarter of a doubling; 0 for none at all.
  Duration TimeAt(size_t at, Duration most) const;
};

// Reads an input. The bytes live as long as the input.
class RecordReader {
 public:
  RecordReader(const Grammar& grammar, Bytes input);
  // Head byte `at`, 0 if the input is shorter.
  uint8_t head(size_t at) const;
  // False at the end.
  bool Next(Record& record);
  // Where the next record begins.
  size_t offset() const { return offset_; }

 private:
  const Grammar* grammar_;
  Bytes input_;
  size_t offset_;
};

// The text of one record, as in "segment flags=0x12 seq=nxt+0*1 ..."; no line end.
std::string PrintRecord(const Grammar& grammar, const Record& record);
// One line for each head byte and each record.
std::string PrintInput(const Grammar& grammar, Bytes input);
// The way back; empty lines and what follows a '#' do not count. The error names the line.
std::expected<std::vector<uint8_t>, std::string> ParseInput(const Grammar& grammar,
                                                            std::string_view text);

// libFuzzer's custom mutator: changes `size` bytes at `data` in place, into at most `size_max`;
// returns the new size. Inserts, removes, doubles, swaps, and moves records, changes operands by
// kind, and changes head bytes; at times it lets plain byte mutation through.
size_t MutateInput(const Grammar& grammar, uint8_t* data, size_t size, size_t size_max,
                   unsigned seed);
// Head and first records of one, last records of the other, or runs of records exchanged.
size_t CrossInputs(const Grammar& grammar, Bytes first, Bytes second, MutableBytes out,
                   unsigned seed);

}  // namespace aether::fuzz
