#include "replay/celeron/priors.h"

#include <gtest/gtest.h>

#include <string>

#include "replay/celeron/counts.h"
#include "replay/celeron/test_priors.h"

namespace aether::celeron {
namespace {

TEST(Priors, ReadsRangesWithTheirSources) {
  const auto priors = ReadPriors(kTestPriors);
  ASSERT_TRUE(priors.has_value()) << priors.error();
  EXPECT_EQ(priors->at("cmem").low, 160);
  EXPECT_EQ(priors->at("cmem").high, 250);
  EXPECT_EQ(priors->at("cmem").Middle(), 205);
  EXPECT_EQ(priors->at("cmem").source, "a book");
}

TEST(Priors, SaysWhatIsWrong) {
  const std::string good = kTestPriors;
  const auto wrong = [&good](const std::string& line) {
    const auto priors = ReadPriors(good + line + "\n");
    return priors.has_value() ? "" : priors.error();
  };
  EXPECT_NE(wrong("b\t1\t2\tx\ta book").find("twice"), std::string::npos);
  EXPECT_NE(wrong("other\t1\t2\tx\ta book").find("nothing uses"), std::string::npos);
  EXPECT_NE(wrong("other\t2\t1\tx\ta book").find("no name, low"), std::string::npos);
  EXPECT_NE(wrong("other\t1\t2\tx").find("no name, low"), std::string::npos);
  EXPECT_NE(wrong("other\t1\t2\tx\t").find("source"), std::string::npos);
  EXPECT_NE(ReadPriors("b\t1\t2\tx\ta book\n").error().find("there is no clock"),
            std::string::npos);
}

TEST(Priors, ConstantsOfAnOwnerTakeThePlaceOfAssumptions) {
  FlatJson constants{.numbers = {{"clock_ghz", 2.2},
                                 {"branch_miss_cycles", 20},
                                 {"latency_256_kib_cycles", 14},
                                 {"latency_16384_kib_cycles", 200}},
                     .texts = {{"cpu_brand", "A Celeron"}}};
  const auto priors = WithConstants(*ReadPriors(kTestPriors), constants);
  ASSERT_TRUE(priors.has_value()) << priors.error();
  EXPECT_EQ(priors->at("clock").low, 2.2);
  EXPECT_NEAR(priors->at("c2").low, 13.3, 1e-9);
  EXPECT_NEAR(priors->at("cmem").high, 220, 1e-9);
  EXPECT_NE(priors->at("cbr").source.find("A Celeron"), std::string::npos);
  EXPECT_EQ(priors->at("b").low, 0.45);

  constants.numbers["clock_ghz"] = 2200;
  EXPECT_EQ(WithConstants(*ReadPriors(kTestPriors), constants).error(), "clock_ghz cannot be");
  constants.numbers.erase("clock_ghz");
  EXPECT_EQ(WithConstants(*ReadPriors(kTestPriors), constants).error(), "there is no clock_ghz");
}

TEST(Counts, CyclesAreTheSumOfTheTerms) {
  const Counts counts{.instructions = 1000, .branch_misses = 10, .l1_misses = 20, .ll_misses = 3};
  const Coefficients with{
      .b = 0.5, .cbr = 20, .c2 = 15, .h = 0.5, .cmem = 200, .x = 0.75, .tlb = 0.01};
  EXPECT_DOUBLE_EQ(Cycles(counts, with), 500 + 200 + 150 + 450 + 10);
}

TEST(Counts, MissingAndNegativeOnesAreNone) {
  FlatJson json{.numbers = {{"a.instructions", 5}, {"a.branch_misses", 1}, {"a.l1_misses", 1}}};
  EXPECT_EQ(CountsOf(json, "a").error(), "there is no a.ll_misses");
  json.numbers["a.ll_misses"] = -1;
  EXPECT_EQ(CountsOf(json, "a").error(), "a.ll_misses is negative");
  json.numbers["a.ll_misses"] = 0;
  EXPECT_TRUE(CountsOf(json, "a").has_value());
}

}  // namespace
}  // namespace aether::celeron
