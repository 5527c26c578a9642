// A comparison for people: a table for the terminal, and Markdown for a comment beside a change.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/report/comparison.h"

namespace aether::perf {

namespace {

std::string Value(const std::vector<double>& values) {
  return values.empty() ? "-" : absl::StrFormat("%.4g", MedianOfValues(values));
}

std::string Says(const ComparedRow& row) {
  std::string text(NameOf(row.verdict.word));
  if (row.verdict.word == Word::kIdentical)
    absl::StrAppend(&text, " (", row.identical.empty() ? "the same instructions" : row.identical,
                    ")");
  if (row.verdict.word == Word::kInconclusive)
    absl::StrAppend(&text, row.verdict.pairs_needed >= kRoundsMax
                               ? " (no number of pairs in sight)"
                               : absl::StrCat(" (needs ", row.verdict.pairs_needed, " pairs)"));
  return text;
}

// What matters first.
std::vector<const ComparedRow*> Sorted(const Comparison& comparison) {
  std::vector<const ComparedRow*> rows;
  for (const ComparedRow& row : comparison.rows) rows.push_back(&row);
  // Those of the same word stay in their order.
  std::ranges::sort(rows, {},
                    [](const ComparedRow* row) { return std::pair(row->verdict.word, row); });
  return rows;
}

std::vector<std::string> Cells(const ComparedRow& row) {
  const bool timed = !row.base.empty();
  std::string instructions = "-";
  if (row.base_instructions && row.head_instructions)
    instructions = absl::StrFormat("%.0f -> %.0f", *row.base_instructions, *row.head_instructions);
  return {row.rule.row,
          row.rule.unit,
          Value(row.base),
          Value(row.head),
          timed ? absl::StrFormat("%.4f", row.verdict.ratio) : "-",
          timed ? absl::StrFormat("%.4f to %.4f", row.verdict.low, row.verdict.high) : "-",
          absl::StrCat(row.verdict.pairs),
          instructions,
          Says(row)};
}

const std::vector<std::string>& Heads() {
  static const std::vector<std::string> heads = {
      "row", "unit", "base", "head", "ratio", "interval", "pairs", "instructions", "verdict"};
  return heads;
}

std::string About(const Comparison& comparison) {
  return absl::StrFormat(
      "base %s, head %s; %s, %s; %d pairs planned, seed %d, load %.1f; intervals hold together at "
      "%.0f %% (Holm)",
      comparison.base.commit, comparison.head.commit, comparison.head.Find("cpu_model"),
      comparison.head.Find("compiler"), comparison.pairs_planned, comparison.seed, comparison.load,
      100 * (1 - comparison.alpha));
}

}  // namespace

std::string ToText(const Comparison& comparison) {
  std::vector<std::vector<std::string>> lines = {Heads()};
  for (const ComparedRow* row : Sorted(comparison)) lines.push_back(Cells(*row));
  std::vector<size_t> widths(Heads().size());
  for (const auto& line : lines)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::string text;
  for (const auto& line : lines) {
    std::string out;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string gap(widths[i] - line[i].size(), ' ');
      const bool is_number = i >= 2 && i + 1 < line.size();
      absl::StrAppend(&out, is_number ? gap : "", line[i], is_number ? "" : gap, "  ");
    }
    out.erase(out.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, out, "\n");
  }
  absl::StrAppend(&text, "\n", About(comparison), "\n", VerdictLine(comparison), "\n");
  return text;
}

std::string ToMarkdown(const Comparison& comparison) {
  std::string text = absl::StrCat("### ", VerdictLine(comparison), "\n\n| ",
                                  absl::StrJoin(Heads(), " | "), " |\n|---|---");
  for (size_t i = 2; i + 1 < Heads().size(); ++i) absl::StrAppend(&text, "|---:");
  absl::StrAppend(&text, "|---|\n");
  for (const ComparedRow* row : Sorted(comparison)) {
    std::vector<std::string> cells = Cells(*row);
    cells.front() = absl::StrCat("`", cells.front(), "`");
    if (row->verdict.word == Word::kRegressed)
      cells.back() = absl::StrCat("**", cells.back(), "**");
    absl::StrAppend(&text, "| ", absl::StrJoin(cells, " | "), " |\n");
  }
  absl::StrAppend(&text, "\n", About(comparison), ".\n");
  return text;
}

}  // namespace aether::perf
