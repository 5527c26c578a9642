#include "bench/report/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

namespace aether::perf {
namespace {

// `pairs` log-ratios around a ratio, evenly spread over `width`.
RowSamples Around(double ratio, double width, size_t pairs = 20) {
  RowSamples row;
  for (size_t i = 0; i < pairs; ++i)
    row.log_ratios.push_back(
        std::log(ratio) + width * (static_cast<double>(i) / static_cast<double>(pairs - 1) - 0.5));
  return row;
}

Word WordOfOne(const RowSamples& row) { return Judge({row}, 0.05)[0].word; }

TEST(Verdict, TheWholeIntervalDecides) {
  EXPECT_EQ(WordOfOne(Around(1.05, 0.01)), Word::kRegressed);
  EXPECT_EQ(WordOfOne(Around(0.95, 0.01)), Word::kImproved);
  EXPECT_EQ(WordOfOne(Around(1.005, 0.01)), Word::kUnchanged);
  // Beyond the effect in the median alone.
  EXPECT_EQ(WordOfOne(Around(1.025, 0.03)), Word::kInconclusive);
  EXPECT_EQ(WordOfOne(Around(1.00, 0.30)), Word::kUnstable);
}

TEST(Verdict, HigherMayBeBetter) {
  RowSamples row = Around(0.90, 0.01);
  row.is_higher_better = true;
  const RowVerdict verdict = Judge({row}, 0.05)[0];
  EXPECT_EQ(verdict.word, Word::kRegressed);
  EXPECT_NEAR(verdict.ratio, 0.90, 1e-9);
  EXPECT_LT(verdict.low, verdict.ratio);
  EXPECT_GT(verdict.high, verdict.ratio);
}

TEST(Verdict, TheMinimumEffectIsTheRows) {
  RowSamples row = Around(1.05, 0.01);
  row.minimum_effect = 0.10;
  EXPECT_EQ(WordOfOne(row), Word::kUnchanged);
}

TEST(Verdict, FewerThanTenPairsDecideNothing) {
  const RowVerdict verdict = Judge({Around(1.5, 0.001, 9)}, 0.05)[0];
  EXPECT_EQ(verdict.word, Word::kInconclusive);
  EXPECT_EQ(verdict.pairs_needed, 10u);
  const RowVerdict none = Judge({RowSamples{}}, 0.05)[0];
  EXPECT_EQ(none.word, Word::kInconclusive);
}

TEST(Verdict, ManyRowsWantMorePairs) {
  // Ten pairs reach a level of 0.002; of 100 rows the first is decided at 0.0005.
  std::vector<RowSamples> rows(100, Around(1, 0.001, 10));
  rows[3] = Around(1.2, 0.001, 10);
  EXPECT_EQ(Judge(rows, 0.05)[3].word, Word::kInconclusive);
  for (RowSamples& row : rows) row = Around(1, 0.001, PairsFor(100, 0.05));
  rows[3] = Around(1.2, 0.001, PairsFor(100, 0.05));
  const std::vector<RowVerdict> verdicts = Judge(rows, 0.05);
  EXPECT_EQ(verdicts[3].word, Word::kRegressed);
  EXPECT_EQ(verdicts[4].word, Word::kUnchanged);
  EXPECT_GT(verdicts[4].level, verdicts[3].level);
}

TEST(Verdict, SaysHowManyPairsItNeeds) {
  const RowVerdict far = Judge({Around(1.030, 0.03)}, 0.05)[0];
  const RowVerdict near = Judge({Around(1.022, 0.03)}, 0.05)[0];
  ASSERT_EQ(near.word, Word::kInconclusive);
  EXPECT_GT(near.pairs_needed, 20u);
  EXPECT_GT(near.pairs_needed, far.pairs_needed);
}

TEST(Verdict, TheSmallestVisibleSlowdownIsVisible) {
  const RowSamples row = Around(1, 0.02);
  const double visible = Judge({row}, 0.05)[0].smallest_visible;
  ASSERT_GT(visible, 0.02);
  for (const double share : {0.98, 1.02}) {
    RowSamples slower = row;
    for (double& value : slower.log_ratios) value += std::log1p(visible * share);
    EXPECT_EQ(WordOfOne(slower) == Word::kRegressed, share > 1) << visible;
  }
}

TEST(Verdict, OutliersOnOneSideDoNotDecide) {
  RowSamples row = Around(1, 0.002, 30);
  for (size_t i = 0; i < 3; ++i) row.log_ratios[i * 9] = 2;
  EXPECT_EQ(WordOfOne(row), Word::kUnchanged);
}

TEST(Verdict, NamesAreThereAndBack) {
  for (const Word word : {Word::kRegressed, Word::kImproved, Word::kUnchanged, Word::kUnstable,
                          Word::kInconclusive, Word::kIdentical}) {
    Word read = Word::kRegressed;
    EXPECT_TRUE(WordOf(NameOf(word), read));
    EXPECT_EQ(read, word);
  }
  Word word;
  EXPECT_FALSE(WordOf("SAME", word));
}

}  // namespace
}  // namespace aether::perf
