#include "bench/report/row_rule.h"

#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/report/files.h"

namespace aether::perf {

namespace {

const std::vector<std::string>& Header() {
  static const std::vector<std::string> header = {
      "row", "program", "unit", "minimum_effect", "direction", "set", "bound", "case", "source"};
  return header;
}

bool IsSet(const std::string& name) {
  return name == "quick" || name == "standard" || name == "live";
}

std::string OrNone(const std::string& field) { return field == "-" ? std::string() : field; }

}  // namespace

absl::StatusOr<double> ParseShare(const std::string& text) {
  double percent = 0;
  if (!text.ends_with('%') || !absl::SimpleAtod(text.substr(0, text.size() - 1), &percent) ||
      !(percent > 0) || percent > 100)
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a share like 2%"));
  return percent / 100;
}

absl::StatusOr<std::vector<RowRule>> RulesOfSets(std::vector<RowRule> rules,
                                                 const std::string& sets) {
  std::set<std::string> wanted = absl::StrSplit(sets, ',');
  for (const std::string& set : wanted)
    if (!IsSet(set))
      return absl::InvalidArgumentError(
          absl::StrCat("there is no set '", set, "'; there are quick, standard and live"));
  if (wanted.contains("standard")) wanted.insert("quick");
  std::erase_if(rules, [&](const RowRule& rule) { return !wanted.contains(rule.set); });
  return rules;
}

absl::StatusOr<std::vector<RowRule>> ReadRowRules(const std::string& path) {
  const absl::StatusOr<std::vector<TableRow>> table = ReadTable(path, Header());
  if (!table.ok()) return table.status();
  std::vector<RowRule> rules;
  std::set<std::string> names;
  for (const TableRow& line : *table) {
    const std::vector<std::string>& f = line.fields;
    const auto wrong = [&](const std::string& what) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", line.line, ": ", what));
    };
    const absl::StatusOr<double> effect = ParseShare(f[3]);
    if (!effect.ok()) return wrong(std::string(effect.status().message()));
    if (f[0].empty() || f[1].empty() || f[2].empty()) return wrong("row, program or unit is empty");
    if (f[4] != "lower" && f[4] != "higher") return wrong("the direction is lower or higher");
    if (!IsSet(f[5])) return wrong("the set is quick, standard or live");
    if (!names.insert(f[0]).second) return wrong(absl::StrCat(f[0], " is there twice"));
    rules.push_back({.row = f[0],
                     .program = f[1],
                     .unit = f[2],
                     .minimum_effect = *effect,
                     .is_higher_better = f[4] == "higher",
                     .set = f[5],
                     .bound = OrNone(f[6]),
                     .counted_case = OrNone(f[7]),
                     .source = OrNone(f[8])});
  }
  if (rules.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": has no rows"));
  return rules;
}

}  // namespace aether::perf
