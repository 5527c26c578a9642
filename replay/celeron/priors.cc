#include "replay/celeron/priors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace aether::celeron {
namespace {

constexpr std::array<const char*, 12> kNames = {
    "clock", "b", "cbr", "c2", "h", "cmem", "x", "tlb", "kernel", "here_b", "here_h", "here_x"};

// What celeron_probe prints, the prior it stands for, and how far such a figure may be off.
struct Measured {
  const char* key;
  const char* prior;
  double share;
  double low;
  double high;
};
constexpr std::array<Measured, 4> kMeasured = {
    {{"clock_ghz", "clock", 0, 0.1, 10},
     {"branch_miss_cycles", "cbr", 0.15, 2, 100},
     {"latency_256_kib_cycles", "c2", 0.05, 4, 60},
     {"latency_16384_kib_cycles", "cmem", 0.1, 30, 3000}}};

bool ReadNumber(std::string_view text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string> Fields(std::string_view line) {
  std::vector<std::string> fields(1);
  for (const char c : line) {
    if (c == '\t')
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

}  // namespace

std::expected<Priors, std::string> ReadPriors(std::string_view text) {
  Priors priors;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> fields = Fields(line);
    Range range;
    if (fields.size() != 5 || !ReadNumber(fields[1], range.low) ||
        !ReadNumber(fields[2], range.high) || !(range.low >= 0 && range.low <= range.high))
      return std::unexpected("no name, low, high, unit and source: " + std::string(line));
    range.unit = fields[3];
    range.source = fields[4];
    if (range.source.empty()) return std::unexpected(fields[0] + " has no source");
    if (!priors.emplace(fields[0], range).second)
      return std::unexpected(fields[0] + " stands there twice");
  }
  for (const char* name : kNames)
    if (!priors.contains(name)) return std::unexpected(std::string("there is no ") + name);
  if (priors.size() != kNames.size()) return std::unexpected("it has a name that nothing uses");
  return priors;
}

std::expected<Priors, std::string> WithConstants(Priors priors, const FlatJson& constants) {
  const auto brand = constants.texts.find("cpu_brand");
  const std::string source =
      "measured by celeron_probe on " +
      (brand == constants.texts.end() ? std::string("a processor without a name") : brand->second);
  for (const Measured& measured : kMeasured) {
    const auto found = constants.numbers.find(measured.key);
    if (found == constants.numbers.end())
      return std::unexpected(std::string("there is no ") + measured.key);
    const double value = found->second;
    if (value < measured.low || value > measured.high)
      return std::unexpected(std::string(measured.key) + " cannot be");
    Range& range = priors[measured.prior];
    range.low = value * (1 - measured.share);
    range.high = value * (1 + measured.share);
    range.source = source;
  }
  return priors;
}

}  // namespace aether::celeron
