#include "stack/testing/sim/profiles.h"

#include <array>
#include <charconv>

namespace aether::testing::sim {
namespace {

using tcp::CongestionAlgorithm;
using tcp::Profile;
using tcp::SynCookies;

struct Switch {
  std::string_view name;
  bool Profile::* member;
};

constexpr std::array kSwitches = {
    Switch{"window_scaling", &Profile::window_scaling},
    Switch{"timestamps", &Profile::timestamps},
    Switch{"sack", &Profile::sack},
    Switch{"ecn", &Profile::ecn},
    Switch{"ecn_request", &Profile::ecn_request},
    Switch{"retransmission", &Profile::retransmission},
    Switch{"fast_retransmit", &Profile::fast_retransmit},
    Switch{"limited_transmit", &Profile::limited_transmit},
    Switch{"rack_tlp", &Profile::rack_tlp},
    Switch{"undo", &Profile::undo},
    Switch{"idle_restart", &Profile::idle_restart},
    Switch{"reassembly", &Profile::reassembly},
    Switch{"delayed_ack", &Profile::delayed_ack},
    Switch{"nagle", &Profile::nagle},
    Switch{"zero_window_probes", &Profile::zero_window_probes},
    Switch{"buffer_growth", &Profile::buffer_growth},
    Switch{"path_mtu_discovery", &Profile::path_mtu_discovery},
};

template <typename T>
struct Choice {
  std::string_view name;
  T value;
};
constexpr std::array kCongestion = {Choice{"none", CongestionAlgorithm::kNone},
                                    Choice{"newreno", CongestionAlgorithm::kNewReno},
                                    Choice{"cubic", CongestionAlgorithm::kCubic}};
constexpr std::array kCookies = {Choice{"never", SynCookies::kNever},
                                 Choice{"under-pressure", SynCookies::kUnderPressure},
                                 Choice{"always", SynCookies::kAlways}};
constexpr std::array kOnOff = {Choice{"on", true}, Choice{"off", false}};
constexpr std::array<uint8_t, 4> kInitialWindows = {1, 2, 4, 10};

template <typename T, size_t kCount>
bool Take(const std::array<Choice<T>, kCount>& choices, std::string_view value, T& out) {
  for (const Choice<T>& choice : choices) {
    if (choice.name != value) continue;
    out = choice.value;
    return true;
  }
  return false;
}

// "mechanism=value".
bool Apply(std::string_view change, NamedProfile& named) {
  const size_t equals = change.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = change.substr(0, equals);
  const std::string_view value = change.substr(equals + 1);
  Profile& profile = named.profile;
  if (name == "congestion") return Take(kCongestion, value, profile.congestion);
  if (name == "syn_cookies") {
    named.has_cookie_rule = true;
    return Take(kCookies, value, profile.syn_cookies);
  }
  if (name == "initial_window") {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), profile.initial_window_segments);
    return error == std::errc() && end == value.data() + value.size() &&
           profile.initial_window_segments > 0;
  }
  for (const Switch& each : kSwitches) {
    if (each.name == name) return Take(kOnOff, value, profile.*each.member);
  }
  return false;
}

bool StaysOn(std::string_view name) {
  return name == "retransmission" || name == "zero_window_probes";
}

}  // namespace

std::optional<NamedProfile> FindProfile(std::string_view name) {
  NamedProfile named;
  named.name = name;
  const std::string_view base = name.substr(0, name.find(','));
  named.is_random = base == "random";
  const std::optional<Profile> known =
      named.is_random ? std::optional(tcp::kFull) : tcp::ProfileOfName(base);
  if (!known || (named.is_random && base != name)) return std::nullopt;
  named.profile = *known;
  for (std::string_view rest = name.substr(base.size()); !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view change = rest.substr(0, rest.find(','));
    if (!Apply(change, named)) return std::nullopt;
    rest.remove_prefix(change.size());
  }
  named.is_reliable = named.profile.retransmission && named.profile.zero_window_probes;
  return named;
}

std::vector<std::string_view> SwitchNames() {
  std::vector<std::string_view> names;
  names.reserve(kSwitches.size());
  for (const Switch& each : kSwitches) names.push_back(each.name);
  return names;
}

std::string ProfileHelp() {
  std::string text = "random";
  for (const std::string_view name : tcp::kProfileNames) text += ", " + std::string(name);
  text +=
      "; the named ones followed by switches as in full,sack=off,congestion=newreno: "
      "congestion=none|newreno|cubic, syn_cookies=never|under-pressure|always, initial_window=N";
  for (const Switch& each : kSwitches) text += ", " + std::string(each.name);
  return text + "=on|off";
}

Profile DrawProfile(Dice& dice) {
  Profile profile = tcp::kFull;
  if (dice.Chance(kCertain / 3)) {
    const Switch& one = dice.Pick(kSwitches);
    if (!StaysOn(one.name)) profile.*one.member = false;
    return profile;
  }
  const uint32_t off_ppm = dice.Chance(kCertain / 2) ? kCertain / 8 : kCertain / 2;
  for (const Switch& each : kSwitches) {
    if (!StaysOn(each.name)) profile.*each.member = !dice.Chance(off_ppm);
  }
  profile.congestion = dice.Pick(kCongestion).value;
  profile.initial_window_segments = dice.Pick(kInitialWindows);
  return profile;
}

}  // namespace aether::testing::sim
