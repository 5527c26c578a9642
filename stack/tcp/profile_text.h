// Profiles as a command line says them: a name, and any mechanism switched after it, as in
// "full,sack=off,congestion=newreno".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "stack/tcp/profile.h"

namespace aether::tcp {

// A mechanism that is on or off.
struct ProfileSwitch {
  std::string_view name;
  bool Profile::* member;
};
std::span<const ProfileSwitch> ProfileSwitches();

// Nothing when a name or a value is none.
std::optional<Profile> ProfileOfText(std::string_view text);

// What follows a name, in one line: "congestion=none|newreno|cubic, ...".
std::string ProfileSwitchHelp();

}  // namespace aether::tcp
