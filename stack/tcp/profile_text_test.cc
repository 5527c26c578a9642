#include "stack/tcp/profile_text.h"

#include <gtest/gtest.h>

#include <string>

namespace aether::tcp {
namespace {

TEST(ProfileText, NamesStandForThemselves) {
  EXPECT_EQ(ProfileOfText("full"), kFull);
  EXPECT_EQ(ProfileOfText("classic"), kClassic);
}

TEST(ProfileText, EverySwitchChangesOneMechanism) {
  for (const ProfileSwitch& each : ProfileSwitches()) {
    const std::string name(each.name);
    Profile off = kFull;
    off.*each.member = false;
    EXPECT_EQ(ProfileOfText("full," + name + "=off"), off) << name;
    EXPECT_EQ(ProfileOfText("full," + name + "=off," + name + "=on"), kFull) << name;
    EXPECT_NE(ProfileSwitchHelp().find(name), std::string::npos) << name;
  }
  // A mechanism that nobody could switch would be missing above.
  Profile profile = kFull;
  for (const ProfileSwitch& each : ProfileSwitches()) profile.*each.member = false;
  profile.congestion = CongestionAlgorithm::kNone;
  profile.syn_cookies = SynCookies::kAlways;
  EXPECT_EQ(profile, kClassic);
}

TEST(ProfileText, ChoicesAndNumbers) {
  Profile profile = kClassic;
  profile.congestion = CongestionAlgorithm::kNewReno;
  profile.syn_cookies = SynCookies::kNever;
  profile.initial_window_segments = 255;
  EXPECT_EQ(ProfileOfText("classic,congestion=newreno,syn_cookies=never,initial_window=255"),
            profile);
}

TEST(ProfileText, MistakesAreNoProfile) {
  for (const char* text :
       {"", ",", "fast", "full,", "full,,", "full,sack", "full,sack=", "full,sack=maybe",
        "full,colour=on", "full,initial_window=0", "full,initial_window=256",
        "full,initial_window=x", "full,initial_window=3x", "full,congestion=bbr",
        "full,syn_cookies=on", "sack=off", "Full"}) {
    EXPECT_FALSE(ProfileOfText(text)) << text;
  }
}

}  // namespace
}  // namespace aether::tcp
