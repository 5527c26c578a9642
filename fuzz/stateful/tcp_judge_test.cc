#include "fuzz/stateful/tcp_judge.h"

#include <gtest/gtest.h>

#include <chrono>

#include "fuzz/stateful/tcp_flow.h"
#include "fuzz/stateful/world.h"
#include "stack/wire/tcp.h"

namespace aether::fuzz {
namespace {

using std::chrono::milliseconds;
using testing::NaiveTcp;

constexpr Ipv4Endpoint kPeer{kPeerIp, 40000};
constexpr Ipv4Endpoint kStack{kStackIp, 80};
constexpr uint32_t kIss = 0xfffffff0;
constexpr uint32_t kStackIss = 0x7ffffffe;
constexpr uint32_t kSegmentBytes = 1460;

// A stack that is made up: the judge hears of what it would have sent.
struct Court {
  Court() : flow(kPeer, kStack, kIss) {
    flow.offer = {.mss = 1460, .sack = false, .timestamps = false, .scale = -1};
  }
  void Arrive(TcpFlow::Plain plain) {
    judge.OnArrival(flow.Build(plain), {kPeer, kStack, 1500}, now);
  }
  void Sends(uint8_t flags, uint32_t seq, uint32_t ack) {
    NaiveTcp tcp;
    tcp.sequence = seq;
    tcp.acknowledgment = ack;
    tcp.flags = flags;
    tcp.window = 8000;
    judge.OnSent(tcp, tcp.window);
  }
  void Acknowledges(uint32_t ack) { Sends(tcp_flags::kAck, kStackIss + 1, ack); }
  // All has come to rest, and the stack claims to be in this state.
  void Rest(tcp::State state, uint32_t rcv_nxt) {
    tcp::Snapshot snapshot;
    snapshot.state = state;
    snapshot.snd_una = Seq(state == tcp::State::kSynSent ? kStackIss : kStackIss + 1);
    snapshot.snd_nxt = Seq(kStackIss + 1);
    snapshot.rcv_nxt = Seq(rcv_nxt);
    judge.Check(snapshot);
    judge.CheckAnswers(kSegmentBytes, may_lack_reset, now);
    judge.EndStep();
  }
  void Rest(uint32_t rcv_nxt) { Rest(tcp::State::kEstablished, rcv_nxt); }

  void BeginPassive() {
    Arrive({.flags = tcp_flags::kSyn, .seq = kIss});
    Arrive({.seq = kIss + 1, .ack = kStackIss + 1});
    tcp::Snapshot snapshot;
    snapshot.state = tcp::State::kEstablished;
    snapshot.snd_una = snapshot.snd_nxt = Seq(kStackIss + 1);
    snapshot.rcv_nxt = Seq(kIss + 1);
    snapshot.rcv_wnd_bytes = 8000;
    judge.BeginPassive(snapshot, tcp::kFull, 0, /*from_cookie=*/false, now);
    ASSERT_TRUE(judge.is_sitting());
    Rest(kIss + 1);
  }
  void BeginActive() {
    tcp::Snapshot snapshot;
    snapshot.state = tcp::State::kSynSent;
    snapshot.snd_una = Seq(kStackIss);
    judge.BeginActive(snapshot, tcp::kFull);
    Sends(tcp_flags::kSyn, kStackIss, 0);
    Rest(tcp::State::kSynSent, 0);
  }

  TcpFlow flow;
  TcpJudge judge;
  Instant now{std::chrono::seconds(5000)};
  bool may_lack_reset = false;
};

TEST(TcpJudge, TextMayWaitForItsAcknowledgement) {
  Court court;
  court.BeginPassive();
  court.Arrive({.seq = kIss + 1, .ack = kStackIss + 1, .payload_bytes = 100});
  court.Rest(kIss + 101);
  court.now += milliseconds(499);
  court.Rest(kIss + 101);
  court.Acknowledges(kIss + 101);
  court.now += milliseconds(2000);
  court.Rest(kIss + 101);
}

TEST(TcpJudgeDeathTest, TextWaitsLessThanHalfASecond) {
  Court court;
  court.BeginPassive();
  court.Arrive({.seq = kIss + 1, .ack = kStackIss + 1, .payload_bytes = 100});
  court.Rest(kIss + 101);
  court.now += milliseconds(500);
  EXPECT_DEATH(court.Rest(kIss + 101), "P2 does not hold: !text_waits_since_");
}

TEST(TcpJudgeDeathTest, TwoLargeSegmentsAreAcknowledgedAtOnce) {
  Court court;
  court.BeginPassive();
  court.Arrive({.seq = kIss + 1, .ack = kStackIss + 1, .payload_bytes = 1460});
  court.Rest(kIss + 1461);
  court.Arrive({.seq = kIss + 1461, .ack = kStackIss + 1, .payload_bytes = 1460});
  EXPECT_DEATH(court.Rest(kIss + 2921), "unacknowledged_bytes");
  court.Acknowledges(kIss + 2921);
  court.Rest(kIss + 2921);
}

// What is ahead of a gap, what comes again, and what acknowledges the unsent.
TEST(TcpJudgeDeathTest, WhatIsNotAcceptableIsAnsweredAtOnce) {
  const std::array<TcpFlow::Plain, 5> cases = {{
      {.seq = kIss + 11, .ack = kStackIss + 1, .payload_bytes = 10},
      {.seq = kIss - 9, .ack = kStackIss + 1, .payload_bytes = 10},
      {.seq = kIss + 1, .ack = kStackIss + 2},
      {.flags = tcp_flags::kSyn, .seq = kIss + 5},
      {.flags = tcp_flags::kRst, .seq = kIss + 5},
  }};
  for (const TcpFlow::Plain& plain : cases) {
    Court court;
    court.BeginPassive();
    court.Arrive(plain);
    EXPECT_DEATH(court.Rest(kIss + 1), "P2 does not hold: !due_.ack") << plain.seq - kIss;
    court.Acknowledges(kIss + 1);
    court.Rest(kIss + 1);
  }
}

// [RFC 5961 7] ten a second, and the eleventh need not be.
TEST(TcpJudgeDeathTest, ChallengesMayBeLimited) {
  Court court;
  court.BeginPassive();
  const TcpFlow::Plain reset = {.flags = tcp_flags::kRst, .seq = kIss + 5};
  for (int i = 0; i < 10; ++i) {
    court.Arrive(reset);
    court.Acknowledges(kIss + 1);
    court.Rest(kIss + 1);
  }
  court.Arrive(reset);
  court.Rest(kIss + 1);
  court.now += milliseconds(1000);
  court.Arrive(reset);
  EXPECT_DEATH(court.Rest(kIss + 1), "P2 does not hold: !due_.ack");
}

TEST(TcpJudgeDeathTest, AResetIsSentWhereItIsDueAndNowhereElse) {
  Court court;
  court.BeginActive();
  court.Arrive({.seq = kIss, .ack = kStackIss + 9});
  EXPECT_DEATH(court.Rest(tcp::State::kSynSent, 0), "P2 does not hold: !due_.reset");
  court.may_lack_reset = true;
  court.Rest(tcp::State::kSynSent, 0);
  court.may_lack_reset = false;
  court.Arrive({.seq = kIss, .ack = kStackIss + 9});
  court.Sends(tcp_flags::kRst, kStackIss + 9, 0);
  court.Rest(tcp::State::kSynSent, 0);
  court.Sends(tcp_flags::kRst, kStackIss + 9, 0);
  EXPECT_DEATH(court.Rest(tcp::State::kSynSent, 0), "stray_reset");
}

TEST(TcpJudgeDeathTest, AnotherStateShows) {
  Court court;
  court.BeginPassive();
  EXPECT_DEATH(court.Rest(tcp::State::kCloseWait, kIss + 1), "property P2");
  EXPECT_DEATH(court.Rest(kIss + 2), "property P2");
}

}  // namespace
}  // namespace aether::fuzz
