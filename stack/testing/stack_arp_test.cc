// ARP as a peer sees it (RFC 826, RFC 1122 2.3.2, RFC 5227): answers, what is learned and what is
// not, the queue of packets that wait, and every reason to drop.
#include <gtest/gtest.h>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MacAddress kOtherMac{{2, 0, 0, 0, 0, 9}};
constexpr Ipv4Address kOtherIp = Ipv4Address::Of(10, 0, 0, 9);

Frame Request(Ipv4Address sender = kPeerIp, MacAddress mac = kPeerMac,
              Ipv4Address target = kOurIp) {
  return BuildArp(
      {.ethernet = {.destination = MacAddress::Broadcast(), .source = mac, .type = 0x0806},
       .sender_mac = mac,
       .sender_ip = sender,
       .target_ip = target});
}

Frame Reply(Ipv4Address sender = kPeerIp, MacAddress mac = kPeerMac) {
  return BuildArp({.ethernet = {.source = mac, .type = 0x0806},
                   .operation = 2,
                   .sender_mac = mac,
                   .sender_ip = sender,
                   .target_mac = kOurMac});
}

// An echo request, whose answer needs to know where its sender is.
Frame Ping(uint16_t number, Ipv4Address from = kPeerIp) {
  return BuildIcmp({.ip = {.source = from}, .rest_of_header = number});
}

ScriptOptions Manual() { return {.answer_arp = false, .listen_port = 0}; }

// Asserts whether `ip` is known, by whether the answer to a ping has to wait.
void ExpectKnown(Script& s, bool known, Ipv4Address ip = kPeerIp, MacAddress mac = kPeerMac,
                 Script::Where where = Script::Where::current()) {
  s.ExpectNothing(where);
  s.Send(Ping(7, ip));
  if (known) {
    EXPECT_EQ(s.Expect(EchoReply(7, {}, ip), where).destination, mac.octets);
  } else {
    s.Expect(ArpRequest(ip), where);
  }
  s.ExpectNothing(where);
}

// [RFC 826 Packet Reception] a request for our address is answered to its sender.
TEST(StackArp, AnswersARequest) {
  Script s(Manual());
  s.SendDelivered(Request());
  s.Expect(ArpReply());
  s.ExpectNothing();
  EXPECT_EQ(s.counters().arp_requests_in, 1u);
  EXPECT_EQ(s.counters().arp_replies_out, 1u);
}

TEST(StackArp, AnswersARequestSentToUsAlone) {
  Script s(Manual());
  s.SendDelivered(BuildArp({}));
  s.Expect(ArpReply());
}

// [RFC 826 Packet Reception] the sender of a request for us is taken into the table.
TEST(StackArp, LearnsFromARequestForUs) {
  Script s(Manual());
  s.Send(Request());
  s.Expect(ArpReply());
  ExpectKnown(s, true);
}

TEST(StackArp, PaddingAfterThePacketIsIgnored) {
  Script s(Manual());
  s.SendDelivered(Padded(Request(), 60, 0xee));
  s.Expect(ArpReply());
}

// [RFC 5227 2.1.1] a probe has no sender address: it is answered, and nothing is learned.
TEST(StackArp, AnswersAProbeAndLearnsNothing) {
  Script s(Manual());
  s.SendDelivered(Request(Ipv4Address{}));
  s.Expect(ArpReply(kPeerMac, Ipv4Address{}));
  ExpectKnown(s, false);
}

TEST(StackArp, AProbeTakesNoPlaceInTheCache) {
  ScriptOptions options = Manual();
  options.config.net.neighbors_max = 1;
  Script s(options);
  s.Send(Request());
  s.Expect(ArpReply());
  s.Send(Request(Ipv4Address{}));
  s.Expect(ArpReply(kPeerMac, Ipv4Address{}));
  ExpectKnown(s, true);
}

TEST(StackArp, AsksAndSendsWhatWaitedInOrder) {
  Script s(Manual());
  for (uint16_t i = 1; i <= 3; ++i) s.Send(Ping(i));
  // [RFC 1122 2.3.2.1] one question, however many packets want the answer.
  s.Expect(ArpRequest(kPeerIp));
  s.ExpectNothing();
  s.SendDelivered(Reply());
  for (uint16_t i = 1; i <= 3; ++i) {
    const NaiveFrame frame = s.Expect(EchoReply(i, {}));
    EXPECT_EQ(frame.destination, kPeerMac.octets);
  }
  s.ExpectNothing();
  EXPECT_EQ(s.counters().arp_replies_in, 1u);
}

// [RFC 1122 2.3.2.2] the queue is bounded, and the latest packets are those that are kept.
TEST(StackArp, KeepsTheLatestPacketsOfAFullQueue) {
  ScriptOptions options = Manual();
  options.config.net.arp_queue_per_neighbor_max = 4;
  Script s(options);
  for (uint16_t i = 1; i <= 6; ++i) s.Send(Ping(i));
  s.Expect(ArpRequest(kPeerIp));
  EXPECT_EQ(s.counters().neighbor_queue_full, 2u);
  s.Send(Reply());
  for (uint16_t i = 3; i <= 6; ++i) s.Expect(EchoReply(i, {}));
  s.ExpectNothing();
}

TEST(StackArp, TheQueueOfAllNeighboursIsBounded) {
  ScriptOptions options = Manual();
  options.config.net.arp_queue_max = 3;
  Script s(options);
  for (uint8_t host = 10; host < 15; ++host) s.Send(Ping(host, Ipv4Address::Of(10, 0, 0, host)));
  EXPECT_EQ(s.output_size(), 5u);
  s.DiscardOutput();
  EXPECT_EQ(s.counters().neighbor_queue_full, 2u);
  for (uint8_t host = 10; host < 15; ++host) {
    const Ipv4Address ip = Ipv4Address::Of(10, 0, 0, host);
    s.Send(Reply(ip, MacOf(ip)));
    if (host < 13) s.Expect(EchoReply(host, {}, ip));
    s.ExpectNothing();
  }
}

// [RFC 1122 2.3.2.1] at most one request a second; given up after the tries.
TEST(StackArp, AsksThreeTimesAndGivesUp) {
  Script s(Manual());
  s.Send(Ping(1));
  s.Send(Ping(2));
  s.ExpectAt(seconds(0), ArpRequest(kPeerIp));
  s.Advance(milliseconds(990));
  s.ExpectNothing();
  s.Advance(seconds(30));
  s.ExpectAt(seconds(1), ArpRequest(kPeerIp));
  s.ExpectAt(seconds(2), ArpRequest(kPeerIp));
  s.ExpectNothing();
  EXPECT_EQ(s.counters().neighbor_unreachable, 2u);
  // A late answer finds nobody who asked.
  s.SendDropped(Reply(), Drop::kArpUnsolicited);
  s.ExpectNothing();
  ExpectKnown(s, false);
}

TEST(StackArp, AnAnswerAtTheLastTryIsInTime) {
  Script s(Manual());
  s.Send(Ping(1));
  s.Advance(milliseconds(2900));
  s.DiscardOutput();
  s.SendDelivered(Reply());
  s.Expect(EchoReply(1, {}));
}

// [RFC 1122 2.3.2.1] entries go out of date.
TEST(StackArp, ForgetsAnUnusedNeighbour) {
  Script s(Manual());
  s.Send(Request());
  s.Expect(ArpReply());
  s.Advance(seconds(61));
  s.ExpectNothing();
  ExpectKnown(s, false);
}

// [RFC 1122 2.3.2.1 (2)] a mapping in use is confirmed by asking the neighbour itself.
TEST(StackArp, RefreshesANeighbourInUse) {
  Script s(Manual());
  s.Send(Request());
  s.Expect(ArpReply());
  s.Advance(seconds(44));
  ExpectKnown(s, true);
  s.Advance(seconds(2));
  s.Send(Ping(1));
  s.Expect(ArpRequest(kPeerIp, kPeerMac));
  s.Expect(EchoReply(1, {}));
  s.SendDelivered(Reply());
  s.Advance(seconds(44));
  s.ExpectNothing();
  ExpectKnown(s, true);
}

TEST(StackArp, ANeighbourThatDoesNotConfirmIsAskedForInPublicAndThenForgotten) {
  Script s(Manual());
  s.Send(Request());
  s.Expect(ArpReply());
  s.Advance(seconds(46));
  s.Send(Ping(1));
  s.Expect(ArpRequest(kPeerIp, kPeerMac));
  s.Expect(EchoReply(1, {}));
  s.Advance(seconds(5));
  s.ExpectAt(seconds(47), ArpRequest(kPeerIp, kPeerMac));
  s.ExpectAt(seconds(48), ArpRequest(kPeerIp));
  s.ExpectNothing();
  // It is still used, and the next packet asks again.
  s.Send(Ping(2));
  s.Expect(ArpRequest(kPeerIp, kPeerMac));
  s.Expect(EchoReply(2, {}));
  s.Advance(seconds(10));
  s.DiscardOutput();
  ExpectKnown(s, false);
}

TEST(StackArp, TheCacheIsBounded) {
  ScriptOptions options = Manual();
  options.config.net.neighbors_max = 4;
  Script s(options);
  for (uint8_t host = 10; host < 20; ++host) {
    const Ipv4Address ip = Ipv4Address::Of(10, 0, 0, host);
    s.Send(Request(ip, MacOf(ip)));
    s.Expect(ArpReply(MacOf(ip), ip));
  }
  // The last four are known, the others are not.
  for (uint8_t host = 16; host < 20; ++host) {
    const Ipv4Address ip = Ipv4Address::Of(10, 0, 0, host);
    ExpectKnown(s, true, ip, MacOf(ip));
  }
  ExpectKnown(s, false, Ipv4Address::Of(10, 0, 0, 10));
}

TEST(StackArp, QuestionsForNobodyDoNotPushOutThoseThatExist) {
  ScriptOptions options = Manual();
  options.config.net.neighbors_max = 4;
  Script s(options);
  s.Send(Request());
  s.Expect(ArpReply());
  for (uint8_t host = 100; host < 200; ++host) s.Send(Ping(1, Ipv4Address::Of(10, 0, 0, host)));
  s.DiscardOutput();
  ExpectKnown(s, true);
}

// [RFC 5227 2.3] two announcements, two seconds apart.
TEST(StackArp, AnnouncesItsAddress) {
  ScriptOptions options = Manual();
  options.config.announce = true;
  Script s(options);
  s.ExpectAt(seconds(0), ArpAnnouncement());
  s.Advance(seconds(60));
  s.ExpectAt(seconds(2), ArpAnnouncement());
  s.ExpectNothing();
  s.stack().SetAddress({Ipv4Address::Of(10, 0, 0, 3), 24}, std::nullopt);
  s.Step();
  const NaiveFrame frame = s.Expect(ArpAnnouncement());
  EXPECT_EQ(frame.arp->sender_ip, Ipv4Address::Of(10, 0, 0, 3).value);
}

TEST(StackArp, SettingTheSameAddressAnnouncesNothing) {
  ScriptOptions options = Manual();
  options.config.announce = true;
  Script s(options);
  s.Advance(seconds(10));
  s.DiscardOutput();
  s.stack().SetAddress(kOurNetwork, kPeerIp);
  s.Advance(seconds(10));
  s.ExpectNothing();
}

TEST(StackArp, WithoutAnAddressNothingIsAnswered) {
  ScriptOptions options = Manual();
  options.address.reset();
  Script s(options);
  s.SendDropped(Request(), Drop::kArpBadSender);  // nobody can be our neighbour
  s.SendDropped(Request(Ipv4Address{}), Drop::kArpNotForUs);
  s.SendDropped(Request(Ipv4Address{}, kPeerMac, Ipv4Address{}), Drop::kArpNotForUs);
  s.ExpectNothing();
}

// --- What is not believed ---

TEST(StackArp, LearnsNothingFromAReplyThatNobodyAskedFor) {
  Script s(Manual());
  s.SendDropped(Reply(), Drop::kArpUnsolicited);
  ExpectKnown(s, false);
}

TEST(StackArp, LearnsNothingFromAnAnnouncementOfOthers) {
  Script s(Manual());
  s.SendDropped(Request(kPeerIp, kPeerMac, kPeerIp), Drop::kArpNotForUs);
  s.SendDropped(Request(kPeerIp, kPeerMac, kOtherIp), Drop::kArpNotForUs);
  s.ExpectNothing();
  ExpectKnown(s, false);
}

TEST(StackArp, AnUnsolicitedReplyDoesNotReplaceWhatIsKnown) {
  Script s(Manual());
  s.Send(Request());
  s.Expect(ArpReply());
  s.SendDropped(Reply(kPeerIp, kOtherMac), Drop::kArpUnsolicited);
  ExpectKnown(s, true);
}

TEST(StackArp, ARequestDoesNotReplaceWhatIsKnownButMakesUsAsk) {
  Script s(Manual());
  s.Send(Request());
  s.Expect(ArpReply());
  s.SendDelivered(Request(kPeerIp, kOtherMac));
  s.Expect(ArpReply(kOtherMac, kPeerIp));
  s.Expect(ArpRequest(kPeerIp, kPeerMac));
  ExpectKnown(s, true);
  // The old one answers: it stays.
  s.SendDelivered(Reply());
  ExpectKnown(s, true);
}

TEST(StackArp, ANeighbourThatMovedIsFoundByAsking) {
  Script s(Manual());
  s.Send(Request());
  s.Expect(ArpReply());
  s.Send(Request(kPeerIp, kOtherMac));
  s.Expect(ArpReply(kOtherMac, kPeerIp));
  s.Expect(ArpRequest(kPeerIp, kPeerMac));
  s.SendDelivered(Reply(kPeerIp, kOtherMac));
  ExpectKnown(s, true, kPeerIp, kOtherMac);
}

TEST(StackArp, NonsensicalSendersAreDropped) {
  Script s(Manual());
  const auto refused = [&](Ipv4Address ip, MacAddress mac) {
    for (uint16_t operation : {uint16_t{1}, uint16_t{2}}) {
      s.SendDropped(
          BuildArp(
              {.operation = operation, .sender_mac = mac, .sender_ip = ip, .target_mac = kOurMac}),
          Drop::kArpBadSender);
      s.ExpectNothing();
    }
  };
  refused(kPeerIp, MacAddress::Broadcast());
  refused(kPeerIp, MacAddress{{1, 0, 0x5e, 0, 0, 1}});
  refused(kPeerIp, MacAddress{});
  refused(kPeerIp, kOurMac);
  refused(kOurIp, kPeerMac);
  refused(Ipv4Address::Of(10, 0, 1, 1), kPeerMac);  // not on the link
  refused(Ipv4Address::Of(10, 0, 0, 255), kPeerMac);
  refused(Ipv4Address::Of(10, 0, 0, 0), kPeerMac);
  refused(Ipv4Address::Broadcast(), kPeerMac);
  refused(Ipv4Address::Of(127, 0, 0, 1), kPeerMac);
  refused(Ipv4Address::Of(224, 0, 0, 1), kPeerMac);
  // A reply from nobody is no probe.
  s.SendDropped(BuildArp({.operation = 2, .sender_ip = {}, .target_mac = kOurMac}),
                Drop::kArpBadSender);
  ExpectKnown(s, false);
}

TEST(StackArp, AGatewayOutsideTheNetworkIsANeighbour) {
  ScriptOptions options = Manual();
  options.gateway = Ipv4Address::Of(192, 168, 9, 9);
  Script s(options);
  s.SendDelivered(Request(*options.gateway));
  s.Expect(ArpReply(kPeerMac, *options.gateway));
}

// --- Malformed packets ---

// [RFC 826 Packet Reception] types and lengths are checked before anything is used.
TEST(StackArp, EveryTruncationIsDropped) {
  Script s(Manual());
  const Frame whole = Request();
  for (size_t size = 14; size < whole.size(); ++size) {
    s.SendDropped(Frame(whole.begin(), whole.begin() + static_cast<long>(size)),
                  Drop::kArpTooShort);
  }
  s.ExpectNothing();
}

TEST(StackArp, OtherFormatsAreDropped) {
  Script s(Manual());
  const auto changed = [](size_t at, uint8_t value) {
    Frame frame = Request();
    frame[14 + at] = value;
    return frame;
  };
  s.SendDropped(changed(1, 6), Drop::kArpBadFormat);  // hardware type: IEEE 802
  s.SendDropped(changed(0, 1), Drop::kArpBadFormat);
  s.SendDropped(changed(2, 0x86), Drop::kArpBadFormat);  // protocol type
  s.SendDropped(changed(4, 5), Drop::kArpBadFormat);     // address lengths
  s.SendDropped(changed(5, 16), Drop::kArpBadFormat);
  s.SendDropped(changed(7, 0), Drop::kArpBadOperation);
  s.SendDropped(changed(7, 3), Drop::kArpBadOperation);
  s.SendDropped(changed(6, 1), Drop::kArpBadOperation);
  s.ExpectNothing();
}

// --- Observe: what another worker of this host answers ---

TEST(StackArp, ObservingLearnsAndSaysNothing) {
  Script s(Manual());
  const Frame request = Request();
  const Bytes frames[] = {request};
  s.stack().Observe(frames, s.now());
  s.Step();
  EXPECT_EQ(s.counters().frames_in, 0u);
  EXPECT_EQ(s.counters().arp_requests_in, 0u);
  ExpectKnown(s, true);
}

TEST(StackArp, ObservingAnAnswerReleasesWhatWaits) {
  Script s(Manual());
  s.Send(Ping(3));
  s.Expect(ArpRequest(kPeerIp));
  const Frame reply = Reply();
  const Frame junk(9);
  const Frame udp = BuildUdp({});
  const Bytes frames[] = {junk, udp, reply};
  s.stack().Observe(frames, s.now());
  s.Step();
  s.Expect(EchoReply(3, {}));
  s.ExpectNothing();
}

}  // namespace
}  // namespace aether::testing
