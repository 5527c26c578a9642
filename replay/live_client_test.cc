// What a live client does by itself: acknowledgements, SACK, echoes, windows, retransmissions.
// Every frame that it sends goes through the naive parser.
#include "replay/live_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "replay/test_packet.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"

namespace aether::replay {
namespace {

using tcp_flags::kAck;
using tcp_flags::kFin;
using tcp_flags::kPsh;
using tcp_flags::kRst;
using tcp_flags::kSyn;
using testing::NaiveTcp;

class LiveClientTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kIss = 0xfffffff0;
  static constexpr uint32_t kIrs = 0xffffff00;

  void Open(bool full = true, uint16_t mss = 1460) {
    TcpOptions options{.mss = 1460};
    if (full)
      options = {.mss = 1460,
                 .window_scale = 7,
                 .sack_permitted = true,
                 .timestamps = TcpTimestamps{500, 0}};
    client_.Open(Seq(kIss), options, 64240, now_, out_);
    const NaiveTcp syn = Sent();
    EXPECT_EQ(syn.flags, kSyn);
    Packet answer = Segment(kIrs, "", kSyn | kAck, kIss + 1);
    answer.options = {.mss = mss};
    if (full)
      answer.options = {.mss = mss,
                        .window_scale = 3,
                        .sack_permitted = true,
                        .timestamps = TcpTimestamps{9000, 500}};
    EXPECT_TRUE(client_.OnSegment(answer, now_).opened);
    client_.Run(now_, out_);
    EXPECT_EQ(Sent().acknowledgment, kIrs + 1);
  }
  static Packet Segment(uint32_t seq, std::string_view text, uint8_t flags, uint32_t ack) {
    return TestSegment(seq, flags, text, ack);
  }
  // Text of the server's, `offset` bytes into its stream.
  LiveClient::Taken Server(uint32_t offset, std::string_view text, uint8_t flags = kAck,
                           uint32_t timestamp = 9001) {
    Packet packet = Segment(kIrs + 1 + offset, text, flags, kIss + 1);
    packet.options.timestamps = TcpTimestamps{timestamp, 500};
    return client_.OnSegment(packet, now_);
  }
  void Text(std::string_view text, uint8_t flags = kAck | kPsh) {
    client_.Text(next_, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, flags, now_,
                 out_);
    next_ = next_ + static_cast<uint32_t>(text.size()) + ((flags & kFin) != 0 ? 1 : 0);
  }
  // The only frame that was sent since.
  NaiveTcp Sent() {
    EXPECT_EQ(out_.size(), 1u);
    if (out_.size() != 1) return {};
    const NaiveTcp tcp = Parsed(0);
    out_.Clear();
    return tcp;
  }
  NaiveTcp Parsed(size_t index) {
    frames_.emplace_back(out_[index].begin(), out_[index].end());
    const auto frame = testing::NaiveParse(Bytes(frames_.back()));
    EXPECT_TRUE(frame) << frame.error();
    return frame && frame->tcp ? *frame->tcp : NaiveTcp{};
  }
  static std::string AsString(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

  LiveClient client_{{.client_mac = testing::kPeerMac,
                      .server_mac = testing::kOurMac,
                      .client = {testing::kPeerIp, 40000},
                      .server = {testing::kOurIp, 80}}};
  FrameBatch out_;
  std::deque<std::vector<uint8_t>> frames_;  // what was parsed looks into them
  Seq next_{kIss + 1};
  Instant now_ = Ms(1000);
};

TEST_F(LiveClientTest, TextCarriesWhatIsLive) {
  Open();
  const auto taken = Server(0, "hello");
  EXPECT_EQ(AsString(taken.text), "hello");
  EXPECT_TRUE(client_.OwesAcknowledgement());
  client_.SetTimestamp(777);
  Text("GET");
  const NaiveTcp sent = Sent();
  EXPECT_EQ(sent.sequence, kIss + 1);
  EXPECT_EQ(sent.acknowledgment, kIrs + 6);
  EXPECT_EQ(sent.timestamps->value, 777u);
  EXPECT_EQ(sent.timestamps->echo_reply, 9001u);
  EXPECT_EQ(sent.window, 64240 >> 7);
  EXPECT_FALSE(client_.OwesAcknowledgement());
}

TEST_F(LiveClientTest, AcknowledgementsWaitForCompany) {
  Open();
  Server(0, "hello");
  client_.Run(now_, out_);
  EXPECT_TRUE(out_.empty());
  EXPECT_EQ(client_.NextDeadline(), now_ + LiveClient::kDelayedAck);
  now_ += LiveClient::kDelayedAck;
  client_.Run(now_, out_);
  EXPECT_EQ(Sent().acknowledgment, kIrs + 6);
}

TEST_F(LiveClientTest, EverySecondFullSegmentAndAFinAreAcknowledgedAtOnce) {
  Open();
  const std::string full(1448, 'a');
  Server(0, full);
  client_.Run(now_, out_);
  EXPECT_TRUE(out_.empty());
  Server(1448, full);
  client_.Run(now_, out_);
  EXPECT_EQ(Sent().acknowledgment, kIrs + 1 + 2 * 1448);
  EXPECT_TRUE(Server(2 * 1448, "", kFin | kAck).end);
  client_.Run(now_, out_);
  EXPECT_EQ(Sent().acknowledgment, kIrs + 2 + 2 * 1448);
  EXPECT_TRUE(client_.server_closed());
}

TEST_F(LiveClientTest, WhatLiesAheadIsReportedAndKept) {
  Open();
  EXPECT_TRUE(Server(10, "klmno").text.empty());
  client_.Run(now_, out_);
  NaiveTcp sent = Sent();
  EXPECT_EQ(sent.acknowledgment, kIrs + 1);
  ASSERT_EQ(sent.sack_blocks.size(), 1u);
  EXPECT_EQ(sent.sack_blocks[0], (std::array<uint32_t, 2>{kIrs + 11, kIrs + 16}));
  EXPECT_TRUE(Server(15, "pq").text.empty());
  EXPECT_TRUE(Server(30, "z").text.empty());
  client_.Run(now_, out_);
  sent = Sent();
  ASSERT_EQ(sent.sack_blocks.size(), 2u);
  EXPECT_EQ(sent.sack_blocks[0], (std::array<uint32_t, 2>{kIrs + 11, kIrs + 18}));
  EXPECT_EQ(AsString(Server(0, "abcdefghij").text), "abcdefghijklmnopq");
  client_.Run(now_, out_);
  sent = Sent();
  EXPECT_EQ(sent.acknowledgment, kIrs + 18);
  EXPECT_EQ(sent.sack_blocks.size(), 1u);
}

TEST_F(LiveClientTest, WhatComesAgainIsAcknowledgedAgain) {
  Open();
  Server(0, "hello");
  client_.Acknowledge(out_);
  Sent();
  EXPECT_TRUE(Server(0, "hello").text.empty());
  client_.Run(now_, out_);
  EXPECT_EQ(Sent().acknowledgment, kIrs + 6);
  EXPECT_EQ(client_.server_retransmissions(), 1u);
  EXPECT_EQ(AsString(Server(3, "lo!").text), "!");
}

TEST_F(LiveClientTest, LongTextIsCutToTheMss) {
  Open(/*full=*/true, /*mss=*/100);
  Text(std::string(200, 'x'), kAck | kPsh | kFin);
  ASSERT_EQ(out_.size(), 3u);
  EXPECT_EQ(Parsed(0).payload.size(), 88u);
  EXPECT_EQ(Parsed(0).flags, kAck);
  EXPECT_EQ(Parsed(2).payload.size(), 24u);
  EXPECT_EQ(Parsed(2).flags, kAck | kPsh | kFin);
  EXPECT_EQ(Parsed(2).sequence, kIss + 1 + 176);
}

TEST_F(LiveClientTest, WhatIsNotAcknowledgedIsSentAgain) {
  Open();
  Text("one");
  Text("two");
  out_.Clear();
  EXPECT_EQ(client_.NextDeadline(), now_ + LiveClient::kRetransmitAfter);
  now_ += LiveClient::kRetransmitAfter;
  client_.Run(now_, out_);
  EXPECT_EQ(AsString(Sent().payload), "one");
  client_.OnSegment(Segment(kIrs + 1, "", kAck, kIss + 4), now_);
  now_ += LiveClient::kRetransmitAfter;
  client_.Run(now_, out_);
  EXPECT_EQ(AsString(Sent().payload), "two");
  client_.OnSegment(Segment(kIrs + 1, "", kAck, kIss + 7), now_);
  EXPECT_TRUE(client_.AllAcknowledged());
  EXPECT_EQ(client_.unacknowledged_bytes(), 0u);
  EXPECT_EQ(client_.retransmissions(), 2u);
}

TEST_F(LiveClientTest, ItGivesUp) {
  client_.Open(Seq(kIss), {}, 1000, now_, out_);
  for (uint32_t i = 0; i < 20 && !client_.gave_up(); ++i) {
    now_ = client_.NextDeadline();
    client_.Run(now_, out_);
  }
  EXPECT_TRUE(client_.gave_up());
  EXPECT_EQ(out_.size(), 1u + LiveClient::kRetransmitTriesMax);
  EXPECT_EQ(client_.NextDeadline(), kNever);
}

TEST_F(LiveClientTest, TheServersWindowHolds) {
  Open();
  // The window of the SYN-ACK is not scaled, later ones are.
  EXPECT_TRUE(client_.MaySend(Seq(kIss + 1 + 1000)));
  EXPECT_FALSE(client_.MaySend(Seq(kIss + 1 + 1001)));
  client_.OnSegment(Segment(kIrs + 1, "", kAck, kIss + 1), now_);
  EXPECT_TRUE(client_.MaySend(Seq(kIss + 1 + 8000)));
  EXPECT_FALSE(client_.MaySend(Seq(kIss + 1 + 8001)));
}

TEST_F(LiveClientTest, WithoutOptionsThereAreNone) {
  Open(/*full=*/false);
  Server(0, "hello");
  Text("GET");
  const NaiveTcp sent = Sent();
  EXPECT_FALSE(sent.timestamps);
  EXPECT_TRUE(sent.option_kinds.empty());
  EXPECT_EQ(sent.window, 64240);
}

TEST_F(LiveClientTest, Resets) {
  Open();
  EXPECT_TRUE(client_.OnSegment(Segment(kIrs + 1, "", kRst, 0), now_).reset);
  EXPECT_EQ(client_.state(), LiveClient::State::kReset);
  client_.Run(now_ + std::chrono::hours(1), out_);
  EXPECT_TRUE(out_.empty());
}

TEST_F(LiveClientTest, AWindowThatChangesIsNews) {
  Open();
  EXPECT_FALSE(client_.WindowIsNews());
  client_.SetWindow(0);
  EXPECT_TRUE(client_.WindowIsNews());
  client_.Acknowledge(out_);
  EXPECT_EQ(Sent().window, 0);
  EXPECT_FALSE(client_.WindowIsNews());
}

}  // namespace
}  // namespace aether::replay
