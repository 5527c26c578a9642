// Reductions, shrinking and the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/testing/sim/reductions.h"
#include "stack/testing/sim/saved_run.h"
#include "stack/testing/sim/shrink.h"
#include "stack/testing/sim/sim_options.h"

namespace aether::testing::sim {
namespace {

using ::testing::HasSubstr;

std::expected<SimOptions, std::string> Parse(std::vector<std::string_view> arguments) {
  return ParseSimOptions(arguments);
}

TEST(ReductionsTest, EveryFeatureCanBeSwitchedOff) {
  std::set<std::string_view> seen;
  for (const std::string_view name : ScenarioNames()) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      const Scenario scenario = *DrawScenario(name, seed, "classic");
      for (const std::string_view feature : FeatureNames()) {
        if (!HasFeature(scenario, feature)) continue;
        seen.insert(feature);
        Scenario reduced = scenario;
        Reductions reductions;
        reductions.without.emplace(feature);
        Reduce(reduced, reductions);
        EXPECT_FALSE(HasFeature(reduced, feature)) << feature;
      }
    }
  }
  EXPECT_EQ(seen.size(), FeatureNames().size());
}

TEST(ReductionsTest, WhatIsAwaitedIsCutWithWhatIsSent) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    const RunSpec spec{.scenario = "exchanges",
                       .seed = seed,
                       .profile = "classic",
                       .reductions = {.without = {}, .bytes_max = 40, .connections_max = 1}};
    const Scenario scenario = *MakeScenario(spec);
    ASSERT_EQ(scenario.transfers.size(), 1u);
    uint64_t sent = 0;
    uint64_t awaited = 0;
    for (const WriteStep& step : scenario.transfers[0].server_app.writes) {
      if (step.kind != WriteStep::Kind::kSend) continue;
      EXPECT_LE(step.bytes, 40u);
      sent += step.bytes;
    }
    for (const WriteStep& step : scenario.transfers[0].client_app.writes) {
      if (step.kind == WriteStep::Kind::kAwait) awaited = step.bytes;
    }
    EXPECT_EQ(sent, awaited);
  }
}

TEST(ShrinkTest, FindsTheSmallestRunThatStillFails) {
  const RunSpec spec{.scenario = "hostile", .seed = 3, .profile = "classic", .reductions = {}};
  const auto has_loss_and_a_kilobyte = [](const RunSpec& candidate) {
    const Scenario scenario = *MakeScenario(candidate);
    uint64_t largest = 0;
    for (const TransferPlan& plan : scenario.transfers) {
      for (const WriteStep& step : plan.client_app.writes) largest = std::max(largest, step.bytes);
    }
    Outcome outcome;
    if (HasFeature(scenario, "loss") && largest >= 100)
      outcome.violation = Violation{"P1", "it", {}};
    return outcome;
  };
  const Outcome failing = has_loss_and_a_kilobyte(spec);
  ASSERT_TRUE(failing.violation);
  const Shrunk shrunk = Shrink(spec, failing, has_loss_and_a_kilobyte);
  const Scenario smallest = *MakeScenario(shrunk.spec);
  EXPECT_EQ(smallest.transfers.size(), 1u);
  EXPECT_TRUE(HasFeature(smallest, "loss"));
  for (const char* gone : {"burst", "duplicate", "reorder", "flip", "truncate", "jitter", "skew"}) {
    EXPECT_FALSE(HasFeature(smallest, gone)) << gone;
  }
  EXPECT_LE(shrunk.spec.reductions.bytes_max, 100u);
  EXPECT_TRUE(has_loss_and_a_kilobyte(shrunk.spec).violation);
}

TEST(SimOptionsTest, TheCommandOfARunIsThatRun) {
  RunSpec spec{.scenario = "lossy", .seed = 42, .profile = "classic", .reductions = {}};
  spec.reductions.without = {"loss", "skew"};
  spec.reductions.bytes_max = 1000;
  spec.reductions.first_connection = 1;
  spec.reductions.connections_max = 2;
  const std::string command = CommandOf(spec);
  const auto saved = ParseSavedRun("# a remark\n\n" + command + "\n");
  ASSERT_TRUE(saved) << saved.error();
  EXPECT_EQ(saved->spec.scenario, "lossy");
  EXPECT_EQ(saved->spec.seed, 42u);
  EXPECT_EQ(saved->spec.profile, "classic");
  EXPECT_EQ(saved->spec.reductions, spec.reductions);
  EXPECT_EQ(saved->remarks, std::vector<std::string>{"a remark"});
}

TEST(SimOptionsTest, SeedsAndScenariosMultiply) {
  const auto options = Parse({"--scenario", "clean,lossy", "--seeds=5..7", "--profile", "classic"});
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->runs.size(), 6u);
  EXPECT_EQ(options->runs.front().seed, 5u);
  EXPECT_EQ(options->runs.back().seed, 7u);
}

TEST(SimOptionsTest, AllLeavesOutWhatAProfileCannotDo) {
  const auto classic = Parse({"--profile", "classic"});
  ASSERT_TRUE(classic);
  EXPECT_LT(classic->runs.size(), ScenarioNames().size());
  for (const RunSpec& run : classic->runs) EXPECT_EQ(NeedsReliable(run.scenario), false);
}

TEST(SimOptionsTest, MistakesAreNamed) {
  const std::pair<std::vector<std::string_view>, const char*> mistakes[] = {
      {{"--scenario", "nothing"}, "no scenario \"nothing\""},
      {{"--profile", "odd"}, "no profile \"odd\""},
      {{"--seeds", "7..5"}, "1..2000"},
      {{"--seed", "x"}, "--seeds takes"},
      {{"--jobs", "0"}, "from 1 on"},
      {{"--jobs", "1000"}, "at most 256"},
      {{"--without", "gravity"}, "no feature \"gravity\""},
      {{"--seed"}, "needs a value"},
      {{"--colour", "red"}, "no flag --colour"},
      {{"stray"}, "not a flag"},
      {{"--pcap", "x", "--seeds", "1..2"}, "one run"},
      {{"--pcap", "x", "--replay", "a.sim", "b.sim"}, "one run"},
      {{"--table", "--profile", "random"}, "not for random"},
  };
  for (const auto& [arguments, text] : mistakes) {
    const auto options = Parse(arguments);
    ASSERT_FALSE(options) << text;
    EXPECT_THAT(options.error(), HasSubstr(text));
  }
}

}  // namespace
}  // namespace aether::testing::sim
