// The top of the page and its table: is it slower, and where.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/report/charts.h"
#include "bench/report/html.h"
#include "bench/report/page_sections.h"

namespace aether::perf {

namespace {

constexpr size_t kSparkMax = 30;

std::string KindOf(Word word) { return absl::AsciiStrToLower(NameOf(word)); }

// Of the machine and build that were last.
std::map<std::string, const Series*> LatestSeries(const ReportInput& input) {
  std::map<std::string, const Series*> latest;
  for (const Series& series : input.series) {
    const Series*& known = latest[series.row];
    if (known == nullptr || known->runs.back() < series.runs.back()) known = &series;
  }
  return latest;
}

std::string CommandOf(const ComparedRow& row) {
  return absl::StrCat("build/release/bin/", row.rule.program, " --benchmark_filter='^",
                      row.rule.row, "(/bound:.*)?$' --benchmark_repetitions=9");
}

std::string BoundCell(const ComparedRow& row) {
  if (row.bound.empty() || row.head.empty()) return "<td class=\"number muted\">-</td>";
  const double bound = MedianOfValues(row.bound);
  const std::string name = row.rule.bound.substr(row.rule.bound.rfind(':') + 1);
  return absl::StrCat("<td class=\"number\">", Figure(bound, ""), "<br><small>", Escape(name), ", ",
                      absl::StrFormat("%.2f", MedianOfValues(row.head) / bound),
                      " of it</small></td>");
}

// With a link to the picture of where they go.
std::string InstructionsCell(const ReportInput& input, const ComparedRow& row) {
  if (!row.base_instructions || !row.head_instructions) return "<td class=\"number muted\">-</td>";
  const bool has_picture =
      std::ranges::find(input.profiles, row.rule.row, &CaseProfile::name) != input.profiles.end();
  return absl::StrCat(absl::StrFormat("<td class=\"number\">%.0f<br><small>base %.0f</small>",
                                      *row.head_instructions, *row.base_instructions),
                      has_picture ? absl::StrCat("<br><a href=\"#", CyclesAnchor(row.rule.row),
                                                 "\">where they go</a>")
                                  : "",
                      "</td>");
}

std::string WordCell(const ComparedRow& row) {
  std::string more;
  if (row.verdict.word == Word::kIdentical)
    more = row.identical.empty() ? "the same instructions" : row.identical;
  if (row.verdict.word == Word::kInconclusive)
    more = row.verdict.pairs_needed >= kRoundsMax
               ? "no number of pairs in sight"
               : absl::StrCat("needs ", row.verdict.pairs_needed, " pairs");
  if (!row.base.empty())
    absl::StrAppend(&more, more.empty() ? "" : "; ", row.verdict.pairs, " pairs, counts from ",
                    absl::StrFormat("%g %%", 100 * row.rule.minimum_effect));
  return absl::StrCat("<td><b class=\"word ", KindOf(row.verdict.word), "\">",
                      NameOf(row.verdict.word), "</b><br><small>", Escape(more), "</small></td>");
}

std::string RowOf(const ReportInput& input, const ComparedRow& row, const Series* series) {
  std::string html = absl::StrCat("<tr data-row=\"", Escape(row.rule.row), "\" data-word=\"",
                                  NameOf(row.verdict.word), "\">");
  absl::StrAppend(&html, WordCell(row), "<th scope=\"row\"><a href=\"", Escape(input.source_root),
                  Escape(row.rule.source), "\" title=\"", Escape(row.rule.source), "\">",
                  Escape(row.rule.row), "</a><br><small>", Escape(row.rule.unit), "</small></th>");
  if (row.base.empty()) {
    absl::StrAppend(&html, "<td class=\"muted\">not timed</td><td></td><td></td>");
  } else {
    absl::StrAppend(&html, "<td class=\"bar\">",
                    IntervalBar(row.verdict.ratio, row.verdict.low, row.verdict.high,
                                row.rule.minimum_effect, KindOf(row.verdict.word)),
                    "<small>",
                    absl::StrFormat("%+.2f %% (%+.2f to %+.2f)", 100 * (row.verdict.ratio - 1),
                                    100 * (row.verdict.low - 1), 100 * (row.verdict.high - 1)),
                    "</small></td><td class=\"number\">", Figure(MedianOfValues(row.base), ""),
                    "</td><td class=\"number\">", Figure(MedianOfValues(row.head), ""), "</td>");
  }
  std::vector<double> recent;
  if (series != nullptr) recent = series->values;
  if (recent.size() > kSparkMax)
    recent.erase(recent.begin(), recent.end() - static_cast<std::ptrdiff_t>(kSparkMax));
  absl::StrAppend(&html, BoundCell(row), InstructionsCell(input, row), "<td>", Sparkline(recent),
                  "</td><td>");
  absl::StrAppend(&html, "<button type=\"button\" class=\"copy\" data-copy=\"",
                  Escape(CommandOf(row)), "\" title=\"", Escape(CommandOf(row)),
                  "\" aria-label=\"copy the command that repeats ", Escape(row.rule.row),
                  "\">copy</button></td></tr>\n");
  return html;
}

}  // namespace

std::string VerdictSection(const ReportInput& input) {
  if (!input.comparison)
    return "<h1>Aether: performance</h1>\n<p class=\"verdict none\">Nothing was compared: no "
           "verdict. Run <code>ci/bench "
           "BASE_REV</code>.</p>\n";
  const Comparison& comparison = *input.comparison;
  const bool is_bad = comparison.Count(Word::kRegressed) != 0;
  const bool is_open =
      comparison.twin_alarms() != 0 || !comparison.is_complete ||
      comparison.Count(Word::kUnstable) + comparison.Count(Word::kInconclusive) != 0;
  std::string html = absl::StrCat(
      "<h1>Aether: is ", Escape(comparison.head.commit), " slower than ",
      Escape(comparison.base.commit), "?</h1>\n<p class=\"verdict ",
      is_bad    ? "bad"
      : is_open ? "open"
                : "good",
      "\" id=\"verdict\">", Escape(VerdictLine(comparison)), "</p>\n<ul class=\"tiles\">\n");
  for (const Word word : {Word::kRegressed, Word::kImproved, Word::kUnchanged, Word::kIdentical,
                          Word::kUnstable, Word::kInconclusive})
    absl::StrAppend(&html, "<li class=\"", KindOf(word), "\"><b>", comparison.Count(word), "</b> ",
                    NameOf(word), "</li>\n");
  absl::StrAppend(&html, "</ul>\n");
  return html;
}

std::string RowsSection(const ReportInput& input) {
  if (!input.comparison || input.comparison->rows.empty()) return "";
  const auto latest = LatestSeries(input);
  std::vector<const ComparedRow*> rows;
  for (const ComparedRow& row : input.comparison->rows) rows.push_back(&row);
  std::ranges::sort(rows, {},
                    [](const ComparedRow* row) { return std::pair(row->verdict.word, row); });
  std::string html =
      "<p>Each row was run by both builds in turn, in mirrored pairs (ABBA). The bar is head / "
      "base from -12 % to +12 % with "
      "its interval, corrected over all rows (Holm); the grey band is what does not count. Red "
      "lies beyond it on the slow "
      "side.</p>\n<p><label>Only rows with <input type=\"search\" id=\"filter\" "
      "autocomplete=\"off\"></label> <span "
      "id=\"shown\" role=\"status\"></span></p>\n<div class=\"scroll\"><table "
      "id=\"table\"><thead><tr><th>verdict</th><th>row, "
      "unit</th><th>head / base</th><th class=\"number\">base</th><th "
      "class=\"number\">head</th><th "
      "class=\"number\">bound</th><th "
      "class=\"number\">instructions</th><th>history</th><th>command</th></tr>"
      "</thead><tbody>\n";
  for (const ComparedRow* row : rows) {
    const auto series = latest.find(row->rule.row);
    absl::StrAppend(&html, RowOf(input, *row, series == latest.end() ? nullptr : series->second));
  }
  return Section("rows", "Rows", absl::StrCat(html, "</tbody></table></div>\n"));
}

}  // namespace aether::perf
