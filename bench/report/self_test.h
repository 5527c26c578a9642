// Whether the gate can fire, and fires at nothing else. Twice: with drawn samples, often, which
// gives its rates of false alarms and of slowdowns found; and with a program that does a known
// share of work more, timed like any other, beside an A/A twin.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/report/verdict.h"

namespace aether::perf {

// From this slowdown on a row has to be found.
inline constexpr double kPromisedEffect = 0.05;

struct DrawnRate {
  // The slowdown of one row of twenty.
  double effect = 0;
  size_t repetitions = 0;
  // How many called that row REGRESSED.
  size_t found = 0;
  // How many raised an alarm at any other row.
  size_t false_alarms = 0;

  double power() const { return static_cast<double>(found) / static_cast<double>(repetitions); }
  double false_alarm_rate() const {
    return static_cast<double>(false_alarms) / static_cast<double>(repetitions);
  }
};

struct ProbeRow {
  double effect = 0;
  std::string row = {};
  RowVerdict verdict = {};
  bool is_right = false;
};

struct SelfTestResult {
  std::string date = {};
  uint64_t seed = 0;
  // Noise of the drawn samples: standard deviation of a log-ratio.
  double noise = 0;
  size_t rows = 0;
  size_t pairs = 0;
  std::vector<DrawnRate> drawn = {};
  // The share of A/A comparisons with an alarm when every difference counts: what alpha promises.
  double strict_false_alarm_rate = 0;
  std::vector<ProbeRow> probes = {};
  size_t twin_alarms = 0;
  std::vector<std::string> failures = {};

  bool passed() const { return failures.empty(); }
};

struct SelfTestOptions {
  uint64_t seed = 1;
  size_t repetitions = 400;
  // The program with the known slowdowns; empty: drawn samples alone.
  std::string probe = {};
  // For the folders that it is run from.
  std::string scratch = {};
  // In per cent.
  std::vector<int> effects = {1, 2, 5, 20};
  size_t pairs_max = 80;
  bool is_quiet = false;
};

absl::StatusOr<SelfTestResult> RunSelfTest(const SelfTestOptions& options);

std::string SelfTestToJson(const SelfTestResult& result);
absl::StatusOr<SelfTestResult> SelfTestFromJson(const std::string& where, const std::string& text);
std::string SelfTestText(const SelfTestResult& result);

}  // namespace aether::perf
