// Profiles by name, as a command line says them: those of tcp/profile.h, any of them with single
// mechanisms switched ("full,sack=off,congestion=newreno"), and "random", where every stack of a
// run draws its own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stack/tcp/profile.h"
#include "stack/testing/sim/dice.h"

namespace aether::testing::sim {

struct NamedProfile {
  std::string name;
  tcp::Profile profile;
  // What is lost is sent again, be it text or the news that a window has opened.
  bool is_reliable = false;
  bool is_random = false;
  // The name says when cookies are sent; otherwise a scenario draws it.
  bool has_cookie_rule = false;
};

std::optional<NamedProfile> FindProfile(std::string_view name);
// Mechanisms that are on or off.
std::vector<std::string_view> SwitchNames();
// One sentence about the names there are.
std::string ProfileHelp();

// The full profile with one mechanism off, or with any number of them off or different; whatever
// makes a profile reliable stays on.
tcp::Profile DrawProfile(Dice& dice);

}  // namespace aether::testing::sim
