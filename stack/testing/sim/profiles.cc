#include "stack/testing/sim/profiles.h"

#include <array>
#include <span>

#include "stack/tcp/profile_text.h"

namespace aether::testing::sim {
namespace {

using tcp::CongestionAlgorithm;
using tcp::Profile;

constexpr std::array kCongestion = {CongestionAlgorithm::kNone, CongestionAlgorithm::kNewReno,
                                    CongestionAlgorithm::kCubic};
constexpr std::array<uint8_t, 4> kInitialWindows = {1, 2, 4, 10};

bool StaysOn(std::string_view name) {
  return name == "retransmission" || name == "zero_window_probes";
}

}  // namespace

std::optional<NamedProfile> FindProfile(std::string_view name) {
  NamedProfile named;
  named.name = name;
  named.is_random = name == "random";
  const std::optional<Profile> known =
      named.is_random ? std::optional(tcp::kFull) : tcp::ProfileOfText(name);
  if (!known) return std::nullopt;
  named.profile = *known;
  named.has_cookie_rule = name.find(",syn_cookies=") != std::string_view::npos;
  named.is_reliable = named.profile.retransmission && named.profile.zero_window_probes;
  return named;
}

std::vector<std::string_view> SwitchNames() {
  std::vector<std::string_view> names;
  for (const tcp::ProfileSwitch& each : tcp::ProfileSwitches()) names.push_back(each.name);
  return names;
}

std::string ProfileHelp() {
  std::string text = "random";
  for (const std::string_view name : tcp::kProfileNames) text += ", " + std::string(name);
  return text + "; the named ones followed by switches as in full,sack=off,congestion=newreno: " +
         tcp::ProfileSwitchHelp();
}

Profile DrawProfile(Dice& dice) {
  Profile profile = tcp::kFull;
  const std::span<const tcp::ProfileSwitch> switches = tcp::ProfileSwitches();
  if (dice.Chance(kCertain / 3)) {
    const tcp::ProfileSwitch& one = dice.Pick(switches);
    if (!StaysOn(one.name)) profile.*one.member = false;
    return profile;
  }
  const uint32_t off_ppm = dice.Chance(kCertain / 2) ? kCertain / 8 : kCertain / 2;
  for (const tcp::ProfileSwitch& each : switches) {
    if (!StaysOn(each.name)) profile.*each.member = !dice.Chance(off_ppm);
  }
  profile.congestion = dice.Pick(kCongestion);
  profile.initial_window_segments = dice.Pick(kInitialWindows);
  return profile;
}

}  // namespace aether::testing::sim
