#include "bench/report/fixed_limits.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/report/files.h"
#include "bench/report/row_rule.h"

namespace aether::perf {

absl::StatusOr<FixedRows> ReadFixedRows(const std::string& path) {
  const auto table = ReadTable(path, {"row", "unit", "value", "tolerance", "direction"});
  if (!table.ok()) return table.status();
  FixedRows rows;
  for (const TableRow& line : *table) {
    const std::vector<std::string>& f = line.fields;
    const auto wrong = [&](const std::string& what) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", line.line, ": ", what));
    };
    FixedRow row{.unit = f[1], .is_higher_better = f[4] == "higher"};
    if (f[4] != "lower" && f[4] != "higher") return wrong("the direction is lower or higher");
    if (!absl::SimpleAtod(f[2], &row.value) || !std::isfinite(row.value))
      return wrong(absl::StrCat("'", f[2], "' is no number"));
    if (f[3] != "exact") {
      const absl::StatusOr<double> share = ParseShare(f[3]);
      if (!share.ok()) return wrong(std::string(share.status().message()));
      row.tolerance = *share;
    }
    if (!rows.emplace(f[0], row).second) return wrong(absl::StrCat(f[0], " is there twice"));
  }
  if (rows.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": has no rows"));
  return rows;
}

FixedOutcome CompareFixedRows(const FixedRows& limits, const FixedRows& measured) {
  FixedOutcome outcome;
  bool counts_instructions = false;
  for (const auto& [name, row] : measured)
    counts_instructions = counts_instructions || name.starts_with("instructions/");
  for (const auto& [name, row] : limits)
    // A lane that was not measured as a whole says so when it is not: bench/limits prints why.
    if (!measured.contains(name) && (counts_instructions || !name.starts_with("instructions/")))
      outcome.broken.push_back(absl::StrCat(name, ": is in the limits and was not measured"));
  for (const auto& [name, row] : measured) {
    const auto found = limits.find(name);
    if (found == limits.end()) {
      outcome.broken.push_back(absl::StrCat(name, ": was measured and is not in the limits"));
      continue;
    }
    const FixedRow& limit = found->second;
    ++outcome.compared;
    if (row.unit != limit.unit) {
      outcome.broken.push_back(
          absl::StrCat(name, ": is in ", row.unit, ", the limit in ", limit.unit));
      continue;
    }
    if (row.value == limit.value) continue;
    const bool is_worse = (row.value < limit.value) == limit.is_higher_better;
    const double share = limit.value == 0 ? HUGE_VAL : std::abs(row.value / limit.value - 1);
    if (share <= limit.tolerance) continue;
    const std::string says =
        absl::StrFormat("%s: %g %s, limit %g", name, row.value, row.unit, limit.value);
    if (is_worse || limit.tolerance == 0)
      outcome.worse.push_back(
          absl::StrCat(says, is_worse ? "" : " (better, and not what the limits say)"));
    else
      outcome.better.push_back(says);
  }
  if (outcome.compared == 0) outcome.broken.push_back("no row without noise was compared");
  return outcome;
}

}  // namespace aether::perf
