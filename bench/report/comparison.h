// What `compare` has measured and what it found: the model that text, Markdown, JSON, the gate and
// the page are made from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/report/row_rule.h"
#include "bench/report/verdict.h"

namespace aether::perf {

struct Side {
  std::string folder = {};
  std::string commit = {};
  // Names and values, as the bench programs print them into their JSON.
  std::vector<std::pair<std::string, std::string>> context = {};

  std::string Find(std::string_view name) const;
};

struct ComparedRow {
  RowRule rule = {};
  // Of each run, the same on both sides; 0 when nothing was timed.
  uint64_t iterations = 0;
  // One value for each pair.
  std::vector<double> base = {};
  std::vector<double> head = {};
  // Log-ratios of each side to itself, two for each block of four runs.
  std::vector<double> twin = {};
  // The row's bound, once a block.
  std::vector<double> bound = {};
  // Why nothing can differ; empty when something can.
  std::string identical = {};
  // Instructions of one operation, where callgrind counted them.
  std::optional<double> base_instructions = {};
  std::optional<double> head_instructions = {};

  RowVerdict verdict = {};
  RowVerdict twin_verdict = {};
};

struct Comparison {
  uint64_t seed = 0;
  double alpha = 0.05;
  std::string date = {};
  std::string command = {};
  double seconds = 0;
  // False when it was stopped before the last round.
  bool is_complete = false;
  size_t pairs_planned = 0;
  double load = 0;
  Side base = {};
  Side head = {};
  std::vector<ComparedRow> rows = {};

  size_t Count(Word word) const;
  // Rows in which a side differs from itself.
  size_t twin_alarms() const;
  // Over the rows that were timed: median and largest, as shares; nothing when no row was.
  std::optional<std::pair<double, double>> SmallestVisible() const;
};

// Fills in the verdicts of rows and twins from the samples.
void JudgeComparison(Comparison& comparison);

// One sentence: what was found.
std::string VerdictLine(const Comparison& comparison);

std::string ToJson(const Comparison& comparison);
absl::StatusOr<Comparison> ComparisonFromJson(const std::string& where, const std::string& text);

std::string ToText(const Comparison& comparison);
std::string ToMarkdown(const Comparison& comparison);

}  // namespace aether::perf
