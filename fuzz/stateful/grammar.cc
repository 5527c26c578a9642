#include "fuzz/stateful/grammar.h"

#include <algorithm>

namespace aether::fuzz {
namespace {

using Kind = Operand::Kind;

// Bytes that an operand takes, but for the bytes that a kBytes announces.
constexpr size_t SizeOf(Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return 0;
    case Kind::kByte:
    case Kind::kFlags:
    case Kind::kTime:
    case Kind::kBytes:
      return 1;
    case Kind::kWord:
      return 2;
    case Kind::kLive:
      return 3;
    case Kind::kLong:
      return 4;
  }
  return 0;
}

}  // namespace

uint32_t Live::Of(uint32_t base_value) const {
  return base_value + static_cast<uint32_t>(int32_t{distance}) * kLiveScales[scale % 16];
}

Live Record::LiveAt(size_t at) const {
  const uint32_t value = values[at];
  return {.base = static_cast<uint8_t>(value >> 20 & 0xf),
          .scale = static_cast<uint8_t>(value >> 16 & 0xf),
          .distance = static_cast<int16_t>(value & 0xffff)};
}

Duration Record::TimeAt(size_t at, Duration most) const {
  const uint32_t value = values[at];
  if (value == 0) return {};
  return std::min(most, Duration{(int64_t{4 | (value & 3)} << std::min(value >> 2, 60u)) / 4});
}

RecordReader::RecordReader(const Grammar& grammar, Bytes input)
    : grammar_(&grammar), input_(input), offset_(std::min(grammar.head.size(), input.size())) {}

uint8_t RecordReader::head(size_t at) const {
  return at < grammar_->head.size() && at < input_.size() ? input_[at] : uint8_t{0};
}

bool RecordReader::Next(Record& record) {
  if (offset_ == input_.size()) return false;
  const size_t count = grammar_->operations.size();
  const uint8_t first = input_[offset_++];
  record.operation = static_cast<uint8_t>(first % count);
  record.turns = static_cast<uint8_t>(first / count);
  record.values = {};
  record.bytes = {};
  const auto& operands = grammar_->operations[record.operation].operands;
  for (size_t i = 0; i < operands.size() && operands[i].kind != Kind::kNone; ++i) {
    uint32_t value = 0;
    for (size_t size = SizeOf(operands[i].kind); size > 0; --size) {
      value = value << 8 | (offset_ < input_.size() ? input_[offset_++] : 0u);
    }
    record.values[i] = value;
    if (operands[i].kind == Kind::kBytes) {
      record.bytes = input_.subspan(offset_, std::min<size_t>(value, input_.size() - offset_));
      offset_ += record.bytes.size();
    }
  }
  return true;
}

}  // namespace aether::fuzz
