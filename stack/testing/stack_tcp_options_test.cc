// What two ends agree on by options: segment sizes (RFC 9293 3.7.1), window scale, timestamps and
// PAWS (RFC 7323), SACK and D-SACK as a receiver (RFC 2018, RFC 2883), ECN (RFC 3168).
#include <gtest/gtest.h>

#include <chrono>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kRst = tcp_flags::kRst;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kEce = tcp_flags::kEce;
constexpr uint8_t kCwr = tcp_flags::kCwr;

std::unique_ptr<Script> With(Frame syn_options, Config config = FullConfig()) {
  ScriptOptions options{.config = std::move(config)};
  options.syn_options = std::move(syn_options);
  return Script::Established(options);
}

tcp::Snapshot Inspect(Script& s) { return *s.stack().Inspect(s.connection()); }

// Relative to the peer's first number.
std::vector<std::array<uint32_t, 2>> BlocksOf(const Script& s, const NaiveFrame& frame) {
  const auto& sent = frame.tcp->sack_blocks;
  std::vector<std::array<uint32_t, 2>> blocks(sent.begin(), sent.end());
  for (auto& block : blocks) {
    for (uint32_t& edge : block) edge = s.FindPeer(frame)->RelativeAck(edge);
  }
  return blocks;
}
using Blocks = std::vector<std::array<uint32_t, 2>>;

// --- Segment sizes ---

// [RFC 9293 3.7.1 MUST-15] 536 without the option; a floor against segments of a few bytes; [RFC
// 9293 3.7.1 MUST-16] never more than the link takes, options included.
// [RFC 6691] and timestamps come out of it.
TEST(StackTcpMss, IsWhatBothCanDo) {
  struct Case {
    Frame options;
    uint16_t mss;
  };
  for (const Case& each :
       {Case{SackPermittedOption(), 536}, Case{MssOption(1000), 1000}, Case{MssOption(1), 88},
        Case{MssOption(0), 88}, Case{MssOption(65535), 1460},
        Case{Joined({MssOption(1000), TimestampOption(1, 0)}), 988},
        Case{Joined({MssOption(9000), TimestampOption(1, 0)}), 1448}}) {
    const auto s = With(each.options);
    EXPECT_EQ(Inspect(*s).mss_bytes, each.mss);
    s->Write(Pattern(2000));
    EXPECT_EQ(s->Expect(Data("").WithAnyData()).tcp->payload.size(), each.mss);
    s->DiscardOutput();
  }
}

// [RFC 9293 3.2 MUST-65] the MSS option is in no segment but a SYN; [RFC 9293 3.1 MUST-69, MUST-68]
// and what pads the options is what the naive parser admits. [RFC 7323 3.2] timestamps are in all.
// [RFC 7323 appendix A] and stand where most expect them.
TEST(StackTcpMss, StandsInTheSynOnly) {
  const auto s = Script::Full();
  s->Write("data");
  const NaiveTcp data = *s->Expect(Data("data")).tcp;
  EXPECT_FALSE(data.mss || data.window_scale || data.sack_permitted);
  EXPECT_EQ(data.option_kinds, (std::vector<uint8_t>{1, 1, 8}));
  s->peer().Ack();
  s->Shutdown();
  EXPECT_TRUE(s->Expect(Fin()).tcp->timestamps.has_value());
}

// [RFC 9293 3.1 MUST-5] an option in any segment, [RFC 9293 3.2 MUST-64] at any octet, [RFC
// 9293 3.1 MUST-4] between no-operations, before the end of the list, [RFC 9293 3.1 MUST-6] beside
// unknown ones.
TEST(StackTcpOptions, StandAnywhere) {
  Frame unaligned{1, 253, 3, 7, 2, 4, 3, 232, 4, 2, 0, 9};
  const auto s = With(unaligned);
  EXPECT_EQ(Inspect(*s).mss_bytes, 1000);
  EXPECT_TRUE(Inspect(*s).sack);
  s->peer().Send({.data = ToFrame("a"), .options = {1, 1, 254, 5, 0, 0, 0, 0}});
  s->peer().Send({.data = ToFrame("b"), .options = {253, 2, 0, 0}});
  s->peer().Send({.data = ToFrame("c"), .options = {2, 4, 0, 1}});
  EXPECT_EQ(s->Read(), "abc");
  EXPECT_EQ(Inspect(*s).mss_bytes, 1000);
}

// [RFC 9293 3.1 MUST-7] impossible lengths: the segment is dropped, the connection lives.
TEST(StackTcpOptions, ImpossibleLengthsDoNoHarm) {
  const auto s = Script::Full();
  for (const Frame& bad : {Frame{8, 0, 1, 1}, Frame{8, 1, 1, 1}, Frame{8, 40, 1, 1},
                           Frame{1, 1, 1, 5}, Frame{253, 255, 0, 0}}) {
    s->SendDropped(s->peer().Build({.data = ToFrame("x"), .options = bad}), Drop::kTcpBadOptions);
    s->ExpectNothing();
  }
  s->peer().Data("alive");
  EXPECT_EQ(s->Read(), "alive");
}

// --- Window scale ---

// [RFC 7323 2.2] only when both offer it, [RFC 7323 2.3] more than 14 counts as 14, and the window
// of a SYN is not scaled. [RFC 9293 3.1 MUST-1, REC-1] windows are unsigned and have 32 bits.
TEST(StackTcpWindowScale, CountsWhenBothOfferIt) {
  struct Case {
    Frame options;
    uint32_t window;
  };
  for (const Case& each :
       {Case{MssOption(1460), 0xffff}, Case{WindowScaleOption(0), 0xffff},
        Case{WindowScaleOption(7), 0xffffu << 7}, Case{WindowScaleOption(14), 0xffffu << 14},
        Case{WindowScaleOption(15), 0xffffu << 14}, Case{WindowScaleOption(255), 0xffffu << 14}}) {
    const auto s = With(each.options);
    EXPECT_EQ(Inspect(*s).window_scaling, each.options[0] == 1);
    EXPECT_EQ(Inspect(*s).snd_wnd_bytes, each.window);
  }
  Config config = FullConfig();
  config.profile.window_scaling = false;
  Script s({.config = config});
  s.peer().Send({.flags = kSyn, .options = WindowScaleOption(7)});
  EXPECT_FALSE(s.Expect(SynAck()).tcp->window_scale);
}

// Ours is in units of its shift: 65535 bytes are 512 units of 128.
TEST(StackTcpWindowScale, OursIsScaledToo) {
  const auto s = Script::Full();
  s->Write("x");
  EXPECT_EQ(s->Expect(Data("x")).tcp->window, 512);
}

// --- Timestamps ---

// [RFC 7323 3.2] only when both offer them; then a segment without is dropped, [RFC 7323 5.2] but
// for a reset.
TEST(StackTcpTimestamps, AreInEverySegmentOrInNone) {
  const auto without = With(MssOption(1460));
  without->peer().Send({.data = ToFrame("a"), .options = TimestampOption(5, 0)});
  EXPECT_EQ(without->Read(), "a");
  without->Write("b");
  EXPECT_FALSE(without->Expect(AnyFrame()).tcp->timestamps);

  const auto s = Script::Full();
  const std::string text = "lost";
  s->SendDropped(s->peer().Build({.data = ToFrame(text), .options = {1, 1, 1, 1}}),
                 Drop::kTcpMissingTimestamp);
  s->ExpectNothing();
  EXPECT_EQ(s->Read(), "");
  s->peer().Send({.flags = kRst, .options = {1, 1, 1, 1}});
  EXPECT_EQ(s->TakeEvents(), tcp_event::kReset);
}

// [RFC 7323 4.3] the echo is that of the segment that was acknowledged last, not of one ahead of
// it.
TEST(StackTcpTimestamps, EchoWhatWasAcknowledged) {
  const auto s = Script::Full();
  s->stack().SetOptions(s->connection(), {.quick_ack = true});
  s->peer().Send({.data = ToFrame("a"), .options = TimestampOption(2000, 0)});
  EXPECT_EQ(s->Expect(Ack(2)).tcp->timestamps->echo_reply, 2000u);
  // Ahead of a gap.
  s->Send(s->peer().Build({.seq = 3, .data = ToFrame("c"), .options = TimestampOption(2100, 0)}));
  EXPECT_EQ(s->Expect(Ack(2)).tcp->timestamps->echo_reply, 2000u);
  s->Send(s->peer().Build({.seq = 2, .data = ToFrame("b"), .options = TimestampOption(2050, 0)}));
  EXPECT_EQ(s->Expect(Ack(4)).tcp->timestamps->echo_reply, 2050u);
  EXPECT_EQ(s->Read(), "abc");
}

// [RFC 7323 5.4] two flows tell nothing about each other's clock.
TEST(StackTcpTimestamps, HaveAnOffsetPerFlow) {
  Script s(FullOptions());
  std::vector<uint32_t> values;
  for (uint16_t port = 1000; port < 1008; ++port) {
    TcpPeer& peer = s.AddPeer({.port = port});
    peer.Send({.flags = kSyn, .options = FullSynOptions()});
    values.push_back(s.Expect(SynAck().ToPort(port)).tcp->timestamps->value);
  }
  for (size_t i = 1; i < values.size(); ++i) {
    EXPECT_GT(std::min(values[i] - values[i - 1], values[i - 1] - values[i]), 1000u);
  }
}

// --- PAWS ---

// [RFC 7323 5.3] an older timestamp: acknowledged and dropped, also across the wrap.
TEST(StackTcpPaws, OldSegmentsAreAnsweredAndDropped) {
  for (const uint32_t start : {1000u, 0xfffffff0u, 0x7ffffff0u}) {
    ScriptOptions options = FullOptions();
    options.syn_options = FullSynOptions(start);
    const auto s = Script::Established(options);
    s->peer().Send({.data = ToFrame("new"), .options = TimestampOption(start + 100, 0)});
    EXPECT_EQ(s->Read(), "new");
    s->DiscardOutput();
    for (const uint32_t age : {1u, 99u, 0x7fffffffu}) {
      s->SendDropped(s->peer().Build({.data = ToFrame("old"),
                                      .options = TimestampOption(start + 100 - age, 0)}),
                     Drop::kTcpPaws);
      s->Expect(Ack(4));
    }
    // The same and later ones are good.
    s->peer().Send({.data = ToFrame("a"), .options = TimestampOption(start + 100, 0)});
    s->peer().Send({.data = ToFrame("b"), .options = TimestampOption(start + 101, 0)});
    EXPECT_EQ(s->Read(), "ab");
  }
}

// [RFC 7323 5.5] after 24 days the old one says nothing any more.
TEST(StackTcpPaws, IsForgottenAfter24Days) {
  for (const auto& [days, forgotten] : {std::pair{23, false}, {25, true}}) {
    const auto s = Script::Full();
    s->peer().Send({.data = ToFrame("a"), .options = TimestampOption(0x70000000, 0)});
    s->Advance(hours(24 * days));
    s->Send(s->peer().Build({.data = ToFrame("b"), .options = TimestampOption(0x10000000, 0)}));
    EXPECT_EQ(s->Read(), forgotten ? "ab" : "a") << days;
  }
}

// [RFC 7323 5.2] a reset with any timestamp counts; [RFC 7323 5.3] an old FIN does not.
TEST(StackTcpPaws, AResetIsExempt) {
  const auto s = Script::Full();
  s->peer().Send({.data = ToFrame("a"), .options = TimestampOption(5000, 0)});
  s->SendDropped(s->peer().Build({.flags = kFin | kAck, .options = TimestampOption(4000, 0)}),
                 Drop::kTcpPaws);
  s->ExpectState(tcp::State::kEstablished);
  s->peer().Send({.flags = kRst, .options = TimestampOption(4000, 0)});
  s->ExpectState(tcp::State::kClosed);
}

// --- SACK as a receiver ---

// [RFC 2018 3] [RFC 2018 4] the block that was touched last comes first, the others follow, as many
// as there is room for; without agreement there are none. [RFC 9293 3.10.7.4 SHLD-31, MAY-13] what
// came early is kept, and acknowledged.
TEST(StackTcpSackReceiver, ReportsWhatItHolds) {
  const auto s = With(Joined({MssOption(1460), SackPermittedOption()}));
  const auto send = [&](uint32_t seq, std::string_view text) {
    s->Send(s->peer().Build({.seq = seq, .data = ToFrame(text)}));
    return BlocksOf(*s, s->Expect(Ack()));
  };
  EXPECT_EQ(send(11, "kk"), (Blocks{{11, 13}}));
  EXPECT_EQ(send(21, "uu"), (Blocks{{21, 23}, {11, 13}}));
  EXPECT_EQ(send(31, "ee"), (Blocks{{31, 33}, {21, 23}, {11, 13}}));
  EXPECT_EQ(send(13, "mm"), (Blocks{{11, 15}, {31, 33}, {21, 23}}));
  EXPECT_EQ(send(41, "oo").size(), 4u);
  EXPECT_EQ(send(51, "yy").size(), 4u);
  // The first gap closes, and its block is gone.
  EXPECT_EQ(send(1, "0123456789")[0], (std::array<uint32_t, 2>{51, 53}));
  EXPECT_EQ(s->Read(), "0123456789kkmm");

  const auto without = With(MssOption(1460));
  without->Send(without->peer().Build({.seq = 5, .data = ToFrame("e")}));
  EXPECT_TRUE(without->Expect(Ack(1)).tcp->sack_blocks.empty());
}

// With timestamps there is room for three.
TEST(StackTcpSackReceiver, ThreeBlocksBesideTimestamps) {
  const auto s = Script::Full();
  for (uint32_t i = 1; i <= 4; ++i) {
    s->Send(s->peer().Build({.seq = 1 + 10 * i, .data = ToFrame("xx")}));
    EXPECT_EQ(s->Expect(Ack(1)).tcp->sack_blocks.size(), std::min(i, 3u));
  }
}

// [RFC 2883 4] what came twice is reported first, and once: below, inside of what is held, in part.
TEST(StackTcpSackReceiver, ReportsDuplicates) {
  const auto s = With(Joined({MssOption(1460), SackPermittedOption()}));
  const auto send = [&](uint32_t seq, std::string_view text) {
    s->Send(s->peer().Build({.seq = seq, .data = ToFrame(text)}));
    return BlocksOf(*s, s->Expect(Ack()));
  };
  s->peer().Data("0123456789");
  s->Advance(milliseconds(50));
  s->Expect(Ack(11));
  EXPECT_EQ(send(1, "01234"), (Blocks{{1, 6}}));
  EXPECT_EQ(send(21, "uuuu"), (Blocks{{21, 25}}));
  EXPECT_EQ(send(6, "56789"), (Blocks{{6, 11}, {21, 25}}));
  EXPECT_EQ(send(22, "uu"), (Blocks{{22, 24}, {21, 25}}));
  EXPECT_EQ(send(31, "ee"), (Blocks{{31, 33}, {21, 25}}));
  EXPECT_EQ(s->Read(), "0123456789");
}

// --- ECN ---

// [RFC 3168 6.1.1] a SYN with both bits is answered with ECE alone; another one is not.
TEST(StackTcpEcn, IsAgreedOnInTheHandshake) {
  for (const auto& [syn, agreed] : {std::pair<uint8_t, bool>{kSyn | kEce | kCwr, true},
                                    {kSyn | kEce, false},
                                    {kSyn | kCwr, false},
                                    {kSyn, false}}) {
    Script s(FullOptions());
    s.peer().Send({.flags = syn, .options = MssOption(1460)});
    const uint8_t answer = static_cast<uint8_t>(kSyn | kAck | (agreed ? kEce : 0));
    s.Expect(TcpMatch{.flags = answer, .seq = 0});
    s.peer().Ack();
    s.Accept();
    EXPECT_EQ(Inspect(s).ecn, agreed);
  }
}

// The same from the other side: only ECE without CWR is a yes.
TEST(StackTcpEcn, AnAnswerMustBeExact) {
  for (const auto& [flags, agreed] : {std::pair<uint8_t, bool>{kSyn | kAck | kEce, true},
                                      {kSyn | kAck | kEce | kCwr, false},
                                      {kSyn | kAck, false}}) {
    const auto s = Script::SynSent(FullOptions());
    s->peer().Send({.flags = flags, .ack = 1, .options = MssOption(1460)});
    EXPECT_EQ(Inspect(*s).ecn, agreed);
  }
}

std::unique_ptr<Script> EcnAgreed() {
  auto s = std::make_unique<Script>(FullOptions());
  s->peer().Send({.flags = kSyn | kEce | kCwr, .options = MssOption(1460)});
  s->Expect(TcpMatch{.flags = kSyn | kAck | kEce, .seq = 0});
  s->peer().Ack();
  s->Accept();
  return s;
}

// [RFC 3168 6.1.3] [RFC 9293 3.8.2 SHLD-8] a mark is echoed in every acknowledgement until CWR.
TEST(StackTcpEcn, AMarkIsEchoedUntilItWasHeard) {
  const auto s = EcnAgreed();
  const auto send = [&](std::string_view text, uint8_t flags, uint8_t tos) {
    Frame frame = s->peer().Build({.flags = flags, .data = ToFrame(text)});
    s->peer().set_snd_nxt(s->peer().snd_nxt() + static_cast<uint32_t>(text.size()));
    frame[kIpv4At + 1] = tos;
    s->Send(WithIpv4Checksum(frame));
  };
  send("a", kAck, 3);
  s->Expect(TcpMatch{.flags = kAck | kEce, .ack = 2});
  send("b", kAck, 2);
  s->Advance(milliseconds(50));
  s->Expect(TcpMatch{.flags = kAck | kEce, .ack = 3});
  s->Write("out");
  s->Expect(TcpMatch{.flags = kAck | kEce, .data = ToFrame("out")});
  send("c", kAck | kCwr, 2);
  s->Advance(milliseconds(50));
  s->Expect(TcpMatch{.flags = kAck, .ack = 4});
}

// [RFC 3168 6.1.4] it was answered, and two stacks with a marking link between them acknowledged
// each other's acknowledgements without end.
TEST(StackTcpEcn, AMarkOnABareAcknowledgementIsNotAnswered) {
  const auto s = EcnAgreed();
  Frame frame = s->peer().Build({});
  frame[kIpv4At + 1] = 3;
  for (int i = 0; i < 3; ++i) s->Send(WithIpv4Checksum(frame));
  s->Advance(milliseconds(100));
  s->ExpectNothing();
  s->peer().Data("x");
  s->Advance(milliseconds(100));
  s->Expect(TcpMatch{.flags = kAck, .ack = 2});
}

// [RFC 3168 5] [RFC 3168 6.1.5] new data are marked as capable; what is sent again, and what has no
// data, is not.
TEST(StackTcpEcn, OnlyNewDataAreCapable) {
  const auto s = EcnAgreed();
  s->Write("new");
  EXPECT_EQ(s->Expect(Data("new")).ip->type_of_service, 2);
  s->Advance(milliseconds(250));
  EXPECT_EQ(s->Expect(Data("new")).ip->type_of_service, 0);
  s->peer().Ack();
  s->peer().Data("x");
  s->Advance(milliseconds(50));
  EXPECT_EQ(s->Expect(Ack(2)).ip->type_of_service, 0);
}

// [RFC 3168 6.1.2] an echo halves the window once in a window, and is answered with CWR on new
// data.
TEST(StackTcpEcn, AnEchoReducesOncePerWindow) {
  const auto s = EcnAgreed();
  s->Write(Pattern(10 * 1460));
  for (uint32_t i = 0; i < 10; ++i) s->Expect(Data("").WithAnyData().AtSeq(1 + i * 1460));
  const uint32_t before = Inspect(*s).cwnd_bytes;
  s->peer().Send({.flags = kAck | kEce, .ack = 1461});
  const uint32_t reduced = Inspect(*s).cwnd_bytes;
  EXPECT_LT(reduced, before);
  for (uint32_t i = 2; i < 10; ++i) s->peer().Send({.flags = kAck | kEce, .ack = 1 + i * 1460});
  EXPECT_EQ(s->counters().tcp_ecn_reductions, 1u);
  EXPECT_EQ(s->counters().tcp_retransmissions, 0u);
  s->peer().Ack();
  s->Write("more");
  s->Expect(TcpMatch{.flags = kAck | kCwr, .data = ToFrame("more")});
  s->peer().Ack();
  s->Write("still more");
  s->Expect(Data("still more"));
  // The next window may be reduced again.
  s->peer().Send({.flags = kAck | kEce});
  EXPECT_EQ(s->counters().tcp_ecn_reductions, 2u);
}

}  // namespace
}  // namespace aether::testing
