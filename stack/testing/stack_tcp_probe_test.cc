// The per-segment probe: what it is told, and that the stack does the same with and without it.
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "stack/tcp/probe.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using tcp::Probe;
using tcp::ProbeRecord;
using tcp::State;
using Kind = tcp::ProbeRecord::Kind;

std::vector<ProbeRecord> TakeAll(Probe& probe) {
  std::vector<ProbeRecord> records;
  while (const auto record = probe.Take()) records.push_back(*record);
  return records;
}

TEST(StackTcpProbe, TellsOfEverySegmentAndOfWhatItDid) {
  Script s(FullOptions());
  Probe probe(64);
  s.stack().SetProbe(&probe);
  s.peer().Syn();
  s.Expect(SynAck());
  std::vector<ProbeRecord> records = TakeAll(probe);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].kind, Kind::kReceived);
  EXPECT_EQ(records[0].at, s.now());
  EXPECT_EQ(records[0].flags, tcp_flags::kSyn);
  EXPECT_EQ(records[0].local, (Ipv4Endpoint{kOurIp, 80}));
  EXPECT_EQ(records[0].remote, (Ipv4Endpoint{kPeerIp, 40000}));
  EXPECT_EQ(records[0].seq, Seq(s.peer().spec().initial_sequence));
  ASSERT_TRUE(records[0].after);
  EXPECT_EQ(records[0].after->state, State::kSynReceived);
  EXPECT_EQ(records[1].kind, Kind::kSent);
  EXPECT_EQ(records[1].flags, tcp_flags::kSyn | tcp_flags::kAck);
  EXPECT_EQ(records[1].connection, records[0].connection);

  s.peer().Ack();
  s.Accept();
  s.Write("hello");
  s.Expect(Data("hello").AtSeq(1).WithAck(1));
  records = TakeAll(probe);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].after->state, State::kEstablished);
  EXPECT_EQ(records[0].connection, s.connection());
  EXPECT_EQ(records[1].kind, Kind::kSent);
  EXPECT_EQ(records[1].payload_bytes, 5u);
  EXPECT_EQ(records[1].after->send_queue_bytes, 5u);

  // Nobody answers: the same once more, and the window after it.
  s.Advance(std::chrono::seconds(2));
  s.DiscardOutput();
  records = TakeAll(probe);
  ASSERT_GE(records.size(), 1u);
  EXPECT_EQ(records[0].kind, Kind::kRetransmitted);
  EXPECT_EQ(records[0].payload_bytes, 5u);
  EXPECT_EQ(records.back().after->cwnd_bytes, records.back().after->mss_bytes);

  // What is dropped says why.
  s.peer().Send({.seq = 0x20000000, .data = ToFrame("x")});
  s.DiscardOutput();
  records = TakeAll(probe);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].drop, Drop::kTcpOutOfWindow);
  EXPECT_EQ(records[1].flags, tcp_flags::kAck);
}

TEST(StackTcpProbe, TheEndHasNoSnapshot) {
  auto s = Script::Established(FullOptions());
  Probe probe(64);
  s->stack().SetProbe(&probe);
  s->peer().Rst();
  const std::vector<ProbeRecord> records = TakeAll(probe);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].connection, s->connection());
  EXPECT_FALSE(records[0].after);
}

TEST(StackTcpProbe, OnePortAloneCanBeWatched) {
  auto s = Script::Established(FullOptions());
  Probe probe(64);
  probe.Watch(40001);
  s->stack().SetProbe(&probe);
  s->peer().Data("x");
  s->Advance(std::chrono::seconds(1));
  s->DiscardOutput();
  EXPECT_EQ(probe.size(), 0u);
  probe.Watch(40000);
  s->peer().Data("x");
  EXPECT_EQ(probe.size(), 1u);
  s->stack().SetProbe(nullptr);
  s->peer().Data("x");
  EXPECT_EQ(probe.size(), 1u);
  s->DiscardOutput();
}

TEST(StackTcpProbe, AFullProbeLosesTheNewestAndCountsThem) {
  auto s = Script::Established(FullOptions());
  Probe probe(3);
  s->stack().SetProbe(&probe);
  for (const char* text : {"1", "22", "333", "4444", "55555"}) s->peer().Data(text);
  s->DiscardOutput();
  EXPECT_EQ(probe.size(), 3u);
  EXPECT_GE(probe.lost(), 2u);
  EXPECT_EQ(probe.Take()->payload_bytes, 1u);
  s->stack().SetProbe(nullptr);
}

TEST(StackTcpProbe, ChangesNothing) {
  const auto run = [](bool probed) {
    Probe probe(1000);
    auto s = Script::Established(FullOptions());
    if (probed) s->stack().SetProbe(&probe);
    for (int i = 0; i < 20; ++i) {
      s->Write(Pattern(3000));
      s->peer().Send({.seq = 1 + 100u * static_cast<uint32_t>(i % 7), .data = Pattern(100)});
      s->Advance(std::chrono::milliseconds(300));
      if (i % 3 == 0) s->peer().Ack();
    }
    EXPECT_EQ(probe.size() > 20, probed);
    return s->HashOutput();
  };
  EXPECT_EQ(run(false), run(true));
}

}  // namespace
}  // namespace aether::testing
