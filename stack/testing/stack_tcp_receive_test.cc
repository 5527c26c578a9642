// Data from the peer (RFC 9293 3.10.7.4 first and seventh step, 3.8.6): order, trimming, the
// receive window, wherever the numbers start.
#include <gtest/gtest.h>

#include <string>

#include "stack/base/random.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using tcp::State;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kPsh = tcp_flags::kPsh;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;

std::string TextOf(const Frame& frame) { return {frame.begin(), frame.end()}; }

// --- In ---

TEST(StackTcpReceive, DataInOrderIsDeliveredAndAcknowledged) {
  const auto s = Script::Established();
  s->peer().Data("hello ");
  s->Expect(Ack(7).AtSeq(1));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kReadable);
  s->peer().Data("world");
  s->Expect(Ack(12));
  EXPECT_EQ(s->stack().Readable(s->connection()), 11u);
  EXPECT_EQ(s->Read(), "hello world");
  EXPECT_EQ(s->TakeEvents(), tcp_event::kReadable);
  s->ExpectNothing();
  EXPECT_EQ(s->counters().tcp_data_bytes_in, 11u);
}

TEST(StackTcpReceive, PushMakesNoDifference) {
  const auto s = Script::Established();
  s->peer().Send({.flags = kAck, .data = ToFrame("a")});
  s->Expect(Ack(2));
  s->peer().Send({.flags = kAck | kPsh, .data = ToFrame("b")});
  s->Expect(Ack(3));
  EXPECT_EQ(s->Read(), "ab");
}

TEST(StackTcpReceive, EverySizeArrivesWhole) {
  const auto s = Script::Established();
  for (size_t size = 1; size <= 1460; ++size) {
    const Frame data = Pattern(size, static_cast<uint8_t>(size));
    s->peer().Data(data);
    s->Expect(Ack(s->peer().snd_nxt()));
    ASSERT_EQ(s->Read(), TextOf(data)) << size;
    // Reading may bring a window update.
    s->DiscardOutput();
  }
}

// One acknowledgement for a batch, not one for each segment of it.
TEST(StackTcpReceive, ABatchIsAcknowledgedOnce) {
  const auto s = Script::Established();
  std::vector<Frame> batch;
  for (uint32_t i = 0; i < 10; ++i) {
    batch.push_back(s->peer().Build({.seq = 1 + i * 100, .data = Pattern(100)}));
  }
  s->Send(batch);
  s->Expect(Ack(1001));
  s->ExpectNothing();
}

// [RFC 9293 3.10.7.4] first: what was received before is acknowledged again and dropped.
TEST(StackTcpReceive, ADuplicateIsAcknowledgedAgain) {
  const auto s = Script::Established();
  s->peer().Data("hello");
  s->Expect(Ack(6));
  s->SendDropped(s->peer().Build({.seq = 1, .data = ToFrame("hello")}), Drop::kTcpDuplicate);
  s->Expect(Ack(6));
  s->SendDropped(s->peer().Build({.seq = 2, .data = ToFrame("ell")}), Drop::kTcpDuplicate);
  s->Expect(Ack(6));
  EXPECT_EQ(s->Read(), "hello");
}

// [RFC 9293 3.10.7.4] seventh: of what overlaps only the new part counts.
TEST(StackTcpReceive, OverlapOnTheLeftIsTrimmed) {
  const auto s = Script::Established();
  s->peer().Data("hello");
  s->Expect(Ack(6));
  s->SendDelivered(s->peer().Build({.seq = 1, .data = ToFrame("HELLO world")}));
  s->Expect(Ack(12));
  s->SendDelivered(s->peer().Build({.seq = 11, .data = ToFrame("D!")}));
  s->Expect(Ack(13));
  EXPECT_EQ(s->Read(), "hello world!");
}

TEST(StackTcpReceive, OverlapByAnyAmount) {
  for (uint32_t old_bytes = 0; old_bytes <= 20; ++old_bytes) {
    for (uint32_t new_bytes = 1; new_bytes <= 20; ++new_bytes) {
      const auto s = Script::Established();
      const Frame stream = Pattern(60);
      s->peer().Data(Frame(stream.begin(), stream.begin() + 20));
      s->Expect(Ack(21));
      s->SendDelivered(s->peer().Build(
          {.seq = 21 - old_bytes,
           .data = Frame(stream.begin() + 20 - old_bytes, stream.begin() + 20 + new_bytes)}));
      s->Expect(Ack(21 + new_bytes));
      ASSERT_EQ(s->Read(), TextOf(Frame(stream.begin(), stream.begin() + 20 + new_bytes)));
    }
  }
}

// The classic profile keeps nothing that is out of order: the peer is told where the gap is, and
// sends it all again.
TEST(StackTcpReceive, OutOfOrderIsDroppedAndAnsweredAtOnce) {
  const auto s = Script::Established();
  s->SendDropped(s->peer().Build({.seq = 6, .data = ToFrame("world")}), Drop::kTcpOutOfOrder);
  s->Expect(Ack(1));
  s->SendDropped(s->peer().Build({.seq = 2, .data = ToFrame("x")}), Drop::kTcpOutOfOrder);
  s->Expect(Ack(1));
  s->peer().Data("hello");
  s->Expect(Ack(6));
  s->peer().Data("world");
  s->Expect(Ack(11));
  EXPECT_EQ(s->Read(), "helloworld");
}

// [RFC 9293 3.8.5] the pointer is not used, and no value of it does harm (TCP008; CVE-2019-12255,
// CVE-2020-17437).
TEST(StackTcpReceive, UrgentDataAreDeliveredInLine) {
  const auto s = Script::Established();
  std::string wanted;
  for (const uint16_t pointer : std::vector<uint16_t>{0, 1, 9, 10, 11, 0x7fff, 0xffff}) {
    s->peer().Send({.flags = kAck | kUrg, .data = Pattern(10), .urgent_pointer = pointer});
    wanted += TextOf(Pattern(10));
    s->Expect(Ack(s->peer().snd_nxt()));
  }
  s->peer().Send({.flags = kAck | kUrg, .urgent_pointer = 0xffff});
  s->peer().Send({.flags = kAck, .urgent_pointer = 77});
  EXPECT_EQ(s->Read(), wanted);
  s->ExpectNothing();
}

// (TCP007; CVE-2019-12258) malformed options cost the segment, not the connection.
TEST(StackTcpReceive, MalformedOptionsDoNotHarmTheConnection) {
  const auto s = Script::Established();
  for (const Frame& options :
       {Frame{3, 2, 0xff, 0}, Frame{0xff, 0, 0, 0}, Frame{8, 1, 0, 0}, Frame{1, 1, 1, 5}}) {
    for (uint32_t seq : {1u, 0x70000000u}) {
      s->SendDropped(s->peer().Build({.seq = seq, .data = ToFrame("x"), .options = options}),
                     Drop::kTcpBadOptions);
    }
  }
  s->ExpectNothing();
  s->ExpectState(State::kEstablished);
  s->peer().Data("x");
  s->Expect(Ack(2));
}

TEST(StackTcpReceive, OptionsThatWereNotAgreedOnAreSkipped) {
  const auto s = Script::Established();
  const Frame timestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0};
  const Frame sack = {1, 1, 5, 10, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff};
  const Frame mss_and_scale = {2, 4, 0, 0, 3, 3, 255, 0};
  for (const Frame& options : {timestamps, sack, mss_and_scale}) {
    s->SendDelivered(
        s->peer().Build({.seq = s->peer().snd_nxt(), .data = ToFrame("ab"), .options = options}));
    s->Expect(Ack(s->peer().snd_nxt() + 2));
    s->peer().set_snd_nxt(s->peer().snd_nxt() + 2);
  }
  EXPECT_EQ(s->Read(), "ababab");
}

// --- The receive window ---

ScriptOptions SmallWindow(uint16_t bytes) {
  ScriptOptions options;
  options.config.tcp.receive_buffer_bytes = bytes;
  return options;
}

TEST(StackTcpWindow, ShrinksAsTheBufferFills) {
  const auto s = Script::Established(SmallWindow(1000));
  s->peer().Data(Pattern(600));
  s->Expect(Ack(601).WithWindow(400));
  s->peer().Data(Pattern(400));
  s->Expect(Ack(1001).WithWindow(0));
}

// [RFC 9293 3.10.7.4] what lies beyond the window is cut off, and comes again.
TEST(StackTcpWindow, DataBeyondItAreCutOff) {
  const auto s = Script::Established(SmallWindow(10));
  s->Send(s->peer().Build({.data = ToFrame("0123456789abc")}));
  s->Expect(Ack(11).WithWindow(0));
  // A FIN behind what was cut off does not count.
  EXPECT_EQ(s->Read(), "0123456789");
  s->Expect(Ack(11).WithWindow(10));
  s->Send(s->peer().Build({.flags = kFin | kAck, .seq = 11, .data = ToFrame("abcdefghijklm")}));
  s->Expect(Ack(21).WithWindow(0));
  s->ExpectState(State::kEstablished);
  EXPECT_EQ(s->Read(), "abcdefghij");
}

// [RFC 9293 3.10.7.4] first: with a window of zero nothing is taken but acknowledgements.
TEST(StackTcpWindow, AtZeroNothingIsTakenButAcknowledgements) {
  const auto s = Script::Established(SmallWindow(10));
  s->Write("sent");
  s->Expect(Data("sent"));
  s->peer().Send({.ack = 1, .data = ToFrame("0123456789")});
  s->Expect(Ack(11).WithWindow(0));
  // A probe of one byte.
  s->SendDropped(s->peer().Build({.ack = 5, .data = ToFrame("a")}), Drop::kTcpOutOfWindow);
  s->Expect(Ack(11).WithWindow(0));
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
  s->SendDropped(s->peer().Build({.flags = kFin | kAck}), Drop::kTcpOutOfWindow);
  s->Expect(Ack(11).WithWindow(0));
  s->ExpectState(State::kEstablished);
  // An acknowledgement alone is fine.
  s->SendDelivered(s->peer().Build({}));
  s->ExpectNothing();
  // A reset still works.
  s->peer().Rst();
  s->ExpectState(State::kClosed);
}

// [RFC 9293 3.8.6.2.2] the peer hears of the space that reading made.
TEST(StackTcpWindow, ReadingReopensIt) {
  const auto s = Script::Established(SmallWindow(4000));
  s->peer().Data(Pattern(1460));
  s->peer().Data(Pattern(1460));
  s->peer().Data(Pattern(1080));
  s->Expect(Ack(1461).WithWindow(2540));
  s->Expect(Ack(2921).WithWindow(1080));
  s->Expect(Ack(4001).WithWindow(0));
  // [RFC 9293 3.8.6.2.2 MUST-39] not for every byte.
  s->stack().Consume(s->connection(), 100);
  s->Step();
  s->ExpectNothing();
  s->stack().Consume(s->connection(), 1800);
  s->Step();
  s->ExpectNothing();
  s->stack().Consume(s->connection(), 200);
  s->Step();
  s->Expect(Ack(4001).WithWindow(2100));
  s->peer().Data(Pattern(1460));
  s->Expect(Ack(5461));
}

// [RFC 9293 3.8.6 SHLD-14] (P: the window edge never moves back) any mix of segments and reading.
TEST(StackTcpWindow, TheRightEdgeNeverMovesLeft) {
  Random random(Seed{3, 9});
  for (uint16_t buffer : std::vector<uint16_t>{1, 100, 3000, 10000, 65535}) {
    const auto s = Script::Established(SmallWindow(buffer));
    const Frame stream = Pattern(200'000);
    uint32_t sent = 0;
    uint32_t edge = 1u + buffer;
    std::string read;
    for (int step = 0; step < 400; ++step) {
      const uint32_t room = edge - (1 + sent);
      const uint32_t size = std::min({1 + random.Below(1460), room, 200'000 - sent});
      if (size > 0) {
        s->peer().Data(Frame(stream.begin() + sent, stream.begin() + sent + size));
        sent += size;
      }
      if (random.Below(3) == 0) {
        const Bytes front = s->stack().Peek(s->connection());
        const size_t taken = std::min<size_t>(front.size(), random.Below(3000));
        read.append(front.begin(), front.begin() + static_cast<long>(taken));
        s->stack().Consume(s->connection(), taken);
        s->Step();
      }
      while (s->output_size() > 0) {
        const NaiveFrame frame = s->Expect(Ack(1 + sent));
        const uint32_t new_edge = 1 + sent + frame.tcp->window;
        ASSERT_LE(edge, new_edge);
        edge = new_edge;
      }
    }
    read += s->Read();
    EXPECT_EQ(read, TextOf(Frame(stream.begin(), stream.begin() + sent)));
    EXPECT_EQ(s->counters().TotalDrops(), 0u);
    EXPECT_GT(sent, 0u);
  }
}

// --- Wherever the numbers start (P11, TCP013) ---

class StackTcpNumbers : public ::testing::TestWithParam<uint32_t> {};

TEST_P(StackTcpNumbers, TheStreamIsTheSame) {
  const auto s = Script::Established({.peer = {.initial_sequence = GetParam()}});
  std::string got;
  const Frame stream = Pattern(20'000);
  for (uint32_t at = 0; at < stream.size(); at += 1000) {
    s->SendDelivered(s->peer().Build(
        {.seq = 1 + at, .data = Frame(stream.begin() + at, stream.begin() + at + 1000)}));
    s->Expect(Ack(1001 + at));
    // An old copy and one from the future.
    s->SendDropped(s->peer().Build({.seq = 1 + at, .data = Frame(1000)}), Drop::kTcpDuplicate);
    s->Expect(Ack(1001 + at));
    s->SendDropped(s->peer().Build({.seq = 1002 + at, .data = Frame(1000)}), Drop::kTcpOutOfOrder);
    s->Expect(Ack(1001 + at));
    got += s->Read();
    s->DiscardOutput();
  }
  EXPECT_EQ(got, TextOf(stream));
  s->peer().set_snd_nxt(20'001);
  s->peer().Fin();
  s->Expect(Ack(20'002));
  s->ExpectState(State::kCloseWait);
}

INSTANTIATE_TEST_SUITE_P(Starts, StackTcpNumbers,
                         ::testing::Values(0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu,
                                           0xfffffffeu, 0xffffd000u, 0x7fffe000u));

}  // namespace
}  // namespace aether::testing
