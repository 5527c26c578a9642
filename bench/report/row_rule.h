// What is known beforehand of a row of the paired lane: results/paired.tsv. Its program, what it is
// measured in, from what size on a change counts, and which direction is better. The rows without
// noise have a file of their own, results/limits.tsv, which bench/limits compares exactly.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace aether::perf {

struct RowRule {
  std::string row = {};
  std::string program = {};
  std::string unit = {};
  // A share: 0.02 is 2 %.
  double minimum_effect = 0.02;
  bool is_higher_better = false;
  // quick, standard or live.
  std::string set = "standard";
  // Another row, or empty.
  std::string bound = {};
  // The same work as a case that callgrind counts, or empty.
  std::string counted_case = {};
  // Where the row is made, from the top of the tree.
  std::string source = {};

  bool operator==(const RowRule&) const = default;
};

absl::StatusOr<std::vector<RowRule>> ReadRowRules(const std::string& path);

// `sets` is some of quick, standard and live, with commas between them; quick rows are part of the
// standard set.
absl::StatusOr<std::vector<RowRule>> RulesOfSets(std::vector<RowRule> rules,
                                                 const std::string& sets);

// "2%" is 0.02; nothing else is a share.
absl::StatusOr<double> ParseShare(const std::string& text);

}  // namespace aether::perf
