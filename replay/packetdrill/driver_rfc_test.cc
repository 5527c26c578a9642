// Rules of the RFCs that a peer can see, one script each.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

using option::All;

Octets SackSyn() {
  return All({option::Mss(1000), option::Nop(), option::Nop(), option::SackPermitted()});
}
Octets TimestampSyn() {
  return All({option::Mss(1000), option::Nop(), option::Nop(), option::Timestamps(1000, 0)});
}

// [RFC 6298 5.7] after a lost SYN-ACK and without a measurement the timer begins at 3 seconds;
// [RFC 5681 3.1] and one segment leaves.
TEST(PacketdrillRfc, LostHandshakeMakesCareful) {
  Host host("iw=10");
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.Out("SA", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int fd = host.Accept(listener);
  EXPECT_EQ(host.Write(fd, 3000), 3000);
  const int64_t first = host.Out("A", 1, 1000, 1).time_us;
  const Sent again = host.Out("A", 1, 1000, 1);
  EXPECT_NEAR(static_cast<double>(again.time_us - first), 3e6, 10'000);
}

// [RFC 3042 2] the first two duplicates each release a new segment, the third the lost one.
TEST(PacketdrillRfc, LimitedTransmit) {
  Host host("iw=4,cc=newreno");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 20'000), 20'000);
  for (uint32_t i = 0; i < 4; ++i) host.Out("A", 1 + 1000 * i, 1000, 1);
  host.Wait(10'000);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 1);
  EXPECT_LE(host.Out("A", 4001, 1000, 1).time_us - begin, 10);
  host.In("A", 1, 0, 1);
  EXPECT_LE(host.Out("A", 5001, 1000, 1).time_us - begin, 10);
  host.In("A", 1, 0, 1);
  EXPECT_LE(host.Out("A", 1, 1000, 1).time_us - begin, 20);
}

// [RFC 5681 3.1] slow start: each acknowledged segment releases two.
TEST(PacketdrillRfc, SlowStart) {
  Host host("iw=2,cc=newreno");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 20'000), 20'000);
  host.Out("A", 1, 1000, 1);
  host.Out("A", 1001, 1000, 1);
  uint32_t sent = 2001;
  for (uint32_t ack = 1001; ack <= 4001; ack += 1000) {
    host.Wait(1000);
    const int64_t begin = host.NowUs();
    host.In("A", 1, 0, ack);
    EXPECT_LE(host.Out("A", sent, 1000, 1).time_us - begin, 10);
    EXPECT_LE(host.Out("A", sent + 1000, 1000, 1).time_us - begin, 10);
    sent += 2000;
  }
}

// [RFC 5681 3.2] [RFC 6582 3.2] after recovery the window is half of what was in flight.
TEST(PacketdrillRfc, HalfTheWindowAfterRecovery) {
  Host host("cc=newreno");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 40'000), 40'000);
  for (uint32_t i = 0; i < 10; ++i) host.Out("A", 1 + 1000 * i, 1000, 1);
  host.Wait(10'000);
  // Two new segments by limited transmit, then the lost one, then one for each further duplicate
  // beyond half the window.
  host.In("A", 1, 0, 1);
  host.Out("A", 10'001, 1000, 1);
  host.In("A", 1, 0, 1);
  host.Out("A", 11'001, 1000, 1);
  host.In("A", 1, 0, 1);
  host.Out("A", 1, 1000, 1);
  host.Wait(10'000);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 12'001);
  uint32_t count = 0;
  for (Sent sent = host.Out(); sent.time_us - begin < 50 && !HasFailure(); sent = host.Out()) {
    EXPECT_EQ(sent.seq, 12'001 + 1000 * count);
    ++count;
  }
  // ssthresh is half of the flight: ten segments, or the twelve with the two of limited transmit.
  EXPECT_GE(count, 4u);
  EXPECT_LE(count, 6u);
}

// [RFC 6675 5] what recovery sends is bounded by the pipe; the second hole follows the first.
TEST(PacketdrillRfc, SackRecoveryFillsAllHoles) {
  Host host("cc=newreno");
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = SackSyn()});
  host.Out("SA", 0, 0, 1);
  host.Wait(50'000);
  host.In("A", 1, 0, 1);
  const int fd = host.Accept(listener);
  EXPECT_EQ(host.Write(fd, 10'000), 10'000);
  for (uint32_t i = 0; i < 10; ++i) host.Out(i == 9 ? "PA" : "A", 1 + i * 1000, 1000, 1);
  host.Wait(50'000);
  // Segments 1 and 3 are missing.
  const Octets holes = All({option::Nop(), option::Nop(), Octets{5, 18}});
  const auto blocks = [&](uint32_t end) {
    Octets both = holes;
    for (const uint32_t edge : {3001u, end, 1001u, 2001u}) {
      const uint32_t value = host.local_iss() + edge;
      for (int shift = 24; shift >= 0; shift -= 8)
        both.push_back(static_cast<uint8_t>(value >> shift));
    }
    return both;
  };
  host.In("A", 1, 0, 1, {.window = 65535, .options = host.Sack(1001, 2001)});
  host.In("A", 1, 0, 1, {.window = 65535, .options = blocks(4001)});
  host.In("A", 1, 0, 1, {.window = 65535, .options = blocks(5001)});
  host.Out("A", 1, 1000, 1);
  host.In("A", 1, 0, 1, {.window = 65535, .options = blocks(6001)});
  host.In("A", 1, 0, 1, {.window = 65535, .options = blocks(10'001)});
  host.Out("A", 2001, 1000, 1);
  host.Wait(50'000);
  host.In("A", 1, 0, 10'001);
  EXPECT_TRUE(host.Silent());
}

// [RFC 4015] [RFC 3522] the answer to the original arrives after the timeout: nothing was lost, and
// nothing else is sent again.
TEST(PacketdrillRfc, SpuriousTimeoutIsUndone) {
  Host host;
  const int fd = host.Establish(host.Listen(), TimestampSyn());
  EXPECT_EQ(host.Write(fd, 4940), 4940);
  const uint32_t value = Load32(*host.Out("A", 1, 988, 1).packet.Option(8), 0);
  for (uint32_t i = 1; i < 5; ++i) host.Out(i == 4 ? "PA" : "A", 1 + i * 988, 988, 1);
  host.Out("A", 1, 988, 1);
  host.Wait(5000);
  const int64_t begin = host.NowUs();
  const Octets echo = All({option::Nop(), option::Nop(), option::Timestamps(1100, value)});
  host.In("A", 1, 0, 2965, {.window = 65535, .options = echo});
  host.Wait(20'000);
  host.In("A", 1, 0, 4941, {.window = 65535, .options = echo});
  EXPECT_TRUE(host.Silent()) << "sent again although nothing was lost";
  EXPECT_GT(host.NowUs(), begin);
}

// [RFC 7323 4.3] a delayed acknowledgement echoes the first of the segments that it acknowledges.
TEST(PacketdrillRfc, EchoOfTheFirstSegment) {
  Host host;
  host.Establish(host.Listen(), TimestampSyn());
  host.In("A", 1, 988, 1, {.window = 65535, .options = host.Ts(2000)});
  host.In("A", 989, 988, 1, {.window = 65535, .options = host.Ts(2005)});
  EXPECT_EQ(Load32(*host.Out("A", 1, 0, 1977).packet.Option(8), 4), 2000u);
}

// [RFC 5961 4.2] a SYN in an open connection is challenged, wherever it stands.
TEST(PacketdrillRfc, SynInAnOpenConnection) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("S", 0, 0, 0);
  host.Out("A", 1, 0, 1);
  host.In("S", 1, 0, 0);
  host.Out("A", 1, 0, 1);
  EXPECT_EQ(host.SocketError(fd), 0);
}

// [RFC 9293 3.10.7.4] [RFC 5961 5.2] acknowledgements of what was not sent, or ages ago.
TEST(PacketdrillRfc, ImplausibleAcknowledgements) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("PA", 1, 10, 500);
  host.Out("A", 1, 0, 1);
  host.In("PA", 1, 10, 0x80000000);
  host.Out("A", 1, 0, 1);
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Read(fd, 10), -1);
}

// [RFC 5961 7] no more than ten challenges per second.
TEST(PacketdrillRfc, ChallengesAreLimited) {
  Host host;
  host.Establish(host.Listen());
  host.Wait(1'000'000 - host.NowUs() % 1'000'000);
  for (int i = 0; i < 20; ++i) host.In("R", 100, 0, 0);
  for (int i = 0; i < 10; ++i) host.Out("A", 1, 0, 1);
  EXPECT_TRUE(host.Silent());
}

// [RFC 9293 3.10.7.1] resets from a port where nobody is.
TEST(PacketdrillRfc, ClosedPort) {
  Host host;
  host.In("S", 0, 0, 0);
  host.Out("RA", 0, 0, 1);
}

TEST(PacketdrillRfc, AckToAListener) {
  Host host;
  host.Listen();
  host.In("A", 1, 0, 77);
  host.Out("R", 77, 0, 0);
}

// [RFC 9293 3.10.7.4] a SYN again: our SYN-ACK was lost. A reset takes the half-open one away.
TEST(PacketdrillRfc, HalfOpen) {
  Host host;
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.Wait(100'000);
  const int64_t begin = host.NowUs();
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  EXPECT_LE(host.Out("SA", 0, 0, 1).time_us - begin, 10);
  host.In("R", 1, 0, 0);
  EXPECT_TRUE(host.Silent());
  EXPECT_EQ(host.PollOnce(listener, POLLIN), 0);
}

// [RFC 9293 3.8.4] the probe of a peer is answered.
TEST(PacketdrillRfc, AnswersKeepalive) {
  Host host;
  host.Establish(host.Listen());
  host.In("A", 0, 0, 1);
  host.Out("A", 1, 0, 1);
  host.In("A", 0, 1, 1);
  host.Out("A", 1, 0, 1);
}

// [RFC 9293 3.8.6.2.1] a small window is not filled with small segments while data is in flight.
TEST(PacketdrillRfc, SenderAvoidsSillyWindows) {
  Host host("nodelay=1");
  const int fd = host.Establish(host.Listen());
  host.In("A", 1, 0, 1, {.window = 2100});
  EXPECT_EQ(host.Write(fd, 5000), 5000);
  host.Out("A", 1, 1000, 1);
  host.Out("A", 1001, 1000, 1);
  host.Wait(10'000);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 1001, {.window = 2000});
  EXPECT_LE(host.Out("A", 2001, 1000, 1).time_us - begin, 10);
}

// [RFC 9293 3.8.5] urgent data is delivered in line.
TEST(PacketdrillRfc, UrgentDataIsData) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("PAU", 1, 100, 1);
  EXPECT_EQ(host.Read(fd, 1000), 100);
}

// [RFC 9293 3.10.7.4] a FIN ahead of a gap counts when the gap is filled.
TEST(PacketdrillRfc, FinAheadOfAGap) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("FA", 101, 100, 1);
  host.Out("A", 1, 0, 1);
  host.In("A", 1, 100, 1);
  host.Out("A", 1, 0, 202);
  EXPECT_EQ(host.Read(fd, 1000), 200);
  EXPECT_EQ(host.Read(fd, 1000), 0);
}

// [RFC 9293 3.6.1 MAY-2] a new SYN beyond the old numbers opens a connection out of TIME-WAIT.
TEST(PacketdrillRfc, SynOutOfTimeWait) {
  Host host;
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.hooks().shutdown(host.run(), fd, SHUT_WR), 0);
  host.Out("FA", 1, 0, 1);
  host.In("FA", 1, 0, 2);
  host.Out("A", 2, 0, 2);
  host.In("S", 100'000, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 100'001);
}

// [RFC 3168 6.1.3] a mark is echoed until the sender says that it has reduced its window.
TEST(PacketdrillRfc, EcnIsEchoed) {
  Host host("quickack=1");
  const int listener = host.Listen();
  host.In("SEC", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SAE", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int fd = host.Accept(listener);
  host.In("A", 1, 1000, 1, {.window = 65535, .options = {}, .type_of_service = 3});
  host.Out("AE", 1, 0, 1001);
  host.In("A", 1001, 1000, 1, {.window = 65535, .options = {}, .type_of_service = 2});
  host.Out("AE", 1, 0, 2001);
  host.In("AC", 2001, 1000, 1, {.window = 65535, .options = {}, .type_of_service = 2});
  host.Out("A", 1, 0, 3001);
  EXPECT_EQ(host.Read(fd, 5000), 3000);
}

// [RFC 3168 6.1.2] an echo halves the window once per round trip, and the next new data says CWR.
TEST(PacketdrillRfc, EcnReducesTheWindow) {
  Host host("cc=newreno");
  const int listener = host.Listen();
  host.In("SEC", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SAE", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int fd = host.Accept(listener);
  EXPECT_EQ(host.Write(fd, 30'000), 30'000);
  for (uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(host.Out("A", 1 + 1000 * i, 1000, 1).packet.type_of_service & 3, 2);
  }
  host.Wait(10'000);
  host.In("AE", 1, 0, 1001);
  // Nine are out where five may be: nothing leaves until fewer are out.
  host.In("AE", 1, 0, 3001);
  host.Wait(1000);
  const int64_t begin = host.NowUs();
  host.In("AE", 1, 0, 6001);
  const Sent next = host.Out("AC", 10'001, 1000, 1);
  EXPECT_GE(next.time_us, begin);
  EXPECT_EQ(next.packet.type_of_service & 3, 2);
}

// [RFC 5681 4.1] after a silence of more than a timeout the window starts again.
TEST(PacketdrillRfc, RestartAfterIdle) {
  Host host("iw=2,cc=newreno");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 6000), 6000);
  host.Out("A", 1, 1000, 1);
  host.Out("A", 1001, 1000, 1);
  host.In("A", 1, 0, 2001);
  for (uint32_t i = 2; i < 6; ++i) host.Out(i == 5 ? "PA" : "A", 1 + 1000 * i, 1000, 1);
  host.In("A", 1, 0, 6001);
  host.Wait(10'000'000);
  const int64_t begin = host.NowUs();
  EXPECT_EQ(host.Write(fd, 10'000), 10'000);
  host.Out("A", 6001, 1000, 1);
  host.Out("A", 7001, 1000, 1);
  // The rest waits for an acknowledgement.
  EXPECT_GE(host.Out().time_us - begin, 100'000);
}

// [RFC 9293 3.8.6 SHLD-14] the right edge of our window never moves left.
TEST(PacketdrillRfc, WindowNeverShrinks) {
  Host host("rcvbuf=10000,quickack=1");
  const int fd = host.Establish(host.Listen());
  uint32_t edge = 10'001;
  uint32_t seq = 1;
  for (const uint32_t size : {1u, 999u, 7u, 1460u, 3u, 2000u}) {
    host.In("A", seq, size, 1);
    seq += size;
    const Sent ack = host.Out("A", 1, 0, seq);
    EXPECT_GE(ack.ack + ack.packet.window, edge);
    edge = ack.ack + ack.packet.window;
    if (size == 1460) {
      EXPECT_EQ(host.Read(fd, 100), 100);
    }
  }
}

}  // namespace
}  // namespace aether::packetdrill
