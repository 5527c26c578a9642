// The rows without noise (results/limits.tsv) against what bench/limits has measured: exactly, or
// within a tolerance. The same rules as bench/limits; here so that one gate says it all.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace aether::perf {

struct FixedRow {
  std::string unit = {};
  double value = 0;
  // 0: exact.
  double tolerance = 0;
  bool is_higher_better = false;
};
using FixedRows = std::map<std::string, FixedRow>;

absl::StatusOr<FixedRows> ReadFixedRows(const std::string& path);

struct FixedOutcome {
  size_t compared = 0;
  // Beyond the limit.
  std::vector<std::string> worse = {};
  // What makes the comparison itself worthless: unknown, missing, another unit.
  std::vector<std::string> broken = {};
  std::vector<std::string> better = {};
};
FixedOutcome CompareFixedRows(const FixedRows& limits, const FixedRows& measured);

}  // namespace aether::perf
