// Regressions: rules that the first version of the stack broke, each test named for what went
// wrong.
#include <gtest/gtest.h>

#include <array>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::seconds;
using tcp::State;

TEST(StackTcpRegression, AResetIsNoEndOfTheStream) {
  auto s = Script::Established();
  s->peer().Data("abc");
  s->DiscardOutput();
  s->peer().Rst();
  EXPECT_FALSE(s->stack().AtEnd(s->connection()));
}

// [RFC 1122 4.2.2.13] [RFC 2525 2.17]
TEST(StackTcpRegression, CloseWithUnreadBytesAfterThePeersFinResets) {
  auto s = Script::Established();
  s->peer().Send({.flags = tcp_flags::kFin | tcp_flags::kAck, .data = ToFrame("unread")});
  s->DiscardOutput();
  s->Close();
  s->Expect(RstAck());
}

TEST(StackTcpRegression, ASlowReaderIsNotResetWhileItMakesProgress) {
  auto s = Script::Established({.peer = {.window = 1000}});
  const Frame body = Pattern(200000);
  EXPECT_TRUE(s->stack().WriteStatic(s->connection(), StaticBytes::Of(body)));
  s->Close();
  s->DiscardOutput();
  for (int i = 0; i < 100; ++i) {
    s->Advance(seconds(1));
    s->peer().Ack();
    while (s->output_size() > 0) {
      const auto frame = s->Expect(AnyFrame());
      ASSERT_EQ(frame.tcp->flags & tcp_flags::kRst, 0) << "reset after " << i << " s of progress";
    }
  }
}

// TCP025: two ends that lost step.
TEST(StackTcpRegression, TimeWaitDoesNotAnswerEmptySegmentsWithoutLimit) {
  auto s = Script::TimeWait();
  for (int i = 0; i < 1000; ++i) s->Send(s->peer().Build({.seq = 100000}));
  EXPECT_GE(s->output_size(), 1u);
  EXPECT_LE(s->output_size(), 20u);
  s->DiscardOutput();
}

TEST(StackTcpRegression, EventsKeepTheirOwnerWhenTheListenerIsGone) {
  Script s({.listen_port = 0});
  const auto first = s.stack().TcpListen(80, {.owner = 1});
  s.peer().Syn();
  s.DiscardOutput();
  s.peer().Ack();
  const auto connection = s.stack().Accept(*first);
  ASSERT_TRUE(connection);
  s.stack().TcpUnlisten(*first);
  ASSERT_TRUE(s.stack().TcpListen(81, {.owner = 2}));
  const Frame frame = s.peer().Build({.data = ToFrame("x")});
  const std::array<Bytes, 1> frames = {frame};
  s.stack().Receive(frames, s.now());
  std::array<Event, 4> events;
  ASSERT_EQ(s.stack().PollEvents(events), 1u);
  EXPECT_EQ(events[0].owner, 1);
  s.DiscardOutput();
}

// [RFC 9293 3.10.7.4] fourth: back to LISTEN.
TEST(StackTcpRegression, ASynInTheWindowSendsAHalfOpenConnectionBackToListen) {
  auto s = Script::SynReceived();
  s->Send(s->peer().Build({.flags = tcp_flags::kSyn, .seq = 5}));
  EXPECT_EQ(s->stack().connection_count(), 0u);
  s->DiscardOutput();
}

// [RFC 9293 3.10.7.4] Found by tcp_passive_fuzzer (P2): text behind a FIN that waited for a gap to
// close was delivered, and the FIN never.
TEST(StackTcpRegression, TextBehindAFinThatWaitsIsCutOff) {
  auto s = Script::Full();
  s->peer().Send({.flags = tcp_flags::kFin | tcp_flags::kAck, .seq = 4, .data = ToFrame("de")});
  s->peer().Send({.seq = 5, .data = ToFrame("efgh")});
  s->peer().Send({.seq = 6, .data = ToFrame("xyz")});
  s->peer().Send({.seq = 1, .data = ToFrame("abc")});
  EXPECT_EQ(s->Read(), "abcde");
  EXPECT_TRUE(s->stack().AtEnd(s->connection()));
  s->ExpectState(State::kCloseWait);
  s->DiscardOutput();
}

// Found by tcp_passive_fuzzer (P5): the timer outlived the connection.
TEST(StackTcpRegression, KeepaliveForWhatHasEndedArmsNothing) {
  auto s = Script::Established();
  s->peer().Rst();
  ASSERT_EQ(s->stack().memory_in_use().tcp_timers, 0u);
  EXPECT_TRUE(s->stack().SetOptions(s->connection(), {.keepalive_idle = seconds(7200)}));
  EXPECT_EQ(s->stack().memory_in_use().tcp_timers, 0u);
  s->Close();
  EXPECT_EQ(s->stack().memory_in_use().tcp_timers, 0u);
}

}  // namespace
}  // namespace aether::testing
