// The first segment where two servers part, of every kind, and what is no difference.
#include "replay/server_diff.h"

#include <gtest/gtest.h>

#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

using Kind = Difference::Kind;

ServerSegment Of(uint64_t number, uint32_t seq, uint32_t payload, uint32_t ack,
                 uint8_t flags = tcp_flags::kAck, uint32_t window = 512) {
  return {.number = number,
          .at = Instant(std::chrono::milliseconds(number)),
          .seq = seq,
          .ack = ack,
          .payload_bytes = payload,
          .window_bytes = window,
          .flags = flags};
}

class ServerDiffTest : public ::testing::Test {
 protected:
  // The first difference between the two, by kind; nothing: none.
  std::optional<Kind> Compare(const ServerSegment& captured, const ServerSegment& live) {
    diff_.AddCaptured(captured);
    diff_.AddLive(live);
    diff_.OnEnd();
    if (!diff_.first()) return std::nullopt;
    return diff_.first()->kind;
  }
  ServerDiff diff_;
};

TEST_F(ServerDiffTest, TheSameIsNone) {
  EXPECT_EQ(Compare(Of(2, 1, 100, 50), Of(0, 1, 100, 50)), std::nullopt);
  EXPECT_EQ(diff_.equal(), 1u);
}

TEST_F(ServerDiffTest, TheSentence) {
  diff_.AddCaptured(Of(16, 0, 0, 1, tcp_flags::kSyn | tcp_flags::kAck));
  diff_.AddCaptured(Of(17, 1, 0, 4381));
  diff_.AddLive(Of(0, 0, 0, 1, tcp_flags::kSyn | tcp_flags::kAck));
  diff_.AddLive(Of(0, 1, 0, 2921));
  ASSERT_TRUE(diff_.first());
  EXPECT_EQ(diff_.first()->segment, 17u);
  EXPECT_EQ(diff_.first()->kind, Kind::kAck);
  EXPECT_EQ(diff_.first()->text,
            "expected seq 1 len 0 ACK 4381 win 512, got seq 1 len 0 ACK 2921 win 512");
}

TEST_F(ServerDiffTest, Flags) {
  EXPECT_EQ(Compare(Of(2, 1, 0, 5), Of(0, 1, 0, 5, tcp_flags::kRst | tcp_flags::kAck)),
            Kind::kFlags);
}

TEST_F(ServerDiffTest, Lengths) {
  EXPECT_EQ(Compare(Of(2, 1, 100, 5), Of(0, 1, 99, 5)), Kind::kLength);
}

TEST_F(ServerDiffTest, Sequences) {
  EXPECT_EQ(Compare(Of(2, 1, 100, 5), Of(0, 2, 100, 5)), Kind::kSequence);
}

TEST_F(ServerDiffTest, MissingAndExtra) {
  diff_.AddCaptured(Of(2, 1, 100, 5));
  diff_.OnEnd();
  EXPECT_EQ(diff_.first()->kind, Kind::kMissing);
  ServerDiff other;
  other.AddLive(Of(0, 1, 100, 5));
  other.OnEnd();
  EXPECT_EQ(other.first()->kind, Kind::kExtra);
}

TEST_F(ServerDiffTest, AWindowAloneIsNotedAndPassedOver) {
  EXPECT_EQ(Compare(Of(2, 1, 100, 5), Of(0, 1, 100, 5, tcp_flags::kAck, 600)), std::nullopt);
  ASSERT_TRUE(diff_.first_window());
  EXPECT_EQ(diff_.first_window()->kind, Kind::kWindow);
}

TEST_F(ServerDiffTest, WhatIsSentAgainIsPassedOver) {
  diff_.AddCaptured(Of(2, 1, 100, 5));
  diff_.AddCaptured(Of(3, 1, 100, 5));
  diff_.AddCaptured(Of(4, 101, 50, 5));
  diff_.AddLive(Of(0, 1, 100, 5));
  diff_.AddLive(Of(0, 101, 50, 5));
  diff_.AddLive(Of(0, 101, 50, 5));
  diff_.OnEnd();
  EXPECT_FALSE(diff_.first());
  EXPECT_EQ(diff_.equal(), 2u);
}

TEST_F(ServerDiffTest, OneSideMayNotRunAheadForEver) {
  for (uint32_t i = 0; i <= ServerDiff::kAheadMax; ++i) diff_.AddCaptured(Of(i, i * 10, 10, 5));
  ASSERT_TRUE(diff_.first());
  EXPECT_EQ(diff_.first()->kind, Kind::kMissing);
}

TEST_F(ServerDiffTest, NothingIsSaidOfWhatIsNotCompared) {
  diff_.AddCaptured(Of(2, 1, 100, 5));
  diff_.GiveUp();
  diff_.AddLive(Of(0, 1, 99, 5));
  diff_.OnEnd();
  EXPECT_FALSE(diff_.first());
  EXPECT_FALSE(diff_.compared());
}

}  // namespace
}  // namespace aether::replay
