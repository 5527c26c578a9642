// The script DSL itself: every builder reaches its state, and every kind of disappointment is
// reported, readably.
#include "stack/testing/script.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <string>

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tcp::State;

class ScriptInState : public ::testing::TestWithParam<State> {};

TEST_P(ScriptInState, IsReachedWithNothingLeftOver) {
  const auto s = Script::In(GetParam());
  s->ExpectNothing();
  EXPECT_EQ(s->counters().TotalDrops(), 0u);
  const bool is_record = GetParam() == State::kTimeWait;
  EXPECT_EQ(s->stack().time_wait_count(), is_record ? 1u : 0u);
  if (GetParam() != State::kSynReceived && !is_record) s->ExpectState(GetParam());
}

TEST_P(ScriptInState, IsReachedWithoutCookies) {
  const auto s = Script::In(GetParam(), {.config = ScriptConfigWithoutCookies()});
  s->ExpectNothing();
  EXPECT_EQ(s->counters().tcp_cookies_sent, 0u);
}

INSTANTIATE_TEST_SUITE_P(States, ScriptInState,
                         ::testing::Values(State::kSynReceived, State::kEstablished,
                                           State::kFinWait1, State::kFinWait2, State::kCloseWait,
                                           State::kClosing, State::kLastAck, State::kTimeWait),
                         [](const auto& state) { return TestName(state.param); });

// EXPECT_NONFATAL_FAILURE wants something that it can name from a static function.
Script* script = nullptr;

TEST(Script, ReportsWhatDoesNotMatch) {
  const auto s = Script::Established();
  script = s.get();
  s->peer().Data("hello");
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack(7)), "ack is 6, not 7");
  s->peer().Data("again");
  EXPECT_NONFATAL_FAILURE(script->Expect(Rst()), "expected: TCP RST");
  s->peer().Data("more");
  EXPECT_NONFATAL_FAILURE(script->ExpectNothing(), "10.0.0.2.80 > 10.0.0.1.40000");
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack()), "got:      nothing");
  EXPECT_NONFATAL_FAILURE(script->ExpectState(State::kClosing), "got ESTABLISHED");
  EXPECT_NONFATAL_FAILURE(script->Accept(), "no connection to accept");
  EXPECT_NONFATAL_FAILURE(script->SendDropped(BuildUdp({}), Drop::kUdpBadPort),
                          "udp_port_unreachable counted 1");
  EXPECT_NONFATAL_FAILURE(script->SendDelivered(BuildUdp({})), "udp_port_unreachable");
}

TEST(Script, ComparesEveryFieldOfASegment) {
  const auto s = Script::Established();
  script = s.get();
  const auto sent = [&] { s->peer().Data("x"); };
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack().AtSeq(9)), "seq is 1, not 9");
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack().WithWindow(1)), "window is");
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack().WithMss(1)), "no MSS");
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack().WithPsh()), "PSH is not set");
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack().ToPort(1)), "port is 40000");
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(Data("abc")), "data are 0 bytes");
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(EchoReply(0, {})), "no echo reply");
  sent();
  EXPECT_NONFATAL_FAILURE(script->Expect(ArpReply()), "no ARP reply");
  s->Write("abc");
  EXPECT_NONFATAL_FAILURE(script->Expect(Ack()), "data are 3 bytes 'abc'");
}

TEST(Script, KeepsTheTimeOfWhatWasSent) {
  Config config = ScriptConfig();
  config.announce = true;
  Script s({.config = config});
  script = &s;
  s.ExpectAt(seconds(0), ArpAnnouncement());
  s.Advance(seconds(10));
  EXPECT_EQ(s.elapsed(), seconds(10));
  s.ExpectAt(seconds(2), ArpAnnouncement());
  s.ExpectNothing();
  Script other({.config = config});
  script = &other;
  other.Expect(ArpAnnouncement());
  other.Advance(seconds(10));
  EXPECT_NONFATAL_FAILURE(script->ExpectAt(seconds(3), ArpAnnouncement()),
                          "expected at 3000000000");
}

TEST(Script, SendsAtATime) {
  Script s;
  s.Send(milliseconds(250), BuildIcmp({}));
  EXPECT_EQ(s.elapsed(), milliseconds(250));
  s.ExpectAt(milliseconds(250), EchoReply(0x00010001, {}));
}

TEST(Script, WaitsForTheNext) {
  const auto s = Script::Established(FullOptions());
  s->peer().Data("hello");
  EXPECT_LE(s->ExpectNext(milliseconds(40), Ack(6)), milliseconds(42));
  EXPECT_NONFATAL_FAILURE(s->ExpectNext(milliseconds(100), Ack(6)), "got:      nothing");
  s->peer().Data("again");
  EXPECT_NONFATAL_FAILURE(s->ExpectNext(milliseconds(200), Ack(11)), "expected at 200000000 ns");
}

TEST(Script, GivesEverySegmentOfAPeerTimestamps) {
  const auto s = Script::Full();
  s->peer().Data("hello");
  s->Write("world");
  EXPECT_EQ(s->Expect(Data("world").WithAck(6)).tcp->timestamps->echo_reply, 1000u);
  s->peer().set_timestamp(1001);
  s->peer().Ack();
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
}

TEST(Script, TellsPeersApart) {
  const auto s = Script::Established();
  TcpPeer& other = s->AddPeer({.address = Ipv4Address::Of(10, 0, 0, 7), .port = 5});
  other.Syn();
  s->Expect(SynAck().ToPort(5).WithAck(1));
  other.Ack();
  s->peer().Data("one");
  other.Data("two22");
  s->Expect(Ack(4).ToPort(40000));
  s->Expect(Ack(6).ToPort(5));
}

TEST(Script, CanLeaveArpToTheTest) {
  Script s({.answer_arp = false});
  s.peer().Syn();
  s.Expect(ArpRequest(kPeerIp));
  s.ExpectNothing();
  s.Send(BuildArp({.operation = 2, .target_mac = kOurMac}));
  s.Expect(SynAck());
}

TEST(Script, HistoryIsReadable) {
  Script s;
  s.peer().Syn();
  EXPECT_NE(s.History().find("0.000000 < IP 10.0.0.1.40000 > 10.0.0.2.80: S seq 268435456"),
            std::string::npos)
      << s.History();
  EXPECT_NE(s.History().find("0.000000 > IP 10.0.0.2.80 > 10.0.0.1.40000: S."), std::string::npos);
}

}  // namespace
}  // namespace aether::testing
