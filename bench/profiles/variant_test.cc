#include "bench/profiles/variant.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "bench/profiles/workload.h"
#include "stack/tcp/profile_text.h"

namespace aether::bench {
namespace {

TEST(Variants, AreAllOfTheMechanismsBothWays) {
  const std::vector<Variant> variants = Variants();
  const size_t mechanisms = Mechanisms().size();
  EXPECT_EQ(variants.size(), 2 + 2 * mechanisms);
  std::set<std::string> names;
  for (const Variant& variant : variants) {
    EXPECT_TRUE(names.insert(variant.name).second) << variant.name;
    EXPECT_EQ(VariantOfName(variant.name)->profile, variant.profile);
    // Each differs from what it is compared with, but the twin.
    const bool is_same = variant.profile == VariantOfName(variant.base)->profile;
    EXPECT_EQ(is_same, variant.name == "classic") << variant.name;
  }
  EXPECT_FALSE(VariantOfName("full-nothing"));
}

// A new mechanism that the list lacks would have no price.
TEST(Variants, AllMechanismsTogetherLeadFromOneProfileToTheOther) {
  tcp::Profile profile = tcp::kClassic;
  for (const std::string& name : Mechanisms()) {
    const tcp::Profile with = VariantOfName("classic+" + name)->profile;
    if (with.syn_cookies != tcp::kClassic.syn_cookies) profile.syn_cookies = with.syn_cookies;
    if (with.congestion != tcp::kClassic.congestion) profile.congestion = with.congestion;
    for (const tcp::ProfileSwitch& each : tcp::ProfileSwitches()) {
      if (with.*each.member != tcp::kClassic.*each.member) profile.*each.member = with.*each.member;
    }
  }
  EXPECT_EQ(profile, tcp::kFull);
}

TEST(Workload, RunsUnderBothProfiles) {
  for (const std::string_view name : kWorkloads) {
    for (const tcp::Profile& profile : {tcp::kFull, tcp::kClassic}) {
      const auto workload = MakeWorkload(name, profile, /*check=*/false);
      workload->Prepare();
      workload->Run();
      EXPECT_GT(workload->operations(), 0u);
      EXPECT_EQ(workload->Wrong(), "") << name;
    }
  }
}

}  // namespace
}  // namespace aether::bench
