// Loss and its repair, with the times of virtual time: the retransmission timer (RFC 6298), fast
// retransmit without SACK (RFC 5681, RFC 6582), recovery with SACK (RFC 6675), RACK and the loss
// probe (RFC 8985), mistakes undone (RFC 3522).
#include <gtest/gtest.h>

#include <chrono>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kMss = 1460;
// With timestamps in every segment.
constexpr uint32_t kFullMss = 1448;

// A handshake of 100 ms: SRTT 100 ms, RTTVAR 50 ms, RTO 300 ms. No options: no SACK, no loss probe.
std::unique_ptr<Script> Plain(Config config = FullConfig()) {
  ScriptOptions options{.config = std::move(config)};
  options.syn_round_trip = milliseconds(100);
  return Script::Established(options);
}

// With SACK, but without timestamps.
std::unique_ptr<Script> WithSack(Config config = FullConfig()) {
  ScriptOptions options{.config = std::move(config)};
  options.syn_round_trip = milliseconds(100);
  options.syn_options = Joined({MssOption(kMss), SackPermittedOption()});
  return Script::Established(options);
}

TcpMatch Segment1(uint32_t seq) { return Data("").WithAnyData().AtSeq(seq); }

void WriteSegments(Script& s, uint32_t count, uint32_t mss = kMss) {
  s.Write(Pattern(count * mss));
  for (uint32_t i = 0; i < count; ++i) s.Expect(Segment1(1 + i * mss));
  s.ExpectNothing();
}

void Sack(Script& s, uint32_t ack, std::vector<std::array<uint32_t, 2>> blocks) {
  for (auto& block : blocks) {
    for (uint32_t& edge : block) edge += s.peer().stack_initial_sequence();
  }
  s.peer().Send({.ack = ack, .options = SackOption(blocks)});
}

// --- RFC 6298 ---

// [RFC 6298 2.2] [RFC 9293 3.8.1 MUST-18] [RFC 6298 5.1, 5.4, 5.5, 5.6] [RFC 9293 3.8.2 MUST-19]
// the first timeout after SRTT + 4 RTTVAR, then twice as long each time; the oldest segment alone
// leaves.
TEST(StackTcpTimeout, DoublesEachTime) {
  const auto s = Plain();
  WriteSegments(*s, 3);
  Duration last = s->elapsed();
  for (int64_t wait : {300, 600, 1200, 2400, 4800}) {
    last = s->ExpectNext(last + milliseconds(wait), Segment1(1));
    s->ExpectNothing();
  }
}

// [RFC 6298 2.5] no longer than the maximum.
TEST(StackTcpTimeout, HasAMaximum) {
  Config config = FullConfig();
  config.tcp.rto_max = seconds(1);
  const auto s = Plain(config);
  WriteSegments(*s, 1);
  Duration last = s->elapsed();
  for (int64_t wait : {300, 600, 1000, 1000, 1000}) {
    last = s->ExpectNext(last + milliseconds(wait), Segment1(1));
  }
}

// [RFC 6298 2.4] and no shorter than the minimum: the round trip was a millisecond.
TEST(StackTcpTimeout, HasAMinimum) {
  const auto s = Script::Established(FullOptions());
  WriteSegments(*s, 1);
  s->ExpectNext(milliseconds(200), Segment1(1));
}

// [RFC 6298 5.3] what acknowledges something new starts the timer again; [RFC 6298 5.2] what
// acknowledges everything stops it. More data do neither (5.1).
TEST(StackTcpTimeout, StartsAnewWithEachAcknowledgement) {
  const auto s = Plain();
  WriteSegments(*s, 3);
  s->Advance(milliseconds(100));
  s->peer().Ack(1 + kMss);
  // The sample of 100 ms makes RTTVAR smaller: 100 + 4 * 37.5.
  const Duration acknowledged = s->elapsed();
  s->Advance(milliseconds(150));
  s->Write("more");
  s->Advance(milliseconds(90));
  s->ExpectNothing();
  s->ExpectNext(acknowledged + milliseconds(250), Segment1(1 + kMss));
  s->DiscardOutput();
  s->peer().Ack(1 + 3 * kMss);
  s->DiscardOutput();
  s->peer().Ack();
  s->Advance(seconds(100));
  s->ExpectNothing();
}

// [RFC 6298 3] Karn: an acknowledgement of what was sent twice is no measurement, and [RFC
// 6298 5.5] the timer stays backed off until there is one.
TEST(StackTcpTimeout, KarnsAlgorithm) {
  const auto s = Plain();
  WriteSegments(*s, 1);
  const Duration sent = s->elapsed();
  s->ExpectNext(sent + milliseconds(300), Segment1(1));
  s->Advance(milliseconds(5));
  s->peer().Ack();
  EXPECT_EQ(s->stack().Inspect(s->connection())->srtt_us, 100'000u);
  // Still twice 300 ms.
  s->Write(Pattern(100));
  s->Expect(Segment1(1 + kMss));
  s->ExpectNext(s->elapsed() + milliseconds(600), Segment1(1 + kMss));
}

// [RFC 7323 4.1] with timestamps, what was sent twice measures, too.
TEST(StackTcpTimeout, TimestampsMeasureWhatWasSentTwice) {
  const auto s = Script::Full(milliseconds(100));
  s->Write("hello");
  s->Expect(Data("hello"));
  const Duration sent = s->elapsed();
  s->ExpectNext(sent + milliseconds(300), Data("hello"));
  s->Advance(milliseconds(20));
  s->peer().Ack();
  EXPECT_EQ(s->stack().Inspect(s->connection())->srtt_us, 90'000u);
  EXPECT_EQ(s->stack().Inspect(s->connection())->backoff, 0u);
}

// A timer of its own for every direction and for FIN.
TEST(StackTcpTimeout, AFinIsRepeated) {
  const auto s = Plain();
  s->Shutdown();
  s->Expect(Fin().AtSeq(1));
  Duration last = s->elapsed();
  for (int64_t wait : {300, 600, 1200}) {
    last = s->ExpectNext(last + milliseconds(wait), Fin().AtSeq(1));
  }
  s->peer().Ack();
  s->ExpectState(tcp::State::kFinWait2);
  s->Advance(seconds(50));
  s->ExpectNothing();
}

// [RFC 6675 5.1] after a timeout, what was sacked does not leave again. Never does what was
// acknowledged.
TEST(StackTcpTimeout, RepeatsOnlyWhatIsMissing) {
  const auto s = WithSack();
  WriteSegments(*s, 4);
  const Duration sent = s->elapsed();
  s->Advance(milliseconds(10));
  Sack(*s, 1, {{1 + kMss, 1 + 2 * kMss}});
  s->ExpectNothing();
  s->AdvanceTo(sent + milliseconds(3000));
  const NaiveTcp first = *s->Expect(Segment1(1)).tcp;
  EXPECT_EQ(first.payload.size(), kMss);
  s->DiscardOutput();
  // The retransmission arrives: the rest follows, but not the second.
  s->peer().Ack(1 + 2 * kMss);
  s->Expect(Segment1(1 + 2 * kMss));
  s->Expect(Segment1(1 + 3 * kMss));
  s->peer().Ack();
  s->Advance(seconds(100));
  s->ExpectNothing();
}

// --- RFC 5681, RFC 6582: without SACK ---

// [RFC 3042 2] the first two duplicates let new data out, [RFC 5681 3.2] the third brings the lost
// segment back, and [RFC 6582 3.2] each partial acknowledgement the next one.
TEST(StackTcpNewReno, FillsOneHoleAfterTheOther) {
  Config config = FullConfig();
  config.profile.congestion = tcp::CongestionAlgorithm::kNewReno;
  const auto s = Plain(config);
  s->Write(Pattern(14 * kMss));
  for (uint32_t i = 0; i < 10; ++i) s->Expect(Segment1(1 + i * kMss));
  s->Advance(milliseconds(100));
  // The first and the fourth are lost.
  s->peer().Ack(1);
  s->Expect(Segment1(1 + 10 * kMss));
  s->peer().Ack(1);
  s->Expect(Segment1(1 + 11 * kMss));
  s->peer().Ack(1);
  s->Expect(Segment1(1));
  s->ExpectNothing();
  EXPECT_EQ(s->counters().tcp_fast_recoveries, 1u);
  s->Advance(milliseconds(50));
  s->peer().Ack(1 + 3 * kMss);
  s->Expect(Segment1(1 + 3 * kMss));
  s->DiscardOutput();
  s->peer().Ack(1 + 12 * kMss);
  s->DiscardOutput();
  s->peer().Ack();
  EXPECT_EQ(s->counters().tcp_retransmissions, 2u);
  EXPECT_EQ(s->counters().tcp_retransmit_timeouts, 0u);
  EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
}

// [RFC 5681 2] what has data, or another window, is no duplicate.
TEST(StackTcpNewReno, NotEveryRepetitionIsADuplicate) {
  const auto s = Plain();
  WriteSegments(*s, 4);
  s->Advance(milliseconds(10));
  for (int i = 0; i < 5; ++i) s->peer().Send({.ack = 1, .data = ToFrame("data")});
  for (uint16_t i = 1; i <= 5; ++i) {
    s->peer().set_window(static_cast<uint16_t>(60000 + i));
    s->peer().Ack(1);
  }
  EXPECT_EQ(s->counters().tcp_retransmissions, 0u);
  // These are: the window stays.
  for (int i = 0; i < 3; ++i) s->peer().Ack(1);
  EXPECT_EQ(s->counters().tcp_retransmissions, 1u);
}

// --- RFC 6675, RFC 8985: with SACK ---

// [RFC 8985 6.2 step 5] three segments above are proof enough while nothing was ever out of order,
// and [RFC 6675 4] what leaves is bounded by what is believed to be in the network.
TEST(StackTcpSackRecovery, FillsAllHolesAtOnce) {
  const auto s = WithSack();
  WriteSegments(*s, 10);
  s->Advance(milliseconds(100));
  // Missing: the first, the third and the fifth.
  Sack(*s, 1, {{1 + kMss, 1 + 2 * kMss}});
  Sack(*s, 1, {{1 + 3 * kMss, 1 + 4 * kMss}, {1 + kMss, 1 + 2 * kMss}});
  s->ExpectNothing();
  Sack(*s, 1,
       {{1 + 5 * kMss, 1 + 10 * kMss}, {1 + 3 * kMss, 1 + 4 * kMss}, {1 + kMss, 1 + 2 * kMss}});
  s->Expect(Segment1(1));
  s->Expect(Segment1(1 + 2 * kMss));
  s->Expect(Segment1(1 + 4 * kMss));
  s->ExpectNothing();
  EXPECT_EQ(s->counters().tcp_fast_recoveries, 1u);
  s->peer().Ack();
  EXPECT_EQ(s->counters().tcp_retransmissions, 3u);
  s->Advance(seconds(10));
  s->ExpectNothing();
}

// [RFC 8985 6.2 step 4] one segment above: it may just be late by a quarter of the round trip.
TEST(StackTcpSackRecovery, ALateSegmentGetsAQuarterOfARoundTrip) {
  const auto s = WithSack();
  WriteSegments(*s, 4);
  s->Advance(milliseconds(80));
  const Duration sacked = s->elapsed();
  Sack(*s, 1, {{1 + kMss, 1 + 2 * kMss}});
  s->ExpectNothing();
  // The shortest round trip is that of the second segment, 80 ms.
  s->ExpectNext(sacked + milliseconds(20), Segment1(1));
  EXPECT_EQ(s->counters().tcp_fast_recoveries, 1u);
}

TEST(StackTcpSackRecovery, ALateSegmentThatComesIsNotRepeated) {
  const auto s = WithSack();
  WriteSegments(*s, 4);
  s->Advance(milliseconds(80));
  Sack(*s, 1, {{1 + kMss, 1 + 2 * kMss}});
  s->Advance(milliseconds(15));
  s->peer().Ack(1 + 2 * kMss);
  s->Advance(milliseconds(50));
  EXPECT_EQ(s->counters().tcp_retransmissions, 0u);
}

// [RFC 2018 8] a receiver may forget what it sacked: a timeout that finds the first segment marked
// believes no mark. [RFC 2018 5] blocks that cannot be true are ignored.
TEST(StackTcpSackRecovery, BlocksThatCannotBeTrue) {
  const auto s = WithSack();
  WriteSegments(*s, 4);
  s->Advance(milliseconds(10));
  const uint32_t end = 1 + 4 * kMss;
  for (const std::array<uint32_t, 2> block : {std::array<uint32_t, 2>{end, end + 1000},
                                              {1 + kMss, end + 1},
                                              {1 + 2 * kMss, 1 + kMss},
                                              {0x80000000, 0x80000100},
                                              {1 + kMss, 1 + kMss + 0x80000000}}) {
    Sack(*s, 1, {block, {1 + 3 * kMss, 1 + 3 * kMss}});
    EXPECT_EQ(s->stack().Inspect(s->connection())->sacked_bytes, 0u) << block[0];
  }
  // From the first byte on, without acknowledging it.
  Sack(*s, 1, {{1, end}});
  s->DiscardOutput();
  s->Advance(seconds(1));
  s->Expect(Segment1(1));
}

// [RFC 8985 7.2] [RFC 8985 7.3] two full segments without an answer: after twice the round trip the
// last one leaves again; the timer follows. One segment could be waiting for a delayed
// acknowledgement, and gets the time of that, [RFC 8985 7.2] but not more than the timer.
TEST(StackTcpLossProbe, FollowsTwoRoundTrips) {
  const auto s = WithSack();
  WriteSegments(*s, 2);
  const Duration sent = s->elapsed();
  const Duration probed = s->ExpectNext(sent + milliseconds(200), Segment1(1 + kMss));
  EXPECT_EQ(s->counters().tcp_loss_probes, 1u);
  s->ExpectNext(probed + milliseconds(300), Segment1(1));
  EXPECT_EQ(s->counters().tcp_retransmit_timeouts, 1u);

  const auto one = WithSack();
  WriteSegments(*one, 1);
  one->ExpectNext(one->elapsed() + milliseconds(300), Segment1(1));
  EXPECT_EQ(one->counters().tcp_loss_probes, 1u);
}

// Small segments do not make a peer acknowledge at once either; and [RFC 8985 7.2] data that keep
// coming do not put the probe off beyond the retransmission timer.
TEST(StackTcpLossProbe, WaitsForDelayedAcknowledgementsButNotForEver) {
  ScriptOptions options = FullOptions();
  options.syn_options = Joined({MssOption(kMss), SackPermittedOption()});
  const auto s = Script::Established(options);
  s->stack().SetOptions(s->connection(), {.no_delay = true});
  const Duration sent = s->elapsed();
  for (int i = 0; i < 19; ++i) {
    s->Write("tick");
    s->Expect(Data("tick"));
    s->Advance(milliseconds(10));
    s->ExpectNothing();
  }
  s->ExpectNext(sent + milliseconds(200), Data("tick").AtSeq(73));
  EXPECT_EQ(s->counters().tcp_loss_probes, 1u);
}

// [RFC 6298 5.3] each acknowledgement starts that timer anew: a steady flow on a path whose round
// trip hardly varies is never probed, although its RTO is hardly longer.
TEST(StackTcpLossProbe, ASteadyFlowIsNotProbed) {
  ScriptOptions options = FullOptions();
  options.syn_options = Joined({MssOption(kMss), SackPermittedOption()});
  options.syn_round_trip = milliseconds(300);
  const auto s = Script::Established(options);
  uint32_t acknowledged = 1;
  s->Write(Pattern(6 * kMss));
  for (int i = 0; i < 200; ++i) {
    s->Advance(milliseconds(50));
    if (i < 5) continue;
    acknowledged += kMss;
    s->peer().Ack(acknowledged);
    s->Write(Pattern(kMss));
  }
  EXPECT_EQ(s->counters().tcp_loss_probes, 0u);
  EXPECT_EQ(s->counters().tcp_retransmissions, 0u);
}

// What was acknowledged in the middle of a segment does not leave again either.
TEST(StackTcpTimeout, RepeatsFromWhereTheAcknowledgementEnds) {
  const auto s = Plain();
  WriteSegments(*s, 2);
  s->peer().Ack(501);
  s->Advance(seconds(1));
  const NaiveTcp again = *s->Expect(Segment1(501)).tcp;
  EXPECT_EQ(again.payload.size(), kMss - 500);
}

// On a path of microseconds a probe still leaves the peer the time to run.
TEST(StackTcpLossProbe, LeavesThePeerTenMilliseconds) {
  ScriptOptions options = FullOptions();
  options.syn_options = Joined({MssOption(kMss), SackPermittedOption()});
  const auto s = Script::Established(options);
  WriteSegments(*s, 2);
  s->ExpectNext(milliseconds(10), Segment1(1 + kMss));
}

// [RFC 8985 7.3] the probe is new data if there are any, also beyond the congestion window.
TEST(StackTcpLossProbe, SendsNewDataIfThereAreAny) {
  const auto s = WithSack();
  s->Write(Pattern(12 * kMss));
  for (uint32_t i = 0; i < 10; ++i) s->Expect(Segment1(1 + i * kMss));
  s->ExpectNothing();
  s->ExpectNext(s->elapsed() + milliseconds(200), Segment1(1 + 10 * kMss));
  EXPECT_EQ(s->counters().tcp_retransmissions, 0u);
}

// [RFC 8985 7.4.2] a probe that filled a hole was a loss: the window shrinks. One that a D-SACK
// reports was not.
TEST(StackTcpLossProbe, ALossThatItRepairedCounts) {
  for (const bool needless : {false, true}) {
    const auto s = WithSack();
    WriteSegments(*s, 4);
    const uint32_t before = s->stack().Inspect(s->connection())->cwnd_bytes;
    s->ExpectNext(s->elapsed() + milliseconds(200), Segment1(1 + 3 * kMss));
    s->Advance(milliseconds(100));
    if (needless) {
      Sack(*s, 1 + 4 * kMss, {{1 + 3 * kMss, 1 + 4 * kMss}});
    } else {
      s->peer().Ack(1 + 4 * kMss);
    }
    const uint32_t after = s->stack().Inspect(s->connection())->cwnd_bytes;
    EXPECT_EQ(after < before, !needless) << before << " " << after;
  }
}

// --- Mistakes ---

// [RFC 3522 3.2] [RFC 4015 3.2] the echo says that the answer is to the original: nothing was lost,
// everything is as before.
TEST(StackTcpSpurious, ATimeoutThatWasAMistakeIsUndone) {
  const auto s = Script::Full(milliseconds(100));
  WriteSegments(*s, 4, kFullMss);
  const uint32_t before = s->stack().Inspect(s->connection())->cwnd_bytes;
  const uint32_t original = s->peer().last_timestamp();
  // The path takes a second now: the probe and a timeout happen.
  s->Advance(seconds(1));
  EXPECT_EQ(s->counters().tcp_retransmit_timeouts, 1u);
  EXPECT_EQ(s->stack().Inspect(s->connection())->cwnd_bytes, kFullMss);
  s->DiscardOutput();
  s->peer().Send({.ack = 1 + 2 * kFullMss, .options = TimestampOption(1500, original)});
  EXPECT_EQ(s->counters().tcp_spurious_recoveries, 1u);
  EXPECT_GE(s->stack().Inspect(s->connection())->cwnd_bytes, before);
  EXPECT_EQ(s->stack().Inspect(s->connection())->backoff, 0u);
  s->ExpectNothing();
}

TEST(StackTcpSpurious, ATimeoutThatWasRightIsNot) {
  const auto s = Script::Full(milliseconds(100));
  WriteSegments(*s, 4, kFullMss);
  s->Advance(seconds(1));
  const uint32_t repeated = s->peer().last_timestamp();
  s->DiscardOutput();
  s->peer().Send({.ack = 1 + kFullMss, .options = TimestampOption(1500, repeated)});
  EXPECT_EQ(s->counters().tcp_spurious_recoveries, 0u);
  EXPECT_LE(s->stack().Inspect(s->connection())->cwnd_bytes, 2 * kFullMss);
  s->Expect(Segment1(1 + kFullMss));
}

// [RFC 3522 3.2 step 2] after several timeouts the echo of any retransmission but the last is older
// than the last one: the first one's timestamp is what counts, and the rest leaves at once.
TEST(StackTcpSpurious, AnEchoOfAnEarlierRetransmissionIsNotOneOfTheOriginal) {
  const auto s = Script::Full(milliseconds(100));
  WriteSegments(*s, 4, kFullMss);
  s->Advance(seconds(1));
  EXPECT_EQ(s->counters().tcp_retransmit_timeouts, 1u);
  const uint32_t first_repeated = s->peer().last_timestamp();
  s->Advance(seconds(4));
  EXPECT_GE(s->counters().tcp_retransmit_timeouts, 2u);
  EXPECT_NE(s->peer().last_timestamp(), first_repeated);
  s->DiscardOutput();
  s->peer().Send({.ack = 1 + kFullMss, .options = TimestampOption(1500, first_repeated)});
  EXPECT_EQ(s->counters().tcp_spurious_recoveries, 0u);
  s->Expect(Segment1(1 + kFullMss));
}

// The same for a timeout behind a loss probe of the only segment: the probe was the first to send
// it again.
TEST(StackTcpSpurious, AnEchoOfALossProbeIsNotOneOfTheOriginal) {
  for (const bool of_the_original : {false, true}) {
    const auto s = Script::Full(milliseconds(100));
    WriteSegments(*s, 1, kFullMss);
    const uint32_t original = s->peer().last_timestamp();
    s->Advance(milliseconds(450));
    ASSERT_EQ(s->counters().tcp_loss_probes, 1u);
    ASSERT_EQ(s->counters().tcp_retransmit_timeouts, 0u);
    const uint32_t probe = s->peer().last_timestamp();
    s->Advance(milliseconds(550));
    ASSERT_EQ(s->counters().tcp_retransmit_timeouts, 1u);
    s->DiscardOutput();
    s->peer().Send({.ack = 1 + kFullMss,
                    .options = TimestampOption(1500, of_the_original ? original : probe)});
    EXPECT_EQ(s->counters().tcp_spurious_recoveries, of_the_original ? 1u : 0u);
  }
}

}  // namespace
}  // namespace aether::testing
