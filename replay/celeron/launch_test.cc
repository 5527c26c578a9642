#include "replay/celeron/launch.h"

#include <gtest/gtest.h>

namespace aether::celeron {
namespace {

TEST(Launch, IsAskedForByItsFlagAlone) {
  EXPECT_TRUE(IsAsked({"--quick", "--celeron"}));
  EXPECT_TRUE(IsAsked({"--celeron-target"}));
  EXPECT_TRUE(IsAsked({"--celeron-constants=x"}));
  EXPECT_FALSE(IsAsked({"celeron.pcap", "--json"}));
  EXPECT_FALSE(IsAsked({}));
}

TEST(Launch, RefusesCodeThatACeleronCannotRun) {
  for (const char* flag : {"--march=native", "--march=haswell", "--march="}) {
    const std::string refusal = Refusal({"--celeron", flag});
    EXPECT_NE(refusal.find("-march=core2"), std::string::npos) << flag;
    EXPECT_NE(refusal.find(flag + 2), std::string::npos) << refusal;
  }
  EXPECT_EQ(Refusal({"--celeron", "--march=core2"}), "");
}

TEST(Launch, TakesItsFlagsAndNoOthers) {
  EXPECT_EQ(Refusal({"--celeron", "--quick", "--celeron-constants=a", "--out=b", "--seed=1"}), "");
  EXPECT_NE(Refusal({"--celeron", "a.pcap"}), "");
  EXPECT_NE(Refusal({"--celeron", "--json"}), "");
  EXPECT_NE(Refusal({"--celeron-constants=a"}), "");
}

TEST(Launch, KnowsWhatItWasBuiltFor) {
#if defined(__AVX__) || defined(__SSE4_1__)
  EXPECT_EQ(BuildTarget(), "other");
#elif defined(__core2__)
  EXPECT_EQ(BuildTarget(), "core2");
#elif defined(__x86_64__)
  EXPECT_EQ(BuildTarget(), "x86-64");
#endif
}

}  // namespace
}  // namespace aether::celeron
