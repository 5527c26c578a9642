// Measures two folders of bench programs against each other, in blocks of four runs of each row
// (ABBA or BAAB), and judges what came out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/report/comparison.h"
#include "bench/report/row_rule.h"

namespace aether::perf {

struct CompareOptions {
  std::string base = {};
  std::string head = {};
  std::vector<RowRule> rules = {};
  // Journal, JSON, Markdown and profiles go there.
  std::string out = {};
  std::string command = {};
  // 0: as many as the number of rows wants, and as many more as fit into the minutes.
  size_t pairs = 0;
  double minutes = 0;
  uint64_t seed = 0;
  double sample_seconds = 0.01;
  double alpha = 0.05;
  bool is_resumed = false;
  // Times programs even when they are the same: for an A/A run.
  bool is_identical_timed = false;
  bool is_counting = false;
  bool is_quiet = false;
};

// After a stop it is what there is by then, and not complete.
absl::StatusOr<Comparison> RunComparison(const CompareOptions& options);

// compare.json, compare.md and compare.txt.
absl::Status WriteComparison(const std::string& out, const Comparison& comparison);

}  // namespace aether::perf
