// The text form: every key, both directions, and every refusal with its sentence.
#include "stack/device/fault_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aether::device {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(FaultOptions, ParsesEveryKey) {
  const auto options = FaultOptions::Parse(
      "drop=0.5,dup=0.25,reorder=1,delay=20ms,jitter=1.5ms,corrupt=0.125,rate=10M,seed=7");
  ASSERT_TRUE(options.has_value()) << options.error();
  EXPECT_EQ(options->in.drop, uint64_t{1} << 31);
  EXPECT_EQ(options->in.duplicate, uint64_t{1} << 30);
  EXPECT_EQ(options->in.reorder, FaultRates::kAlways);
  EXPECT_EQ(options->in.corrupt, uint64_t{1} << 29);
  EXPECT_EQ(options->in.delay, 20ms);
  EXPECT_EQ(options->in.jitter, 1500us);
  EXPECT_EQ(options->in.rate_bits_per_second, 10'000'000u);
  EXPECT_EQ(options->out, options->in);
  EXPECT_EQ(options->seed, 7u);
}

TEST(FaultOptions, NoTextIsNoFault) {
  const auto options = FaultOptions::Parse("");
  ASSERT_TRUE(options.has_value()) << options.error();
  EXPECT_EQ(*options, FaultOptions{});
  EXPECT_FALSE(options->in.Any());
  EXPECT_TRUE(FaultOptions::Parse("delay=1us")->in.Any());
}

TEST(FaultOptions, TakesOneDirectionAlone) {
  const auto options = FaultOptions::Parse("in.drop=1,out.delay=2s,dup=.5,out.dup=0");
  ASSERT_TRUE(options.has_value()) << options.error();
  EXPECT_EQ(options->in.drop, FaultRates::kAlways);
  EXPECT_EQ(options->out.drop, 0u);
  EXPECT_EQ(options->in.delay, 0s);
  EXPECT_EQ(options->out.delay, 2s);
  EXPECT_EQ(options->in.duplicate, uint64_t{1} << 31);
  EXPECT_EQ(options->out.duplicate, 0u);
}

TEST(FaultOptions, ReadsDecimalNumbersAsWritten) {
  // The nearest double, whatever reads it.
  EXPECT_EQ(FaultOptions::Parse("drop=0.01")->in.drop, FaultOptions::Threshold(0.01));
  EXPECT_EQ(FaultOptions::Parse("drop=0.3")->in.drop, FaultOptions::Threshold(0.3));
  EXPECT_EQ(FaultOptions::Parse("drop=1.")->in.drop, FaultRates::kAlways);
  EXPECT_EQ(FaultOptions::Parse("drop=0.250000000000000000000000000")->in.drop, uint64_t{1} << 30);
  EXPECT_EQ(FaultOptions::Parse("drop=0" + std::string(400, '0'))->in.drop, 0u);
  EXPECT_EQ(FaultOptions::Parse("drop=0." + std::string(400, '0') + "1")->in.drop, 0u);
  EXPECT_EQ(FaultOptions::Parse("rate=000123456789012")->in.rate_bits_per_second, 123456789012u);
  EXPECT_EQ(FaultOptions::Parse("delay=1234.5678us")->in.delay, 1234568ns);
  for (const char* text : {"drop=.", "drop=..5", "drop=0..5", "drop=0.5.", "rate=.k"})
    EXPECT_FALSE(FaultOptions::Parse(text).has_value()) << text;
  EXPECT_FALSE(FaultOptions::Parse("rate=1" + std::string(400, '0')).has_value());
}

TEST(FaultOptions, TakesTheEdges) {
  EXPECT_EQ(FaultOptions::Parse("drop=0")->in.drop, 0u);
  EXPECT_EQ(FaultOptions::Parse("drop=1.0")->in.drop, FaultRates::kAlways);
  EXPECT_EQ(FaultOptions::Parse("delay=0s")->in.delay, 0s);
  EXPECT_EQ(FaultOptions::Parse("delay=60s")->in.delay, 60s);
  EXPECT_EQ(FaultOptions::Parse("delay=250us")->in.delay, 250us);
  EXPECT_EQ(FaultOptions::Parse("rate=1k")->in.rate_bits_per_second, 1000u);
  EXPECT_EQ(FaultOptions::Parse("rate=1000G")->in.rate_bits_per_second, 1'000'000'000'000u);
  EXPECT_EQ(FaultOptions::Parse("rate=9600")->in.rate_bits_per_second, 9600u);
  EXPECT_EQ(FaultOptions::Parse("seed=18446744073709551615")->seed, UINT64_MAX);
}

TEST(FaultOptions, RefusesWhatIsNoProbability) {
  for (const char* text :
       {"drop=", "drop=1.1", "drop=-0.1", "drop=nan", "drop=inf", "drop=0.1x", "drop=1e-2",
        "drop=0x1", "drop= 0.1", "drop=+0.1", "drop=.", "dup=2", "reorder=1.0000001", "corrupt=a",
        "drop=1%", "in.drop=9", "out.corrupt=-1"}) {
    const auto options = FaultOptions::Parse(text);
    ASSERT_FALSE(options.has_value()) << text;
    EXPECT_THAT(options.error(), HasSubstr("probability from 0 to 1")) << text;
  }
}

TEST(FaultOptions, RefusesWhatIsNoTime) {
  for (const char* text : {"delay=", "delay=20", "delay=20m", "delay=-1ms", "delay=ms", "delay=61s",
                           "delay=60000.1ms", "delay=nans", "delay=1e3us", "jitter=5", "delay=1 s",
                           "delay=99999999999999999999999999999999999999s"}) {
    const auto options = FaultOptions::Parse(text);
    ASSERT_FALSE(options.has_value()) << text;
    EXPECT_THAT(options.error(), HasSubstr("at most 60s")) << text;
  }
}

TEST(FaultOptions, RefusesWhatIsNoRate) {
  for (const char* text : {"rate=", "rate=0", "rate=999", "rate=1001G", "rate=1T", "rate=-5M"}) {
    const auto options = FaultOptions::Parse(text);
    ASSERT_FALSE(options.has_value()) << text;
    EXPECT_THAT(options.error(), HasSubstr("bits per second")) << text;
  }
}

TEST(FaultOptions, RefusesWhatIsNoSeed) {
  for (const char* text : {"seed=", "seed=-1", "seed=1.5", "seed=18446744073709551616", "seed=x"}) {
    const auto options = FaultOptions::Parse(text);
    ASSERT_FALSE(options.has_value()) << text;
    EXPECT_THAT(options.error(), HasSubstr("whole number")) << text;
  }
}

TEST(FaultOptions, RefusesUnknownTwiceAndMalformed) {
  EXPECT_THAT(FaultOptions::Parse("lose=0.1").error(), HasSubstr("'lose'"));
  EXPECT_THAT(FaultOptions::Parse("in.seed=1").error(), HasSubstr("'in.seed'"));
  EXPECT_THAT(FaultOptions::Parse("Drop=0.1").error(), HasSubstr("'Drop'"));
  EXPECT_THAT(FaultOptions::Parse("=0.1").error(), HasSubstr("''"));
  EXPECT_THAT(FaultOptions::Parse("drop=0.1,drop=0.2").error(), HasSubstr("twice"));
  EXPECT_THAT(FaultOptions::Parse("drop").error(), HasSubstr("key=value"));
  EXPECT_THAT(FaultOptions::Parse("drop=0.1,").error(), HasSubstr("key=value"));
  EXPECT_THAT(FaultOptions::Parse(",drop=0.1").error(), HasSubstr("key=value"));
}

}  // namespace
}  // namespace aether::device
