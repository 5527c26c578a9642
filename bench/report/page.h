// The report as one page that needs no other file: results/report/index.html. What was not measured
// says so; nothing of it is invented here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/report/call_tree.h"
#include "bench/report/comparison.h"
#include "bench/report/fixed_limits.h"
#include "bench/report/history.h"
#include "bench/report/self_test.h"

namespace aether::perf {

struct CaseProfile {
  std::string name;
  CallProfile head = {};
  std::optional<CallProfile> base = {};
};

struct ReportInput {
  std::string date;
  std::optional<Comparison> comparison = {};
  std::vector<HistoryEntry> history = {};
  std::vector<Series> series = {};
  std::optional<SelfTestResult> self_test = {};
  std::vector<CaseProfile> profiles = {};
  FixedRows limits = {};
  FixedRows measured = {};
  // JSON of bench/prices and of bench/live/live; empty when there is none.
  std::string prices = {};
  std::string live = {};
  // Title and Markdown.
  std::vector<std::pair<std::string, std::string>> summaries = {};
  // What stands before the path of a source file in a link.
  std::string source_root = "../../";
};

absl::StatusOr<std::string> MakePage(const ReportInput& input);

}  // namespace aether::perf
