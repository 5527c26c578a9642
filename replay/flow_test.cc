// When the events of a captured client are played: not before our server has answered what the
// captured one had, and after the same time of thinking; and not later than patience allows.
#include "replay/flow.h"

#include <gtest/gtest.h>

#include <string_view>

#include "replay/test_packet.h"
#include "stack/testing/frame_builder.h"

namespace aether::replay {
namespace {

using tcp_flags::kAck;
using tcp_flags::kPsh;
using tcp_flags::kSyn;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class FlowTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kIss = 100;
  static constexpr uint32_t kCapturedIrs = 5000;
  static constexpr uint32_t kLiveIrs = 90000;

  void Use(ServiceKind service) {
    flow_.emplace(LiveEnds{.client_mac = testing::kPeerMac,
                           .server_mac = testing::kOurMac,
                           .client = {testing::kPeerIp, 40000},
                           .server = {testing::kOurIp, 80}},
                  service);
  }
  static Packet Segment(uint32_t seq, uint8_t flags, std::string_view text, uint32_t ack) {
    return TestSegment(seq, flags, text, ack, 60000);
  }
  // The capture: a handshake, a request at 10 ms, its answer at 20, another request at 50.
  void Capture(std::string_view first, std::string_view answer) {
    flow_->OnCaptured(Segment(kIss, kSyn, "", 0), true, Ms(0));
    flow_->OnCaptured(Segment(kCapturedIrs, kSyn | kAck, "", kIss + 1), false, Ms(0));
    flow_->OnCaptured(Segment(kIss + 1, kAck | kPsh, first, 0), true, Ms(10));
    const auto end = static_cast<uint32_t>(first.size()) + kIss + 1;
    flow_->OnCaptured(Segment(kCapturedIrs + 1, kAck, answer, end), false, Ms(20));
    flow_->OnCaptured(Segment(end, kAck | kPsh, first, 0), true, Ms(50));
  }
  void OpenLive() {
    Run(Ms(0));
    flow_->OnLive(Segment(kLiveIrs, kSyn | kAck, "", kIss + 1), Ms(0));
  }
  // Text that the flow has sent at `now`.
  size_t Run(Instant now) {
    out_.Clear();
    flow_->Run(now, out_);
    size_t text = 0;
    for (size_t i = 0; i < out_.size(); ++i) text += ParsePacket(out_[i]).payload.size();
    return text;
  }
  void Answer(std::string_view text, Instant now) {
    flow_->OnLive(Segment(kLiveIrs + 1 + answered_, kAck, text, kIss + 1), now);
    answered_ += static_cast<uint32_t>(text.size());
  }

  std::optional<Flow> flow_;
  FrameBatch out_;
  uint32_t answered_ = 0;
};

TEST_F(FlowTest, AFastServerChangesNothing) {
  Use(ServiceKind::kHttp);
  Capture(kGet, kOk);
  OpenLive();
  EXPECT_EQ(Run(Ms(9)), 0u);
  EXPECT_EQ(Run(Ms(10)), kGet.size());
  Answer(kOk, Ms(11));
  EXPECT_EQ(Run(Ms(41)), 0u) << "not earlier than in the capture";
  EXPECT_EQ(flow_->NextDeadline(), Ms(50));
  EXPECT_EQ(Run(Ms(50)), kGet.size());
}

TEST_F(FlowTest, ASlowServerIsWaitedForAndThoughtAbout) {
  Use(ServiceKind::kHttp);
  Capture(kGet, kOk);
  OpenLive();
  EXPECT_EQ(Run(Ms(10)), kGet.size());
  EXPECT_EQ(Run(Ms(60)), 0u);
  Answer(kOk.substr(0, 20), Ms(100));
  EXPECT_EQ(Run(Ms(200)), 0u) << "half an answer is none";
  Answer(kOk.substr(20), Ms(300));
  EXPECT_EQ(Run(Ms(329)), 0u) << "the client had thought for 30 ms";
  EXPECT_EQ(Run(Ms(330)), kGet.size());
  Answer(kOk, Ms(331));
  const FlowCounts counts = flow_->Finish();
  EXPECT_EQ(counts.responses, 2u);
  EXPECT_EQ(counts.impatient, 0u);
  EXPECT_EQ(counts.unsent, 0u);
}

TEST_F(FlowTest, PatienceEnds) {
  Use(ServiceKind::kHttp);
  Capture(kGet, kOk);
  OpenLive();
  Run(Ms(10));
  flow_->OnLive(Segment(kLiveIrs + 1, kAck, "", kIss + 1 + 27), Ms(11));
  EXPECT_EQ(Run(Ms(5049)), 0u);
  EXPECT_EQ(Run(Ms(5050)), kGet.size());
  const FlowCounts counts = flow_->Finish();
  EXPECT_EQ(counts.impatient, 1u);
  EXPECT_EQ(counts.unanswered, 2u);
}

TEST_F(FlowTest, EchoesAreCountedInBytes) {
  Use(ServiceKind::kEcho);
  Capture("ping", "ping");
  OpenLive();
  EXPECT_EQ(Run(Ms(10)), 4u);
  Answer("pin", Ms(100));
  EXPECT_EQ(Run(Ms(200)), 0u);
  Answer("g", Ms(201));
  EXPECT_EQ(Run(Ms(231)), 4u);
}

TEST_F(FlowTest, NothingIsSentBeforeTheHandshake) {
  Use(ServiceKind::kSink);
  Capture("hello", "welcome");
  Run(Ms(0));
  EXPECT_EQ(Run(Ms(100)), 0u);
  flow_->OnLive(Segment(kLiveIrs, kSyn | kAck, "", kIss + 1), Ms(100));
  EXPECT_EQ(Run(Ms(100)), 10u) << "a sink says nothing, so nobody waits for it";
}

TEST_F(FlowTest, WhatIsLeftIsCounted) {
  Use(ServiceKind::kHttp);
  Capture(kGet, kOk);
  OpenLive();
  Run(Ms(10));
  EXPECT_EQ(flow_->Finish().unsent, 1u);
}

TEST_F(FlowTest, AfterAResetNothingIsPlayed) {
  Use(ServiceKind::kHttp);
  Capture(kGet, kOk);
  OpenLive();
  Run(Ms(10));
  flow_->OnLive(Segment(kLiveIrs + 1, tcp_flags::kRst, "", 0), Ms(20));
  EXPECT_EQ(Run(Ms(60)), 0u);
  const FlowCounts counts = flow_->Finish();
  EXPECT_EQ(counts.reset_by_stack, 1u);
  EXPECT_EQ(counts.after_end, 1u);
  EXPECT_EQ(counts.unsent, 0u);
}

}  // namespace
}  // namespace aether::replay
