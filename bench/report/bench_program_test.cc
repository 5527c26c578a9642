#include "bench/report/bench_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

namespace aether::perf {
namespace {

using ::testing::HasSubstr;

std::string Document(const std::string& name, const std::string& more) {
  return "{\"benchmarks\": [{\"name\": \"" + name +
         "\", \"run_type\": \"iteration\", \"iterations\": 9, \"cpu_time\": 1.5, \"time_unit\": "
         "\"us\"" +
         more + "}]}";
}

TEST(BenchProgram, ReadsTheRowItAskedFor) {
  const auto sample = SampleFromJson("x", Document("a/b/iterations:9", ""), "a/b");
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(sample->value, 1500);
  EXPECT_EQ(sample->iterations, 9u);
  EXPECT_EQ(SampleFromJson("x", Document("a/b", ", \"bytes_each\": 352"), "a/b")->value, 352);
}

TEST(BenchProgram, TheBestRepetitionCounts) {
  std::string text = Document("a", "");
  text.insert(text.find("{\"name\""),
              R"({"name": "a", "run_type": "iteration", "iterations": 9, "cpu_time": 1.25,
                  "time_unit": "us"}, {"name": "a_mean", "run_type": "aggregate", "cpu_time": 0.5,
                  "iterations": 9, "time_unit": "us"}, )");
  EXPECT_EQ(SampleFromJson("x", text, "a")->value, 1250);
  EXPECT_EQ(SampleFromJson("x", Document("a", ", \"allocations\": NaN, \"x\": -NaN"), "a")->value,
            1500);
}

TEST(BenchProgram, AnythingElseIsAnError) {
  EXPECT_THAT(std::string(SampleFromJson("x", Document("a/b", ""), "a").status().message()),
              HasSubstr("there is no row a"));
  EXPECT_FALSE(SampleFromJson(
                   "x", Document("a", ", \"error_occurred\": true, \"error_message\": \"e\""), "a")
                   .ok());
  EXPECT_FALSE(SampleFromJson("x", Document("a", ", \"bytes_each\": 0"), "a").ok());
  EXPECT_FALSE(SampleFromJson("x", "", "a").ok());
}

TEST(BenchProgram, APatternFindsItsRowAlone) {
  const std::regex pattern(PatternOf("a.b/c+(d)"), std::regex::extended);
  EXPECT_TRUE(std::regex_search("a.b/c+(d)", pattern));
  EXPECT_TRUE(std::regex_search("a.b/c+(d)/iterations:100", pattern));
  EXPECT_FALSE(std::regex_search("axb/c+(d)", pattern));
  EXPECT_FALSE(std::regex_search("a.b/c+(d)/more", pattern));
}

}  // namespace
}  // namespace aether::perf
