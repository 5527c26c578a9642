#include "stack/testing/sim/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "stack/testing/naive_parser.h"

namespace aether::testing::sim {
namespace {

UdpSpec Datagram(size_t size, bool dont_fragment) {
  UdpSpec spec;
  spec.ip.dont_fragment = dont_fragment;
  spec.payload = Pattern(size);
  return spec;
}

TEST(RouterTest, TheReportQuotesThePacketAndNamesTheMtu) {
  const Frame frame = BuildUdp(Datagram(1400, true));
  ASSERT_TRUE(IsDontFragment(frame));
  EXPECT_FALSE(IsDontFragment(BuildUdp(Datagram(1400, false))));
  EXPECT_FALSE(IsDontFragment(BuildArp({})));
  const Frame report_frame = TooLongReport(frame, 1200);
  const auto report = NaiveParse(report_frame);
  ASSERT_TRUE(report) << report.error();
  ASSERT_TRUE(report->icmp);
  EXPECT_EQ(report->icmp->type, 3);
  EXPECT_EQ(report->icmp->code, 4);
  EXPECT_EQ(report->icmp->rest_of_header, 1200u);
  EXPECT_EQ(report->destination, kPeerMac.octets);
  EXPECT_EQ(report->ip->destination, kPeerIp.value);
  EXPECT_TRUE(std::equal(report->icmp->payload.begin(), report->icmp->payload.end(),
                         frame.begin() + kIpv4At));
  EXPECT_EQ(report->icmp->payload.size(), 28u);
}

TEST(RouterTest, FragmentsAreThePacketInPieces) {
  const Frame frame = BuildUdp(Datagram(3000, false));
  for (const uint16_t mtu : std::to_array<uint16_t>({68, 577, 1499, 1500, 4000})) {
    Frame together;
    const std::vector<Frame> parts = SplitFrame(frame, mtu);
    for (const Frame& part : parts) {
      const auto parsed = NaiveParse(part);
      ASSERT_TRUE(parsed) << parsed.error();
      ASSERT_LE(part.size(), mtu + 14u);
      EXPECT_EQ(parsed->ip->fragment_offset_bytes, together.size());
      EXPECT_EQ(parsed->ip->more_fragments, &part != &parts.back());
      together.insert(together.end(), parsed->ip->payload.begin(), parsed->ip->payload.end());
    }
    EXPECT_EQ(together, Frame(frame.begin() + kIpv4PayloadAt, frame.end())) << mtu;
  }
}

// A piece of a piece knows where it stands in the whole.
TEST(RouterTest, FragmentsAreSplitAgain) {
  const Frame frame = BuildUdp(Datagram(3000, false));
  const std::vector<Frame> first = SplitFrame(frame, 1500);
  ASSERT_EQ(first.size(), 3u);
  const std::vector<Frame> again = SplitFrame(first[1], 800);
  ASSERT_EQ(again.size(), 2u);
  const auto a = NaiveParse(again[0]);
  const auto b = NaiveParse(again[1]);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->ip->fragment_offset_bytes, 1480u);
  EXPECT_EQ(b->ip->fragment_offset_bytes, 1480u + a->ip->payload.size());
  EXPECT_TRUE(a->ip->more_fragments && b->ip->more_fragments);
}

}  // namespace
}  // namespace aether::testing::sim
