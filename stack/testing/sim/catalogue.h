// The scenarios there are, by name: what each changes about the base that draw.h makes.
#pragma once

#include <span>
#include <string_view>

#include "stack/testing/sim/dice.h"
#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {

struct CatalogueEntry {
  std::string_view name;
  // Frames are lost or come late, or ends are so: only for profiles that repeat them.
  bool needs_reliable;
  void (*draw)(Dice&, Scenario&);
};

// Applications in all their moods on links that keep what they carry.
std::span<const CatalogueEntry> GoodLinkScenarios();
// Links that harm frames.
std::span<const CatalogueEntry> BadLinkScenarios();
// Hosts: many of them, with odd profiles and options, that open at once, move, vanish, or attack.
std::span<const CatalogueEntry> HostScenarios();

// What several scenarios are made of.
void DrawJitterOn(Dice& dice, Scenario& scenario);
void DrawZeroWindow(Dice& dice, Scenario& scenario);
void DrawAbort(Dice& dice, Scenario& scenario);
void DrawManyConnections(Dice& dice, Scenario& scenario);
// A little of everything that a link can do to a frame.
void DrawHostileLinks(Dice& dice, Scenario& scenario);
// Between node 0 and node 1, which are stacks; as long as their profiles can put together.
void AddDatagrams(Dice& dice, Scenario& scenario);
inline void Add(Scenario& scenario, TransferPlan plan) {
  scenario.transfers.push_back(std::move(plan));
}

}  // namespace aether::testing::sim
