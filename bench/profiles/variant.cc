#include "bench/profiles/variant.h"

#include <algorithm>

#include "stack/tcp/profile_text.h"

namespace aether::bench {
namespace {

constexpr std::string_view kCookies = "syn_cookies";
constexpr std::string_view kCongestion = "congestion";

tcp::Profile With(tcp::Profile profile, std::string_view mechanism, const tcp::Profile& of) {
  if (mechanism == kCookies) profile.syn_cookies = of.syn_cookies;
  if (mechanism == kCongestion) profile.congestion = of.congestion;
  for (const tcp::ProfileSwitch& each : tcp::ProfileSwitches()) {
    if (each.name == mechanism) profile.*each.member = of.*each.member;
  }
  return profile;
}

}  // namespace

std::vector<std::string> Mechanisms() {
  std::vector<std::string> names{std::string(kCookies), std::string(kCongestion)};
  for (const tcp::ProfileSwitch& each : tcp::ProfileSwitches()) {
    if (tcp::kFull.*each.member != tcp::kClassic.*each.member) names.emplace_back(each.name);
  }
  return names;
}

std::vector<Variant> Variants() {
  std::vector<Variant> variants{{"full", "classic", tcp::kFull},
                                {"classic", "classic", tcp::kClassic}};
  for (const std::string& name : Mechanisms())
    variants.push_back({"full-" + name, "full", With(tcp::kFull, name, tcp::kClassic)});
  for (const std::string& name : Mechanisms())
    variants.push_back({"classic+" + name, "classic", With(tcp::kClassic, name, tcp::kFull)});
  return variants;
}

std::optional<Variant> VariantOfName(std::string_view name) {
  std::vector<Variant> variants = Variants();
  const auto found = std::ranges::find(variants, name, &Variant::name);
  if (found == variants.end()) return std::nullopt;
  return *found;
}

}  // namespace aether::bench
