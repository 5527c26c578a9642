#include "bench/report/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "bench/report/files.h"
#include "bench/report/scratch_folder.h"
#include "bench/report/test_comparison.h"

namespace aether::perf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HistoryEntry Entry(int number, double value, const std::string& machine = "m1") {
  return {.commit = absl::StrCat("commit", number),
          .date = absl::StrCat("2026-01-", 10 + number),
          .machine = machine,
          .facts = {{"cpu_model", "A \"quoted\" one"}},
          .compiler = "g++ 12",
          .flags = "-O3",
          .rows = {{"a/b", {.unit = "ns/operation", .value = value, .low = value, .high = value}}}};
}

std::vector<HistoryEntry> Stepping(const std::string& later_machine) {
  std::vector<HistoryEntry> history;
  for (int i = 0; i < 10; ++i) history.push_back(Entry(i, 100 + i % 3));
  for (int i = 10; i < 20; ++i) history.push_back(Entry(i, 120 + i % 3, later_machine));
  return history;
}

TEST(History, IsReadAsItWasAppended) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/deep/history.jsonl";
  ASSERT_TRUE(AppendHistory(path, Entry(1, 100)).ok());
  const std::string first = *ReadFile(path);
  const auto entry =
      EntryOf(TestComparison({TestRow("x", 1.1)}), {{"counts/y", {.unit = "frames", .value = 2}}});
  ASSERT_TRUE(AppendHistory(path, entry).ok());
  EXPECT_TRUE(ReadFile(path)->starts_with(first));
  const auto history = ReadHistory(path);
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->size(), 2u);
  EXPECT_EQ((*history)[0].facts.at("cpu_model"), "A \"quoted\" one");
  EXPECT_EQ((*history)[1].commit, "bbbbbbbbbbbb");
  EXPECT_NEAR((*history)[1].rows.at("x").value, 55, 0.1);
  EXPECT_LT((*history)[1].rows.at("x").low, (*history)[1].rows.at("x").high);
  EXPECT_EQ((*history)[1].rows.at("counts/y").unit, "frames");
}

TEST(History, AnUnreadableLineIsNamedAndNothingIsLost) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/history.jsonl";
  ASSERT_TRUE(AppendHistory(path, Entry(1, 100)).ok());
  // Half a line, as a full disk leaves it.
  const std::string whole = *ReadFile(path);
  folder.Put("history.jsonl", whole + whole.substr(0, 40));
  const auto history = ReadHistory(path);
  EXPECT_THAT(std::string(history.status().message()), HasSubstr("history.jsonl:2"));
  EXPECT_THAT(std::string(history.status().message()), HasSubstr("repair or remove"));
  ASSERT_TRUE(AppendHistory(path, Entry(2, 100)).ok());
  EXPECT_EQ(ReadFile(path)->find(whole + whole.substr(0, 40) + "\n{"), 0u);
}

TEST(History, AStepIsNamedByItsCommits) {
  const auto history = Stepping("m1");
  const auto series = FindSeries(history);
  ASSERT_EQ(series.size(), 1u);
  ASSERT_EQ(series[0].changes.size(), 1u);
  EXPECT_EQ(series[0].changes[0].index, 10u);
  EXPECT_THAT(HistoryText(history, series), HasSubstr("between commit9 and commit10"));
  EXPECT_THAT(HistoryText(history, series), Not(HasSubstr("gap:")));
}

TEST(History, AnotherMachineIsAGapAndNoStep) {
  const auto history = Stepping("m2");
  const auto series = FindSeries(history);
  ASSERT_EQ(series.size(), 2u);
  for (const Series& one : series) EXPECT_TRUE(one.changes.empty());
  EXPECT_THAT(HistoryText(history, series), HasSubstr("gap: commit10"));
}

}  // namespace
}  // namespace aether::perf
