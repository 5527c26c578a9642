// The simulator's own TCP against itself: it has to be right before it can judge another.
#include "stack/testing/sim/sim_client.h"

#include <gtest/gtest.h>

#include "stack/testing/sim/simulation.h"
#include "stack/testing/sim/test_scenario.h"

namespace aether::testing::sim {
namespace {

// Every node of a drawn scenario is a SimClient.
Scenario WithoutStack(std::string_view name, uint64_t seed) {
  Scenario scenario = *DrawScenario(name, seed, "classic");
  for (NodeSpec& node : scenario.nodes) node.is_stack = false;
  for (TransferPlan& plan : scenario.transfers) {
    plan.client_app.idle_timeout = plan.server_app.idle_timeout = Duration{0};
    if (!plan.is_graceful) {
      plan.client_app.idle_timeout = plan.server_app.idle_timeout = std::chrono::minutes(30);
    }
  }
  scenario.profile.syn_cookies = tcp::SynCookies::kNever;
  scenario.expects_completion = true;
  return scenario;
}

class SimClientTest : public ::testing::TestWithParam<std::string_view> {};

TEST_P(SimClientTest, BringsEveryByteThrough) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Scenario scenario = WithoutStack(GetParam(), seed);
    const RunResult result = RunScenario(scenario);
    ASSERT_FALSE(result.violation)
        << "seed " << seed << ": " << result.violation->oracle << " " << result.violation->text;
    if (scenario.transfers[0].is_graceful) {
      ASSERT_EQ(result.finished, scenario.transfers.size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, SimClientTest,
                         ::testing::Values("clean", "tiny-mtu", "zero-window", "half-close",
                                           "simultaneous-close", "abort", "port-reuse", "duplicate",
                                           "lossy", "bursty", "reorder", "corrupt", "truncate",
                                           "blackout", "syn-loss", "shallow-queue",
                                           "lossy-zero-window", "lossy-many", "lossy-abort",
                                           "hostile"),
                         [](const auto& param_info) {
                           std::string name(param_info.param);
                           std::erase(name, '-');
                           return name;
                         });

TEST(SimClientRetransmissionTest, ALostSegmentIsSentAgain) {
  Scenario scenario = PlainScenario(50'000, 50'000);
  for (NodeSpec& node : scenario.nodes) node.is_stack = false;
  for (LinkSpec& link : scenario.links) link.loss_ppm = 50'000;
  const RunResult result = RunScenario(scenario);
  ASSERT_FALSE(result.violation) << result.violation->text;
  EXPECT_GT(result.retransmitted_segments, 0u);
  EXPECT_EQ(result.delivered_bytes, 100'000u);
}

TEST(SimClientRetransmissionTest, AServerThatIsNotThereIsGivenUp) {
  Scenario scenario = PlainScenario(1000, 1000);
  for (NodeSpec& node : scenario.nodes) node.is_stack = false;
  scenario.links[0].syn_losses = 1000;
  scenario.transfers[0].is_graceful = false;
  const RunResult result = RunScenario(scenario);
  ASSERT_FALSE(result.violation) << result.violation->text;
  EXPECT_EQ(result.finished, 0u);
  // Nine SYNs.
  EXPECT_EQ(result.links[0].lost_syn, 9u);
}

}  // namespace
}  // namespace aether::testing::sim
