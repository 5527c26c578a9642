#include "stack/tcp/flight.h"

#include <gtest/gtest.h>

#include <vector>

#include "stack/base/random.h"

namespace aether::tcp {
namespace {

using std::chrono::milliseconds;

constexpr Instant kStart{std::chrono::seconds(1)};

class FlightTest : public ::testing::Test {
 protected:
  // Ten segments of 100 bytes from 0xffffff00 on: the numbers wrap.
  void SetUp() override {
    for (uint32_t i = 0; i < 10; ++i) {
      flight_.Add(pool_, At(100 * i), At(100 * i + 100), kStart + milliseconds(i));
    }
  }
  static Seq At(uint32_t offset) { return Seq(0xffffff00u) + offset; }
  AckSummary Sack(uint32_t start, uint32_t end) {
    AckSummary summary;
    const SackBlock block{At(start), At(end)};
    flight_.Sack(pool_, std::span(&block, 1), 64, summary);
    flight_.CheckInvariants(pool_, una_, At(1000));
    return summary;
  }
  AckSummary Ack(uint32_t offset) {
    AckSummary summary;
    una_ = At(offset);
    flight_.Acknowledge(pool_, una_, summary);
    flight_.CheckInvariants(pool_, una_, At(1000));
    return summary;
  }

  Pool<SentSegment> pool_{64};
  Flight flight_;
  Seq una_ = At(0);
};

TEST_F(FlightTest, AcknowledgementsMayEndInsideASegment) {
  const AckSummary summary = Ack(250);
  EXPECT_EQ(summary.acked_bytes, 250u);
  EXPECT_EQ(summary.rtt_sent_at, kStart + milliseconds(1));
  EXPECT_EQ(flight_.total_bytes(), 750u);
  Ack(1000);
  EXPECT_TRUE(flight_.empty());
  EXPECT_EQ(pool_.used(), 0u);
}

// [RFC 2018 3] blocks need not end where our segments end.
TEST_F(FlightTest, SackSplitsSegmentsAtTheEdgesOfBlocks) {
  EXPECT_EQ(Sack(150, 420).sacked_bytes, 270u);
  EXPECT_EQ(flight_.sacked_bytes(), 270u);
  EXPECT_EQ(flight_.pipe_bytes(), 730u);
  EXPECT_EQ(Sack(150, 420).sacked_bytes, 0u) << "told twice, counted once";
  EXPECT_EQ(Sack(100, 500).sacked_bytes, 130u);
}

// CVE-2019-11477: counters hold however many pieces there are; the pieces are bounded.
TEST_F(FlightTest, SplittingStopsAtTheLimit) {
  for (uint32_t at = 1; at < 1000; at += 4) {
    AckSummary summary;
    const SackBlock block{At(at), At(at + 1)};
    flight_.Sack(pool_, std::span(&block, 1), 32, summary);
    flight_.CheckInvariants(pool_, una_, At(1000));
    ASSERT_LE(flight_.segments(), 32u);
  }
}

// [RFC 6298 3] Karn.
TEST_F(FlightTest, WhatWasSentTwiceGivesNoSample) {
  flight_.MarkLost(pool_, flight_.head());
  EXPECT_EQ(flight_.FirstLost(pool_), flight_.head());
  EXPECT_EQ(flight_.pipe_bytes(), 900u);
  flight_.OnRetransmitted(pool_, flight_.head(), kStart + milliseconds(50));
  EXPECT_EQ(flight_.FirstLost(pool_), kNoIndex);
  EXPECT_EQ(flight_.pipe_bytes(), 1000u);
  const AckSummary summary = Ack(100);
  EXPECT_FALSE(summary.rtt_valid);
  EXPECT_TRUE(summary.newest_was_retransmitted);
}

TEST_F(FlightTest, AllIsLostButWhatWasSacked) {
  Sack(300, 500);
  flight_.MarkAllLost(pool_);
  EXPECT_EQ(flight_.lost_bytes(), 800u);
  EXPECT_EQ(flight_.pipe_bytes(), 0u);
  flight_.UnmarkLost(pool_);
  EXPECT_EQ(flight_.lost_bytes(), 0u);
  flight_.ForgetSacks(pool_);
  EXPECT_EQ(flight_.pipe_bytes(), 1000u);
}

TEST_F(FlightTest, ResegmentCutsToTheNewSize) {
  flight_.Resegment(pool_, 40, 64);
  flight_.CheckInvariants(pool_, una_, At(1000));
  EXPECT_EQ(flight_.lost_bytes(), 1000u);
  for (uint32_t index = flight_.head(); index != kNoIndex; index = pool_[index].next) {
    EXPECT_LE(pool_[index].bytes(), 40u);
  }
}

// Random acknowledgements, sacks and marks against one flag per byte.
TEST(Flight, AgreesWithABitmap) {
  Random random({11, 12});
  for (int round = 0; round < 300; ++round) {
    Pool<SentSegment> pool(256);
    Flight flight;
    const Seq base(random.Next32());
    enum Mark : uint8_t { kPlain, kSacked, kLost };
    std::vector<Mark> marks;
    uint32_t una = 0, nxt = 0;
    for (int step = 0; step < 100; ++step) {
      switch (random.Below(5)) {
        case 0:
        case 1:
          if (flight.segments() < 100) {
            const uint32_t size = 1 + random.Below(200);
            flight.Add(pool, base + nxt, base + nxt + size, kStart);
            marks.resize(marks.size() + size, kPlain);
            nxt += size;
          }
          break;
        case 2:
          if (nxt > una) {
            AckSummary summary;
            const uint32_t to = una + random.Below(nxt - una + 1);
            flight.Acknowledge(pool, base + to, summary);
            ASSERT_EQ(summary.acked_bytes, to - una);
            una = to;
          }
          break;
        case 3:
          if (nxt > una) {
            const uint32_t start = una + random.Below(nxt - una);
            const uint32_t end = start + 1 + random.Below(nxt - start);
            AckSummary summary;
            const SackBlock block{base + start, base + end};
            flight.Sack(pool, std::span(&block, 1), 200, summary);
            for (uint32_t i = start; i < end; ++i) marks[i] = kSacked;
          }
          break;
        default:
          flight.MarkAllLost(pool);
          for (uint32_t i = una; i < nxt; ++i) {
            if (marks[i] == kPlain) marks[i] = kLost;
          }
          break;
      }
      flight.CheckInvariants(pool, base + una, base + nxt);
      uint32_t sacked = 0, lost = 0;
      for (uint32_t i = una; i < nxt; ++i) {
        sacked += marks[i] == kSacked ? 1u : 0u;
        lost += marks[i] == kLost ? 1u : 0u;
      }
      ASSERT_EQ(flight.sacked_bytes(), sacked);
      ASSERT_EQ(flight.lost_bytes(), lost);
    }
    flight.Clear(pool);
    ASSERT_EQ(pool.used(), 0u);
  }
}

}  // namespace
}  // namespace aether::tcp
