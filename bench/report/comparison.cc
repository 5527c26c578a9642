#include "bench/report/comparison.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace aether::perf {

namespace {

bool IsTimed(const ComparedRow& row) { return row.identical.empty(); }

}  // namespace

std::string Side::Find(std::string_view name) const {
  for (const auto& [key, value] : context)
    if (key == name) return value;
  return "unknown";
}

size_t Comparison::Count(Word word) const {
  return static_cast<size_t>(std::ranges::count_if(
      rows, [word](const ComparedRow& row) { return row.verdict.word == word; }));
}

size_t Comparison::twin_alarms() const {
  return static_cast<size_t>(std::ranges::count_if(rows, [](const ComparedRow& row) {
    return IsTimed(row) &&
           (row.twin_verdict.word == Word::kRegressed || row.twin_verdict.word == Word::kImproved);
  }));
}

std::optional<std::pair<double, double>> Comparison::SmallestVisible() const {
  std::vector<double> visible;
  for (const ComparedRow& row : rows)
    if (row.verdict.smallest_visible > 0) visible.push_back(row.verdict.smallest_visible);
  if (visible.empty()) return std::nullopt;
  return std::pair(MedianOfValues(visible), std::ranges::max(visible));
}

void JudgeComparison(Comparison& comparison) {
  std::vector<RowSamples> samples;
  std::vector<RowSamples> twins;
  for (const ComparedRow& row : comparison.rows) {
    if (!IsTimed(row)) continue;
    RowSamples both{.minimum_effect = row.rule.minimum_effect,
                    .is_higher_better = row.rule.is_higher_better};
    twins.push_back(both);
    twins.back().log_ratios = row.twin;
    for (size_t i = 0; i < row.base.size(); ++i)
      both.log_ratios.push_back(std::log(row.head[i] / row.base[i]));
    samples.push_back(std::move(both));
  }
  const std::vector<RowVerdict> verdicts = Judge(samples, comparison.alpha);
  const std::vector<RowVerdict> twin_verdicts = Judge(twins, comparison.alpha);
  size_t next = 0;
  for (ComparedRow& row : comparison.rows) {
    if (!IsTimed(row)) {
      row.verdict = row.twin_verdict = {.word = Word::kIdentical, .level = comparison.alpha};
      continue;
    }
    row.verdict = verdicts[next];
    row.twin_verdict = twin_verdicts[next];
    ++next;
    // The same instructions do not make a loss go away that the clock has seen.
    if (row.base_instructions && row.base_instructions == row.head_instructions &&
        row.verdict.word != Word::kRegressed && row.verdict.word != Word::kImproved)
      row.verdict.word = Word::kIdentical;
  }
}

std::string VerdictLine(const Comparison& comparison) {
  if (comparison.rows.empty()) return "Nothing was compared.";
  const size_t regressed = comparison.Count(Word::kRegressed);
  std::string line;
  if (regressed != 0) {
    const ComparedRow* worst = nullptr;
    const auto loss = [](const ComparedRow& row) {
      return row.rule.is_higher_better ? 1 / row.verdict.ratio : row.verdict.ratio;
    };
    for (const ComparedRow& row : comparison.rows)
      if (row.verdict.word == Word::kRegressed && (worst == nullptr || loss(row) > loss(*worst)))
        worst = &row;
    line =
        absl::StrFormat("SLOWER: %d of %d rows REGRESSED, worst %s (%+.1f %%)", regressed,
                        comparison.rows.size(), worst->rule.row, 100 * (worst->verdict.ratio - 1));
  } else {
    const size_t open = comparison.Count(Word::kUnstable) + comparison.Count(Word::kInconclusive);
    line = absl::StrFormat("No row of %d REGRESSED", comparison.rows.size());
    if (open != 0)
      absl::StrAppend(&line,
                      open == comparison.rows.size() ? ", but none was resolved either" : "");
  }
  for (const Word word :
       {Word::kImproved, Word::kUnchanged, Word::kIdentical, Word::kUnstable, Word::kInconclusive})
    if (const size_t count = comparison.Count(word); count != 0)
      absl::StrAppend(&line, "; ", count, " ", NameOf(word));
  absl::StrAppend(&line, ". A/A twin: ", comparison.twin_alarms(), " false alarms");
  if (const auto visible = comparison.SmallestVisible())
    absl::StrAppend(&line,
                    absl::StrFormat("; smallest visible slowdown %.1f %% (median row), %.1f %% "
                                    "(worst row)",
                                    100 * visible->first, 100 * visible->second));
  absl::StrAppend(&line, ".");
  if (!comparison.is_complete) absl::StrAppend(&line, " Stopped before its last round.");
  return line;
}

}  // namespace aether::perf
