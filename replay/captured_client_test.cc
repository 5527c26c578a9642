// What is hard about captures: retransmissions, other orders, missing beginnings and middles,
// resets, numbers that wrap.
#include "replay/captured_client.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "replay/test_packet.h"
#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

using Kind = ClientEvent::Kind;
using tcp_flags::kAck;
using tcp_flags::kFin;
using tcp_flags::kRst;
using tcp_flags::kSyn;

class CapturedClientTest : public ::testing::Test {
 protected:
  void Client(uint32_t seq, std::string_view text, uint8_t flags = kAck) {
    client_.OnClient(TestSegment(seq, flags, text, 0), now_, events_);
  }
  void Server(uint32_t seq, uint32_t ack, std::string_view text = "", uint8_t flags = kAck) {
    client_.OnServer(TestSegment(seq, flags, text, ack), now_, events_);
  }
  void Open(uint32_t iss) {
    Client(iss, "", kSyn);
    Server(5000, iss + 1, "", kSyn | kAck);
  }
  static std::string Text(const ClientEvent& event) {
    return {event.payload.begin(), event.payload.end()};
  }

  CapturedClient client_;
  std::vector<ClientEvent> events_;
  Instant now_ = Ms(1000);
};

TEST_F(CapturedClientTest, APlainConnection) {
  Open(100);
  Client(101, "GET");
  now_ = Ms(1010);
  Server(5001, 104, "page");
  now_ = Ms(1030);
  Client(104, "", kAck);
  Client(104, "GET2");
  Client(108, "", kFin | kAck);
  ASSERT_EQ(events_.size(), 5u);
  EXPECT_EQ(events_[0].kind, Kind::kOpen);
  EXPECT_EQ(events_[0].seq, Seq(100));
  EXPECT_FALSE(events_[0].made_up);
  EXPECT_EQ(Text(events_[1]), "GET");
  EXPECT_FALSE(events_[1].waits);
  EXPECT_EQ(events_[2].kind, Kind::kAck);
  EXPECT_EQ(Text(events_[3]), "GET2");
  EXPECT_TRUE(events_[3].waits);
  EXPECT_EQ(events_[3].think, Duration(std::chrono::milliseconds(20)));
  EXPECT_EQ(events_[3].server_bytes, 4u);
  // Nothing came from the server since: it does not wait.
  EXPECT_FALSE(events_[4].waits);
  EXPECT_TRUE(client_.closed());
}

TEST_F(CapturedClientTest, ARetransmissionIsMarkedAndDoesNotWait) {
  Open(100);
  Client(101, "GET");
  Server(5001, 104, "page");
  Client(101, "GET");
  Client(104, "next");
  ASSERT_EQ(events_.size(), 4u);
  EXPECT_TRUE(events_[2].repeated);
  EXPECT_FALSE(events_[2].waits);
  EXPECT_TRUE(events_[3].waits);
  EXPECT_EQ(client_.counts().repeated, 1u);
}

TEST_F(CapturedClientTest, ARepeatedSynIsNoOtherConnection) {
  Client(100, "", kSyn);
  EXPECT_FALSE(client_.IsAnotherOne(TestSegment(100, kSyn, "", 0)));
  EXPECT_TRUE(client_.IsAnotherOne(TestSegment(900, kSyn, "", 0)));
  Client(100, "", kSyn);
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_TRUE(events_[1].repeated);
}

TEST_F(CapturedClientTest, ReorderedTextStaysInItsOrderAndFillsNothing) {
  Open(100);
  Client(104, "DEF");
  now_ = Ms(1001);
  Client(101, "ABC");
  now_ = Ms(9000);
  Client(107, "G");
  ASSERT_EQ(events_.size(), 4u);
  EXPECT_EQ(Text(events_[1]), "DEF");
  EXPECT_EQ(Text(events_[2]), "ABC");
  EXPECT_EQ(Text(events_[3]), "G");
  EXPECT_EQ(client_.counts().filled_bytes, 0u);
  EXPECT_EQ(client_.counts().reordered, 2u);
}

TEST_F(CapturedClientTest, TextThatTheServerHadAndTheCaptureHasNotIsMadeUp) {
  Open(100);
  Client(104, "DEF");
  Server(5001, 107);
  EXPECT_EQ(events_.size(), 2u) << "it may only be reordered";
  now_ = Ms(1060);
  Server(5001, 107, "page");
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_TRUE(events_[2].made_up);
  EXPECT_EQ(events_[2].seq, Seq(101));
  EXPECT_EQ(Text(events_[2]), "xxx");
  EXPECT_EQ(client_.counts().filled_bytes, 3u);
}

TEST_F(CapturedClientTest, WithoutAServerInTheCaptureAHoleIsFilledLater) {
  Client(100, "", kSyn);
  Client(104, "DEF");
  now_ = Ms(3000);
  Client(107, "G");
  EXPECT_EQ(client_.counts().filled_bytes, 0u);
  now_ = Ms(4100);
  Client(108, "H");
  EXPECT_EQ(client_.counts().filled_bytes, 3u);
}

TEST_F(CapturedClientTest, TimeAloneFillsAHole) {
  Client(100, "", kSyn);
  EXPECT_EQ(client_.NextDeadline(), kNever);
  Client(104, "", kFin | kAck);
  EXPECT_EQ(client_.NextDeadline(), Ms(4000));
  client_.OnTime(Ms(3999), events_);
  EXPECT_EQ(client_.counts().filled_bytes, 0u);
  client_.OnTime(Ms(4000), events_);
  EXPECT_EQ(client_.counts().filled_bytes, 3u);
  EXPECT_EQ(client_.NextDeadline(), kNever);
}

TEST_F(CapturedClientTest, TheEndFillsWhatIsLeft) {
  Open(100);
  Client(104, "DEF");
  Client(110, "J");
  client_.OnEnd(now_, events_);
  EXPECT_EQ(client_.counts().filled_bytes, 6u);
  EXPECT_EQ(events_.back().seq, Seq(107));
}

TEST_F(CapturedClientTest, AHoleThatIsTooLargeBreaksTheConnection) {
  Open(100);
  Client(101 + CapturedClient::kHoleBytesMax + 1, "far");
  client_.OnEnd(now_, events_);
  EXPECT_TRUE(client_.broken());
}

TEST_F(CapturedClientTest, AMissingSynIsMadeUp) {
  Client(5000, "GET");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_EQ(events_[0].kind, Kind::kOpen);
  EXPECT_TRUE(events_[0].made_up);
  EXPECT_EQ(events_[0].seq, Seq(4999));
  EXPECT_EQ(Text(events_[1]), "GET");
  EXPECT_EQ(client_.counts().handshakes_made_up, 1u);
}

TEST_F(CapturedClientTest, OnlyTheServersHalfOfTheBeginning) {
  Server(5000, 101, "", kSyn | kAck);
  Client(101, "GET");
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_TRUE(events_[0].made_up);
  EXPECT_EQ(events_[0].seq, Seq(100));
  EXPECT_FALSE(events_[1].made_up);
}

TEST_F(CapturedClientTest, AResetWaitsLikeText) {
  Open(100);
  Client(101, "GET");
  Server(5001, 104, "page");
  Client(104, "", kRst | kAck);
  ASSERT_EQ(events_.size(), 3u);
  EXPECT_EQ(events_[2].kind, Kind::kReset);
  EXPECT_TRUE(events_[2].waits);
  EXPECT_TRUE(client_.closed());
}

TEST_F(CapturedClientTest, NumbersWrap) {
  Open(0xfffffffe);
  Client(0xffffffff, "AB");
  Client(4, "FG");
  Client(1, "CDE");
  now_ = Ms(9000);
  client_.OnEnd(now_, events_);
  EXPECT_EQ(client_.counts().filled_bytes, 0u);
  EXPECT_EQ(client_.counts().repeated, 0u);
  Client(0xffffffff, "AB");
  EXPECT_EQ(client_.counts().repeated, 1u);
}

TEST_F(CapturedClientTest, WindowsAreInBytes) {
  Packet syn = TestSegment(100, kSyn, "", 0);
  syn.options.window_scale = 7;
  client_.OnClient(syn, now_, events_);
  EXPECT_EQ(events_.back().window_bytes, 1000u);
  Packet answer = TestSegment(5000, kSyn | kAck, "", 101);
  answer.options.window_scale = 3;
  client_.OnServer(answer, now_, events_);
  Client(101, "GET");
  EXPECT_EQ(events_.back().window_bytes, 128000u);
}

TEST_F(CapturedClientTest, AServerWithoutScalingLeavesWindowsAlone) {
  Packet syn = TestSegment(100, kSyn, "", 0);
  syn.options.window_scale = 7;
  client_.OnClient(syn, now_, events_);
  Server(5000, 101, "", kSyn | kAck);
  Client(101, "GET");
  EXPECT_EQ(events_.back().window_bytes, 1000u);
}

TEST_F(CapturedClientTest, SegmentsFromElsewhereAreCounted) {
  Open(100);
  Client(0x80000000, "junk");
  EXPECT_EQ(client_.counts().far_off, 1u);
  EXPECT_EQ(events_.size(), 1u);
}

TEST_F(CapturedClientTest, ASegmentThatWasRecordedInPartKeepsItsLength) {
  Open(100);
  Packet cut = TestSegment(101, kAck, "GET", 0);
  cut.payload_bytes = 10;
  client_.OnClient(cut, now_, events_);
  EXPECT_EQ(Text(events_.back()), "GETxxxxxxx");
  EXPECT_EQ(client_.counts().filled_bytes, 7u);
}

TEST_F(CapturedClientTest, AKeepaliveProbeIsText) {
  Open(100);
  Client(101, "GET");
  Client(103, "");
  EXPECT_EQ(events_.back().kind, Kind::kText);
  EXPECT_TRUE(events_.back().repeated);
}

}  // namespace
}  // namespace aether::replay
