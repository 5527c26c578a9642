#include "stack/testing/sim/link.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "stack/testing/naive_parser.h"

namespace aether::testing::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Seed kSeed{3, 4};

Instant At(Duration when) { return Instant(when); }

std::vector<std::pair<Instant, Frame>> Drain(Link& link) {
  std::vector<std::pair<Instant, Frame>> all;
  for (Frame frame; link.NextArrival() != kNever;) {
    const Instant when = link.NextArrival();
    while (link.Receive(when, frame)) all.emplace_back(when, frame);
  }
  return all;
}

Frame Numbered(uint32_t number, size_t size = 100) {
  UdpSpec spec;
  spec.payload = Pattern(size);
  StoreBe<uint32_t>(spec.payload.data(), number);
  return BuildUdp(spec);
}

uint32_t NumberOf(const Frame& frame) {
  return LoadBe<uint32_t>(frame.data() + kIpv4PayloadAt + 8);
}

TEST(LinkTest, RateAndDelayAreExact) {
  // 1,000 bytes at 8 Mbit/s take one millisecond.
  Link link({.rate_bits_per_second = 8'000'000, .delay = milliseconds(5)}, kSeed);
  const Frame frame(1000, 1);
  link.Send(frame, At(seconds(1)));
  link.Send(frame, At(seconds(1)));
  link.Send(frame, At(seconds(2)));
  const auto out = Drain(link);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].first, At(seconds(1) + milliseconds(6)));
  EXPECT_EQ(out[1].first, At(seconds(1) + milliseconds(7)));
  EXPECT_EQ(out[2].first, At(seconds(2) + milliseconds(6)));
  EXPECT_EQ(out[0].second, frame);
}

TEST(LinkTest, NothingComesOutEarly) {
  Link link({.delay = milliseconds(5)}, kSeed);
  Frame frame(60, 1);
  link.Send(frame, At(seconds(1)));
  EXPECT_FALSE(link.Receive(At(seconds(1) + milliseconds(5) - Duration(1)), frame));
  EXPECT_TRUE(link.Receive(At(seconds(1) + milliseconds(5)), frame));
  EXPECT_EQ(link.NextArrival(), kNever);
}

TEST(LinkTest, TheQueueDropsAtItsTail) {
  Link link({.rate_bits_per_second = 8'000'000, .queue_bytes = 3000}, kSeed);
  const Frame frame(1000, 1);
  for (int i = 0; i < 10; ++i) link.Send(frame, At(seconds(1)));
  EXPECT_EQ(link.counters().queue_full, 7u);
  EXPECT_EQ(Drain(link).size(), 3u);
  // An idle wire takes a frame that is larger than the queue.
  link.Send(Frame(4000, 1), At(seconds(9)));
  EXPECT_EQ(Drain(link).size(), 1u);
}

TEST(LinkTest, LossIsAsOftenAsAsked) {
  Link link({.loss_ppm = 100'000}, kSeed);
  for (uint32_t i = 0; i < 10'000; ++i) link.Send(Numbered(i), At(milliseconds(i)));
  EXPECT_NEAR(static_cast<double>(link.counters().lost), 1000.0, 150.0);
  EXPECT_EQ(Drain(link).size() + link.counters().lost, 10'000u);
}

TEST(LinkTest, BurstsLoseFramesInARow) {
  Link link({.burst = {.enter_ppm = 10'000, .leave_ppm = 100'000, .loss_ppm = kCertain}}, kSeed);
  for (uint32_t i = 0; i < 20'000; ++i) link.Send(Numbered(i), At(milliseconds(i)));
  const auto out = Drain(link);
  uint32_t gaps = 0;
  for (size_t i = 1; i < out.size(); ++i) {
    if (NumberOf(out[i].second) != NumberOf(out[i - 1].second) + 1) ++gaps;
  }
  // A tenth of the time is bad, ten frames at a time.
  EXPECT_NEAR(static_cast<double>(link.counters().lost_in_burst), 1818.0, 500.0);
  EXPECT_GT(link.counters().lost_in_burst, 5u * gaps);
  EXPECT_GT(gaps, 50u);
}

TEST(LinkTest, ABurstEndsInTime) {
  Link link({.burst = {.enter_ppm = kCertain, .leave_ppm = 0, .time_max = milliseconds(50)}},
            kSeed);
  link.Send(Numbered(0), At(seconds(1)));
  link.Send(Numbered(1), At(seconds(1) + milliseconds(49)));
  link.Send(Numbered(2), At(seconds(1) + milliseconds(50)));
  EXPECT_EQ(link.counters().lost_in_burst, 2u);
  const auto out = Drain(link);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(NumberOf(out[0].second), 2u);
}

TEST(LinkTest, JitterKeepsTheOrderAndReorderingDoesNot) {
  for (const DelayKind kind : {DelayKind::kUniform, DelayKind::kNormal, DelayKind::kHeavyTail}) {
    LinkSpec spec{.delay = milliseconds(5), .delay_kind = kind, .jitter = milliseconds(4)};
    Link link(spec, kSeed);
    for (uint32_t i = 0; i < 500; ++i) link.Send(Numbered(i), At(microseconds(100 * i)));
    const auto out = Drain(link);
    ASSERT_EQ(out.size(), 500u);
    for (uint32_t i = 0; i < 500; ++i) ASSERT_EQ(NumberOf(out[i].second), i);
    // It is jitter nevertheless.
    EXPECT_NE(out[1].first - out[0].first, microseconds(100));
  }
  LinkSpec spec{
      .delay = milliseconds(5), .reorder_ppm = 100'000, .reorder_delay_max = milliseconds(3)};
  Link link(spec, kSeed);
  for (uint32_t i = 0; i < 500; ++i) link.Send(Numbered(i), At(microseconds(100 * i)));
  const auto out = Drain(link);
  ASSERT_EQ(out.size(), 500u);
  uint32_t late = 0;
  for (size_t i = 1; i < out.size(); ++i) {
    late += NumberOf(out[i].second) < NumberOf(out[i - 1].second) ? 1u : 0u;
  }
  EXPECT_GT(late, 20u);
}

TEST(LinkTest, DuplicatesAreTheSameFrame) {
  Link link({.duplicate_ppm = kCertain, .duplicate_delay_max = milliseconds(1)}, kSeed);
  link.Send(Numbered(7), At(seconds(1)));
  const auto out = Drain(link);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].second, out[1].second);
}

TEST(LinkTest, EveryFlipIsFoundByAChecksum) {
  Link link({.flip_ppm = kCertain}, kSeed);
  for (uint32_t i = 0; i < 3000; ++i) link.Send(Numbered(i), At(milliseconds(i)));
  uint32_t in_payload = 0;
  for (const auto& [when, frame] : Drain(link)) {
    const std::expected<NaiveFrame, std::string> parsed = NaiveParse(frame);
    // A flip in the Ethernet header alone is none of the checksums' business.
    if (parsed) {
      EXPECT_TRUE(
          std::equal(frame.begin() + 14, frame.end(), Numbered(NumberOf(frame)).begin() + 14));
    } else {
      ++in_payload;
    }
  }
  EXPECT_GT(in_payload, 2000u);
}

TEST(LinkTest, FlipsLeaveTheAddressesInArpAlone) {
  Link link({.flip_ppm = kCertain}, kSeed);
  const Frame frame = BuildArp({});
  for (int i = 0; i < 300; ++i) link.Send(frame, At(milliseconds(i)));
  for (const auto& [when, got] : Drain(link)) {
    EXPECT_TRUE(std::equal(got.begin() + 22, got.end(), frame.begin() + 22));
    EXPECT_NE(got, frame);
  }
}

TEST(LinkTest, TruncationCutsTheEnd) {
  Link link({.truncate_ppm = kCertain}, kSeed);
  const Frame frame = Numbered(1);
  for (int i = 0; i < 100; ++i) link.Send(frame, At(milliseconds(i)));
  for (const auto& [when, got] : Drain(link)) {
    EXPECT_LT(got.size(), frame.size());
    EXPECT_GE(got.size(), 1u);
    EXPECT_TRUE(std::equal(got.begin(), got.end(), frame.begin()));
  }
}

TEST(LinkTest, FramesLongerThanTheMtuAreLost) {
  Link link({.frame_bytes_max = 100}, kSeed);
  link.Send(Frame(101, 1), At(seconds(1)));
  link.Send(Frame(100, 1), At(seconds(1)));
  EXPECT_EQ(Drain(link).size(), 1u);
  EXPECT_EQ(link.counters().too_long, 1u);
}

TEST(LinkTest, ABlackoutTakesEverythingInItsTime) {
  LinkSpec spec;
  spec.blackouts = {{.start = At(seconds(2)), .length = seconds(1)}};
  Link link(spec, kSeed);
  for (const Duration when : {Duration(seconds(2)) - Duration(1), Duration(seconds(2)),
                              Duration(seconds(3)) - Duration(1), Duration(seconds(3))}) {
    link.Send(Numbered(0), At(when));
  }
  EXPECT_EQ(link.counters().blacked_out, 2u);
  EXPECT_EQ(Drain(link).size(), 2u);
}

TEST(LinkTest, TheFirstSynsAreLost) {
  Link link({.syn_losses = 2}, kSeed);
  const Frame syn = BuildTcp({.flags = tcp_flags::kSyn});
  for (int i = 0; i < 3; ++i) {
    link.Send(syn, At(milliseconds(i)));
    link.Send(BuildTcp({}), At(milliseconds(i)));
  }
  EXPECT_EQ(link.counters().lost_syn, 2u);
  EXPECT_EQ(Drain(link).size(), 4u);
}

TEST(LinkTest, ArpIsLostAlone) {
  Link link({.arp_loss_ppm = kCertain / 2}, kSeed);
  for (int i = 0; i < 1000; ++i) {
    link.Send(BuildArp({}), At(milliseconds(i)));
    link.Send(BuildTcp({}), At(milliseconds(i)));
  }
  EXPECT_NEAR(static_cast<double>(link.counters().lost_arp), 500.0, 80.0);
  EXPECT_EQ(Drain(link).size() + link.counters().lost_arp, 2000u);
}

TEST(LinkTest, MarksStandOnlyWhereTheyMay) {
  TcpSpec capable;
  capable.ip.type_of_service = 2;
  Link link({.mark_ppm = kCertain}, kSeed);
  link.Send(BuildTcp(capable), At(seconds(1)));
  link.Send(BuildTcp({}), At(seconds(1)));
  link.Send(BuildArp({}), At(seconds(1)));
  const auto out = Drain(link);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(link.counters().marked, 1u);
  const auto marked = NaiveParse(out[0].second);
  ASSERT_TRUE(marked) << marked.error();
  EXPECT_EQ(marked->ip->type_of_service & 3, 3);
  EXPECT_EQ(out[1].second, BuildTcp({}));
  EXPECT_EQ(out[2].second, BuildArp({}));
}

TEST(LinkTest, ALongQueueMarks) {
  TcpSpec capable;
  capable.ip.type_of_service = 2;
  capable.payload = Pattern(946);  // 1,000 bytes, a millisecond each
  Link link({.rate_bits_per_second = 8'000'000, .mark_queue_bytes = 3000}, kSeed);
  for (int i = 0; i < 10; ++i) link.Send(BuildTcp(capable), At(seconds(1)));
  // The first four see at most 3,000 bytes before them.
  EXPECT_EQ(Drain(link).size(), 10u);
  EXPECT_EQ(link.counters().marked, 6u);
}

TEST(LinkTest, TheMtuChangesInTime) {
  LinkSpec spec;
  spec.mtu_changes = {{At(seconds(2)), 500}, {At(seconds(3)), 900}};
  Link link(spec, kSeed);
  const Frame frame(800, 1);
  EXPECT_EQ(link.FrameBytesMax(At(seconds(1))), spec.frame_bytes_max);
  link.Send(frame, At(seconds(1)));
  link.Send(frame, At(seconds(2)));
  link.Send(frame, At(seconds(3)));
  EXPECT_EQ(link.counters().too_long, 1u);
  EXPECT_EQ(Drain(link).size(), 2u);
}

TEST(LinkTest, TheNumberOfFramesUnderWayIsBounded) {
  Link link({.delay = seconds(1), .in_flight_max = 10}, kSeed);
  for (uint32_t i = 0; i < 50; ++i) link.Send(Numbered(i), At(seconds(1)));
  EXPECT_EQ(link.in_flight(), 10u);
}

TEST(LinkTest, OneKindOfHarmDoesNotChangeTheDiceOfAnother) {
  const auto lost = [](uint32_t duplicate_ppm) {
    Link link({.loss_ppm = 200'000, .duplicate_ppm = duplicate_ppm}, kSeed);
    std::vector<uint32_t> numbers;
    for (uint32_t i = 0; i < 200; ++i) {
      link.Send(Numbered(i), At(milliseconds(i)));
      numbers.push_back(static_cast<uint32_t>(link.counters().lost));
    }
    return numbers;
  };
  EXPECT_EQ(lost(0), lost(500'000));
}

}  // namespace
}  // namespace aether::testing::sim
