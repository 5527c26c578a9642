#include "stack/tcp/rtt.h"

#include <gtest/gtest.h>

namespace aether::tcp {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kMin = milliseconds(200);
constexpr Duration kMax = seconds(120);

// [RFC 6298 2.1]
TEST(Rtt, BeforeTheFirstSampleTheTimeoutIsASecond) {
  RttEstimator rtt;
  EXPECT_FALSE(rtt.HasSample());
  EXPECT_EQ(rtt.Rto(kMin, kMax), seconds(1));
}

// [RFC 6298 2.2] [RFC 6298 2.3] worked by hand.
TEST(Rtt, FollowsTheFormulas) {
  RttEstimator rtt;
  rtt.AddSample(milliseconds(100));
  EXPECT_EQ(rtt.srtt_us(), 100000u);
  EXPECT_EQ(rtt.rttvar_us(), 50000u);
  EXPECT_EQ(rtt.Rto(kMin, kMax), milliseconds(300));
  rtt.AddSample(milliseconds(180));
  // RTTVAR = 3/4 * 50 + 1/4 * |100 - 180| = 57.5; SRTT = 7/8 * 100 + 1/8 * 180 = 110.
  EXPECT_EQ(rtt.rttvar_us(), 57500u);
  EXPECT_EQ(rtt.srtt_us(), 110000u);
  EXPECT_EQ(rtt.Rto(kMin, kMax), milliseconds(340));
}

// [RFC 6298 5.5] [RFC 6298 2.5]
TEST(Rtt, BacksOffUpToTheMaximumAndASampleEndsIt) {
  RttEstimator rtt;
  rtt.AddSample(milliseconds(100));
  Duration last = rtt.Rto(kMin, kMax);
  for (int i = 0; i < 40; ++i) {
    rtt.Backoff();
    const Duration now = rtt.Rto(kMin, kMax);
    EXPECT_EQ(now, std::min(2 * last, kMax)) << i;
    last = now;
  }
  rtt.AddSample(milliseconds(100));
  EXPECT_LT(rtt.Rto(kMin, kMax), milliseconds(301));
}

// Seen in other stacks: an absurd sample overflowed the multiplication.
TEST(Rtt, AbsurdSamplesStayWithinTheBounds) {
  RttEstimator rtt;
  for (const Duration sample :
       {Duration(hours(1000)), Duration(-seconds(5)), Duration(0), Duration::max()}) {
    for (int i = 0; i < 20; ++i) {
      rtt.AddSample(sample);
      EXPECT_GE(rtt.Rto(kMin, kMax), kMin);
      EXPECT_LE(rtt.Rto(kMin, kMax), kMax);
      EXPECT_GT(rtt.srtt_us(), 0u);
    }
  }
}

// [RFC 6298 5.7] a handshake that took more than one try: three seconds, until there is a sample.
TEST(Rtt, FallsBackAfterALostSyn) {
  RttEstimator rtt;
  rtt.FallBack();
  EXPECT_EQ(rtt.Rto(milliseconds(200), seconds(120)), seconds(3));
  rtt.Backoff();
  EXPECT_EQ(rtt.Rto(milliseconds(200), seconds(120)), seconds(6));
  rtt.AddSample(milliseconds(100));
  EXPECT_EQ(rtt.Rto(milliseconds(200), seconds(120)), milliseconds(300));
}

}  // namespace
}  // namespace aether::tcp
