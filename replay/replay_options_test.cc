// What the command line takes, and how it refuses.
#include "replay/replay_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace aether::replay {
namespace {

using ::testing::HasSubstr;

std::expected<ReplayOptions, std::string> Parse(const std::vector<std::string_view>& arguments) {
  return ParseReplayOptions(arguments);
}

TEST(ReplayOptions, Defaults) {
  const auto options = Parse({"a.pcap"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->capture, "a.pcap");
  EXPECT_EQ(options->mode, ReplayMode::kAdaptive);
  EXPECT_FALSE(options->speed);
}

TEST(ReplayOptions, Everything) {
  const auto options =
      Parse({"--mode=open", "--speed=x2.5", "--profile=classic", "--workers=3", "--filter", "tcp",
             "--json", "--report=r", "--summary=s", "--seed=9", "--address=10.1.2.3/16",
             "--mac=02:00:00:00:00:09", "--rounds=0", "a.pcap"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->mode, ReplayMode::kOpen);
  EXPECT_EQ(options->speed, 2.5);
  EXPECT_EQ(options->profile, tcp::kClassic);
  EXPECT_EQ(options->workers, 3u);
  EXPECT_EQ(options->filter, "tcp");
  EXPECT_TRUE(options->json);
  EXPECT_EQ(options->seed, 9u);
  EXPECT_EQ(options->address->prefix_length, 16);
  EXPECT_EQ(options->rounds, 0u);
  EXPECT_EQ(Parse({"--speed=recorded", "a"})->speed, 1.0);
  EXPECT_FALSE(Parse({"--speed=max", "a"})->speed);
  EXPECT_EQ(Parse({"--mode=exact", "a"})->mode, ReplayMode::kExact);
}

TEST(ReplayOptions, ShrinkAndReportNeedNoValue) {
  EXPECT_EQ(Parse({"--shrink", "a.pcap"})->shrink, "a.pcap.shrunk.pcap");
  EXPECT_EQ(Parse({"a.pcap", "--out=b", "--shrink"})->shrink, "b");
  EXPECT_EQ(Parse({"a.pcap", "--out=b", "--shrink=c"})->shrink, "c");
  EXPECT_TRUE(Parse({"--shrink=c", "a.pcap"})->shrinks);
  const auto options = Parse({"--report", "a.pcap"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->capture, "a.pcap");
  EXPECT_EQ(options->report, "");
  EXPECT_FALSE(options->shrinks);
}

TEST(ReplayOptions, Refusals) {
  for (const std::vector<std::string_view>& arguments : {std::vector<std::string_view>{},
                                                         {"a", "b"},
                                                         {"a", "--mode=fast"},
                                                         {"a", "--speed=2"},
                                                         {"a", "--speed=x0"},
                                                         {"a", "--speed=x-1"},
                                                         {"a", "--speed=xnan"},
                                                         {"a", "--workers=0"},
                                                         {"a", "--workers=65"},
                                                         {"a", "--what"},
                                                         {"a", "--filter="},
                                                         {"a", "--out"},
                                                         {"a", "--profile=none"},
                                                         {"a", "--address=10.0.0.1"},
                                                         {"a", "--mac=1"},
                                                         {"a", "--workers=2", "--out=x"}}) {
    const auto options = Parse(arguments);
    ASSERT_FALSE(options) << (arguments.empty() ? "" : arguments.back());
    EXPECT_EQ(options.error().find('\n'), std::string::npos);
  }
  EXPECT_THAT(Parse({"a", "--speed=2"}).error(), HasSubstr("--speed=2 is malformed: give"));
  EXPECT_TRUE(Parse({"--help"})->help);
}

}  // namespace
}  // namespace aether::replay
