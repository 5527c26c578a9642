// Profiles by name, and every mechanism switched off alone through the whole catalogue.
#include "stack/testing/sim/profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/testing/sim/reductions.h"
#include "stack/testing/sim/runner.h"
#include "stack/testing/sim/sim_options.h"

namespace aether::testing::sim {
namespace {

using ::testing::HasSubstr;

TEST(ProfilesTest, SwitchesChangeOneMechanismEach) {
  for (const std::string_view name : SwitchNames()) {
    const auto off = FindProfile("full," + std::string(name) + "=off");
    ASSERT_TRUE(off) << name;
    EXPECT_NE(off->profile, tcp::kFull) << name;
    const auto on = FindProfile("full," + std::string(name) + "=off," + std::string(name) + "=on");
    ASSERT_TRUE(on);
    EXPECT_EQ(on->profile, tcp::kFull) << name;
    EXPECT_THAT(ProfileHelp(), HasSubstr(std::string(name)));
  }
  const auto several = FindProfile("full,sack=off,congestion=newreno,initial_window=3");
  ASSERT_TRUE(several);
  EXPECT_FALSE(several->profile.sack);
  EXPECT_EQ(several->profile.congestion, tcp::CongestionAlgorithm::kNewReno);
  EXPECT_EQ(several->profile.initial_window_segments, 3);
  EXPECT_TRUE(several->is_reliable);
  EXPECT_FALSE(FindProfile("full,retransmission=off")->is_reliable);
  EXPECT_FALSE(FindProfile("full,zero_window_probes=off")->is_reliable);
  EXPECT_TRUE(FindProfile("random")->is_random);
}

TEST(ProfilesTest, MistakesAreNoProfile) {
  for (const char* name : {"", "fast", "full,", "full,sack", "full,sack=maybe", "full,colour=on",
                           "full,initial_window=0", "full,initial_window=x", "random,sack=off",
                           "full,congestion=bbr", "full,syn_cookies=on"}) {
    EXPECT_FALSE(FindProfile(name)) << name;
  }
}

TEST(ProfilesTest, ACookieRuleIsThatOfTheRun) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const auto scenario = DrawScenario("lossy", seed, "full,syn_cookies=always");
    ASSERT_TRUE(scenario);
    EXPECT_EQ(scenario->profile.syn_cookies, tcp::SynCookies::kAlways);
  }
}

TEST(ProfilesTest, DrawsAreReliableAndReachEveryMechanism) {
  Dice dice(Seed{4, 4});
  std::vector<tcp::Profile> drawn;
  for (int i = 0; i < 300; ++i) {
    drawn.push_back(DrawProfile(dice));
    ASSERT_TRUE(drawn.back().retransmission && drawn.back().zero_window_probes);
  }
  const auto any = [&](bool tcp::Profile::* member) {
    return std::ranges::any_of(drawn, [&](const tcp::Profile& p) { return !(p.*member); });
  };
  for (bool tcp::Profile::* member :
       {&tcp::Profile::sack, &tcp::Profile::timestamps, &tcp::Profile::reassembly,
        &tcp::Profile::rack_tlp, &tcp::Profile::undo, &tcp::Profile::fast_retransmit,
        &tcp::Profile::path_mtu_discovery}) {
    EXPECT_TRUE(any(member));
  }
}

// Under a sanitizer, which makes all of it ten times as slow, each run once and with one seed.
#if defined(AETHER_SANITIZED)
constexpr std::string_view kSwitchSeeds = "1..1";
constexpr bool kSwitchTwice = false;
constexpr size_t kSwitchRunsMin = 15;
#else
constexpr std::string_view kSwitchSeeds = "1..3";
constexpr bool kSwitchTwice = true;
constexpr size_t kSwitchRunsMin = 45;
#endif

class SwitchTest : public ::testing::TestWithParam<std::string> {};

TEST_P(SwitchTest, EveryScenarioRunsClean) {
  const auto options = ParseSimOptions(
      std::vector<std::string_view>{"--seeds", kSwitchSeeds, "--profile", GetParam()});
  ASSERT_TRUE(options) << options.error();
  ASSERT_GE(options->runs.size(), kSwitchRunsMin);
  RunAll(options->runs, {.twice = kSwitchTwice}, [&](size_t index, const Outcome& outcome) {
    EXPECT_FALSE(outcome.violation) << outcome.violation->oracle << ": " << outcome.violation->text
                                    << "\nrepeat: " << CommandOf(options->runs[index]);
    return true;
  });
}

std::vector<std::string> Switched() {
  std::vector<std::string> names = {"random", "full,congestion=none", "full,congestion=newreno",
                                    "full,initial_window=1"};
  for (const std::string_view name : SwitchNames())
    names.push_back("full," + std::string(name) + "=off");
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, SwitchTest, ::testing::ValuesIn(Switched()),
                         [](const auto& param_info) {
                           std::string name;
                           for (const char c : param_info.param) {
                             if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
                           }
                           return name;
                         });

}  // namespace
}  // namespace aether::testing::sim
