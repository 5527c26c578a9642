// Loss: fast retransmit, recovery, the retransmission timer, and what a receiver says about gaps.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

using option::All;

Octets SackSyn() {
  return All({option::Mss(1000), option::Nop(), option::Nop(), option::SackPermitted()});
}

// Ten segments of 1000 bytes are on their way, the round trip known to be 100 ms.
int TenInFlight(Host& host, const Octets& syn) {
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = syn});
  host.Out("SA", 0, 0, 1);
  host.Wait(100'000);
  host.In("A", 1, 0, 1);
  const int fd = host.Accept(listener);
  EXPECT_EQ(host.Write(fd, 10'000), 10'000);
  for (uint32_t i = 0; i < 10; ++i) host.Out(i == 9 ? "PA" : "A", 1 + i * 1000, 1000, 1);
  return fd;
}

// [RFC 5681 3.2] [RFC 6582 3.2] without SACK: the third duplicate, and each partial
// acknowledgement.
TEST(PacketdrillLoss, FastRetransmitByDuplicates) {
  Host host("cc=newreno");
  TenInFlight(host, option::Mss(1000));
  host.Wait(100'000);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 1);
  host.In("A", 1, 0, 1);
  host.In("A", 1, 0, 1);
  Sent again = host.Out("A", 1, 1000, 1);
  EXPECT_LE(again.time_us - begin, 10);
  host.Wait(50'000);
  // A partial acknowledgement: the next one was lost, too.
  const int64_t partial = host.NowUs();
  host.In("A", 1, 0, 3001);
  again = host.Out("A", 3001, 1000, 1);
  EXPECT_LE(again.time_us - partial, 10);
  host.In("A", 1, 0, 10'001);
  EXPECT_TRUE(host.Silent());
}

// [RFC 6675 5] [RFC 8985 6] what is missing below three SACKed segments leaves again, nothing else.
TEST(PacketdrillLoss, FastRetransmitBySack) {
  Host host;
  TenInFlight(host, SackSyn());
  host.Wait(100'000);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 1, {.window = 65535, .options = host.Sack(1001, 2001)});
  host.In("A", 1, 0, 1, {.window = 65535, .options = host.Sack(1001, 3001)});
  host.In("A", 1, 0, 1, {.window = 65535, .options = host.Sack(1001, 4001)});
  const Sent again = host.Out("A", 1, 1000, 1);
  EXPECT_LE(again.time_us - begin, 10);
  host.Wait(50'000);
  host.In("A", 1, 0, 10'001);
  EXPECT_TRUE(host.Silent()) << "something was sent again without need";
}

// [RFC 6298 5.4-5.6] the timer: the first segment, and twice as late each time.
TEST(PacketdrillLoss, RetransmissionTimerBacksOff) {
  Host host("ts=0,sack=0");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 1000), 1000);
  int64_t last = host.Out("PA", 1, 1000, 1).time_us;
  double expected = 0;
  for (int i = 0; i < 6; ++i) {
    const Sent again = host.Out("PA", 1, 1000, 1);
    const double interval = static_cast<double>(again.time_us - last);
    if (i == 0) {
      EXPECT_NEAR(interval, 200'000, 4000);
    } else {
      EXPECT_NEAR(interval, expected, 4000);
    }
    expected = 2 * interval;
    last = again.time_us;
  }
  host.In("A", 1, 0, 1001);
  EXPECT_TRUE(host.Silent());
}

TEST(PacketdrillLoss, MinimumOfTheTimerByFlag) {
  Host host("ts=0,sack=0,min_rto_ms=1000");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 1000), 1000);
  const int64_t first = host.Out("PA", 1, 1000, 1).time_us;
  EXPECT_NEAR(static_cast<double>(host.Out("PA", 1, 1000, 1).time_us - first), 1e6, 4000);
}

// [RFC 5681 3.1] after a timeout one segment leaves, then slow start.
TEST(PacketdrillLoss, TimeoutBeginsWithOneSegment) {
  Host host("cc=newreno");
  TenInFlight(host, option::Mss(1000));
  host.Out("A", 1, 1000, 1);
  host.Wait(1000);
  const int64_t before = host.NowUs();
  host.In("A", 1, 0, 1001);
  EXPECT_GE(host.Out("A", 1001, 1000, 1).time_us, before);
  host.Out("A", 2001, 1000, 1);
}

// [RFC 8985 7] the last segment once more, before the timer.
TEST(PacketdrillLoss, TailLossProbe) {
  Host host;
  const int fd = TenInFlight(host, SackSyn());
  host.Wait(100'000);
  host.In("A", 1, 0, 9001);
  const int64_t begin = host.NowUs();
  const Sent probe = host.Out("PA", 9001, 1000, 1);
  // Two round trips and what a delayed acknowledgement may take.
  EXPECT_LE(probe.time_us - begin, 420'000);
  EXPECT_EQ(host.SocketError(fd), 0);
}

// [RFC 2018 4] [RFC 5681 4.2] what came ahead of a gap is kept and told at once.
TEST(PacketdrillLoss, ReceiverReportsGaps) {
  Host host;
  const int fd = host.Establish(host.Listen(), SackSyn());
  host.In("A", 1001, 1000, 1);
  Sent ack = host.Out("A", 1, 0, 1);
  ASSERT_TRUE(ack.packet.Option(5).has_value());
  const uint32_t irs = ack.packet.ack - 1;
  EXPECT_EQ(Load32(*ack.packet.Option(5), 0) - irs, 1001u);
  EXPECT_EQ(Load32(*ack.packet.Option(5), 4) - irs, 2001u);
  host.In("A", 3001, 1000, 1);
  ack = host.Out("A", 1, 0, 1);
  // The newest first.
  EXPECT_EQ(Load32(*ack.packet.Option(5), 0) - irs, 3001u);
  EXPECT_EQ(Load32(*ack.packet.Option(5), 8) - irs, 1001u);
  host.In("A", 1, 1000, 1);
  ack = host.Out("A", 1, 0, 2001);
  EXPECT_EQ(Load32(*ack.packet.Option(5), 0) - irs, 3001u);
  host.In("A", 2001, 1000, 1);
  EXPECT_FALSE(host.Out("A", 1, 0, 4001).packet.Option(5).has_value());
  EXPECT_EQ(host.Read(fd, 10'000), 4000);
}

// [RFC 2883 4] a duplicate is reported first, also one that a device joined from several segments.
TEST(PacketdrillLoss, DuplicateIsReported) {
  Host host;
  host.Establish(host.Listen(), SackSyn());
  host.In("A", 1, 3000, 1);
  host.Out("A", 1, 0, 3001);
  host.In("A", 1, 3000, 1);
  const Sent ack = host.Out("A", 1, 0, 3001);
  ASSERT_TRUE(ack.packet.Option(5).has_value());
  const uint32_t irs = ack.packet.ack - 3001;
  EXPECT_EQ(Load32(*ack.packet.Option(5), 0) - irs, 1u);
  EXPECT_EQ(Load32(*ack.packet.Option(5), 4) - irs, 3001u);
}

// The pushing bit belongs to a segment: it is there again, or not, when that is sent again.
TEST(PacketdrillLoss, PushIsRepeated) {
  Host host("ts=0,sack=0,nodelay=1");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 100), 100);
  EXPECT_EQ(host.Write(fd, 1500), 1500);
  host.Out("PA", 1, 100, 1);
  host.Out("A", 101, 1000, 1);
  host.Out("PA", 1101, 500, 1);
  host.Out("PA", 1, 100, 1);
  host.In("A", 1, 0, 101);
  host.Out("A", 101, 1000, 1);
  host.Out("PA", 1101, 500, 1);
}

// [RFC 1191] what is too large for the path leaves again in smaller pieces, without a loss.
TEST(PacketdrillLoss, PathMtu) {
  Host host;
  const int fd = host.Establish(host.Listen(), option::Mss(1460));
  EXPECT_EQ(host.Write(fd, 1460), 1460);
  const Sent large = host.Out("PA", 1, 1460, 1);
  host.InRaw(Unreachable(0x0a000001, 4, 1240, large.raw));
  host.Out("A", 1, 1200, 1);
  host.Out("PA", 1201, 260, 1);
  EXPECT_EQ(host.GetInt(fd, IPPROTO_TCP, 2), 1200);
}

}  // namespace
}  // namespace aether::packetdrill
