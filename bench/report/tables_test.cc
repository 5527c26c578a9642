// The tables that are read: rules of rows, accepted losses, rows without noise. Whatever is not as
// it has to be is named with its line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/report/accepted.h"
#include "bench/report/files.h"
#include "bench/report/fixed_limits.h"
#include "bench/report/process.h"
#include "bench/report/row_rule.h"
#include "bench/report/scratch_folder.h"

namespace aether::perf {
namespace {

using ::testing::HasSubstr;

const std::string kRules =
    "# what for\nrow\tprogram\tunit\tminimum_effect\tdirection\tset\tbound\tcase\tsource\n"
    "a/b\tbench_a\tns/operation\t2%\tlower\tquick\t-\tkeepalive/1\tbench/a.cc\n"
    "c\tbench_a\treq/s\t3.5%\thigher\tstandard\tc/bound:memcpy\t-\tbench/a.cc\n";

TEST(RowRules, AreRead) {
  const ScratchFolder folder;
  const auto rules = ReadRowRules(folder.Put("paired.tsv", kRules));
  ASSERT_TRUE(rules.ok()) << rules.status();
  ASSERT_EQ(rules->size(), 2u);
  EXPECT_EQ((*rules)[0].counted_case, "keepalive/1");
  EXPECT_EQ((*rules)[0].bound, "");
  EXPECT_EQ((*rules)[0].set, "quick");
  EXPECT_EQ(RulesOfSets(*rules, "quick")->size(), 1u);
  EXPECT_EQ(RulesOfSets(*rules, "standard")->size(), 2u);
  EXPECT_EQ(RulesOfSets(*rules, "live")->size(), 0u);
  EXPECT_FALSE(RulesOfSets(*rules, "quick,all").ok());
  EXPECT_NEAR((*rules)[1].minimum_effect, 0.035, 1e-12);
  EXPECT_TRUE((*rules)[1].is_higher_better);
}

TEST(RowRules, WhatIsWrongIsNamedWithItsLine) {
  const ScratchFolder folder;
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string text = kRules;
    text.replace(text.find(from), from.size(), to);
    return std::string(ReadRowRules(folder.Put("p.tsv", text)).status().message());
  };
  EXPECT_THAT(broken("2%", "2"), HasSubstr("p.tsv:3"));
  EXPECT_THAT(broken("2%", "0%"), HasSubstr("share"));
  EXPECT_THAT(broken("higher", "up"), HasSubstr("p.tsv:4"));
  EXPECT_THAT(broken("quick", "fast"), HasSubstr("set"));
  EXPECT_THAT(broken("ns/operation", ""), HasSubstr("unit"));
  EXPECT_THAT(broken("\tbench/a.cc", ""), HasSubstr("8 fields, not 9"));
  EXPECT_THAT(broken("c\tbench_a", "a/b\tbench_a"), HasSubstr("twice"));
  EXPECT_THAT(broken("row\tprogram", "raw\tprogram"), HasSubstr("header"));
  EXPECT_FALSE(ReadRowRules(folder.Put("p.tsv", "")).ok());
  EXPECT_FALSE(ReadRowRules(folder.Put("p.tsv", kRules.substr(0, kRules.find("a/b")))).ok());
  EXPECT_THAT(std::string(ReadRowRules(folder.path() + "/none").status().message()),
              HasSubstr("cannot be read"));
}

TEST(Accepted, WantsAKnownRowACommitAndAReason) {
  const ScratchFolder folder;
  const std::vector<RowRule> rules = {{.row = "a/b"}};
  const auto read = [&](const std::string& line) {
    return ReadAccepted(folder.Put("accepted.tsv", "row\tcommit\tloss_max\treason\n" + line),
                        rules);
  };
  EXPECT_TRUE(read("").ok());
  const auto good = read("a/b\t0123456789ab\t8%\tthe check that was missing costs so much\n");
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_NEAR(good->at(0).loss_max, 0.08, 1e-12);
  EXPECT_FALSE(read("x\t0123456789ab\t8%\tthe check that was missing\n").ok());
  EXPECT_FALSE(read("a/b\tmain\t8%\tthe check that was missing\n").ok());
  EXPECT_FALSE(read("a/b\t0123456789ab\t8\tthe check that was missing\n").ok());
  EXPECT_FALSE(read("a/b\t0123456789ab\t8%\t\n").ok());
}

TEST(Accepted, CommitsAreThoseBetweenBaseAndHead) {
  const ScratchFolder folder;
  std::vector<std::string> commits;
  const auto git = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"git", "-C", folder.path(), "-c", "user.name=a", "-c",
                                         "user.email=a@example.org", "-c", "commit.gpgsign=false"});
    return RunOrSay({.arguments = arguments, .output = folder.path() + "/out.txt"});
  };
  ASSERT_TRUE(git({"init", "-q"}).ok());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(git({"commit", "-q", "--allow-empty", "--no-verify", "-m", "x"}).ok());
    ASSERT_TRUE(git({"rev-parse", "HEAD"}).ok());
    commits.push_back(ReadFile(folder.path() + "/out.txt")->substr(0, 40));
  }
  const auto between = CommitsBetween(folder.path(), commits[0].substr(0, 12),
                                      commits[2].substr(0, 12) + "-dirty", folder.path());
  ASSERT_TRUE(between.ok()) << between.status();
  EXPECT_EQ(*between, (std::set<std::string>{commits[1], commits[2]}));
  EXPECT_FALSE(CommitsBetween(folder.path(), "unknown", commits[2], folder.path()).ok());
}

TEST(FixedRows, AreThoseOfTheOtherLane) {
  const ScratchFolder folder;
  const std::string header = "# compiler: g++\nrow\tunit\tvalue\ttolerance\tdirection\n";
  const auto rows = ReadFixedRows(folder.Put(
      "l.tsv",
      header + "counts/a\tframes\t1.0000\texact\tlower\ninstructions/a\ti\t100\t1%\tlower\n"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->at("counts/a").tolerance, 0);
  EXPECT_NEAR(rows->at("instructions/a").tolerance, 0.01, 1e-12);
  EXPECT_FALSE(ReadFixedRows(folder.Put("l.tsv", header)).ok());
  EXPECT_FALSE(ReadFixedRows(folder.Put("l.tsv", header + "a\tframes\tmany\texact\tlower\n")).ok());
  EXPECT_FALSE(ReadFixedRows(folder.Put("l.tsv", header + "a\tf\t1\t1\tlower\n")).ok());
  EXPECT_FALSE(
      ReadFixedRows(folder.Put("l.tsv", header + "a\tf\t1\texact\tlower\na\tf\t1\texact\tlower\n"))
          .ok());
}

}  // namespace
}  // namespace aether::perf
