// Flow control with every mechanism on (RFC 9293 3.7.4, 3.8.6): shut windows and their probes,
// silly windows on both sides, Nagle, delayed acknowledgements, our own window.
#include <gtest/gtest.h>

#include <chrono>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using tcp::State;

constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint32_t kMss = 1460;

// The window of the peer is shut, and something is to be sent. RTO: 200 ms.
std::unique_ptr<Script> Shut(std::string_view text = "wait") {
  auto s = Script::Established(FullOptions());
  s->peer().set_window(0);
  s->peer().Ack();
  s->Write(text);
  s->ExpectNothing();
  return s;
}

TcpMatch Probe() { return Ack(1).AtSeq(0); }

// --- The peer's window ---

// [RFC 9293 3.8.6.1 MUST-36, SHLD-29, SHLD-30] the first probe after an RTO, each further one after
// twice the time, up to the maximum.
TEST(StackTcpZeroWindow, IsProbedWithBackoff) {
  const auto s = Shut();
  Duration last{};
  for (const int64_t wait :
       {200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 102400, 120000}) {
    last = s->ExpectNext(last + milliseconds(wait), Probe());
    s->peer().Ack(1);
  }
}

// [RFC 9293 3.8.6.1 MUST-37] for as long as the peer answers.
TEST(StackTcpZeroWindow, LastsForEverWhileProbesAreAnswered) {
  const auto s = Shut();
  while (s->elapsed() < hours(24)) {
    s->Advance(seconds(10));
    if (s->output_size() > 0) s->peer().Ack(1);
    s->DiscardOutput();
  }
  s->ExpectState(State::kEstablished);
  EXPECT_GE(s->counters().tcp_window_probes, 700u);
  s->peer().set_window(1000);
  s->peer().Ack(1);
  s->Expect(Data("wait").AtSeq(1));
}

// [RFC 9293 3.8.3 MUST-20] who answers nothing is given up after R2.
TEST(StackTcpZeroWindow, EndsWhenNobodyAnswers) {
  const auto s = Shut();
  s->Advance(minutes(4) + seconds(59));
  s->ExpectState(State::kEstablished);
  s->Advance(minutes(2));
  EXPECT_NE(s->TakeEvents() & tcp_event::kTimedOut, 0);
}

// [RFC 9293 3.8.6 MUST-34, MUST-35, SHLD-15, SHLD-16, SHLD-17, MAY-7] the window shrinks to nothing
// while data are in flight: nothing new leaves, what is in flight is repeated and serves as the
// probe, and as long as the peer answers it may stay so.
TEST(StackTcpZeroWindow, AWindowThatShrinksToNothingIsProbed) {
  const auto s = Script::Established(FullOptions());
  s->Write(Pattern(2 * kMss));
  s->Expect(Data("").WithAnyData().AtSeq(1));
  s->Expect(Data("").WithAnyData().AtSeq(1 + kMss));
  s->peer().set_window(0);
  s->peer().Ack(1);
  s->Write("more");
  s->ExpectNothing();
  int repeated = 0;
  while (s->elapsed() < hours(2)) {
    s->Advance(seconds(10));
    if (s->output_size() > 0) s->peer().Ack(1);
    for (; s->output_size() > 0; ++repeated) {
      const NaiveFrame frame = s->Expect(Data("").WithAnyData());
      EXPECT_LE(s->peer().RelativeSeq(frame.tcp->sequence), 1 + kMss) << "nothing new";
    }
  }
  EXPECT_GT(repeated, 50);
  s->ExpectState(State::kEstablished);
  s->peer().set_window(65535);
  s->peer().Ack(1 + 2 * kMss);
  s->Expect(Data("more"));
}

TEST(StackTcpZeroWindow, AShrunkenWindowWithoutAnswersEnds) {
  const auto s = Script::Established(FullOptions());
  s->Write(Pattern(2 * kMss));
  s->peer().set_window(0);
  s->peer().Ack(1);
  s->Advance(minutes(8));
  EXPECT_NE(s->TakeEvents() & tcp_event::kTimedOut, 0);
}

// A FIN takes a number of the window, and waits like data.
TEST(StackTcpZeroWindow, HoldsAFinBack) {
  const auto s = Script::Established(FullOptions());
  s->peer().set_window(0);
  s->peer().Ack();
  s->Shutdown();
  s->ExpectNext(milliseconds(200), Probe());
  s->peer().set_window(1);
  s->peer().Ack(1);
  s->Expect(Fin().AtSeq(1));
}

// --- Silly windows ---

// [RFC 9293 3.8.6.2.1 MUST-38] a window that opens by a little is not used at once, also when
// nothing is in flight: after a timeout what fits leaves; half of the largest window is worth it.
TEST(StackTcpSillySender, WaitsForAWorthwhileWindow) {
  const auto s = Script::Established(FullOptions());
  s->peer().set_window(0);
  s->peer().Ack();
  s->Write(Pattern(5000));
  s->peer().set_window(100);
  s->peer().Ack(1);
  s->ExpectNothing();
  const Duration sent = s->ExpectNext(milliseconds(200), Data("").WithAnyData().AtSeq(1));
  EXPECT_EQ(s->counters().tcp_data_bytes_out, 100u);
  // The same again, and updates in between do not put it off.
  s->peer().Ack();
  s->ExpectNothing();
  s->Advance(milliseconds(150));
  s->peer().set_window(101);
  s->peer().Ack();
  s->ExpectNext(sent + milliseconds(200), Data("").WithAnyData().AtSeq(101));
  // A whole segment leaves at once.
  s->peer().set_window(2000);
  s->peer().Ack();
  EXPECT_EQ(s->Expect(Data("").WithAnyData()).tcp->payload.size(), kMss);
}

TEST(StackTcpSillySender, HalfOfASmallBufferIsWorthwhile) {
  ScriptOptions options = FullOptions();
  options.peer.window = 400;
  const auto s = Script::Established(options);
  s->Write(Pattern(1000));
  EXPECT_EQ(s->Expect(Data("").WithAnyData()).tcp->payload.size(), 400u);
  s->peer().set_window(199);
  s->peer().Ack();
  s->ExpectNothing();
  s->peer().set_window(200);
  s->peer().Ack();
  EXPECT_EQ(s->Expect(Data("").WithAnyData()).tcp->payload.size(), 200u);
}

// [RFC 9293 3.8.6.2.2 MUST-39] reading a little does not open our window; a segment's worth does,
// and the peer is told. [RFC 9293 3.8.6.1 MAY-8] until then it stays shut.
TEST(StackTcpSillyReceiver, OpensByWorthwhileSteps) {
  Config config = FullConfig();
  config.tcp.receive_buffer_bytes = 8 * kMss;
  const auto s = Script::Established({.config = config});
  for (int i = 0; i < 8; ++i) s->peer().Data(Pattern(kMss));
  s->DiscardOutput();
  s->Send(s->peer().Build({.data = ToFrame("?")}));
  s->Expect(Ack().WithWindow(0));
  const auto consume = [&](size_t size) {
    s->stack().Consume(s->connection(), size);
    s->Step();
  };
  for (int i = 0; i < 10; ++i) {
    consume(100);
    s->ExpectNothing();
    s->Send(s->peer().Build({.data = ToFrame("?")}));
    s->Expect(Ack().WithWindow(0));
  }
  consume(460);
  s->ExpectNothing();
  s->Send(s->peer().Build({.data = ToFrame("?")}));
  s->Expect(Ack().WithWindow(kMss));
  consume(2 * kMss);
  s->Expect(Ack().WithWindow(3 * kMss));
}

// [RFC 9293 3.4 MUST-66] with our window shut, a reset counts, and so does what is acknowledged.
TEST(StackTcpSillyReceiver, AResetCountsAtAWindowOfZero) {
  Config config = FullConfig();
  config.tcp.receive_buffer_bytes = 1000;
  const auto s = Script::Established({.config = config});
  s->peer().Data(Pattern(1000));
  s->Advance(milliseconds(50));
  s->Expect(Ack(1001).WithWindow(0));
  s->Write("out");
  s->Expect(Data("out"));
  s->Send(s->peer().Build({.ack = 4, .data = ToFrame("no room")}));
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
  s->Expect(Ack(1001).WithWindow(0));
  s->SendDropped(s->peer().Build({.flags = kRst, .seq = 1002}), Drop::kTcpBadRst);
  s->Send(s->peer().Build({.flags = kRst, .seq = 1001}));
  EXPECT_NE(s->TakeEvents() & tcp_event::kReset, 0);
}

// --- Nagle and PSH ---

// [RFC 9293 3.7.4 SHLD-7] a small segment waits for what is in flight; [RFC 9293 3.9.1.2 MAY-16,
// SHLD-27] what gathers leaves as one, [RFC 9293 3.9.1.2 MUST-60, MUST-61] with PSH at its end, and
// [RFC 9293 3.9.1.2 SHLD-28] a full segment never waits.
TEST(StackTcpNagle, SmallSegmentsWait) {
  const auto s = Script::Established(FullOptions());
  s->Write("a");
  s->Expect(Data("a").WithPsh());
  s->Write("b");
  s->Write("c");
  s->ExpectNothing();
  s->Write(Pattern(kMss));
  const NaiveTcp full = *s->Expect(Data("").WithAnyData().AtSeq(2)).tcp;
  EXPECT_EQ(full.payload.size(), kMss);
  EXPECT_EQ(full.flags & tcp_flags::kPsh, 0);
  s->ExpectNothing();
  s->peer().Ack();
  EXPECT_EQ(s->Expect(Data("").WithAnyData().WithPsh()).tcp->payload.size(), 2u);
}

// [RFC 9293 3.7.4 MUST-17] each connection's can be switched off, before or on the way.
TEST(StackTcpNagle, CanBeSwitchedOff) {
  const auto s = Script::Established(FullOptions());
  s->Write("a");
  s->Expect(Data("a"));
  s->Write("b");
  s->ExpectNothing();
  s->stack().SetOptions(s->connection(), {.no_delay = true});
  s->Step();
  s->Expect(Data("b"));
  s->Write("c");
  s->Expect(Data("c"));
}

// A FIN lets everything go.
TEST(StackTcpNagle, TheEndDoesNotWait) {
  const auto s = Script::Established(FullOptions());
  s->Write("a");
  s->Write("b");
  s->Expect(Data("a"));
  s->Shutdown();
  s->Expect(DataFin("b"));
}

// --- Acknowledgements ---

// [RFC 9293 3.8.6.3 SHLD-18, MUST-40] an acknowledgement waits 40 ms for company, [RFC 9293 3.8.6.3
// SHLD-19] but every second full segment has its own at once.
TEST(StackTcpDelayedAck, WaitsABit) {
  const auto s = Script::Established(FullOptions());
  EXPECT_LT(s->stack().config().tcp.delayed_ack, milliseconds(500));
  s->peer().Data("hello");
  s->ExpectNext(milliseconds(40), Ack(6));
  const Duration now = s->elapsed();
  s->peer().Data(Pattern(kMss));
  s->ExpectNothing();
  s->peer().Data(Pattern(kMss));
  s->Expect(Ack(6 + 2 * kMss));
  EXPECT_EQ(s->elapsed(), now);
  s->Advance(seconds(1));
  s->ExpectNothing();
}

// [RFC 9293 3.10.7.4 MUST-58, MUST-59] a batch is processed before one acknowledgement leaves.
TEST(StackTcpDelayedAck, OneForABatch) {
  const auto s = Script::Established(FullOptions());
  std::vector<Frame> batch;
  for (uint32_t i = 0; i < 16; ++i) {
    batch.push_back(s->peer().Build({.seq = 1 + i * kMss, .data = Pattern(kMss)}));
  }
  s->Send(batch);
  s->Expect(Ack(1 + 16 * kMss));
  s->ExpectNothing();
}

// It travels with data if there are any, and is not repeated after it.
TEST(StackTcpDelayedAck, TravelsWithData) {
  const auto s = Script::Established(FullOptions());
  s->peer().Data("ping");
  s->Write("pong");
  s->Expect(Data("pong").WithAck(5));
  s->peer().Ack();
  s->Advance(seconds(1));
  s->ExpectNothing();
}

// [RFC 5681 4.2] a gap, what fills it, and a duplicate are answered at once; so is a FIN.
TEST(StackTcpDelayedAck, GapsDoNotWait) {
  const auto s = Script::Established(FullOptions());
  s->Send(s->peer().Build({.seq = 4, .data = ToFrame("def")}));
  s->Expect(Ack(1));
  s->Send(s->peer().Build({.seq = 1, .data = ToFrame("abc")}));
  s->Expect(Ack(7));
  s->Send(s->peer().Build({.seq = 1, .data = ToFrame("abc")}));
  s->Expect(Ack(7));
  s->peer().set_snd_nxt(7);
  s->peer().Fin();
  s->Expect(Ack(8));
}

// An application can have them at once.
TEST(StackTcpDelayedAck, CanBeSwitchedOff) {
  const auto s = Script::Established(FullOptions());
  s->stack().SetOptions(s->connection(), {.quick_ack = true});
  for (uint32_t i = 0; i < 5; ++i) {
    s->peer().Data("x");
    s->Expect(Ack(2 + i));
  }
}

// --- Our window ---

// [RFC 9293 3.8.6 SHLD-14] it never moves left, whatever happens; it grows while the application
// keeps up, up to its maximum.
TEST(StackTcpReceiveWindow, GrowsWhileItIsTheLimit) {
  Config config = FullConfig();
  config.tcp.receive_buffer_max_bytes = 256 * 1024;
  ScriptOptions options{.config = config};
  options.syn_options = FullSynOptions();
  const auto s = Script::Established(options);
  uint32_t edge = 0;
  uint32_t largest = 0;
  for (uint32_t i = 0; i < 1000; ++i) {
    s->peer().Data(Pattern(1448));
    if (i % 7 == 6) s->Read();
    while (s->output_size() > 0) {
      const NaiveTcp ack = *s->Expect(Ack()).tcp;
      const uint32_t window = uint32_t{ack.window} << 7;
      const uint32_t end = s->peer().RelativeAck(ack.acknowledgment) + window;
      EXPECT_GE(end, edge);
      edge = end;
      largest = std::max(largest, window);
    }
  }
  s->Read();
  EXPECT_GT(largest, 200u * 1024);
  EXPECT_LE(largest, 256u * 1024);
}

// A buffer that begins tiny stops growing where its counter ends, and does not begin anew.
TEST(StackTcpReceiveWindow, GrowsFromTheSmallestBuffer) {
  Config config = FullConfig();
  config.tcp.receive_buffer_bytes = 16;
  ScriptOptions options{.config = config};
  options.syn_options = FullSynOptions();
  const auto s = Script::Established(options);
  uint32_t largest = 0;
  for (int i = 0; i < 3000; ++i) {
    const uint32_t window = s->stack().Inspect(s->connection())->rcv_wnd_bytes;
    EXPECT_GE(window, largest);
    largest = std::max(largest, window);
    s->peer().Data(Pattern(std::min(window, 1448u)));
    s->Read();
    s->Advance(milliseconds(50));
    s->DiscardOutput();
  }
  EXPECT_GT(largest, 400'000u);
}

// Without a scale it cannot.
TEST(StackTcpReceiveWindow, StaysWithoutAScale) {
  const auto s = Script::Established(FullOptions());
  for (uint32_t i = 0; i < 200; ++i) {
    s->peer().Data(Pattern(kMss));
    s->Read();
  }
  EXPECT_LE(s->stack().Inspect(s->connection())->rcv_wnd_bytes, 65535u);
  EXPECT_GT(s->stack().Inspect(s->connection())->rcv_wnd_bytes, 65535u - 2 * kMss);
}

}  // namespace
}  // namespace aether::testing
