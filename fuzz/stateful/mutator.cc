// The mutator and the crossover of stateful targets: both work on whole records, so that what they
// make is mostly another scenario, not noise.
#include <algorithm>
#include <array>
#include <cstring>

#include "fuzz/stateful/grammar.h"

// libFuzzer's own mutations, with its dictionary and what it saw in comparisons; not there in other
// mains.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t size_max);

namespace aether::fuzz {
namespace {

using Kind = Operand::Kind;

constexpr size_t kPiecesMax = 512;
constexpr size_t kRecordBytesMax = 1 + 9 * 4 + 0xff;
constexpr std::array<uint16_t, 20> kWords = {0,    1,    2,    7,     8,     255,  256,
                                             511,  536,  1000, 1024,  1460,  1461, 1500,
                                             2920, 8192, 4096, 32767, 32768, 65535};
constexpr std::array<int16_t, 12> kDistances = {1,  -1,  2,    -2,  3,    5,
                                                10, 100, -100, 127, -128, 0x7fff};
// 1 us, 1 ms and an hour as times.
constexpr uint32_t kTimeLow = 40;
constexpr uint32_t kTimeUsual = 80;
constexpr uint32_t kTimeHigh = 168;

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint32_t Next() {
    uint64_t mix = state_ += 0x9e3779b97f4a7c15u;
    mix = (mix ^ (mix >> 30)) * 0xbf58476d1ce4e5b9u;
    mix = (mix ^ (mix >> 27)) * 0x94d049bb133111ebu;
    return static_cast<uint32_t>(mix >> 32);
  }
  uint32_t Below(size_t bound) { return Next() % static_cast<uint32_t>(bound); }
  bool OneIn(uint32_t n) { return Below(n) == 0; }
  template <typename List>
  auto Of(const List& list) {
    return list[Below(list.size())];
  }

 private:
  uint64_t state_;
};

size_t BytesOf(Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return 0;
    case Kind::kWord:
      return 2;
    case Kind::kLive:
      return 3;
    case Kind::kLong:
      return 4;
    default:
      return 1;
  }
}

struct Piece {
  size_t at = 0;
  size_t size = 0;
};

// Where the records of an input stand.
struct Pieces {
  Pieces(const Grammar& grammar, Bytes input) {
    RecordReader reader(grammar, input);
    size_t at = reader.offset();
    for (Record record; count < kPiecesMax && reader.Next(record); at = reader.offset()) {
      list[count++] = {at, reader.offset() - at};
    }
    head_bytes = count > 0 ? list[0].at : at;
  }
  std::array<Piece, kPiecesMax> list;
  size_t count = 0;
  size_t head_bytes = 0;
};

class Mutator {
 public:
  Mutator(const Grammar& grammar, uint8_t* data, size_t size, size_t size_max, unsigned seed)
      : grammar_(grammar), data_(data), size_(size), size_max_(size_max), dice_(seed) {}

  size_t Run() {
    FillHead();
    size_t changes = 1;
    while (changes < 6 && dice_.OneIn(3)) ++changes;
    // What does not fit is tried otherwise, but not for ever.
    for (size_t tries = 0; changes > 0 && tries < 20; ++tries) {
      if (Change()) --changes;
    }
    return size_;
  }

 private:
  void FillHead() {
    while (size_ < grammar_.head.size() && size_ < size_max_) data_[size_++] = 0;
  }

  bool Change() {
    const Pieces pieces(grammar_, {data_, size_});
    const uint32_t choice = dice_.Below(100);
    if (choice < 8) return ChangeHead(pieces);
    if (choice < 14 && LLVMFuzzerMutate != nullptr) {
      size_ = LLVMFuzzerMutate(data_, size_, size_max_);
      return true;
    }
    if (choice < 32 || pieces.count == 0) return Insert(pieces);
    if (choice < 72) return ChangeRecord(pieces);
    if (choice < 80) return Remove(pieces);
    if (choice < 90) return Repeat(pieces);
    return Move(pieces, dice_.OneIn(2));
  }

  // Puts `bytes`, which stand elsewhere, in the place of `removed` ones at `at`.
  bool Replace(size_t at, size_t removed, Bytes bytes) {
    if (size_ - removed + bytes.size() > size_max_) return false;
    std::memmove(data_ + at + bytes.size(), data_ + at + removed, size_ - at - removed);
    if (!bytes.empty()) std::memcpy(data_ + at, bytes.data(), bytes.size());
    size_ = size_ - removed + bytes.size();
    return true;
  }

  // The beginning of a record, or the end of the last.
  size_t Boundary(const Pieces& pieces) {
    const size_t i = dice_.Below(pieces.count + 1);
    if (i < pieces.count) return pieces.list[i].at;
    return pieces.count == 0
               ? pieces.head_bytes
               : pieces.list[pieces.count - 1].at + pieces.list[pieces.count - 1].size;
  }

  bool ChangeHead(const Pieces& pieces) {
    if (pieces.head_bytes == 0) return false;
    const size_t at = dice_.Below(pieces.head_bytes);
    data_[at] = static_cast<uint8_t>(ValueOf(grammar_.head[at], data_[at]));
    return true;
  }

  bool Insert(const Pieces& pieces) {
    std::array<uint8_t, kRecordBytesMax> record;
    const size_t size = MakeRecord(record);
    return Replace(Boundary(pieces), 0, Bytes(record).first(size));
  }

  // Most operands as they are by themselves, which is 0; a few others.
  size_t MakeRecord(std::array<uint8_t, kRecordBytesMax>& out) {
    const uint8_t operation = static_cast<uint8_t>(dice_.Below(grammar_.operations.size()));
    size_t size = 0;
    out[size++] = operation;
    for (const Operand& operand : grammar_.operations[operation].operands) {
      if (operand.kind == Kind::kNone) break;
      const bool is_zero = operand.kind != Kind::kFlags && operand.kind != Kind::kTime &&
                           (operand.kind == Kind::kBytes ? !dice_.OneIn(8) : dice_.OneIn(2));
      uint32_t value = is_zero ? 0 : ValueOf(operand, 0);
      if (operand.kind == Kind::kBytes) value %= 41;
      for (size_t i = BytesOf(operand.kind); i > 0; --i)
        out[size++] = static_cast<uint8_t>(value >> (8 * (i - 1)));
      if (operand.kind == Kind::kBytes) {
        for (; value > 0; --value) out[size++] = ByteOf(0);
      }
    }
    return size;
  }

  bool ChangeRecord(const Pieces& pieces) {
    const Piece piece = pieces.list[dice_.Below(pieces.count)];
    const auto& operands =
        grammar_.operations[data_[piece.at] % grammar_.operations.size()].operands;
    size_t count = 0;
    while (count < operands.size() && operands[count].kind != Kind::kNone) ++count;
    if (count == 0) return false;
    const size_t which = dice_.Below(count);
    size_t at = piece.at + 1;
    for (size_t i = 0; i < which; ++i) at += BytesOf(operands[i].kind);
    const size_t size = BytesOf(operands[which].kind);
    // Cut off by the end of the input.
    if (at + size > piece.at + piece.size) return false;
    if (operands[which].kind == Kind::kBytes) return ChangeBytes(at, piece.at + piece.size);
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | data_[at + i];
    value = ValueOf(operands[which], value);
    for (size_t i = size; i > 0; --i, value >>= 8) data_[at + i - 1] = static_cast<uint8_t>(value);
    return true;
  }

  // `at`: the byte that tells how many stand between it and `end`.
  bool ChangeBytes(size_t at, size_t end) {
    std::array<uint8_t, 0xff> bytes;
    size_t size = end - at - 1;
    std::copy_n(data_ + at + 1, size, bytes.data());
    const uint32_t choice = dice_.Below(4);
    if (choice == 0 && LLVMFuzzerMutate != nullptr && size > 0) {
      size = LLVMFuzzerMutate(bytes.data(), size, bytes.size());
    } else if (choice == 1 && size > 0) {
      const size_t from = dice_.Below(size);
      const size_t count = 1 + dice_.Below(std::min<size_t>(size - from, 8));
      std::copy(bytes.data() + from + count, bytes.data() + size, bytes.data() + from);
      size -= count;
    } else if (choice == 2 || size == 0) {
      const size_t count = 1 + dice_.Below(4);
      if (size + count > bytes.size()) return false;
      const size_t from = dice_.Below(size + 1);
      std::copy_backward(bytes.data() + from, bytes.data() + size, bytes.data() + size + count);
      for (size_t i = from; i < from + count; ++i) bytes[i] = ByteOf(0);
      size += count;
    } else {
      uint8_t& byte = bytes[dice_.Below(size)];
      byte = ByteOf(byte);
    }
    if (!Replace(at + 1, end - at - 1, Bytes(bytes).first(size))) return false;
    data_[at] = static_cast<uint8_t>(size);
    return true;
  }

  bool Remove(const Pieces& pieces) {
    const size_t first = dice_.Below(pieces.count);
    size_t count = 1;
    if (dice_.OneIn(4)) count += dice_.Below(std::min<size_t>(pieces.count - first, 8));
    const Piece& last = pieces.list[std::min(first + count, pieces.count) - 1];
    const size_t at = pieces.list[first].at;
    return Replace(at, last.at + last.size - at, {});
  }

  // A record, or a few in a row, once more: behind itself or elsewhere.
  bool Repeat(const Pieces& pieces) {
    const size_t first = dice_.Below(pieces.count);
    const size_t count = dice_.OneIn(4) ? 1 + dice_.Below(4) : 1;
    const Piece& last = pieces.list[std::min(first + count, pieces.count) - 1];
    const size_t begin = pieces.list[first].at;
    const size_t end = last.at + last.size;
    std::array<uint8_t, 4 * kRecordBytesMax> copy;
    std::copy(data_ + begin, data_ + end, copy.data());
    return Replace(dice_.OneIn(2) ? end : Boundary(pieces), 0, Bytes(copy).first(end - begin));
  }

  // Puts one record before another; or exchanges the two.
  bool Move(const Pieces& pieces, bool both) {
    if (pieces.count < 2) return false;
    size_t i = dice_.Below(pieces.count - 1);
    size_t j = i + 1 + (dice_.OneIn(2) ? 0 : dice_.Below(pieces.count - i - 1));
    // From the end of the one to the beginning of the other.
    uint8_t* const first = data_ + pieces.list[i].at;
    uint8_t* const first_end = first + pieces.list[i].size;
    uint8_t* const second = data_ + pieces.list[j].at;
    uint8_t* const second_end = second + pieces.list[j].size;
    std::rotate(first, second, second_end);
    if (both) {
      // Now: second, first, between.
      uint8_t* const moved = first + (second_end - second);
      std::rotate(moved, moved + (first_end - first), second_end);
    }
    return true;
  }

  uint8_t ByteOf(uint32_t before) {
    switch (dice_.Below(4)) {
      case 0:
        if (!grammar_.bytes_of_interest.empty()) return dice_.Of(grammar_.bytes_of_interest);
        [[fallthrough]];
      case 1:
        return static_cast<uint8_t>(dice_.Next());
      case 2:
        return static_cast<uint8_t>(before ^ (1u << dice_.Below(8)));
      default:
        return static_cast<uint8_t>(before + (dice_.OneIn(2) ? 1 : 0xff));
    }
  }

  // Another value of an operand, in as many bits as it has.
  uint32_t ValueOf(const Operand& operand, uint32_t before) {
    switch (operand.kind) {
      case Kind::kFlags:
        if (dice_.OneIn(2)) return before ^ (1u << dice_.Below(8));
        return operand.names.empty() ? dice_.Next() & 0xff : uint32_t{ByteOf(before)};
      case Kind::kWord:
        return WordOf(before);
      case Kind::kLong:
        if (dice_.OneIn(2)) return before + uint32_t{dice_.Of(kWords)} - dice_.Of(kWords);
        return dice_.OneIn(2) ? dice_.Next() : 1u << dice_.Below(32);
      case Kind::kLive:
        return LiveOf(operand, before);
      case Kind::kTime:
        if (before != 0 && dice_.OneIn(4)) return (before + (dice_.OneIn(2) ? 1 : 0xff)) & 0xff;
        if (dice_.OneIn(8)) return dice_.Next() & 0xff;
        if (dice_.OneIn(4)) return kTimeLow + dice_.Below(kTimeUsual - kTimeLow);
        return kTimeUsual + dice_.Below(kTimeHigh - kTimeUsual);
      default:
        if (!operand.names.empty() && !dice_.OneIn(8)) return dice_.Below(operand.names.size());
        return ByteOf(before);
    }
  }

  uint32_t WordOf(uint32_t before) {
    switch (dice_.Below(4)) {
      case 0:
        return dice_.Of(kWords);
      case 1:
        return (before + (dice_.OneIn(2) ? 1 : 0xffff)) & 0xffff;
      case 2:
        return dice_.Next() & ((2u << dice_.Below(16)) - 1);
      default:
        return before ^ (1u << dice_.Below(16));
    }
  }

  uint32_t LiveOf(const Operand& operand, uint32_t before) {
    uint32_t base = before >> 20 & 0xf;
    uint32_t scale = before >> 16 & 0xf;
    uint32_t distance = before & 0xffff;
    if (dice_.OneIn(3)) base = dice_.Below(operand.names.empty() ? 16 : operand.names.size());
    if (dice_.OneIn(4)) scale = dice_.Below(2) * dice_.Below(16);
    switch (dice_.Below(5)) {
      case 0:
        distance += dice_.OneIn(2) ? 1u : 0xffffu;
        break;
      case 1:
        distance = static_cast<uint16_t>(dice_.Of(kDistances));
        break;
      case 2:
        distance = dice_.Next() & ((2u << dice_.Below(16)) - 1);
        break;
      case 3:
        distance = 0;
        break;
      default:
        break;
    }
    return base << 20 | scale << 16 | (distance & 0xffff);
  }

  const Grammar& grammar_;
  uint8_t* data_;
  size_t size_;
  size_t size_max_;
  Dice dice_;
};

// Appends as much of `bytes` as fits; false when not all did.
bool Append(MutableBytes out, size_t& size, Bytes bytes) {
  if (bytes.size() > out.size() - size) return false;
  std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(size));
  size += bytes.size();
  return true;
}

// Records [from, to) of an input.
bool AppendRecords(MutableBytes out, size_t& size, Bytes input, const Pieces& pieces, size_t from,
                   size_t to) {
  for (size_t i = from; i < to; ++i) {
    if (!Append(out, size, input.subspan(pieces.list[i].at, pieces.list[i].size))) return false;
  }
  return true;
}

}  // namespace

size_t MutateInput(const Grammar& grammar, uint8_t* data, size_t size, size_t size_max,
                   unsigned seed) {
  return Mutator(grammar, data, std::min(size, size_max), size_max, seed).Run();
}

size_t CrossInputs(const Grammar& grammar, Bytes first, Bytes second, MutableBytes out,
                   unsigned seed) {
  Dice dice(seed);
  const Pieces one(grammar, first);
  const Pieces other(grammar, second);
  size_t size = 0;
  if (!Append(out, size, first.first(one.head_bytes))) return size;
  const size_t cut = dice.Below(one.count + 1);
  const size_t other_cut = dice.Below(other.count + 1);
  if (!AppendRecords(out, size, first, one, 0, cut)) return size;
  if (dice.OneIn(2)) {
    // The beginning of one, the end of the other.
    AppendRecords(out, size, second, other, other_cut, other.count);
    return size;
  }
  // A run of the other in the middle, in the place of one that is as long or of none.
  const size_t run = std::min<size_t>(other.count - other_cut, 1 + dice.Below(8));
  if (!AppendRecords(out, size, second, other, other_cut, other_cut + run)) return size;
  const size_t after = dice.OneIn(2) ? cut : std::min(one.count, cut + run);
  AppendRecords(out, size, first, one, after, one.count);
  return size;
}

}  // namespace aether::fuzz
