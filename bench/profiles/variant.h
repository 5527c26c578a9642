// Profiles that differ in one mechanism from one of the two named ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stack/tcp/profile.h"

namespace aether::bench {

struct Variant {
  std::string name;  // "full", "classic", "full-sack", "classic+sack"
  std::string base;  // what it is compared with: "full" or "classic"
  tcp::Profile profile;
};

// Of everything in which the two profiles differ.
std::vector<std::string> Mechanisms();
// full and classic, full without each mechanism, classic with each.
std::vector<Variant> Variants();
std::optional<Variant> VariantOfName(std::string_view name);

}  // namespace aether::bench
