// Data to the peer (RFC 9293 3.8, 3.10.7.4 fifth step): segments, the peer's window,
// acknowledgements, and a stream echoed.
#include <gtest/gtest.h>

#include <string>

#include "stack/base/random.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

constexpr uint8_t kAck = tcp_flags::kAck;

std::string TextOf(const Frame& frame) { return {frame.begin(), frame.end()}; }

TcpMatch AnyData() { return TcpMatch{.flags = kAck}.WithAnyData(); }

// --- Out ---

TEST(StackTcpSend, DataLeaveAtOnce) {
  const auto s = Script::Established();
  s->Write("hello");
  s->Expect(Data("hello").AtSeq(1).WithAck(1).WithPsh());
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 5u);
  s->peer().Ack();
  EXPECT_EQ(s->TakeEvents(), tcp_event::kWritable);
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
  s->ExpectNothing();
}

// [RFC 9293 3.9.1.2] PSH stands in the segment that empties the queue.
TEST(StackTcpSend, LongDataAreCutIntoSegments) {
  const auto s = Script::Established();
  const Frame data = Pattern(4000);
  s->Write(data);
  s->Expect(Data(Frame(data.begin(), data.begin() + 1460)).AtSeq(1).WithPsh(false));
  s->Expect(Data(Frame(data.begin() + 1460, data.begin() + 2920)).AtSeq(1461).WithPsh(false));
  s->Expect(Data(Frame(data.begin() + 2920, data.end())).AtSeq(2921).WithPsh());
  s->ExpectNothing();
  s->peer().Ack(2000);
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 4000u - 1999);
  s->peer().Ack();
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
}

// [RFC 9293 3.7.1 MUST-16] no segment is larger than the peer's MSS.
TEST(StackTcpSend, SegmentsFollowThePeersMss) {
  for (uint16_t mss : std::vector<uint16_t>{88, 256, 536, 1200}) {
    Script s;
    s.peer().Syn(mss);
    s.Expect(SynAck());
    s.peer().Ack();
    s.Accept();
    s.Write(Pattern(5000));
    size_t total = 0;
    while (s.output_size() > 0) {
      const size_t size = s.Expect(AnyData()).tcp->payload.size();
      EXPECT_LE(size, mss);
      total += size;
    }
    EXPECT_EQ(total, 5000u);
  }
}

TEST(StackTcpSend, StaticBytesAndCopiesKeepTheirOrder) {
  const auto s = Script::Established();
  const Frame body = Pattern(3001, 7);
  const Frame head = ToFrame("head");
  const Frame tail = ToFrame("tail!");
  const auto add = [&](const Frame& bytes, bool is_static) {
    if (is_static) {
      EXPECT_TRUE(s->stack().WriteStatic(s->connection(), StaticBytes::Of(bytes)));
    } else {
      EXPECT_EQ(s->stack().Write(s->connection(), bytes), bytes.size());
    }
  };
  Frame wanted;
  for (int i = 0; i < 3; ++i) {
    add(head, i % 2 == 1);
    add(body, true);
    add(tail, i % 2 == 0);
    for (const Frame* part : {&head, &body, &tail}) {
      wanted.insert(wanted.end(), part->begin(), part->end());
    }
  }
  s->Step();
  Frame got;
  while (s->output_size() > 0) {
    const NaiveFrame frame = s->Expect(AnyData().AtSeq(1 + static_cast<uint32_t>(got.size())));
    got.insert(got.end(), frame.tcp->payload.begin(), frame.tcp->payload.end());
  }
  EXPECT_EQ(got, wanted);
}

TEST(StackTcpSend, AnAnswerCarriesTheAcknowledgement) {
  const auto s = Script::Established();
  const Frame request = s->peer().Build({.data = ToFrame("ping")});
  const Bytes frames[] = {request};
  s->stack().Receive(frames, s->now());
  s->Write("pong");
  s->Expect(Data("pong").WithAck(5));
  s->ExpectNothing();
}

// [RFC 9293 3.8.6] no more than the window admits.
TEST(StackTcpSend, StopsAtThePeersWindow) {
  const auto s = Script::Established({.peer = {.window = 1000}});
  s->Write(Pattern(2500));
  s->Expect(AnyData().AtSeq(1));
  s->ExpectNothing();
  EXPECT_EQ(s->peer().rcv_nxt(), 1001u);
  s->peer().Ack();
  s->Expect(AnyData().AtSeq(1001));
  s->ExpectNothing();
  s->peer().Ack();
  s->Expect(AnyData().AtSeq(2001));
  EXPECT_EQ(s->peer().rcv_nxt(), 2501u);
}

TEST(StackTcpSend, WaitsWhileTheWindowIsZeroAndGoesOnWhenItOpens) {
  const auto s = Script::Established({.peer = {.window = 0}});
  s->Write("hello");
  s->ExpectNothing();
  s->Advance(std::chrono::seconds(100));
  s->ExpectNothing();
  s->peer().Send({.window = 3});
  s->Expect(Data("hel").WithPsh(false));
  s->peer().Send({.window = 0});
  s->ExpectNothing();
  s->peer().Send({.window = 100});
  s->Expect(Data("lo").AtSeq(4));
}

// [RFC 9293 3.8.6 SHLD-15] a peer that shrinks its window does no harm.
TEST(StackTcpSend, AShrunkenWindowStopsItAndNothingElse) {
  const auto s = Script::Established({.peer = {.window = 2920}});
  s->Write(Pattern(5840));
  EXPECT_EQ(s->peer().rcv_nxt(), 2921u);
  s->DiscardOutput();
  s->peer().Send({.ack = 1, .window = 100});
  s->peer().Send({.ack = 1461, .window = 0});
  s->ExpectNothing();
  s->peer().Send({.ack = 2921, .window = 2920});
  EXPECT_EQ(s->peer().rcv_nxt(), 5841u);
}

// [RFC 9293 3.10.7.4] fifth: an older segment does not bring its older window back.
TEST(StackTcpSend, AnOldWindowDoesNotCount) {
  const auto s = Script::Established({.peer = {.window = 1000}});
  s->peer().Data("abc");
  s->Expect(Ack(4));
  s->peer().Send({.window = 0});
  // Sent before the last one: its sequence number is lower.
  s->Send(s->peer().Build({.seq = 3, .data = ToFrame("cd"), .window = 1000}));
  s->Expect(Ack(5));
  s->Write("x");
  s->ExpectNothing();
}

// [RFC 9293 3.10.7.4] fifth: an acknowledgement of what was never sent is answered with an ACK
// (TCP021).
TEST(StackTcpSend, AnAckOfTheFutureIsAnswered) {
  const auto s = Script::Established();
  s->Write("hello");
  s->Expect(Data("hello"));
  for (uint32_t ack : {7u, 100u, 0x7fffffffu}) {
    s->SendDropped(s->peer().Build({.ack = ack}), Drop::kTcpBadAck);
    s->Expect(Ack(1).AtSeq(6));
  }
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 5u);
  // What it carries is not taken either.
  s->SendDropped(s->peer().Build({.ack = 7, .data = ToFrame("evil")}), Drop::kTcpBadAck);
  s->Expect(Ack(1));
  EXPECT_EQ(s->Read(), "");
  s->peer().Ack();
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
}

// [RFC 5961 5.2] acknowledgements older than the largest window ever seen are not believed.
TEST(StackTcpSend, AnAckOfThePastIsIgnoredOrAnswered) {
  const auto s = Script::Established({.peer = {.window = 1000}});
  s->Write("hello");
  s->Expect(Data("hello"));
  s->peer().Ack();
  s->SendDelivered(s->peer().Build({.ack = 1}));
  s->SendDelivered(s->peer().Build({.ack = 6u - 1000}));
  s->ExpectNothing();
  s->SendDropped(s->peer().Build({.ack = 5u - 1000}), Drop::kTcpBadAck);
  s->Expect(Ack(1));
  s->SendDropped(s->peer().Build({.ack = 0x80000006u}), Drop::kTcpBadAck);
  s->Expect(Ack(1));
}

TEST(StackTcpSend, DuplicateAcksChangeNothing) {
  const auto s = Script::Established();
  s->Write("hello");
  s->Expect(Data("hello"));
  for (int i = 0; i < 10; ++i) s->peer().Ack(1);
  s->ExpectNothing();
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 5u);
}

// --- A stream there and back, through every odd size ---

TEST(StackTcpStream, AMegabyteIsEchoedWhole) {
  const auto s = Script::Established();
  Random random(Seed{8, 8});
  std::string sent;
  std::string got;
  while (sent.size() < 1'000'000) {
    const Frame data = Pattern(1 + random.Below(1460), static_cast<uint8_t>(random.Next32()));
    sent += TextOf(data);
    s->peer().Data(data);
    s->Write(s->Read());
    while (s->output_size() > 0) {
      const NaiveFrame frame = s->Expect(AnyData());
      got.append(frame.tcp->payload.begin(), frame.tcp->payload.end());
    }
    if (random.Below(4) == 0) s->peer().Ack();
  }
  EXPECT_EQ(got, sent);
  EXPECT_EQ(s->counters().TotalDrops(), 0u);
}

}  // namespace
}  // namespace aether::testing
