// Inputs as text: what fuzz-decode prints and fuzz-encode reads. Operands that are 0 are left out.
//
//   profile: full                        a head byte
//   segment flags=S|A seq=next+2*1460    a record; ^1 behind its name: the operation byte one turn
//   time after=148~131.072us             later; behind ~ stands what the number means
//   write data="GET / HTTP/1.1\r\n"      bytes that are text, all others as 0x0a0b
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "fuzz/stateful/grammar.h"

namespace aether::fuzz {
namespace {

using Kind = Operand::Kind;

constexpr uint32_t MostOf(Kind kind) {
  if (kind == Kind::kLong) return 0xffffffff;
  return kind == Kind::kWord ? 0xffff : 0xff;
}

std::string Hex(uint32_t value) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "0x%02x", value);
  return text.data();
}

// --- Printing ---

std::string PrintFlags(const Operand& operand, uint32_t value) {
  std::string text;
  for (size_t bit = 0; bit < 8 && bit < operand.names.size(); ++bit) {
    if ((value >> bit & 1) == 0) continue;
    value &= ~(1u << bit);
    text += (text.empty() ? "" : "|") + std::string(operand.names[bit]);
  }
  if (value != 0 || text.empty()) text += (text.empty() ? "" : "|") + Hex(value);
  return text;
}

std::string PrintLive(const Operand& operand, const Live& live) {
  std::string text =
      live.base < operand.names.size() ? operand.names[live.base] : "#" + std::to_string(live.base);
  if (live.distance == 0 && live.scale == 0) return text;
  if (live.distance >= 0) text += "+";
  text += std::to_string(live.distance);
  if (live.scale == 0) return text;
  // Of scales that mean the same the first has the number for its name.
  const uint32_t factor = kLiveScales[live.scale];
  const bool is_first = std::ranges::find(kLiveScales, factor) == kLiveScales.begin() + live.scale;
  return text + (is_first ? "*" + std::to_string(factor) : "*#" + std::to_string(live.scale));
}

std::string PrintTime(const Record& record, size_t at) {
  const int64_t ns = record.TimeAt(at, Duration::max()).count();
  struct Unit {
    const char* name;
    int64_t ns;
  };
  Unit unit{"ns", 1};
  for (const Unit& larger : {Unit{"us", 1'000}, Unit{"ms", 1'000'000}, Unit{"s", 1'000'000'000}}) {
    if (ns >= larger.ns) unit = larger;
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%u~%.4g%s", record.U32(at),
                static_cast<double>(ns) / static_cast<double>(unit.ns), unit.name);
  return text.data();
}

std::string PrintBytes(Bytes bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  const bool is_text = std::ranges::all_of(bytes, [](uint8_t byte) {
    return (byte >= ' ' && byte < 0x7f) || byte == '\r' || byte == '\n';
  });
  std::string text = is_text ? "\"" : "0x";
  for (const uint8_t byte : bytes) {
    if (!is_text) {
      text += kDigits[byte >> 4];
      text += kDigits[byte & 0xf];
    } else if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else {
      if (byte == '"' || byte == '\\') text += '\\';
      text += static_cast<char>(byte);
    }
  }
  return is_text ? text + "\"" : text;
}

std::string PrintOperand(const Operand& operand, const Record& record, size_t at) {
  const uint32_t value = record.values[at];
  switch (operand.kind) {
    case Kind::kFlags:
      return PrintFlags(operand, value);
    case Kind::kLive:
      return PrintLive(operand, record.LiveAt(at));
    case Kind::kTime:
      return PrintTime(record, at);
    case Kind::kBytes:
      return PrintBytes(record.bytes);
    case Kind::kLong:
      return Hex(value);
    case Kind::kByte:
      if (value < operand.names.size()) return operand.names[value];
      break;
    default:
      break;
  }
  return std::to_string(value);
}

// --- Reading ---

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// The line before a '#' that begins a word outside of quotes.
std::string_view WithoutComment(std::string_view line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == '#' && !quoted && (i == 0 || line[i - 1] == ' ')) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::optional<uint32_t> ReadNumber(std::string_view text, uint32_t most) {
  const bool is_hex = text.starts_with("0x");
  if (is_hex) text.remove_prefix(2);
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, is_hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

std::optional<uint32_t> FindName(std::span<const char* const> names, std::string_view name) {
  const auto found =
      std::ranges::find(names, name, [](const char* n) { return std::string_view(n); });
  if (found == names.end()) return std::nullopt;
  return static_cast<uint32_t>(found - names.begin());
}

std::optional<uint32_t> ReadFlags(const Operand& operand, std::string_view text) {
  uint32_t value = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find('|'));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const std::optional<uint32_t> bit = FindName(operand.names, word);
    const std::optional<uint32_t> bits = bit ? 1u << *bit : ReadNumber(word, 0xff);
    if (!bits) return std::nullopt;
    value |= *bits;
  }
  return value;
}

std::optional<uint32_t> ReadLive(const Operand& operand, std::string_view text) {
  const std::string_view name = text.substr(0, text.find_first_of("+-*"));
  text.remove_prefix(name.size());
  const std::optional<uint32_t> base =
      name.starts_with("#") ? ReadNumber(name.substr(1), 15) : FindName(operand.names, name);
  if (!base) return std::nullopt;
  uint32_t scale = 0;
  if (const size_t star = text.find('*'); star != std::string_view::npos) {
    const std::string_view factor = text.substr(star + 1);
    text = text.substr(0, star);
    std::optional<uint32_t> number;
    if (factor.starts_with("#")) {
      number = ReadNumber(factor.substr(1), 15);
    } else if ((number = ReadNumber(factor, 0xffffffff))) {
      const auto found = std::ranges::find(kLiveScales, *number);
      if (found == kLiveScales.end()) return std::nullopt;
      number = static_cast<uint32_t>(found - kLiveScales.begin());
    }
    if (!number) return std::nullopt;
    scale = *number;
  }
  uint32_t distance = 0;
  if (!text.empty()) {
    const bool is_negative = text[0] == '-';
    const std::optional<uint32_t> size = ReadNumber(text.substr(1), is_negative ? 0x8000 : 0x7fff);
    if (!size) return std::nullopt;
    distance = is_negative ? 0x10000 - *size : *size;
  }
  return *base << 20 | scale << 16 | (distance & 0xffff);
}

// "148", "148~131us", or a time with its unit: the first step that is no shorter.
std::optional<uint32_t> ReadTime(std::string_view text) {
  if (const std::optional<uint32_t> step = ReadNumber(text.substr(0, text.find('~')), 0xff))
    return step;
  // Not by std::from_chars: that of libc++ knows no floating point before LLVM 20.
  const std::string digits(text.substr(0, text.find_first_not_of("0123456789.")));
  char* end = nullptr;
  const double number = std::strtod(digits.c_str(), &end);
  if (digits.empty() || *end != '\0') return std::nullopt;
  const std::string_view unit = text.substr(digits.size());
  double factor = 0;
  if (unit == "ns") factor = 1;
  if (unit == "us") factor = 1e3;
  if (unit == "ms") factor = 1e6;
  if (unit == "s") factor = 1e9;
  if (unit == "min") factor = 60e9;
  if (unit == "h") factor = 3600e9;
  if (factor == 0) return std::nullopt;
  if (number == 0) return 0;
  for (uint32_t step = 1; step < 256; ++step) {
    Record record;
    record.values[0] = step;
    if (static_cast<double>(record.TimeAt(0, Duration::max()).count()) >= number * factor)
      return step;
  }
  return std::nullopt;
}

std::optional<std::vector<uint8_t>> ReadBytes(std::string_view text) {
  std::vector<uint8_t> bytes;
  if (text.starts_with("0x")) {
    for (text.remove_prefix(2); text.size() >= 2; text.remove_prefix(2)) {
      const std::string digits = "0x" + std::string(text.substr(0, 2));
      const std::optional<uint32_t> byte = ReadNumber(digits, 0xff);
      if (!byte) return std::nullopt;
      bytes.push_back(static_cast<uint8_t>(*byte));
    }
    if (!text.empty()) return std::nullopt;
    return bytes;
  }
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < text.size(); ++i) {
    char byte = text[i];
    if (byte == '\\' && i + 1 < text.size()) {
      byte = text[++i];
      if (byte == 'r') byte = '\r';
      if (byte == 'n') byte = '\n';
    }
    bytes.push_back(static_cast<uint8_t>(byte));
  }
  return bytes;
}

// A value that fits into one number.
std::optional<uint32_t> ReadValue(const Operand& operand, std::string_view text) {
  switch (operand.kind) {
    case Kind::kFlags:
      return ReadFlags(operand, text);
    case Kind::kLive:
      return ReadLive(operand, text);
    case Kind::kTime:
      return ReadTime(text);
    default:
      break;
  }
  if (const std::optional<uint32_t> value = FindName(operand.names, text)) return value;
  return ReadNumber(text, MostOf(operand.kind));
}

// Takes the first word off; blanks in quotes belong to it.
std::string_view TakeWord(std::string_view& line) {
  bool quoted = false;
  size_t end = 0;
  for (; end < line.size() && (quoted || line[end] != ' '); ++end) {
    if (quoted && line[end] == '\\') {
      end = std::min(end + 1, line.size() - 1);
    } else if (line[end] == '"') {
      quoted = !quoted;
    }
  }
  const std::string_view word = line.substr(0, end);
  line = Trimmed(line.substr(end));
  return word;
}

using Failure = std::optional<std::string>;

class InputParser {
 public:
  explicit InputParser(const Grammar& grammar) : grammar_(grammar) {}

  Failure Line(std::string_view line) {
    const std::string_view first = TakeWord(line);
    if (first.ends_with(":")) return Head(first.substr(0, first.size() - 1), line);
    return OneRecord(first, line);
  }
  std::vector<uint8_t> Take() { return std::move(input_); }

 private:
  Failure Head(std::string_view name, std::string_view text) {
    if (has_records_) return "a head byte after the first record";
    const auto found = std::ranges::find(grammar_.head, name,
                                         [](const Operand& o) { return std::string_view(o.name); });
    if (found == grammar_.head.end()) return "no head byte '" + std::string(name) + "'";
    const std::optional<uint32_t> value = ReadValue(*found, text);
    if (!value || *value > 0xff)
      return std::string(name) + " cannot be '" + std::string(text) + "'";
    const size_t at = static_cast<size_t>(found - grammar_.head.begin());
    input_.resize(std::max(input_.size(), at + 1));
    input_[at] = static_cast<uint8_t>(*value);
    return std::nullopt;
  }

  Failure OneRecord(std::string_view first, std::string_view line) {
    if (!has_records_) input_.resize(grammar_.head.size());
    has_records_ = true;
    const size_t caret = std::min(first.find('^'), first.size());
    const std::string_view name = first.substr(0, caret);
    const auto operation = std::ranges::find(
        grammar_.operations, name, [](const Operation& o) { return std::string_view(o.name); });
    if (operation == grammar_.operations.end()) return "no operation '" + std::string(name) + "'";
    std::optional<uint32_t> turns = 0;
    if (caret < first.size()) turns = ReadNumber(first.substr(caret + 1), 0xff);
    const size_t byte = static_cast<size_t>(operation - grammar_.operations.begin()) +
                        turns.value_or(0x100) * grammar_.operations.size();
    if (byte > 0xff) return "no operation '" + std::string(first) + "'";
    input_.push_back(static_cast<uint8_t>(byte));

    std::array<uint32_t, 9> values{};
    std::vector<uint8_t> bytes;
    while (!line.empty()) {
      if (const Failure failure = ReadOperand(*operation, TakeWord(line), values, bytes))
        return failure;
    }
    for (size_t i = 0; i < values.size(); ++i)
      Append(operation->operands[i].kind, values[i], bytes);
    return std::nullopt;
  }

  static Failure ReadOperand(const Operation& operation, std::string_view word,
                             std::array<uint32_t, 9>& values, std::vector<uint8_t>& bytes) {
    const size_t equals = std::min(word.find('='), word.size());
    const std::string_view name = word.substr(0, equals);
    const auto operand = std::ranges::find_if(operation.operands, [name](const Operand& o) {
      return o.kind != Kind::kNone && name == o.name;
    });
    if (operand == operation.operands.end() || equals == word.size())
      return std::string(operation.name) + " has no operand '" + std::string(word) + "'";
    const std::string_view text = word.substr(equals + 1);
    const std::string failure = std::string(name) + " cannot be '" + std::string(text) + "'";
    const size_t at = static_cast<size_t>(operand - operation.operands.begin());
    if (operand->kind == Kind::kBytes) {
      const std::optional<std::vector<uint8_t>> read = ReadBytes(text);
      if (!read || read->size() > 0xff) return failure;
      bytes = *read;
      values[at] = static_cast<uint32_t>(bytes.size());
      return std::nullopt;
    }
    const std::optional<uint32_t> value = ReadValue(*operand, text);
    if (!value) return failure;
    values[at] = *value;
    return std::nullopt;
  }

  void Append(Kind kind, uint32_t value, const std::vector<uint8_t>& bytes) {
    size_t size = 1;
    if (kind == Kind::kNone) size = 0;
    if (kind == Kind::kWord) size = 2;
    if (kind == Kind::kLive) size = 3;
    if (kind == Kind::kLong) size = 4;
    for (; size > 0; --size) input_.push_back(static_cast<uint8_t>(value >> (8 * (size - 1))));
    if (kind == Kind::kBytes) input_.insert(input_.end(), bytes.begin(), bytes.end());
  }

  const Grammar& grammar_;
  std::vector<uint8_t> input_;
  bool has_records_ = false;
};

}  // namespace

std::string PrintRecord(const Grammar& grammar, const Record& record) {
  const Operation& operation = grammar.operations[record.operation];
  std::string text = operation.name;
  if (record.turns != 0) text += "^" + std::to_string(record.turns);
  for (size_t i = 0; i < operation.operands.size(); ++i) {
    const Operand& operand = operation.operands[i];
    if (operand.kind == Kind::kNone) break;
    if (operand.kind == Kind::kBytes ? record.bytes.empty() : record.values[i] == 0) continue;
    text += " " + std::string(operand.name) + "=" + PrintOperand(operand, record, i);
  }
  return text;
}

std::string PrintInput(const Grammar& grammar, Bytes input) {
  std::string text;
  RecordReader reader(grammar, input);
  for (size_t i = 0; i < grammar.head.size() && i < input.size(); ++i) {
    Record head;
    head.values[0] = input[i];
    text +=
        std::string(grammar.head[i].name) + ": " + PrintOperand(grammar.head[i], head, 0) + "\n";
  }
  for (Record record; reader.Next(record);) text += PrintRecord(grammar, record) + "\n";
  return text;
}

std::expected<std::vector<uint8_t>, std::string> ParseInput(const Grammar& grammar,
                                                            std::string_view text) {
  InputParser parser(grammar);
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view content = Trimmed(WithoutComment(line));
    if (content.empty()) continue;
    if (const Failure failure = parser.Line(content))
      return std::unexpected("line " + std::to_string(number) + ": " + *failure);
  }
  return parser.Take();
}

}  // namespace aether::fuzz
