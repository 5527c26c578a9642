// What stands below the table: rows without noise, history, where instructions go, the self-test,
// summaries of others, environment, raw data.
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/report/charts.h"
#include "bench/report/html.h"
#include "bench/report/page_sections.h"

namespace aether::perf {

namespace {

constexpr size_t kChartsMax = 80;

std::string List(const std::vector<std::string>& lines, const std::string& kind) {
  std::string html;
  for (const std::string& line : lines)
    absl::StrAppend(&html, "<li class=\"", kind, "\">", Escape(line), "</li>\n");
  return html;
}

// Of rows that were compared, and of those that changed; in their order.
std::vector<std::string> ChartedRows(const ReportInput& input) {
  std::vector<std::string> rows;
  std::set<std::string> known;
  const auto add = [&](const std::string& row) {
    if (rows.size() < kChartsMax && known.insert(row).second) rows.push_back(row);
  };
  for (const Series& series : input.series)
    if (!series.changes.empty()) add(series.row);
  std::set<std::string> recorded;
  for (const Series& series : input.series) recorded.insert(series.row);
  if (input.comparison)
    for (const ComparedRow& row : input.comparison->rows)
      if (recorded.contains(row.rule.row)) add(row.rule.row);
  for (const Series& series : input.series)
    if (series.row.starts_with("instructions/") && series.row.ends_with("/operation"))
      add(series.row);
  return rows;
}

}  // namespace

std::string FixedSection(const ReportInput& input) {
  if (input.limits.empty()) return "";
  if (input.measured.empty())
    return Section("fixed", "Rows without noise",
                   absl::StrCat("<p>", input.limits.size(),
                                " limits; not measured for this report (bench/limits).</p>\n"));
  const FixedOutcome outcome = CompareFixedRows(input.limits, input.measured);
  return Section("fixed", "Rows without noise",
                 absl::StrCat("<p>", outcome.compared,
                              " counts, transfers and instructions compared with their limits: ",
                              outcome.worse.size(), " beyond them, ", outcome.broken.size(),
                              " not comparable, ", outcome.better.size(), " better.</p>\n<ul>\n",
                              List(outcome.worse, "regressed"), List(outcome.broken, "unstable"),
                              List(outcome.better, "improved"), "</ul>\n"));
}

std::string HistorySection(const ReportInput& input) {
  if (input.history.empty()) return "";
  std::string html = absl::StrCat(
      "<pre>", Escape(HistoryText(input.history, input.series)),
      "</pre>\n<p>The band is what half of a run's samples lie in; dashed lines are change points "
      "(E-divisive means). A point shows its run under the pointer, or with the arrow keys when "
      "its chart has the focus. Other machines and builds are lines of their own. At most the last "
      "200 runs are shown.</p>\n"
      "<div class=\"charts\">\n");
  for (const std::string& row : ChartedRows(input)) {
    // Where the unit changed, charts of their own.
    std::map<std::string, std::vector<const Series*>> by_unit;
    for (const Series& series : input.series)
      if (series.row == row) by_unit[series.unit].push_back(&series);
    for (const auto& [unit, series] : by_unit)
      absl::StrAppend(&html, "<figure data-history=\"", Escape(row), "\"><figcaption>", Escape(row),
                      " <small>", Escape(unit), "</small></figcaption>",
                      HistoryChart(input.history, series), "</figure>\n");
  }
  return Section("history", "History", absl::StrCat(html, "</div>\n"));
}

std::string CyclesAnchor(const std::string& row) {
  std::string anchor = absl::StrCat("cycles-", row);
  for (char& c : anchor)
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '-';
  return anchor;
}

std::string CyclesSection(const ReportInput& input) {
  if (input.profiles.empty()) return "";
  std::string html =
      "<p>Instructions by function, callers above what they call; the width is the share of one "
      "operation. Red became "
      "dearer than in the base, blue cheaper, strong colours by more than 5 %; what costs less "
      "than 0.2 % of the width is "
      "left out. Costs of a function with several callers are shared by what each of them "
      "caused.</p>\n";
  for (const CaseProfile& profile : input.profiles)
    absl::StrAppend(&html, "<details id=\"", Escape(CyclesAnchor(profile.name)), "\"",
                    &profile == &input.profiles.front() ? " open" : "", "><summary>",
                    Escape(profile.name), " <small>instructions an operation",
                    profile.base ? ", beside the base" : "", "</small></summary>",
                    Icicle(profile.head, profile.base ? &*profile.base : nullptr), "</details>\n");
  return Section("cycles", "Where the cycles go", html);
}

std::string SelfTestSection(const ReportInput& input) {
  if (!input.self_test)
    return Section("selftest", "The gate's own test",
                   "<p>Not run for this report (aether-perf selftest).</p>\n");
  const SelfTestResult& test = *input.self_test;
  std::string html = absl::StrFormat(
      "<p class=\"%s\">%s. Drawn samples: %d rows, %d pairs, noise %.1f %%, seed %d; with every "
      "difference counted %.1f %% of "
      "A/A comparisons raise an alarm (5 %% promised). The A/A twin of the probe raised %d.</p>\n",
      test.passed() ? "good" : "bad", test.passed() ? "Passed" : "FAILED", test.rows, test.pairs,
      100 * test.noise, test.seed, 100 * test.strict_false_alarm_rate, test.twin_alarms);
  absl::StrAppend(&html, "<ul>", List(test.failures, "regressed"),
                  "</ul>\n<div class=\"scroll\"><table><tr><th>injected slowdown, %</th><th>found, "
                  "% of runs</th><th>false "
                  "alarms, % of runs</th><th>runs</th></tr>\n");
  for (const DrawnRate& rate : test.drawn)
    absl::StrAppend(
        &html, absl::StrFormat("<tr><td>%.0f</td><td>%s</td><td>%.1f</td><td>%d</td></tr>\n",
                               100 * rate.effect,
                               rate.effect > 0 ? absl::StrFormat("%.1f", 100 * rate.power()) : "-",
                               100 * rate.false_alarm_rate(), rate.repetitions));
  absl::StrAppend(&html,
                  "</table></div>\n<div class=\"scroll\"><table><tr><th>probe, "
                  "ns/operation</th><th>more work, %</th>"
                  "<th>head / base</th><th>verdict</th></tr>\n");
  for (const ProbeRow& probe : test.probes)
    absl::StrAppend(
        &html, "<tr><td>", Escape(probe.row), "</td>",
        absl::StrFormat("<td>%.0f</td><td>%.4f (%.4f to %.4f)</td><td class=\"%s\">%s</td></tr>\n",
                        100 * probe.effect, probe.verdict.ratio, probe.verdict.low,
                        probe.verdict.high, probe.is_right ? "" : "regressed",
                        NameOf(probe.verdict.word)));
  return Section("selftest", "The gate's own test", absl::StrCat(html, "</table></div>\n"));
}

std::string SummariesSection(const ReportInput& input) {
  std::string html;
  for (const auto& [title, markdown] : input.summaries)
    absl::StrAppend(&html, "<details><summary>", Escape(title), "</summary>",
                    MarkdownToHtml(markdown), "</details>\n");
  return Section("summaries", "Floors, fuzzing, planted bugs, replay", html);
}

std::string EnvironmentSection(const ReportInput& input) {
  if (!input.comparison) return "";
  const Comparison& comparison = *input.comparison;
  std::string html = "<div class=\"scroll\"><table><tr><th></th><th>base</th><th>head</th></tr>\n";
  absl::StrAppend(&html, "<tr><th>commit</th><td>", Escape(comparison.base.commit), "</td><td>",
                  Escape(comparison.head.commit), "</td></tr>\n");
  for (const auto& [name, value] : comparison.head.context)
    if (name != "commit" && name != "date")
      absl::StrAppend(&html, "<tr><th>", Escape(name), "</th><td>",
                      Escape(comparison.base.Find(name)), "</td><td>", Escape(value),
                      "</td></tr>\n");
  absl::StrAppend(
      &html, "</table></div>\n",
      absl::StrFormat(
          "<p>%s, %.0f s, load %.2f at its begin, seed %d, %d pairs of each row, level %.0f %% for "
          "all "
          "rows together. <button type=\"button\" class=\"copy\" data-copy=\"%s\">copy the "
          "command</button></p>\n",
          Escape(comparison.date), comparison.seconds, comparison.load, comparison.seed,
          comparison.pairs_planned, 100 * comparison.alpha, Escape(comparison.command)));
  return Section("environment", "Environment", html);
}

std::string RawSection(const ReportInput& input) {
  if (!input.comparison) return "";
  return Section(
      "raw", "Raw data",
      absl::StrCat(
          "<p>Every sample, as JSON. <button type=\"button\" id=\"save\">save it</button></p>\n"
          "<script type=\"application/json\" id=\"data\">",
          EscapeScript(ToJson(*input.comparison)), "</script>\n"));
}

}  // namespace aether::perf
