#include "stack/tcp/cookie.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "stack/tcp/isn.h"

namespace aether::tcp {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr FlowKey kFlow{{0x0a000001u}, {0x0a000002u}, 40000, 80};
constexpr Seq kClientIsn{0x12345678u};
constexpr Instant kStart{seconds(100000)};

TEST(Cookie, BringsBackTheMssRoundedDown) {
  CookieJar jar({1, 2}, kStart);
  for (uint32_t mss = 88; mss <= 9000; ++mss) {
    uint16_t expected = CookieJar::kMssTable[0];
    for (uint16_t entry : CookieJar::kMssTable) {
      if (entry <= mss) expected = entry;
    }
    const Seq cookie = jar.Make(kFlow, kClientIsn, static_cast<uint16_t>(mss), kStart);
    ASSERT_EQ(jar.Check(kFlow, kClientIsn, cookie, kStart), expected) << mss;
  }
  EXPECT_EQ(jar.Check(kFlow, kClientIsn, jar.Make(kFlow, kClientIsn, 1, kStart), kStart), 88);
}

TEST(Cookie, IsGoodForOnePeriodAndTheNext) {
  CookieJar jar({1, 2}, kStart);
  // From every offset within a period: at least 64 s, less than 128 s.
  for (int offset = 0; offset < 64; ++offset) {
    const Instant made = kStart + seconds(offset);
    const Seq cookie = jar.Make(kFlow, kClientIsn, 1460, made);
    EXPECT_TRUE(jar.Check(kFlow, kClientIsn, cookie, made + seconds(64)));
  }
  CookieJar other({1, 2}, kStart);
  const Seq cookie = other.Make(kFlow, kClientIsn, 1460, kStart);
  EXPECT_FALSE(other.Check(kFlow, kClientIsn, cookie, kStart + seconds(128)));
  // The counter in the cookie counts modulo 8: the same residue, 8 periods later, is not the same
  // period.
  EXPECT_FALSE(other.Check(kFlow, kClientIsn, cookie, kStart + 8 * CookieJar::kPeriod));
  EXPECT_FALSE(other.Check(kFlow, kClientIsn, cookie, kStart + 32 * CookieJar::kPeriod));
}

TEST(Cookie, OutlivesTheRotationOfItsKeyButNotTwo) {
  const Duration epoch = CookieJar::kPeriod * CookieJar::kPeriodsPerKey;
  // The last moment of an epoch: the key changes one second later.
  const Instant last = Instant{epoch * 100} - seconds(1);
  CookieJar jar({1, 2}, last);
  const Seq cookie = jar.Make(kFlow, kClientIsn, 1460, last);
  EXPECT_TRUE(jar.Check(kFlow, kClientIsn, cookie, last + seconds(2)));
  // A new key makes new cookies: the same flow and time part, one epoch of 16 periods (0 modulo 8)
  // apart, differ.
  const Seq later = jar.Make(kFlow, kClientIsn, 1460, last + epoch);
  EXPECT_NE(later, cookie);
  EXPECT_TRUE(jar.Check(kFlow, kClientIsn, later, last + epoch));
}

TEST(Cookie, EveryFieldIsProtected) {
  CookieJar jar({1, 2}, kStart);
  const Seq cookie = jar.Make(kFlow, kClientIsn, 1460, kStart);
  FlowKey flow = kFlow;
  flow.remote.value ^= 1;
  EXPECT_FALSE(jar.Check(flow, kClientIsn, cookie, kStart));
  flow = kFlow;
  flow.remote_port ^= 1;
  EXPECT_FALSE(jar.Check(flow, kClientIsn, cookie, kStart));
  flow = kFlow;
  flow.local.value ^= 1;
  EXPECT_FALSE(jar.Check(flow, kClientIsn, cookie, kStart));
  flow = kFlow;
  flow.local_port ^= 1;
  EXPECT_FALSE(jar.Check(flow, kClientIsn, cookie, kStart));
  EXPECT_FALSE(jar.Check(kFlow, kClientIsn + 1, cookie, kStart));
  for (int bit = 0; bit < 32; ++bit) {
    EXPECT_FALSE(jar.Check(kFlow, kClientIsn, Seq(cookie.value() ^ (1u << bit)), kStart)) << bit;
  }
}

// 2^22 blind guesses: the chance that one is good is 2^-28 each, 1.6 % in all; the seed is fixed
// and shows none.
TEST(Cookie, BlindGuessesFail) {
  CookieJar jar({1, 2}, kStart);
  Random random({9, 9});
  int accepted = 0;
  for (int i = 0; i < (1 << 22); ++i) {
    if (jar.Check(kFlow, kClientIsn, Seq(random.Next32()), kStart)) ++accepted;
  }
  EXPECT_EQ(accepted, 0);
}

// [RFC 6528 3] no bit of the number that a peer sees is fixed or tells another flow's.
TEST(Cookie, ShowsNoPatternOverFlows) {
  CookieJar jar({1, 2}, kStart);
  std::array<int, 32> ones{};
  constexpr int kCount = 20000;
  for (int i = 0; i < kCount; ++i) {
    FlowKey flow = kFlow;
    flow.remote_port = static_cast<uint16_t>(1024 + i);
    const uint32_t value = jar.Make(flow, kClientIsn, 1460, kStart).value();
    for (size_t bit = 0; bit < 32; ++bit) ones[bit] += static_cast<int>((value >> bit) & 1);
  }
  // Five standard deviations of a fair coin, sqrt(20000) / 2 = 71.
  for (size_t bit = 0; bit < 32; ++bit) EXPECT_NEAR(ones[bit], kCount / 2, 5 * 71) << "bit " << bit;
}

// [RFC 9293 3.4.1 MUST-8, SHLD-1, MUST-9] [RFC 6528 3] one flow's numbers follow a clock of 4 us;
// different flows have nothing in common.
TEST(InitialSequence, FollowsTheClockWithinAFlowAndNothingAcrossFlows) {
  const SipKey key{1, 2};
  const Seq first = InitialSequence(key, kFlow, kStart);
  EXPECT_EQ(InitialSequence(key, kFlow, kStart + std::chrono::microseconds(4)), first + 1);
  EXPECT_EQ(InitialSequence(key, kFlow, kStart + seconds(1)), first + 250000);
  EXPECT_NE(InitialSequence({1, 3}, kFlow, kStart), first);
  std::set<uint32_t> seen;
  for (int i = 0; i < 10000; ++i) {
    FlowKey flow = kFlow;
    flow.remote_port = static_cast<uint16_t>(1024 + i);
    seen.insert(InitialSequence(key, flow, kStart).value() >> 8);
  }
  EXPECT_GT(seen.size(), 9980u);
}

}  // namespace
}  // namespace aether::tcp
