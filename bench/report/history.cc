#include "bench/report/history.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace aether::perf {

namespace {

std::string ChangeLine(const std::vector<HistoryEntry>& history, const Series& series,
                       const ChangePoint& change) {
  const HistoryEntry& last = history[series.runs[change.index - 1]];
  const HistoryEntry& first = history[series.runs[change.index]];
  return absl::StrFormat(
      "%s: %.4g -> %.4g %s (%+.1f %%) between %s and %s (%s), machine %s, p %.3f\n", series.row,
      change.before, change.after, series.unit, 100 * (change.after / change.before - 1),
      last.commit, first.commit, first.date, series.machine, change.p);
}

bool IsConstant(const std::vector<double>& values) {
  return std::ranges::all_of(values, [&](double value) { return value == values.front(); });
}

}  // namespace

std::vector<Series> FindSeries(const std::vector<HistoryEntry>& history,
                               const ChangePointOptions& options) {
  std::map<std::pair<std::string, std::string>, Series> found;
  for (size_t run = 0; run < history.size(); ++run) {
    const HistoryEntry& entry = history[run];
    for (const auto& [name, row] : entry.rows) {
      // Another unit is another row.
      Series& series = found[{absl::StrCat(name, " ", row.unit), entry.key()}];
      series.row = name;
      series.unit = row.unit;
      series.key = entry.key();
      series.machine = entry.machine;
      series.runs.push_back(run);
      series.values.push_back(row.value);
      series.lows.push_back(row.low);
      series.highs.push_back(row.high);
    }
  }
  std::vector<Series> all;
  for (auto& [key, series] : found) {
    if (!IsConstant(series.values)) {
      series.changes = FindChangePoints(series.values, options);
      std::erase_if(series.changes, [](const ChangePoint& change) {
        return std::abs(change.after - change.before) <= kSmallestChange * std::abs(change.before);
      });
    }
    all.push_back(std::move(series));
  }
  return all;
}

std::string HistoryText(const std::vector<HistoryEntry>& history,
                        const std::vector<Series>& series) {
  std::string text;
  size_t changes = 0;
  for (const Series& one : series) {
    changes += one.changes.size();
    for (const ChangePoint& change : one.changes)
      absl::StrAppend(&text, ChangeLine(history, one, change));
  }
  std::set<std::string> keys;
  for (size_t i = 0; i < history.size(); ++i) {
    keys.insert(history[i].key());
    if (i != 0 && history[i].key() != history[i - 1].key())
      absl::StrAppend(&text, "gap: ", history[i].commit,
                      " was measured on another machine or build (", history[i].machine, ", ",
                      history[i].compiler, ") than ", history[i - 1].commit,
                      "; nothing is compared across it\n");
  }
  absl::StrAppend(&text, history.size(), " runs on ", keys.size(), " machines and builds, ",
                  series.size(), " series, ", changes, " change points.\n");
  return text;
}

}  // namespace aether::perf
