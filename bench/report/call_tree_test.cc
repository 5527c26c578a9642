#include "bench/report/call_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aether::perf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// main calls Work twice and Other once; both call Leaf. Names are given once and numbered.
constexpr const char* kProfile =
    "events: Ir\nfl=(1) a.cc\nfn=(1) main\n1 10\ncfn=(2) ns::Work<int>(char)\ncalls=2 5\n2 60\n"
    "cfi=(2) b.cc\ncfn=(3) Other\ncalls=1 9\n* 30\n\nfn=(2)\n5 20\ncfn=(4) Leaf\ncalls=2 1\n+1 "
    "40\n\n"
    "fn=(3)\n9 20\ncfn=(4)\ncalls=1 1\n-1 10\n\nfn=(4)\n1 50\n\ntotals: 100\n";

TEST(CallTree, ReadsCallgrindsFormat) {
  const auto profile = ParseCallgrind("x", kProfile);
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->functions.size(), 4u);
  EXPECT_EQ(profile->functions.at("main").self, 10);
  EXPECT_EQ(profile->functions.at("main").inclusive(), 100);
  EXPECT_EQ(profile->functions.at("ns::Work<int>(char)").calls.at("Leaf"), 40);
  EXPECT_EQ(profile->functions.at("Leaf").inclusive(), 50);
}

TEST(CallTree, WhatIsNoneIsAnError) {
  EXPECT_THAT(std::string(ParseCallgrind("file", "fn=(1) a\n1 x\n").status().message()),
              HasSubstr("file:2"));
  EXPECT_FALSE(ParseCallgrind("file", "").ok());
  EXPECT_FALSE(ParseCallgrind("file", "1 5\n").ok());
}

TEST(CallTree, CalleesLieBelowTheirCallersWithTheirShare) {
  const auto profile = ParseCallgrind("x", kProfile);
  const std::string svg = Icicle(*profile, nullptr);
  EXPECT_THAT(svg, HasSubstr("<rect x=\"0.0\" y=\"0\" width=\"999.5\""));
  EXPECT_THAT(svg, HasSubstr("<rect x=\"0.0\" y=\"20\" width=\"599.5\""));
  EXPECT_THAT(svg, HasSubstr("<rect x=\"0.0\" y=\"40\" width=\"399.5\""));
  EXPECT_THAT(svg, HasSubstr("<rect x=\"600.0\" y=\"20\" width=\"299.5\""));
  EXPECT_THAT(svg, HasSubstr(">ns::Work</text>"));
  EXPECT_THAT(svg, HasSubstr("ns::Work&lt;int&gt;(char): 60.0 instructions"));
}

TEST(CallTree, ColoursWhatChanged) {
  const auto base = ParseCallgrind("x", kProfile);
  CallProfile head = *base;
  head.functions["Leaf"].self += 5;
  head.functions["ns::Work<int>(char)"].calls["Leaf"] += 5;
  const std::string svg = Icicle(head, &*base);
  EXPECT_THAT(svg, HasSubstr("<g class=\"dearer much\"><title>Leaf"));
  EXPECT_THAT(svg, HasSubstr("<g class=\"same\"><title>Other"));
  EXPECT_THAT(Icicle(*base, &*base), Not(HasSubstr("dearer")));
}

TEST(CallTree, RecursionComesToAnEnd) {
  const auto profile = ParseCallgrind("x",
                                      "fn=(1) a\n1 10\ncfn=(2) b\ncalls=1 1\n1 90\nfn=(2)\n1 "
                                      "50\ncfn=(1)\ncalls=1 1\n1 40\nfn=(3) r\n1 "
                                      "1\ncfn=(1)\ncalls=1 1\n1 100\n");
  ASSERT_TRUE(profile.ok());
  EXPECT_THAT(Icicle(*profile, nullptr), HasSubstr("<title>b"));
}

TEST(CallTree, NamesAreShort) {
  EXPECT_EQ(ShortName("aether::tcp::Demux::Find<void (int)>(unsigned) const"), "tcp::Demux::Find");
  EXPECT_EQ(ShortName("aether::(anonymous namespace)::Sum(char const*)"), "Sum");
  EXPECT_EQ(ShortName("memcpy"), "memcpy");
}

}  // namespace
}  // namespace aether::perf
