// An attacker off the path: he knows the addresses and ports of connections, but sees nothing that
// is sent, so he guesses numbers. His frames reach the victim through another node, its gateway.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "stack/base/time.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/sim/dice.h"
#include "stack/testing/sim/flow_watch.h"
#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {

// [RFC 2544] the addresses that SYNs come from; nobody has them.
constexpr bool IsNobody(Ipv4Address address) { return address.value >> 17 == 0xc612u >> 1; }

class Forger {
 public:
  Forger(const Scenario& scenario, Seed seed);

  // Two ends that the attacker may name.
  void AddFlow(const FlowKey& flow) { flows_.push_back(flow); }
  Instant NextFrame() const;
  struct Forged {
    uint32_t target = 0;
    Frame frame;
  };
  // The next frame that is due at `now`. Before there is a connection to name, it is an empty one.
  std::optional<Forged> Take(Instant now);

 private:
  struct Attack {
    ForgeryPlan plan;
    uint32_t sent = 0;
  };

  Frame Make(const ForgeryPlan& plan);
  Frame Syn(const ForgeryPlan& plan);
  Frame SegmentOf(const ForgeryPlan& plan, Ipv4Endpoint peer, Ipv4Endpoint victim);
  Frame ReportOf(const ForgeryPlan& plan, Ipv4Endpoint peer, Ipv4Endpoint victim);

  std::vector<NodeSpec> nodes_;
  Dice dice_;
  std::vector<Attack> attacks_;
  std::vector<FlowKey> flows_;
};

}  // namespace aether::testing::sim
