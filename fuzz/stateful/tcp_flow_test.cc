#include "fuzz/stateful/tcp_flow.h"

#include <gtest/gtest.h>

#include <string_view>

#include "fuzz/pattern.h"
#include "fuzz/stateful/world.h"

namespace aether::fuzz {
namespace {

using testing::NaiveFrame;
using testing::NaiveTcp;

constexpr Ipv4Endpoint kPeer{kPeerIp, 40000};
constexpr Ipv4Endpoint kStack{kStackIp, 80};
constexpr uint32_t kIss = 0xfffffff0;
constexpr uint32_t kStackIss = 0x7ffffffe;
constexpr std::array<Operation, 1> kOperations = {{{"segment", kSegmentOperands}}};
constexpr Grammar kGrammar{.target = "flow", .head = {}, .operations = kOperations};

// The frame of a record, given as text, and what the naive parser makes of it.
std::expected<NaiveFrame, std::string> Parsed(TcpFlow& flow, std::string_view operands) {
  const auto input = ParseInput(kGrammar, "segment " + std::string(operands));
  EXPECT_TRUE(input) << input.error();
  RecordReader reader(kGrammar, *input);
  Record record;
  EXPECT_TRUE(reader.Next(record));
  return testing::NaiveParse(flow.Build(record));
}

NaiveTcp Tcp(TcpFlow& flow, std::string_view operands) {
  const auto frame = Parsed(flow, operands);
  EXPECT_TRUE(frame) << frame.error();
  if (!frame || !frame->tcp) return {};
  EXPECT_EQ(frame->tcp->source_port, 40000);
  EXPECT_EQ(frame->tcp->destination_port, 80);
  return *frame->tcp;
}

NaiveFrame FromStack(const NaiveTcp& tcp) {
  NaiveFrame frame;
  frame.ip.emplace();
  frame.ip->source = kStackIp.value;
  frame.ip->destination = kPeerIp.value;
  frame.tcp = tcp;
  frame.tcp->source_port = 80;
  frame.tcp->destination_port = 40000;
  return frame;
}

NaiveTcp SynAck() {
  NaiveTcp tcp;
  tcp.sequence = kStackIss;
  tcp.acknowledgment = kIss + 1;
  tcp.flags = tcp_flags::kSyn | tcp_flags::kAck;
  tcp.window = 1000;
  tcp.mss = 1460;
  tcp.window_scale = 2;
  tcp.sack_permitted = true;
  tcp.timestamps = {.value = 77, .echo_reply = 0};
  return tcp;
}

TcpFlow Established() {
  TcpFlow flow(kPeer, kStack, kIss);
  Tcp(flow, "flags=S");
  flow.OnSent(FromStack(SynAck()));
  Tcp(flow, "flags=A");
  return flow;
}

TEST(TcpFlow, SynOffersWhatItIsTold) {
  TcpFlow flow(kPeer, kStack, kIss);
  flow.clock_ms = 5;
  const NaiveTcp syn = Tcp(flow, "flags=S|E|C window_less=1");
  EXPECT_EQ(syn.sequence, kIss);
  EXPECT_EQ(syn.flags, 0xc2);
  EXPECT_EQ(syn.window, 65534);
  EXPECT_EQ(syn.mss, 1460);
  EXPECT_EQ(syn.window_scale, 7);
  EXPECT_TRUE(syn.sack_permitted);
  ASSERT_TRUE(syn.timestamps);
  EXPECT_EQ(syn.timestamps->value, 5u);
  EXPECT_EQ(flow.snd_nxt(), kIss + 1);
  EXPECT_TRUE(flow.SentSyn(kIss));
  EXPECT_FALSE(flow.SentSyn(kIss + 1));

  TcpFlow bare(kPeer, kStack, kIss);
  bare.offer = {.mss = 0, .sack = false, .timestamps = false, .scale = -1};
  EXPECT_TRUE(Tcp(bare, "flags=S").option_kinds.empty());
  EXPECT_EQ(Tcp(bare, "flags=S options=syn_mss extra=next+500").mss, 500);
  EXPECT_EQ(Tcp(bare, "flags=S options=syn_scale extra=next+9").window_scale, 9);
  EXPECT_TRUE(Tcp(bare, "flags=S options=raw raw=0x0402").sack_permitted);
}

TEST(TcpFlow, NumbersAreRelativeToTheConnection) {
  TcpFlow flow = Established();
  const uint32_t next = kIss + 1;
  EXPECT_EQ(flow.acked(), next);
  EXPECT_EQ(flow.rcv_nxt(), kStackIss + 1);
  EXPECT_EQ(flow.stack_iss(), kStackIss);
  const NaiveTcp data = Tcp(flow, "flags=A|P payload=100");
  EXPECT_EQ(data.sequence, next);
  EXPECT_EQ(data.acknowledgment, kStackIss + 1);
  EXPECT_EQ(data.timestamps->echo_reply, 77u);
  EXPECT_EQ(flow.snd_nxt(), next + 100);
  // What stands behind a hole does not move it, what fills the hole does.
  EXPECT_EQ(Tcp(flow, "flags=A seq=hole payload=10").sequence, next + 636);
  EXPECT_EQ(flow.snd_nxt(), next + 100);
  EXPECT_EQ(Tcp(flow, "flags=A seq=last_end-2 payload=1").sequence, next + 644);
  EXPECT_EQ(Tcp(flow, "flags=A seq=last+1*2 payload=1").sequence, next + 646);
  EXPECT_EQ(Tcp(flow, "flags=A seq=initial-3").sequence, kIss - 3);
  EXPECT_EQ(Tcp(flow, "flags=A seq=acked-5").sequence, next - 5);
  EXPECT_EQ(Tcp(flow, "flags=A seq=window_end").sequence, next + 1000);
  EXPECT_EQ(Tcp(flow, "flags=A seq=zero+2*1448").sequence, 2896u);
  EXPECT_EQ(Tcp(flow, "flags=A ack=initial+1").acknowledgment, kStackIss + 1);
  EXPECT_EQ(Tcp(flow, "flags=A ack=next+7").acknowledgment, kStackIss + 8);
  EXPECT_EQ(Tcp(flow, "flags=A ack=last").acknowledgment, kStackIss + 8);
  EXPECT_EQ(Tcp(flow, "flags=A ack=highest").acknowledgment, kStackIss + 1);
  EXPECT_EQ(Tcp(flow, "flags=A ack=zero-1").acknowledgment, 0xffffffff);
  Tcp(flow, "flags=A|F");
  EXPECT_EQ(flow.snd_nxt(), next + 101);
  EXPECT_TRUE(flow.fin_sent());
}

TEST(TcpFlow, AByteIsAFunctionOfItsNumber) {
  TcpFlow flow = Established();
  const uint32_t next = kIss + 1;
  // Across the end of the sequence space, and across the beginning of the stream.
  for (const char* text : {"flags=A payload=700", "flags=A seq=initial-9 payload=40",
                           "flags=A seq=acked+13 payload=5"}) {
    const NaiveTcp tcp = Tcp(flow, text);
    EXPECT_TRUE(flow.IsOurs(tcp.payload, tcp.sequence));
    EXPECT_FALSE(flow.IsOurs(tcp.payload, tcp.sequence + 1));
    for (uint32_t i = 0; i < tcp.payload.size(); ++i) {
      const uint32_t offset = tcp.sequence + i - next;
      EXPECT_EQ(tcp.payload[i], Pattern::At(offset, 1)[0]);
    }
  }
}

TEST(TcpFlow, SackBlocksAreRelativeToTheStack) {
  TcpFlow flow = Established();
  const uint32_t base = kStackIss + 1;
  using Blocks = std::vector<std::array<uint32_t, 2>>;
  EXPECT_EQ(Tcp(flow, "flags=A options=sack extra=next+3*1000").sack_blocks,
            (Blocks{{base + 3000, base + 3536}}));
  EXPECT_EQ(Tcp(flow, "flags=A options=sack_to extra=next+2").sack_blocks,
            (Blocks{{base + 536, base + 2}}));
  EXPECT_EQ(Tcp(flow, "flags=A options=sack_wide extra=highest-128*16777216").sack_blocks,
            (Blocks{{base - 0x80000000, base}}));
  EXPECT_EQ(Tcp(flow, "flags=A options=sack_bytes").sack_blocks,
            (Blocks{{base, base + 1}, {base + 2, base + 3}, {base + 4, base + 5}}));
  EXPECT_EQ(Tcp(flow, "flags=A options=sack_three").sack_blocks,
            (Blocks{{base, base + 536}, {base + 1072, base + 1608}, {base + 2144, base + 2680}}));
  EXPECT_EQ(Tcp(flow, "flags=A options=sack_twice extra=next+1").sack_blocks,
            (Blocks{{base - 536, base}, {base + 1, base + 537}}));
  EXPECT_TRUE(Tcp(flow, "flags=A options=sack").timestamps);
  EXPECT_EQ(Tcp(flow, "flags=A options=timestamp extra=next-4").timestamps->value, 0xfffffffc);
  EXPECT_EQ(Tcp(flow, "flags=A options=echo extra=next+4").timestamps->echo_reply, 81u);
  EXPECT_FALSE(Tcp(flow, "flags=A options=none").timestamps);
}

TEST(TcpFlow, ShapesAreWrongInOneWayOnly) {
  const auto error = [](std::string_view shape) {
    TcpFlow flow = Established();
    const auto frame = Parsed(flow, "flags=A payload=60 options=none shape=" + std::string(shape));
    return frame ? "none" : frame.error();
  };
  EXPECT_EQ(error("0"), "none");
  EXPECT_EQ(error("ce"), "none");
  EXPECT_EQ(error("bad_sum"), "TCP checksum is wrong");
  EXPECT_EQ(error("bad_ip_sum"), "IPv4 header checksum is wrong");
  EXPECT_EQ(error("offset_short"), "TCP data offset is out of range");
  EXPECT_EQ(error("reserved"), "TCP reserved bits are set");
  EXPECT_EQ(error("ip_options"), "IPv4 header with options, or too short");
  EXPECT_EQ(error("padded"), "1 bytes after the end of the packet");
  TcpFlow flow = Established();
  // The payload begins behind the longest header.
  const NaiveTcp tcp = Tcp(flow, "flags=A payload=60 shape=offset_long");
  EXPECT_EQ(tcp.payload.size(), 60u);
  EXPECT_TRUE(flow.IsOurs(tcp.payload, tcp.sequence));
  // What is sure to be dropped does not count as sent.
  const uint32_t next = flow.snd_nxt();
  EXPECT_FALSE(Parsed(flow, "flags=A payload=60 shape=bad_sum"));
  EXPECT_EQ(flow.snd_nxt(), next);
}

TEST(TcpFlow, FollowsWhatTheStackSends) {
  TcpFlow flow = Established();
  NaiveTcp tcp;
  tcp.flags = tcp_flags::kAck;
  tcp.sequence = kStackIss + 1;
  tcp.acknowledgment = kIss + 1;
  tcp.window = 500;
  const Bytes text = Pattern::At(TcpFlow::kWrittenOffset, 300);
  tcp.payload = text;
  EXPECT_TRUE(flow.Matches(FromStack(tcp)));
  flow.OnSent(FromStack(tcp));
  EXPECT_EQ(flow.rcv_nxt(), kStackIss + 301);
  EXPECT_EQ(Tcp(flow, "flags=A seq=window_end").sequence, kIss + 2001);
  EXPECT_EQ(Tcp(flow, "flags=A ack=last_sent").acknowledgment, kStackIss + 1);
  EXPECT_EQ(Tcp(flow, "flags=A").acknowledgment, kStackIss + 301);
}

TEST(TcpFlowDeathTest, WhatTheStackMustNotSendShows) {
  TcpFlow flow = Established();
  NaiveTcp good;
  good.flags = tcp_flags::kAck;
  good.sequence = kStackIss + 1;
  good.acknowledgment = kIss + 1;
  good.window = 500;
  const auto sent = [&](const NaiveTcp& tcp) {
    TcpFlow copy = flow;
    copy.OnSent(FromStack(tcp));
  };
  sent(good);
  NaiveTcp bad = good;
  bad.payload = Pattern::At(0, 3);
  EXPECT_DEATH(sent(bad), "property P1");
  bad = good;
  bad.acknowledgment = kIss + 2;
  EXPECT_DEATH(sent(bad), "property P2");
  bad = good;
  bad.window = 200;
  EXPECT_DEATH(sent(bad), "window_end_");
  bad = good;
  // Our window of 65535 with a shift of 7.
  bad.sequence += 65535 * 128;
  sent(bad);
  const Bytes text = Pattern::At(TcpFlow::kWrittenOffset + 65535 * 128, 2);
  bad.payload = text.first(1);
  sent(bad);
  bad.payload = text;
  EXPECT_DEATH(sent(bad), "offered_end_");
  NaiveTcp syn = SynAck();
  syn.acknowledgment = 7;
  EXPECT_DEATH(sent(syn), "SentSyn");
}

}  // namespace
}  // namespace aether::fuzz
