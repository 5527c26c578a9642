#include "bench/report/self_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aether::perf {
namespace {

using ::testing::HasSubstr;

TEST(SelfTest, DrawnSamplesPass) {
  const auto result = RunSelfTest({.seed = 3, .repetitions = 100});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->passed()) << SelfTestText(*result);
  ASSERT_EQ(result->drawn.size(), 5u);
  EXPECT_EQ(result->drawn[1].found, 0u) << "1 % is below the minimum effect";
  EXPECT_GE(result->drawn[3].power(), 0.95);
  EXPECT_EQ(result->drawn[4].power(), 1);
}

TEST(SelfTest, IsReadAsItWasWritten) {
  auto result = RunSelfTest({.repetitions = 10});
  ASSERT_TRUE(result.ok());
  result->probes.push_back(
      {.effect = 0.05, .row = "probe/x", .verdict = {.word = Word::kRegressed}});
  result->failures = {"one"};
  const std::string text = SelfTestToJson(*result);
  const auto read = SelfTestFromJson("x", text);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(SelfTestToJson(*read), text);
  EXPECT_FALSE(read->passed());
  EXPECT_THAT(SelfTestText(*read), HasSubstr("FAILED one"));
  // Who says that it passed has no failures.
  std::string lie = text;
  lie.replace(lie.find("\"passed\": false"), 15, "\"passed\": true");
  EXPECT_FALSE(SelfTestFromJson("x", lie).ok());
}

TEST(SelfTest, AProbeThatIsMissingIsAnError) {
  EXPECT_FALSE(RunSelfTest({.repetitions = 10,
                            .probe = "/nowhere/bench_probe",
                            .scratch = ::testing::TempDir() + "/perf_st",
                            .is_quiet = true})
                   .ok());
}

}  // namespace
}  // namespace aether::perf
