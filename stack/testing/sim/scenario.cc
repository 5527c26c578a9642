// Draws a scenario of the catalogue.
#include "stack/testing/sim/scenario.h"

#include <algorithm>

#include "stack/testing/sim/catalogue.h"
#include "stack/testing/sim/draw.h"

namespace aether::testing::sim {
namespace {

std::vector<CatalogueEntry> Catalogue() {
  std::vector<CatalogueEntry> all;
  for (const auto part : {GoodLinkScenarios(), BadLinkScenarios(), HostScenarios()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::optional<CatalogueEntry> Find(std::string_view name) {
  for (const CatalogueEntry& entry : Catalogue()) {
    if (entry.name == name) return entry;
  }
  return std::nullopt;
}

uint64_t HashName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

// A server that keeps no state refuses what overtakes the end of the handshake; the connection is
// lost with it. Some runs show that nothing worse comes of it.
void SettleCookies(Dice& dice, Scenario& scenario) {
  if (!scenario.needs_reliable || scenario.profile.syn_cookies != tcp::SynCookies::kAlways) return;
  if (dice.Chance(kCertain / 4)) {
    scenario.expects_completion = false;
  } else {
    scenario.profile.syn_cookies = tcp::SynCookies::kUnderPressure;
  }
}

}  // namespace

std::vector<std::string_view> ScenarioNames() {
  std::vector<std::string_view> names;
  for (const CatalogueEntry& entry : Catalogue()) names.push_back(entry.name);
  return names;
}

std::optional<bool> NeedsReliable(std::string_view name) {
  const std::optional<CatalogueEntry> entry = Find(name);
  if (!entry) return std::nullopt;
  return entry->needs_reliable;
}

std::optional<Scenario> DrawScenario(std::string_view name, uint64_t seed,
                                     std::string_view profile_name) {
  const std::optional<CatalogueEntry> entry = Find(name);
  const std::optional<NamedProfile> named = FindProfile(profile_name);
  if (!entry || !named) return std::nullopt;
  Scenario scenario;
  scenario.name = name;
  scenario.seed = seed;
  scenario.profile_name = profile_name;
  scenario.profile = named->profile;
  scenario.needs_reliable = entry->needs_reliable;
  scenario.is_reliable = named->is_reliable;
  scenario.expects_completion = named->is_reliable || !entry->needs_reliable;
  Dice dice(Seed{HashName(name), seed});
  DrawBase(dice, scenario);
  Dice profiles(dice.NextSeed());
  const auto give_profiles = [&] {
    if (!named->is_random) return;
    for (NodeSpec& node : scenario.nodes) {
      if (!node.profile) node.profile = DrawProfile(profiles);
    }
  };
  give_profiles();
  entry->draw(dice, scenario);
  give_profiles();
  SettleCookies(dice, scenario);
  if (named->has_cookie_rule) scenario.profile.syn_cookies = named->profile.syn_cookies;
  for (NodeSpec& node : scenario.nodes) {
    if (node.profile) node.profile->syn_cookies = scenario.profile.syn_cookies;
  }
  if (!scenario.expects_completion) {
    // What cannot come through has to be given up by somebody.
    for (TransferPlan& plan : scenario.transfers) {
      plan.client_app.idle_timeout = plan.server_app.idle_timeout = std::chrono::seconds(400);
    }
  }
  return scenario;
}

}  // namespace aether::testing::sim
