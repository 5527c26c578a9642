#include "bench/report/verdict.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "bench/report/holm.h"

namespace aether::perf {

namespace {

constexpr std::array<const char*, 6> kNames = {"REGRESSED",    "IMPROVED",  "UNSTABLE",
                                               "INCONCLUSIVE", "UNCHANGED", "IDENTICAL"};

// Positive is worse.
std::vector<double> Worsening(const RowSamples& row) {
  std::vector<double> values = row.log_ratios;
  if (row.is_higher_better)
    for (double& value : values) value = -value;
  return values;
}

// Two-sided sign test: the chance of so many values beyond the minimum effect, on the side on which
// there are more, if the true median lay within it. At a level it rejects exactly when the interval
// of that level lies beyond the effect as a whole.
double AlarmP(const std::vector<double>& values, double effect) {
  const size_t n = values.size();
  if (n == 0) return 1;
  const auto not_worse = std::ranges::count_if(values, [&](double v) { return v <= effect; });
  const auto not_better = std::ranges::count_if(values, [&](double v) { return v >= -effect; });
  return std::min(1.0, 2 * MedianTail(n, static_cast<size_t>(std::min(not_worse, not_better))));
}

size_t PairsNeeded(const Interval& interval, double effect, size_t pairs, double level) {
  const double estimate = std::abs(interval.median);
  // To the border of the word that the estimate stands for.
  const double distance = std::abs(estimate - effect);
  const double half = std::max(interval.high - interval.median, interval.median - interval.low);
  const double factor = distance > 0 ? half / distance : 1e6;
  // Intervals shrink with the root of the count; a tenth on top, since it is an estimate itself.
  const double needed = 1.1 * static_cast<double>(pairs) * factor * factor;
  const size_t rounded = needed >= static_cast<double>(kRoundsMax)
                             ? kRoundsMax
                             : static_cast<size_t>(std::ceil(needed));
  return std::max({rounded, CountFor(level), kPairsMin, pairs + 1});
}

Word WordFor(const Interval& interval, double effect, size_t pairs) {
  if (pairs < kPairsMin || !interval.is_reached) return Word::kInconclusive;
  if (interval.low > effect) return Word::kRegressed;
  if (interval.high < -effect) return Word::kImproved;
  if (interval.low > -effect && interval.high < effect) return Word::kUnchanged;
  if (std::expm1(interval.width()) > kUnstableWidth) return Word::kUnstable;
  return Word::kInconclusive;
}

RowVerdict JudgeOne(const RowSamples& row, double level, double adjusted_p) {
  RowVerdict verdict{.level = level, .adjusted_p = adjusted_p, .pairs = row.log_ratios.size()};
  const double effect = std::log1p(row.minimum_effect);
  if (row.log_ratios.empty()) {
    verdict.pairs_needed = std::max(kPairsMin, CountFor(level));
    return verdict;
  }
  const Interval interval = MedianInterval(Worsening(row), level);
  verdict.word = WordFor(interval, effect, verdict.pairs);
  if (verdict.word == Word::kInconclusive)
    verdict.pairs_needed = PairsNeeded(interval, effect, verdict.pairs, level);
  if (interval.is_reached)
    verdict.smallest_visible = std::expm1(effect + (interval.median - interval.low));
  const double sign = row.is_higher_better ? -1 : 1;
  verdict.ratio = std::exp(sign * interval.median);
  verdict.low = std::exp(sign > 0 ? interval.low : -interval.high);
  verdict.high = std::exp(sign > 0 ? interval.high : -interval.low);
  return verdict;
}

}  // namespace

const char* NameOf(Word word) { return kNames[static_cast<size_t>(word)]; }

bool WordOf(std::string_view name, Word& word) {
  const auto found = std::ranges::find_if(kNames, [&](const char* known) { return name == known; });
  if (found == kNames.end()) return false;
  word = static_cast<Word>(found - kNames.begin());
  return true;
}

std::vector<RowVerdict> Judge(const std::vector<RowSamples>& rows, double alpha) {
  std::vector<double> p;
  for (const RowSamples& row : rows)
    p.push_back(AlarmP(Worsening(row), std::log1p(row.minimum_effect)));
  const HolmResult holm = Holm(p, alpha);
  std::vector<RowVerdict> verdicts;
  for (size_t i = 0; i < rows.size(); ++i)
    verdicts.push_back(JudgeOne(rows[i], holm.level[i], holm.adjusted_p[i]));
  return verdicts;
}

size_t PairsFor(size_t rows, double alpha) {
  const double level = alpha / static_cast<double>(std::max<size_t>(rows, 1));
  size_t n = std::max(kPairsMin, CountFor(level));
  while (6 * CutFor(n, level).value_or(0) < n) ++n;
  // Blocks of ABBA have two pairs.
  return n + n % 2;
}

}  // namespace aether::perf
