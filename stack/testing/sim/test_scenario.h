// A small scenario without chance, for the simulator's own tests: node 1, the simulator's own TCP,
// talks to node 0, a stack, over a clean link.
#pragma once

#include <utility>

#include "stack/testing/sim/draw.h"
#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {

inline Scenario PlainScenario(uint64_t up_bytes, uint64_t down_bytes) {
  Scenario scenario;
  scenario.name = "plain";
  scenario.profile_name = "classic";
  scenario.profile = tcp::kClassic;
  scenario.run_seed = Seed{1, 2};
  for (uint8_t i = 0; i < 2; ++i) {
    NodeSpec node;
    node.is_stack = i == 0;
    node.mac = MacAddress{{2, 0, 0, 0, 3, i}};
    node.address = {Ipv4Address::Of(10, 0, 0, static_cast<uint8_t>(1 + i)), 24};
    node.seed = Seed{i, 5};
    scenario.nodes.push_back(node);
    LinkSpec link;
    link.delay = std::chrono::milliseconds(1);
    scenario.links.push_back(link);
  }
  TransferPlan plan;
  plan.client = 1;
  plan.client_stream = 11;
  plan.server_stream = 12;
  plan.client_app.writes = {SendStep(up_bytes), AwaitStep(down_bytes)};
  plan.server_app.writes = {AwaitStep(up_bytes), SendStep(down_bytes)};
  scenario.transfers = {std::move(plan)};
  return scenario;
}

}  // namespace aether::testing::sim
