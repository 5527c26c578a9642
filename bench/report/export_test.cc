// Every format is read back by its own rules, names with quotes and commas included.
#include "bench/report/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/report/json.h"

namespace aether::perf {
namespace {

using ::testing::ElementsAre;

const std::string kOdd = "a \"row\", with\\it";

std::vector<HistoryEntry> Runs() {
  std::vector<HistoryEntry> history;
  for (int i = 0; i < 3; ++i)
    history.push_back(
        {.commit = absl::StrCat("commit", i),
         .date = absl::StrCat("2026-01-0", i + 1, "T00:00:00+00:00"),
         .machine = i == 0 ? "other" : "m",
         .compiler = "g++",
         .flags = "-O3",
         .rows = {
             {"demux",
              {.unit = "ns/operation", .value = 10.1 + i, .low = 9, .high = 13, .samples = 20}},
             {kOdd,
              {.unit = "instructions/operation", .value = 1e6 + i, .low = 1e6, .high = 1e6}}}});
  history[1].rows["gone"] = {.unit = "ns", .value = 1};
  return history;
}

TEST(Export, GithubActionBenchmark) {
  const Json json = Json::parse(*Export("github", Runs()));
  ASSERT_EQ(json.size(), 2u);
  for (const Json& row : json) {
    EXPECT_TRUE(row.at("name").is_string());
    EXPECT_TRUE(row.at("value").is_number());
    EXPECT_FALSE(row.at("unit").get<std::string>().empty());
  }
  EXPECT_EQ(json[0].at("name"), kOdd);
  EXPECT_EQ(json[1].at("value").get<double>(), 12.1);
  EXPECT_EQ(json[1].at("range"), "9 to 13");
}

TEST(Export, BencherMetricFormat) {
  const Json json = Json::parse(*Export("bencher", Runs()));
  EXPECT_EQ(json.at("demux").at("latency").at("value").get<double>(), 12.1);
  EXPECT_EQ(json.at("demux").at("latency").at("lower_value").get<double>(), 9);
  EXPECT_EQ(json.at(kOdd).at("instructions-operation").at("upper_value").get<double>(), 1e6);
}

TEST(Export, OpenMetrics) {
  const std::vector<std::string> lines = absl::StrSplit(*Export("openmetrics", Runs()), '\n');
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[4], "# EOF");
  EXPECT_EQ(lines[5], "");
  const std::regex sample(
      R"re(aether_bench\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\S+) (\d+))re");
  const std::regex label(R"re(([a-z]+)="((?:[^"\\]|\\.)*)")re");
  std::map<std::string, double> values;
  for (size_t i = 2; i < 4; ++i) {
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(lines[i], parts, sample)) << lines[i];
    const std::string labels = parts[1];
    std::smatch first;
    ASSERT_TRUE(std::regex_search(labels, first, label));
    EXPECT_EQ(first[1], "row");
    values[std::regex_replace(first[2].str(), std::regex(R"(\\(.))"), "$1")] = std::stod(parts[2]);
    EXPECT_EQ(parts[3], "1767398400");
  }
  EXPECT_EQ(values.at("demux"), 12.1);
  EXPECT_EQ(values.at(kOdd), 1e6 + 2);
}

std::vector<std::string> CsvFields(const std::string& line) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '"' && is_quoted && at + 1 < line.size() && line[at + 1] == '"')
      fields.back() += line[++at];
    else if (line[at] == '"')
      is_quoted = !is_quoted;
    else if (line[at] == ',' && !is_quoted)
      fields.emplace_back();
    else
      fields.back() += line[at];
  }
  return fields;
}

TEST(Export, OtavaCsvHasTheRunsOfOneMachineAndTheirCommonRows) {
  const std::vector<std::string> lines = absl::StrSplit(*Export("otava", Runs()), '\n');
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_THAT(CsvFields(lines[0]), ElementsAre("time", "commit", kOdd, "demux"));
  const std::vector<std::string> last = CsvFields(lines[2]);
  ASSERT_EQ(last.size(), 4u);
  EXPECT_EQ(last[0], "2026-01-03T00:00:00+00:00");
  EXPECT_EQ(last[1], "commit2");
  EXPECT_EQ(std::stod(last[3]), 12.1);
}

TEST(Export, AnythingElseIsAnError) {
  EXPECT_FALSE(Export("xml", Runs()).ok());
  EXPECT_FALSE(Export("github", {}).ok());
}

}  // namespace
}  // namespace aether::perf
