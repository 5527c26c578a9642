#include "stack/device/fault_options.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace aether::device {
namespace {

struct Suffix {
  std::string_view text;
  double factor;
};
constexpr Suffix kTimes[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
constexpr Suffix kRates[] = {{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"", 1}};

// A decimal number from the start of `text`, which is moved behind it. No sign, no exponent, no
// "nan", no "inf". Not by std::from_chars: that of libc++ knows no floating point before LLVM 20.
std::optional<double> TakeNumber(std::string_view& text) {
  // More digits than a double can tell apart; those after them only scale.
  constexpr uint64_t kDigitsMax = 100'000'000'000'000'000;
  uint64_t digits = 0;
  int exponent = 0;
  bool has_digit = false;
  bool is_fraction = false;
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !is_fraction) {
      is_fraction = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    has_digit = true;
    if (digits < kDigitsMax) {
      digits = digits * 10 + static_cast<uint64_t>(c - '0');
      if (is_fraction) --exponent;
    } else if (!is_fraction) {
      ++exponent;
    }
  }
  // One operation on exact numbers, for all that people write: rounded as it should be.
  const double scale = std::pow(10, std::abs(exponent));
  const double value =
      exponent < 0 ? static_cast<double>(digits) / scale : static_cast<double>(digits) * scale;
  if (!has_digit || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(at);
  return value;
}

std::optional<double> ParseWithSuffix(std::string_view text, std::span<const Suffix> suffixes) {
  const std::optional<double> number = TakeNumber(text);
  if (!number) return std::nullopt;
  for (const Suffix& suffix : suffixes) {
    if (text == suffix.text) return *number * suffix.factor;
  }
  return std::nullopt;
}

std::string Refused(std::string_view key, std::string_view value, std::string_view wanted) {
  return "The fault option " + std::string(key) + " wants " + std::string(wanted) + ", not '" +
         std::string(value) + "'.";
}

std::optional<std::string> SetProbability(std::string_view key, std::string_view value,
                                          uint64_t& threshold) {
  std::string_view rest = value;
  const std::optional<double> number = TakeNumber(rest);
  if (!number || !rest.empty() || *number > 1) {
    return Refused(key, value, "a probability from 0 to 1, like 0.01");
  }
  threshold = FaultOptions::Threshold(*number);
  return std::nullopt;
}

std::optional<std::string> SetDuration(std::string_view key, std::string_view value,
                                       Duration& duration) {
  const std::optional<double> nanoseconds = ParseWithSuffix(value, kTimes);
  if (!nanoseconds || *nanoseconds > static_cast<double>(FaultOptions::kDelayMax.count())) {
    return Refused(key, value, "a time of at most 60s with us, ms or s, like 20ms");
  }
  duration = Duration(std::llround(*nanoseconds));
  return std::nullopt;
}

std::optional<std::string> SetRate(std::string_view key, std::string_view value, uint64_t& rate) {
  const std::optional<double> bits = ParseWithSuffix(value, kRates);
  if (!bits || *bits < static_cast<double>(FaultOptions::kRateMin) ||
      *bits > static_cast<double>(FaultOptions::kRateMax)) {
    return Refused(key, value, "bits per second from 1k to 1000G, like 10M");
  }
  rate = static_cast<uint64_t>(std::llround(*bits));
  return std::nullopt;
}

std::optional<std::string> SetRatesOf(std::string_view key, std::string_view name,
                                      std::string_view value, FaultRates& rates) {
  if (name == "drop") return SetProbability(key, value, rates.drop);
  if (name == "dup") return SetProbability(key, value, rates.duplicate);
  if (name == "reorder") return SetProbability(key, value, rates.reorder);
  if (name == "corrupt") return SetProbability(key, value, rates.corrupt);
  if (name == "delay") return SetDuration(key, value, rates.delay);
  if (name == "jitter") return SetDuration(key, value, rates.jitter);
  if (name == "rate") return SetRate(key, value, rates.rate_bits_per_second);
  return "There is no fault option '" + std::string(key) +
         "'; there are drop, dup, reorder, corrupt, delay, jitter, rate and seed, with in. or out. "
         "before any but seed for one direction.";
}

std::optional<std::string> Set(std::string_view key, std::string_view value,
                               FaultOptions& options) {
  if (key == "seed") {
    const char* end = value.data() + value.size();
    const auto [stop, error] = std::from_chars(value.data(), end, options.seed);
    if (value.empty() || error != std::errc() || stop != end) {
      return Refused(key, value, "a whole number below 2^64");
    }
    return std::nullopt;
  }
  if (key.starts_with("in.")) return SetRatesOf(key, key.substr(3), value, options.in);
  if (key.starts_with("out.")) return SetRatesOf(key, key.substr(4), value, options.out);
  if (auto error = SetRatesOf(key, key, value, options.in)) return error;
  return SetRatesOf(key, key, value, options.out);
}

}  // namespace

std::expected<FaultOptions, std::string> FaultOptions::Parse(std::string_view text) {
  FaultOptions options;
  std::vector<std::string_view> seen;
  bool more = !text.empty();
  while (more) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return std::unexpected("A fault option is written key=value, like drop=0.01, not '" +
                             std::string(item) + "'.");
    }
    const std::string_view key = item.substr(0, equals);
    for (std::string_view other : seen) {
      if (other == key) {
        return std::unexpected("The fault option " + std::string(key) + " is given twice.");
      }
    }
    seen.push_back(key);
    if (auto error = Set(key, item.substr(equals + 1), options)) return std::unexpected(*error);
  }
  return options;
}

uint64_t FaultOptions::Threshold(double probability) {
  return static_cast<uint64_t>(
      std::llround(probability * static_cast<double>(FaultRates::kAlways)));
}

}  // namespace aether::device
