// results/history.jsonl: one line for each recorded run, keyed by its commit and by the machine and
// build it was measured on. It informs and never gates.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/report/change_points.h"
#include "bench/report/comparison.h"
#include "bench/report/fixed_limits.h"

namespace aether::perf {

struct HistoryRow {
  std::string unit = {};
  double value = 0;
  // What half of the samples lie in; the value itself where there is no noise.
  double low = 0;
  double high = 0;
  size_t samples = 1;
};

struct HistoryEntry {
  std::string commit = {};
  std::string date = {};
  // A hash of processor, cores and kernel; and what it was made of.
  std::string machine = {};
  std::map<std::string, std::string> facts = {};
  std::string compiler = {};
  std::string flags = {};
  std::map<std::string, HistoryRow> rows = {};

  // Runs with the same key may be set beside each other.
  std::string key() const { return machine + " " + compiler + " " + flags; }
};

// Of the head of a comparison; `fixed` may be empty. Rows that were not timed are not in it.
HistoryEntry EntryOf(const Comparison& comparison, const FixedRows& fixed);

// Lines that are there stay as they are, to the byte; two that append at the same time both get in.
absl::Status AppendHistory(const std::string& path, const HistoryEntry& entry);

// A line that cannot be read is an error with its number; the file is not touched.
absl::StatusOr<std::vector<HistoryEntry>> ReadHistory(const std::string& path);

// One row on one machine and build, in the order of the file.
struct Series {
  std::string row = {};
  std::string unit = {};
  std::string key = {};
  std::string machine = {};
  // Which entries.
  std::vector<size_t> runs = {};
  std::vector<double> values = {};
  std::vector<double> lows = {};
  std::vector<double> highs = {};
  std::vector<ChangePoint> changes = {};
};
// Changes by less than this share are not reported.
inline constexpr double kSmallestChange = 0.01;
std::vector<Series> FindSeries(const std::vector<HistoryEntry>& history,
                               const ChangePointOptions& options = {});

// For people: every change point with the commits that it lies between; machines that changed.
std::string HistoryText(const std::vector<HistoryEntry>& history,
                        const std::vector<Series>& series);

}  // namespace aether::perf
