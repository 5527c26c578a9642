#include "bench/report/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/report/test_comparison.h"

namespace aether::perf {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

GateInput InputWith(std::vector<ComparedRow> rows) {
  GateInput input;
  for (const ComparedRow& row : rows) input.rules.push_back(row.rule);
  input.comparison = TestComparison(std::move(rows));
  return input;
}

GateCode CodeOf(const GateInput& input) { return Decide(input).code; }

TEST(Gate, PassesWhatDidNotChangeOrGotBetter) {
  const GateOutcome outcome = Decide(InputWith({TestRow("a", 1), TestRow("b", 0.9)}));
  EXPECT_EQ(outcome.code, GateCode::kFine);
  EXPECT_THAT(outcome.sentences, Contains(HasSubstr("passed")));
}

TEST(Gate, ARegressionFails) {
  const GateOutcome outcome = Decide(InputWith({TestRow("a", 1), TestRow("b", 1.05)}));
  EXPECT_EQ(outcome.code, GateCode::kRegression);
  EXPECT_THAT(outcome.sentences, Contains(HasSubstr("b: REGRESSED")));
}

TEST(Gate, FailsClosed) {
  EXPECT_EQ(CodeOf(InputWith({})), GateCode::kInput);
  GateInput missing = InputWith({TestRow("a", 1)});
  missing.rules.push_back({.row = "b", .unit = "ns/operation"});
  EXPECT_EQ(CodeOf(missing), GateCode::kInput);
  GateInput unknown = InputWith({TestRow("a", 1), TestRow("b", 1)});
  unknown.rules.pop_back();
  EXPECT_EQ(CodeOf(unknown), GateCode::kInput);
  EXPECT_EQ(CodeOf(InputWith({TestRow("a", 1, 9)})), GateCode::kInput);
  GateInput stopped = InputWith({TestRow("a", 1)});
  stopped.comparison.is_complete = false;
  EXPECT_EQ(CodeOf(stopped), GateCode::kInput);
  GateInput other_rule = InputWith({TestRow("a", 1)});
  other_rule.comparison.rows[0].rule.minimum_effect = 0.5;
  EXPECT_EQ(CodeOf(other_rule), GateCode::kInput);
}

TEST(Gate, WhatIsNotResolvedFailsBeyondTheLimit) {
  ComparedRow noisy = TestRow("noisy", 1);
  for (size_t i = 0; i < noisy.head.size(); ++i) noisy.head[i] *= i % 2 == 0 ? 1.2 : 0.8;
  GateInput input = InputWith({TestRow("a", 1), TestRow("b", 1), noisy});
  ASSERT_EQ(input.comparison.rows[2].verdict.word, Word::kUnstable);
  EXPECT_EQ(CodeOf(input), GateCode::kUnresolved);
  input.unresolved_max = 0.4;
  EXPECT_EQ(CodeOf(input), GateCode::kFine);
}

TEST(Gate, AFailedSelfTestIsMoreThanARegression) {
  GateInput input = InputWith({TestRow("b", 1.05)});
  input.self_test_passed = false;
  EXPECT_EQ(CodeOf(input), GateCode::kSelfTest);
  ComparedRow twin = TestRow("b", 1.05);
  for (double& value : twin.twin) value += 0.1;
  EXPECT_EQ(CodeOf(InputWith({twin})), GateCode::kSelfTest);
}

TEST(Gate, AcceptedHoldsForItsCommitAndItsSize) {
  GateInput input = InputWith({TestRow("b", 1.05)});
  input.accepted = {{.row = "b", .commit = "0123456789ab", .loss_max = 0.08, .reason = "worth it"}};
  EXPECT_EQ(CodeOf(input), GateCode::kRegression) << "the commit is not between";
  input.commits = {"0123456789abcdef0123456789abcdef01234567"};
  const GateOutcome outcome = Decide(input);
  EXPECT_EQ(outcome.code, GateCode::kFine);
  EXPECT_THAT(outcome.sentences, Contains(HasSubstr("accepted, worth it")));
  input.accepted[0].loss_max = 0.03;
  EXPECT_EQ(CodeOf(input), GateCode::kRegression) << "it lost more";
}

TEST(Gate, RowsWithoutNoiseCountToo) {
  GateInput input = InputWith({TestRow("a", 1)});
  const FixedRows limits = {
      {"counts/a/frames", {.unit = "frames", .value = 2}},
      {"instructions/a/operation", {.unit = "instructions", .value = 100, .tolerance = 0.01}}};
  FixedRows measured = limits;
  input.fixed = CompareFixedRows(limits, measured);
  EXPECT_EQ(CodeOf(input), GateCode::kFine);
  measured["counts/a/frames"].value = 1.9;
  input.fixed = CompareFixedRows(limits, measured);
  EXPECT_EQ(CodeOf(input), GateCode::kRegression) << "better is not what the limits say, either";
  measured = limits;
  measured["instructions/a/operation"].value = 100.9;
  EXPECT_TRUE(CompareFixedRows(limits, measured).worse.empty());
  measured["instructions/a/operation"].value = 101.1;
  EXPECT_EQ(CompareFixedRows(limits, measured).worse.size(), 1u);
  measured["instructions/a/operation"].value = 90;
  EXPECT_EQ(CompareFixedRows(limits, measured).better.size(), 1u);
  measured.erase("counts/a/frames");
  EXPECT_EQ(CompareFixedRows(limits, measured).broken.size(), 1u);
  measured["nobody/knows"] = {};
  EXPECT_EQ(CompareFixedRows(limits, measured).broken.size(), 2u);
  input.fixed = CompareFixedRows(limits, measured);
  EXPECT_EQ(CodeOf(input), GateCode::kInput);
  EXPECT_EQ(CompareFixedRows(limits, {}).broken.size(), 2u);
}

}  // namespace
}  // namespace aether::perf
