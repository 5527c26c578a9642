// What the flags of our programs have in common: how values are read, and how a bad one is
// answered.
#pragma once

#include <charconv>
#include <chrono>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "stack/base/time.h"

namespace aether::runtime {

inline absl::Status Malformed(std::string_view flag, std::string_view value,
                              std::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("--", absl::string_view(flag.data(), flag.size()),
                                                 "=", absl::string_view(value.data(), value.size()),
                                                 " is malformed: give ",
                                                 absl::string_view(wanted.data(), wanted.size())));
}

template <typename T>
bool ParseNumber(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() &&
         text[0] != '-';
}

inline absl::Status ReadSeconds(std::string_view name, double seconds, Duration& duration) {
  constexpr double kSecondsMax = 1e9;
  if (!(seconds >= 0) || seconds > kSecondsMax) {
    return Malformed(name, absl::StrCat(seconds), "seconds, from 0 to a billion");
  }
  duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return absl::OkStatus();
}

}  // namespace aether::runtime
