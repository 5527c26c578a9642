// The catalogue against the stack: a few draws of every scenario in every profile run clean, twice
// the same. aether-sim runs thousands.
#include "stack/testing/sim/scenario.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "stack/testing/sim/runner.h"
#include "stack/testing/sim/simulation.h"

namespace aether::testing::sim {
namespace {

class ScenarioTest
    : public ::testing::TestWithParam<std::tuple<std::string_view, std::string_view>> {};

TEST_P(ScenarioTest, RunsClean) {
  const auto& [profile, name] = GetParam();
  std::vector<RunSpec> specs;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    specs.push_back({.scenario = std::string(name),
                     .seed = seed,
                     .profile = std::string(profile),
                     .reductions = {}});
  }
  std::set<uint64_t> hashes;
  RunAll(specs, {.twice = true}, [&](size_t index, const Outcome& outcome) {
    EXPECT_FALSE(outcome.violation) << outcome.violation->oracle << ": " << outcome.violation->text
                                    << "\nrepeat: " << CommandOf(specs[index]);
    hashes.insert(outcome.trace_hash);
    return true;
  });
  // Every seed is another run.
  EXPECT_EQ(hashes.size(), specs.size());
}

std::string ParamName(const ::testing::TestParamInfo<ScenarioTest::ParamType>& param_info) {
  std::string text =
      std::string(std::get<0>(param_info.param)) + "_" + std::string(std::get<1>(param_info.param));
  std::erase(text, '-');
  return text;
}

INSTANTIATE_TEST_SUITE_P(Full, ScenarioTest,
                         ::testing::Combine(::testing::Values("full"),
                                            ::testing::ValuesIn(ScenarioNames())),
                         ParamName);
INSTANTIATE_TEST_SUITE_P(Classic, ScenarioTest,
                         ::testing::Combine(::testing::Values("classic"),
                                            ::testing::ValuesIn(ScenarioNames())),
                         ParamName);

TEST(DrawScenarioTest, NamesAndProfilesAreKnownOrNot) {
  EXPECT_FALSE(DrawScenario("no such", 1, "classic"));
  EXPECT_FALSE(DrawScenario("clean", 1, "no such"));
  EXPECT_EQ(NeedsReliable("clean"), false);
  EXPECT_EQ(NeedsReliable("lossy"), true);
  EXPECT_FALSE(NeedsReliable("no such"));
}

TEST(DrawScenarioTest, OnlyScenariosThatNeedAReliableProfileHarmFrames) {
  for (const std::string_view name : ScenarioNames()) {
    bool lossy = false;
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      const std::optional<Scenario> scenario = DrawScenario(name, seed, "classic");
      ASSERT_TRUE(scenario);
      ASSERT_EQ(scenario->links.size(), scenario->nodes.size());
      ASSERT_FALSE(scenario->transfers.empty() && scenario->datagrams.empty());
      for (const LinkSpec& link : scenario->links) lossy |= link.IsLossy();
      EXPECT_EQ(scenario->expects_completion, !scenario->needs_reliable);
    }
    // These lose nothing on links, but SYNs to a full table, or everything by a change of address.
    const std::set<std::string_view> others = {"syn-flood", "blind-attack", "address-change",
                                               "full-tables"};
    EXPECT_EQ(lossy || others.contains(name), *NeedsReliable(name)) << name;
  }
}

}  // namespace
}  // namespace aether::testing::sim
