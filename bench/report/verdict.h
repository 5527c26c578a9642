// From paired log-ratios to a word. A ratio is head / base; whether more is worse is the row's
// affair (RowRule). The words are explained in README.md; "no difference resolved" is never
// called the same.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "bench/report/median_interval.h"

namespace aether::perf {

// In the order in which they are shown.
enum class Word { kRegressed, kImproved, kUnstable, kInconclusive, kUnchanged, kIdentical };

const char* NameOf(Word word);
// False when there is no such word.
bool WordOf(std::string_view name, Word& word);

inline constexpr size_t kPairsMin = 10;
// An interval that is wider says that the row was not measurable.
inline constexpr double kUnstableWidth = 0.05;
// More are not proposed.
inline constexpr size_t kRoundsMax = 10'000;

struct RowSamples {
  std::vector<double> log_ratios = {};
  double minimum_effect = 0.02;
  bool is_higher_better = false;
};

struct RowVerdict {
  Word word = Word::kInconclusive;
  // Ratios, not logarithms. Both ends of the interval at the row's own level of Holm.
  double ratio = 1;
  double low = 1;
  double high = 1;
  double level = 0;
  double adjusted_p = 1;
  size_t pairs = 0;
  // INCONCLUSIVE only: pairs in all that would decide it, if it goes on like this.
  size_t pairs_needed = 0;
  // The slowdown that this run would have called REGRESSED, as a share; 0 when none would.
  double smallest_visible = 0;
};

// All rows of a comparison together; a row without samples is INCONCLUSIVE.
std::vector<RowVerdict> Judge(const std::vector<RowSamples>& rows, double alpha);

// The pairs that each row gets when so many rows are corrected together: enough that a sixth of the
// values may be outliers on either side.
size_t PairsFor(size_t rows, double alpha);

}  // namespace aether::perf
