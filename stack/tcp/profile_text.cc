#include "stack/tcp/profile_text.h"

#include <array>
#include <charconv>

namespace aether::tcp {
namespace {

constexpr std::array kSwitches = {
    ProfileSwitch{"window_scaling", &Profile::window_scaling},
    ProfileSwitch{"timestamps", &Profile::timestamps},
    ProfileSwitch{"sack", &Profile::sack},
    ProfileSwitch{"ecn", &Profile::ecn},
    ProfileSwitch{"ecn_request", &Profile::ecn_request},
    ProfileSwitch{"retransmission", &Profile::retransmission},
    ProfileSwitch{"fast_retransmit", &Profile::fast_retransmit},
    ProfileSwitch{"limited_transmit", &Profile::limited_transmit},
    ProfileSwitch{"rack_tlp", &Profile::rack_tlp},
    ProfileSwitch{"undo", &Profile::undo},
    ProfileSwitch{"idle_restart", &Profile::idle_restart},
    ProfileSwitch{"reassembly", &Profile::reassembly},
    ProfileSwitch{"delayed_ack", &Profile::delayed_ack},
    ProfileSwitch{"nagle", &Profile::nagle},
    ProfileSwitch{"zero_window_probes", &Profile::zero_window_probes},
    ProfileSwitch{"buffer_growth", &Profile::buffer_growth},
    ProfileSwitch{"path_mtu_discovery", &Profile::path_mtu_discovery},
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
bool Apply(std::string_view change, Profile& profile) {
  const size_t equals = change.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = change.substr(0, equals);
  const std::string_view value = change.substr(equals + 1);
  if (name == "congestion") return Take(kCongestion, value, profile.congestion);
  if (name == "syn_cookies") return Take(kCookies, value, profile.syn_cookies);
  if (name == "initial_window") {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), profile.initial_window_segments);
    return error == std::errc() && end == value.data() + value.size() &&
           profile.initial_window_segments > 0;
  }
  for (const ProfileSwitch& each : kSwitches) {
    if (each.name == name) return Take(kOnOff, value, profile.*each.member);
  }
  return false;
}

}  // namespace

std::span<const ProfileSwitch> ProfileSwitches() { return kSwitches; }

std::optional<Profile> ProfileOfText(std::string_view text) {
  const std::string_view base = text.substr(0, text.find(','));
  std::optional<Profile> profile = ProfileOfName(base);
  if (!profile) return std::nullopt;
  for (std::string_view rest = text.substr(base.size()); !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view change = rest.substr(0, rest.find(','));
    if (!Apply(change, *profile)) return std::nullopt;
    rest.remove_prefix(change.size());
  }
  return profile;
}

std::string ProfileSwitchHelp() {
  std::string text =
      "congestion=none|newreno|cubic, syn_cookies=never|under-pressure|always, initial_window=N";
  for (const ProfileSwitch& each : kSwitches) text += ", " + std::string(each.name);
  return text + "=on|off";
}

}  // namespace aether::tcp
