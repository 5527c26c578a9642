#include "bench/report/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/report/test_comparison.h"

namespace aether::perf {
namespace {

using ::testing::HasSubstr;

TEST(Comparison, SaysInOneLineWhatItFound) {
  Comparison comparison = TestComparison({TestRow("a", 1), TestRow("b", 1.08), TestRow("c", 1.2)});
  const std::string line = VerdictLine(comparison);
  EXPECT_THAT(line, HasSubstr("SLOWER: 2 of 3 rows REGRESSED, worst c (+20"));
  EXPECT_THAT(line, HasSubstr("A/A twin: 0 false alarms"));
  EXPECT_THAT(line, HasSubstr("smallest visible slowdown 2."));
  EXPECT_THAT(VerdictLine(TestComparison({TestRow("a", 1)})), HasSubstr("No row of 1 REGRESSED"));
  EXPECT_THAT(VerdictLine(TestComparison({})), HasSubstr("Nothing was compared"));
}

TEST(Comparison, ATwinThatDiffersIsCounted) {
  ComparedRow row = TestRow("a", 1);
  for (double& value : row.twin) value += 0.1;
  EXPECT_EQ(TestComparison({row}).twin_alarms(), 1u);
}

TEST(Comparison, TheSameCodeOrInstructionsAreIdentical) {
  ComparedRow code = TestRow("code", 1, 0);
  code.identical = "the same machine code";
  ComparedRow counted = TestRow("counted", 1);
  counted.base_instructions = counted.head_instructions = 100;
  ComparedRow slow = TestRow("slow", 1.2);
  slow.base_instructions = slow.head_instructions = 100;
  const Comparison comparison = TestComparison({code, counted, slow});
  EXPECT_EQ(comparison.rows[0].verdict.word, Word::kIdentical);
  EXPECT_EQ(comparison.rows[1].verdict.word, Word::kIdentical);
  EXPECT_EQ(comparison.rows[2].verdict.word, Word::kRegressed);
  EXPECT_THAT(ToText(comparison), HasSubstr("IDENTICAL (the same machine code)"));
  EXPECT_THAT(ToText(comparison), HasSubstr("IDENTICAL (the same instructions)"));
}

TEST(Comparison, JsonIsReadAsItWasWritten) {
  ComparedRow row = TestRow("a/b", 1.08);
  row.base_instructions = 100.5;
  row.head_instructions = 120.5;
  const Comparison comparison = TestComparison({row, TestRow("c", 1)});
  const std::string text = ToJson(comparison);
  const auto read = ComparisonFromJson("file", text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), text);
  EXPECT_EQ(read->rows[0].rule, row.rule);
  EXPECT_EQ(read->rows[0].verdict.word, Word::kRegressed);
}

TEST(Comparison, WhatIsNoneIsNotRead) {
  const std::string good = ToJson(TestComparison({TestRow("a", 1)}));
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return ComparisonFromJson("some.json", text).status();
  };
  EXPECT_FALSE(ComparisonFromJson("some.json", good.substr(0, good.size() / 2)).ok());
  EXPECT_FALSE(ComparisonFromJson("some.json", "").ok());
  EXPECT_FALSE(ComparisonFromJson("some.json", "{}").ok());
  EXPECT_THAT(replaced("\"format\": 1", "\"format\": 2").message(), HasSubstr("some.json"));
  EXPECT_THAT(replaced("\"word\": \"UNCHANGED\"", "\"word\": \"SAME_AS_IT\"").message(),
              HasSubstr("SAME_AS_IT"));
  EXPECT_FALSE(replaced("\"seed\": 7", "\"seed\": \"7\"").ok());
}

TEST(Comparison, MarkdownShowsWhatMattersFirst) {
  const std::string text = ToMarkdown(TestComparison({TestRow("fine", 1), TestRow("slow", 1.08)}));
  EXPECT_LT(text.find("`slow`"), text.find("`fine`"));
  EXPECT_THAT(text, HasSubstr("**REGRESSED**"));
}

}  // namespace
}  // namespace aether::perf
