// What an application hears of and may set beside the stream (RFC
// 9293 3.8.3, 3.8.5, 3.9.1.8, 3.9.1.9, 3.9.2): soft errors, urgent data, Differentiated Services,
// time to live.
#include <gtest/gtest.h>

#include <chrono>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tcp::SoftError;
using tcp::State;

constexpr uint8_t kSyn = tcp_flags::kSyn;
constexpr uint8_t kAck = tcp_flags::kAck;
constexpr uint8_t kUrg = tcp_flags::kUrg;

tcp::Snapshot Inspect(Script& s) { return *s.stack().Inspect(s.connection()); }

// An ICMP error that quotes our segment to peer() with this number.
Frame IcmpError(const TcpPeer& peer, uint8_t type, uint8_t code, uint32_t seq, uint32_t rest = 0,
                Ipv4Address to = kOurIp) {
  const TcpSpec sent{.ip = {.source = kOurIp, .destination = peer.spec().address},
                     .source_port = peer.spec().stack_port,
                     .destination_port = peer.spec().port,
                     .sequence = peer.stack_initial_sequence() + seq};
  const Frame frame = BuildTcp(sent);
  return BuildIcmp({.ip = {.source = Ipv4Address::Of(10, 0, 0, 9), .destination = to},
                    .type = type,
                    .code = code,
                    .rest_of_header = rest,
                    .payload = Frame(frame.begin() + kIpv4At, frame.end())});
}

// --- Soft errors ---

// [RFC 9293 3.8.3 SHLD-9, SHLD-10] the third retransmission is told, once each time.
TEST(StackTcpNotice, ExcessiveRetransmissions) {
  const auto s = Script::Established(FullOptions());
  s->Write("hello?");
  s->Advance(milliseconds(1300));
  EXPECT_EQ(s->counters().tcp_retransmit_timeouts, 2u);
  EXPECT_EQ(s->TakeEvents(), 0);
  s->Advance(milliseconds(400));
  EXPECT_EQ(s->counters().tcp_retransmit_timeouts, 3u);
  EXPECT_EQ(s->TakeEvents(), tcp_event::kNotice);
  EXPECT_EQ(Inspect(*s).soft_error, SoftError::kUnanswered);
  s->ExpectState(State::kEstablished);
}

// [RFC 9293 3.8.3 MUST-20] [RFC 1122 3.3.1.4] and the next hop is asked whether it is still there.
TEST(StackTcpNotice, TheNextHopIsDoubted) {
  const auto s = Script::Established(FullOptions());
  s->Write("hello?");
  s->Advance(milliseconds(1000));
  s->DiscardOutput();
  EXPECT_EQ(s->counters().arp_requests_out, 1u);
  s->Advance(milliseconds(700));
  EXPECT_EQ(s->counters().arp_requests_out, 2u);
}

// [RFC 9293 3.9.2.2 MUST-54, MUST-56, SHLD-25] [RFC 9293 3.9.1.8 MUST-47, SHLD-20] ICMP errors
// about what is in flight are told, and end nothing that is open, [RFC 5927 5.2] not even hard
// ones.
TEST(StackTcpNotice, IcmpErrors) {
  struct Case {
    uint8_t type;
    uint8_t code;
    SoftError error;
  };
  for (const Case& each :
       {Case{3, 0, SoftError::kNetworkUnreachable}, Case{3, 1, SoftError::kHostUnreachable},
        Case{3, 2, SoftError::kProtocolUnreachable}, Case{3, 3, SoftError::kPortUnreachable},
        Case{3, 5, SoftError::kSourceRouteFailed}, Case{3, 13, SoftError::kProhibited},
        Case{11, 0, SoftError::kTimeExceeded}, Case{11, 1, SoftError::kTimeExceeded},
        Case{12, 0, SoftError::kParameterProblem}}) {
    const auto s = Script::Established(FullOptions());
    s->Write("data");
    s->Expect(Data("data"));
    s->SendDelivered(IcmpError(s->peer(), each.type, each.code, 1));
    EXPECT_EQ(s->TakeEvents(), tcp_event::kNotice);
    EXPECT_EQ(Inspect(*s).soft_error, each.error);
    s->ExpectState(State::kEstablished);
    s->ExpectNothing();
  }
}

// [RFC 5927 4.1] a number that is not in flight, and a flow that is not ours, are guesses.
TEST(StackTcpNotice, ForgedIcmpErrors) {
  const auto s = Script::Established(FullOptions());
  s->Write("data");
  s->Expect(Data("data"));
  for (const uint32_t seq : {0u, 5u, 0x80000001u}) {
    s->SendDropped(IcmpError(s->peer(), 3, 1, seq), Drop::kIcmpBadQuote);
  }
  TcpPeer& stranger = s->AddPeer({.port = 4711});
  s->SendDropped(IcmpError(stranger, 3, 1, 1), Drop::kIcmpBadQuote);
  EXPECT_EQ(s->TakeEvents(), 0);
  s->peer().Ack();
  s->SendDropped(IcmpError(s->peer(), 3, 1, 1), Drop::kIcmpBadQuote);
}

// [RFC 792] an error that was sent to everybody is about nobody's datagram: it changed the path MTU
// of a connection.
TEST(StackTcpNotice, AnIcmpErrorToEverybodyIsNotBelieved) {
  const auto s = Script::Full();
  s->Write(Pattern(3000));
  s->DiscardOutput();
  s->SendDropped(IcmpError(s->peer(), 3, 4, 1, 600, Ipv4Address::Broadcast()), Drop::kIcmpBadQuote);
  s->ExpectNothing();
  EXPECT_EQ(s->counters().tcp_icmp_mtu, 0u);
  s->Send(IcmpError(s->peer(), 3, 4, 1, 600));
  EXPECT_EQ(s->counters().tcp_icmp_mtu, 1u);
}

// [RFC 9293 3.9.2.2 MUST-55] [RFC 6633 3] source quench is nothing.
TEST(StackTcpNotice, SourceQuenchIsDiscarded) {
  const auto s = Script::Established(FullOptions());
  s->Write("data");
  const uint32_t before = Inspect(*s).cwnd_bytes;
  s->SendDropped(IcmpError(s->peer(), 4, 0, 1), Drop::kIcmpUnhandledType);
  EXPECT_EQ(Inspect(*s).cwnd_bytes, before);
  EXPECT_EQ(s->TakeEvents(), 0);
}

// [RFC 9293 3.9.2.2 SHLD-26] hard errors refuse a connection that is being opened; [RFC
// 9293 3.9.2.2 MUST-56] soft ones do not.
TEST(StackTcpNotice, WhileOpening) {
  for (const uint8_t code : Frame{0, 1, 5, 2, 3}) {
    const auto s = Script::SynSent(FullOptions());
    s->SendDelivered(IcmpError(s->peer(), 3, code, 0));
    const bool is_hard = code == 2 || code == 3;
    EXPECT_EQ(s->TakeEvents(), is_hard ? tcp_event::kReset : tcp_event::kNotice);
    s->ExpectState(is_hard ? State::kClosed : State::kSynSent);
  }
}

// --- Path MTU ---

// [RFC 1191 3] [RFC 1191 6.4] what was too large leaves again at once, cut to the new size, and the
// congestion window stays; [RFC 1191 7.1] an absurd size is raised.
TEST(StackTcpPathMtu, WhatWasTooLargeLeavesSmaller) {
  for (const auto& [told, mss] : {std::pair{1000u, 960u}, {600u, 560u}, {68u, 512u}, {0u, 512u}}) {
    const auto s = Script::Established(FullOptions());
    s->Write(Pattern(2 * 1460));
    EXPECT_TRUE(s->Expect(Data("").WithAnyData()).ip->dont_fragment);
    s->DiscardOutput();
    const uint32_t before = Inspect(*s).cwnd_bytes;
    s->SendDelivered(IcmpError(s->peer(), 3, 4, 1, told));
    std::string again;
    while (s->output_size() > 0) {
      const NaiveTcp part = *s->Expect(Data("").WithAnyData()).tcp;
      EXPECT_LE(part.payload.size(), mss);
      EXPECT_EQ(s->peer().RelativeSeq(part.sequence), 1 + again.size());
      again.append(part.payload.begin(), part.payload.end());
    }
    EXPECT_EQ(ToFrame(again), Pattern(2 * 1460)) << told;
    EXPECT_EQ(Inspect(*s).cwnd_bytes, before);
    EXPECT_EQ(Inspect(*s).mss_bytes, mss);
    s->peer().Ack();
    EXPECT_EQ(s->stack().Unacknowledged(s->connection()), 0u);
  }
}

// It never grows by an error, and a forged one does nothing.
TEST(StackTcpPathMtu, OnlyShrinks) {
  const auto s = Script::Established(FullOptions());
  s->Write("data");
  s->SendDropped(IcmpError(s->peer(), 3, 4, 100, 600), Drop::kIcmpBadQuote);
  EXPECT_EQ(Inspect(*s).mss_bytes, 1460);
  s->Send(IcmpError(s->peer(), 3, 4, 1, 1000));
  EXPECT_EQ(Inspect(*s).mss_bytes, 960);
  s->Send(IcmpError(s->peer(), 3, 4, 1, 1400));
  EXPECT_EQ(Inspect(*s).mss_bytes, 960);
}

// [RFC 1191 6.4] What is taken for lost has left the network: duplicates of before do not say so a
// second time, and set nothing free beyond the congestion window.
TEST(StackTcpPathMtu, WhatWasTooLargeLeavesWithinTheWindow) {
  ScriptOptions options = FullOptions();
  options.syn_options = MssOption(1000);
  const auto s = Script::Established(options);
  s->Write(Pattern(10'000));
  s->Advance(seconds(1));
  s->DiscardOutput();
  for (int i = 0; i < 10; ++i) s->peer().Ack(1);
  s->DiscardOutput();
  EXPECT_EQ(Inspect(*s).cwnd_bytes, 1000u);
  s->SendDelivered(IcmpError(s->peer(), 3, 4, 1, 600));
  for (const size_t bytes : {560u, 440u})
    EXPECT_EQ(s->Expect(Data("").WithAnyData()).tcp->payload.size(), bytes);
  s->ExpectNothing();
}

// --- Urgent data ---

Segment Urgent(std::string_view text, uint16_t pointer) {
  return {.flags = kAck | kUrg, .data = ToFrame(text), .urgent_pointer = pointer};
}

// [RFC 9293 3.8.5 MUST-30, MUST-32, MUST-33, MUST-62] the mark is told at once, and how much is
// left up to the octet behind the urgent data; the data stay in line, and what follows is not
// urgent.
TEST(StackTcpUrgent, IsToldAndStaysInLine) {
  const auto s = Script::Established(FullOptions());
  s->peer().Data("before ");
  s->TakeEvents();
  s->peer().Send(Urgent("now! later", 4));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kNotice | tcp_event::kReadable);
  EXPECT_EQ(Inspect(*s).urgent_bytes, 11u);
  s->stack().Consume(s->connection(), 7);
  EXPECT_EQ(Inspect(*s).urgent_bytes, 4u);
  s->stack().Consume(s->connection(), 4);
  EXPECT_EQ(Inspect(*s).urgent_bytes, 0u);
  EXPECT_EQ(s->Read(), " later");
}

// [RFC 9293 3.10.7.4] the sixth step: the same mark again says nothing new, one further on does.
// [RFC 9293 3.8.5 MUST-31] it may lie far ahead of what has arrived, and go on for ever.
TEST(StackTcpUrgent, EachAdvanceIsToldOnce) {
  const auto s = Script::Established(FullOptions());
  s->peer().Send(Urgent("a", 50000));
  EXPECT_NE(s->TakeEvents() & tcp_event::kNotice, 0);
  EXPECT_EQ(Inspect(*s).urgent_bytes, 50000u);
  s->peer().Send(Urgent("b", 49999));
  s->peer().Send(Urgent("c", 10));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kReadable);
  for (int i = 0; i < 200; ++i) {
    s->peer().Send({.flags = kAck | kUrg, .data = Pattern(1000), .urgent_pointer = 65535});
    EXPECT_NE(s->TakeEvents() & tcp_event::kNotice, 0);
    s->Read();
    EXPECT_EQ(Inspect(*s).urgent_bytes, 64535u);
    s->DiscardOutput();
  }
}

// Marks that make no sense: of nothing, of what was read, after the end.
TEST(StackTcpUrgent, MarksThatSayNothing) {
  const auto s = Script::Established(FullOptions());
  s->peer().Send(Urgent("a", 0));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kReadable);
  EXPECT_EQ(s->Read(), "a");
  s->Send(s->peer().Build({.flags = kAck | kUrg, .urgent_pointer = 0}));
  s->peer().Send({.flags = kAck, .data = ToFrame("b"), .urgent_pointer = 77});
  EXPECT_EQ(s->TakeEvents(), tcp_event::kReadable);
  EXPECT_EQ(Inspect(*s).urgent_bytes, 0u);
  s->peer().Fin();
  s->TakeEvents();
  s->Send(s->peer().Build({.flags = kAck | kUrg, .urgent_pointer = 100}));
  EXPECT_EQ(s->TakeEvents(), 0);
  EXPECT_EQ(Inspect(*s).urgent_bytes, 0u);
}

// [RFC 9293 3.4 MUST-66] also while our window is shut.
TEST(StackTcpUrgent, IsToldAtAWindowOfZero) {
  ScriptOptions options = FullOptions();
  options.config.tcp.receive_buffer_bytes = 100;
  const auto s = Script::Established(options);
  s->peer().Data(Pattern(100));
  s->Advance(milliseconds(50));
  s->Expect(Ack(101).WithWindow(0));
  s->TakeEvents();
  s->Send(s->peer().Build({.flags = kAck | kUrg, .data = ToFrame("!"), .urgent_pointer = 1}));
  EXPECT_EQ(s->TakeEvents(), tcp_event::kNotice);
  EXPECT_EQ(Inspect(*s).urgent_bytes, 101u);
}

// [RFC 9293 3.8.5 SHLD-13] we never send any.
TEST(StackTcpUrgent, IsNeverSent) {
  const auto s = Script::Established(FullOptions());
  s->peer().Send(Urgent("a", 1));
  s->Write("b");
  const NaiveTcp data = *s->Expect(Data("b")).tcp;
  EXPECT_EQ(data.flags & kUrg, 0);
  EXPECT_EQ(data.urgent_pointer, 0);
}

// --- What is below ---

// [RFC 9293 3.9.1.9 MUST-48, SHLD-21, SHLD-22] in every segment of a connection, from the first on,
// and as it is at the moment; ECN keeps its two bits.
TEST(StackTcpDiffServ, IsWhatTheApplicationSet) {
  Script s({.config = FullConfig(), .listen_port = 0});
  s.Connect({.socket = {.dscp = 46}});
  EXPECT_EQ(s.Expect(AnyFrame()).ip->type_of_service, 46 << 2);
  s.peer().Send({.flags = kSyn | kAck | tcp_flags::kEce, .ack = 1, .options = MssOption(1460)});
  EXPECT_EQ(s.Expect(Ack(1)).ip->type_of_service, 46 << 2);
  s.Write("data");
  EXPECT_EQ(s.Expect(Data("data")).ip->type_of_service, 46 << 2 | 2);
  s.stack().SetOptions(s.connection(), {.dscp = 8});
  s.Advance(milliseconds(250));
  EXPECT_EQ(s.Expect(Data("data")).ip->type_of_service, 8 << 2);
}

// Of a listener: also its SYN-ACK, with a cookie or without.
TEST(StackTcpDiffServ, IsThatOfTheListener) {
  for (const tcp::SynCookies cookies : {tcp::SynCookies::kNever, tcp::SynCookies::kAlways}) {
    Config config = FullConfig();
    config.profile.syn_cookies = cookies;
    Script s({.config = config, .listen_port = 0});
    const auto listener = s.stack().TcpListen(80, {.socket = {.dscp = 10}});
    ASSERT_TRUE(listener.has_value());
    s.peer().Syn();
    EXPECT_EQ(s.Expect(SynAck()).ip->type_of_service, 10 << 2);
    s.peer().Ack();
    const auto connection = s.stack().Accept(*listener);
    ASSERT_TRUE(connection.has_value());
    s.peer().Data("hello");
    s.Advance(milliseconds(50));
    EXPECT_EQ(s.Expect(Ack(6)).ip->type_of_service, 10 << 2);
  }
}

// [RFC 9293 3.9.2 MUST-49] [RFC 1122 3.2.1.7] of everything that we send.
TEST(StackTcpTimeToLive, IsConfigurable) {
  for (const uint8_t ttl : Frame{1, 42, 64, 255}) {
    ScriptOptions options = FullOptions();
    options.config.time_to_live = ttl;
    const auto s = Script::Established(options);
    s->Write("data");
    EXPECT_EQ(s->Expect(Data("data")).ip->time_to_live, ttl);
    s->Send(s->peer().Build({.flags = kAck, .seq = 1, .ack = 1000}));
    EXPECT_EQ(s->Expect(Ack()).ip->time_to_live, ttl);
    s->Send(BuildIcmp({.type = 8}));
    EXPECT_EQ(s->Expect(AnyFrame()).ip->time_to_live, ttl);
  }
}

// [RFC 9293 3.9.2 MUST-50] IP options that nobody knows change nothing.
TEST(StackTcpIpOptions, AreSkipped) {
  const auto s = Script::Established(FullOptions());
  TcpSpec spec{.ip = {.options = {0x5e, 4, 1, 2, 7, 7, 4, 0, 0, 0, 0, 1}},
               .sequence = s->peer().spec().initial_sequence + 1,
               .acknowledgment = s->peer().stack_initial_sequence() + 1,
               .payload = ToFrame("hello")};
  s->SendDelivered(BuildTcp(spec));
  EXPECT_EQ(s->Read(), "hello");
}

}  // namespace
}  // namespace aether::testing
