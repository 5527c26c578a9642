#include "bench/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "bench/report/charts.h"
#include "bench/report/test_comparison.h"

namespace aether::perf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEvil = "\"><script>alert(1)</script>&'";

HistoryEntry Entry(int number, double value) {
  return {
      .commit = "commit" + std::to_string(number),
      .date = "2026",
      .machine = "m1",
      .compiler = "g++",
      .flags = "",
      .rows = {
          {"slow", {.unit = "ns/operation", .value = value, .low = value - 1, .high = value + 1}}}};
}

ReportInput FullInput() {
  ReportInput input{.date = "today"};
  input.comparison = TestComparison({TestRow("fine", 1), TestRow("slow", 1.08)});
  for (int i = 0; i < 16; ++i) input.history.push_back(Entry(i, (i < 8 ? 100 : 120) + i % 2));
  input.series = FindSeries(input.history);
  input.self_test =
      SelfTestResult{.date = "today", .drawn = {{.effect = 0.05, .repetitions = 10, .found = 10}}};
  input.prices =
      R"([{"workload": "keepalive", "instructions": {"full": 2, "classic": 1, "ratio": 2},
      "mechanisms":
      [{"mechanism": "sack", "instructions_on_classic": 12.5, "instructions_in_full": -3}]}])";
  input.live =
      R"({"rows": {"live/policies/aether_spin/100_per_s/cpu": {"unit": "share", "value": 1},
      "live/policies/aether_spin/100_per_s/p50": {"unit": "us", "value": 9}}})";
  input.summaries = {{"Fuzzing", "| target | s |\n|---|---|\n| arp | 1 |\n"}};
  return input;
}

size_t CountOf(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<size_t>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), regex), std::sregex_iterator()));
}

TEST(Page, HasEveryPart) {
  const auto page = MakePage(FullInput());
  ASSERT_TRUE(page.ok()) << page.status();
  for (const char* id :
       {"rows", "history", "prices", "policies", "selftest", "summaries", "environment", "raw"})
    EXPECT_THAT(*page, HasSubstr("<section id=\"" + std::string(id) + "\">"));
  EXPECT_THAT(*page, HasSubstr("SLOWER: 1 of 2 rows REGRESSED, worst slow (+8"));
  EXPECT_THAT(*page, HasSubstr("A/A twin: 0 false alarms"));
  EXPECT_THAT(*page, HasSubstr("smallest visible slowdown"));
  EXPECT_THAT(*page, HasSubstr("href=\"../../bench/micro/bench_some.cc\""));
  EXPECT_THAT(*page, HasSubstr("between commit7 and commit8"));
  EXPECT_THAT(*page, HasSubstr("+12.5 instructions"));
  EXPECT_THAT(*page, HasSubstr("<td>arp</td>"));
}

TEST(Page, EveryRowHasItsUnitItsBoundAndItsCommand) {
  const auto page = MakePage(FullInput());
  EXPECT_EQ(CountOf(*page, "<tr data-row="), 2u);
  EXPECT_EQ(CountOf(*page, "</a><br><small>ns/operation</small></th>"), 2u);
  EXPECT_EQ(CountOf(*page, "<small>memcpy, 2\\.[01][0-9] of it</small>"), 2u);
  EXPECT_EQ(CountOf(*page, "data-copy=\"build/release/bin/bench_some --benchmark_filter="), 2u);
}

TEST(Page, ARowLeadsToItsPicture) {
  ReportInput input = FullInput();
  ComparedRow& row = input.comparison->rows[1];
  row.base_instructions = 10;
  row.head_instructions = 11;
  input.profiles = {{"slow", {.functions = {{"main", {.self = 1}}}}}};
  const auto page = MakePage(input);
  EXPECT_THAT(*page, HasSubstr("<a href=\"#cycles-slow\">where they go</a>"));
  EXPECT_THAT(*page, HasSubstr("<details id=\"cycles-slow\" open>"));
}

TEST(Page, NeedsNoNetwork) {
  const auto page = MakePage(FullInput());
  EXPECT_EQ(CountOf(*page, "(src|href)=\"(https?:)?//"), 0u);
  EXPECT_EQ(CountOf(*page, "@import|url\\("), 0u);
  EXPECT_THAT(*page, HasSubstr("default-src 'none'"));
}

TEST(Page, WhatComesFromFilesIsEscaped) {
  ReportInput input = FullInput();
  Comparison& comparison = *input.comparison;
  for (std::string* text : {&comparison.head.commit, &comparison.base.commit, &comparison.command,
                            &comparison.date, &comparison.rows[0].rule.row,
                            &comparison.rows[0].rule.unit, &comparison.rows[0].rule.source,
                            &comparison.rows[0].rule.bound, &comparison.rows[0].rule.program})
    *text = kEvil;
  comparison.head.context.emplace_back(kEvil, kEvil);
  for (HistoryEntry& entry : input.history) {
    entry.commit = entry.date = entry.machine = kEvil;
    entry.rows[kEvil] = {.unit = kEvil, .value = 1};
  }
  input.series = FindSeries(input.history);
  input.self_test->failures = {kEvil};
  input.self_test->probes = {{.row = kEvil}};
  input.summaries = {{kEvil, kEvil}};
  input.profiles = {{kEvil, {.functions = {{kEvil, {.self = 1}}}}}};
  input.source_root = kEvil;
  input.date = kEvil;
  const auto page = MakePage(input);
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(*page, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(CountOf(*page, "<script"), 2u) << "the data and the script of the page";
}

TEST(Page, SaysWhatIsMissing) {
  const auto page = MakePage({.date = "today"});
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(*page, HasSubstr("Nothing was compared"));
  ReportInput broken = FullInput();
  broken.prices = "{";
  EXPECT_FALSE(MakePage(broken).ok());
  broken = FullInput();
  broken.live = "[]";
  EXPECT_FALSE(MakePage(broken).ok());
}

TEST(Charts, AGapBreaksTheLine) {
  std::vector<HistoryEntry> history;
  for (int i = 0; i < 9; ++i) {
    history.push_back(Entry(i, 100 + i % 2));
    if (i >= 3 && i < 6) history.back().machine = "m2";
  }
  const std::vector<Series> series = FindSeries(history);
  ASSERT_EQ(series.size(), 2u);
  EXPECT_EQ(CountOf(HistoryChart(history, {&series[0], &series[1]}), "<polyline"), 3u);
}

TEST(Charts, ShowTheLastRunsOfALongHistory) {
  std::vector<HistoryEntry> history;
  for (int i = 0; i < 250; ++i) history.push_back(Entry(i, i < 25 ? 100 : 200));
  const std::vector<Series> series = FindSeries(history);
  ASSERT_EQ(series[0].changes.size(), 1u);
  const std::string svg = HistoryChart(history, {&series[0]});
  EXPECT_EQ(CountOf(svg, "<circle"), 200u);
  EXPECT_THAT(svg, Not(HasSubstr("class=\"change\"")));
}

TEST(Charts, AreSvgWithinTheirFrame) {
  EXPECT_EQ(Sparkline({1}), "");
  EXPECT_THAT(Sparkline({1, 1, 1}), HasSubstr("polyline"));
  // What is beyond the scale ends at its edge.
  const std::string bar = IntervalBar(3, 0.2, 9, 0.02, "regressed");
  EXPECT_THAT(bar, HasSubstr("cx=\"158.0\""));
  EXPECT_THAT(bar, HasSubstr("x1=\"2.0\""));
  EXPECT_EQ(CurveChart({}, "x", "y"), "");
  EXPECT_EQ(BarChart({}), "");
}

}  // namespace
}  // namespace aether::perf
