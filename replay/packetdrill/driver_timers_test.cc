// Zero windows, keepalive, the user timeout, and timestamps that protect.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

using option::All;

Octets TimestampSyn() {
  return All({option::Mss(1000), option::Nop(), option::Nop(), option::Timestamps(1000, 0)});
}

// [RFC 9293 3.8.6.1] a shut window is probed, twice as late each time, for as long as it is
// answered.
TEST(PacketdrillTimers, ZeroWindowProbes) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("A", 1, 0, 1, {.window = 0});
  const int64_t begin = host.NowUs();
  EXPECT_EQ(host.Write(fd, 500), 500);
  double interval = 0;
  int64_t last = begin;
  for (int i = 0; i < 5; ++i) {
    const Sent probe = host.Out();
    // An old number or the next byte: either makes the peer answer.
    EXPECT_TRUE(probe.seq == 0 || probe.seq == 1) << probe.seq;
    if (i > 0) {
      EXPECT_NEAR(static_cast<double>(probe.time_us - last), 2 * interval, 4000);
    }
    interval = static_cast<double>(probe.time_us - last);
    last = probe.time_us;
    host.In("A", 1, 0, 1, {.window = 0});
  }
  const int64_t opened = host.NowUs();
  host.In("A", 1, 0, 1, {.window = 1000});
  EXPECT_LE(host.Out("PA", 1, 500, 1).time_us - opened, 10);
  EXPECT_EQ(host.SocketError(fd), 0);
}

// Our own window shuts, probes are answered, and reading opens it again.
TEST(PacketdrillTimers, OurWindowShutsAndOpens) {
  Host host("rcvbuf=4000,quickack=1");
  const int fd = host.Establish(host.Listen());
  host.In("A", 1, 1000, 1);
  EXPECT_EQ(host.Out("A", 1, 0, 1001).packet.window, 3000);
  host.In("A", 1001, 3000, 1);
  EXPECT_EQ(host.Out("A", 1, 0, 4001).packet.window, 0);
  host.In("A", 4001, 1, 1);
  EXPECT_EQ(host.Out("A", 1, 0, 4001).packet.window, 0);
  EXPECT_EQ(host.Read(fd, 10'000), 4000);
  EXPECT_EQ(host.Out("A", 1, 0, 4001).packet.window, 4000);
}

// [RFC 9293 3.8.4] probes after the idle time, an interval apart, and the end after the last.
TEST(PacketdrillTimers, Keepalive) {
  Host host;
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.SetInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, 20), 0);
  EXPECT_EQ(host.SetInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5), 0);
  EXPECT_EQ(host.SetInt(fd, IPPROTO_TCP, TCP_KEEPCNT, 3), 0);
  EXPECT_EQ(host.SetInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
  const double begin = static_cast<double>(host.NowUs());
  EXPECT_NEAR(static_cast<double>(host.Out("A", 0, 0, 1).time_us) - begin, 20e6, 4000);
  // An answer starts it over.
  host.In("A", 1, 0, 1);
  const double answered = static_cast<double>(host.NowUs());
  EXPECT_NEAR(static_cast<double>(host.Out("A", 0, 0, 1).time_us) - answered, 20e6, 4000);
  EXPECT_NEAR(static_cast<double>(host.Out("A", 0, 0, 1).time_us) - answered, 25e6, 4000);
  EXPECT_NEAR(static_cast<double>(host.Out("A", 0, 0, 1).time_us) - answered, 30e6, 4000);
  EXPECT_NEAR(static_cast<double>(host.Out("RA", 1, 0, 1).time_us) - answered, 35e6, 4000);
  errno = 0;
  EXPECT_EQ(host.Read(fd, 1), -1);
  EXPECT_EQ(errno, ETIMEDOUT);
}

TEST(PacketdrillTimers, KeepaliveIsOffUntilAskedFor) {
  Host host;
  host.Establish(host.Listen());
  EXPECT_TRUE(host.Silent());
}

// [RFC 5482] the limit of an application.
TEST(PacketdrillTimers, UserTimeout) {
  Host host;
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.SetInt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000), 0);
  EXPECT_EQ(host.Write(fd, 100), 100);
  const int64_t begin = host.Out("PA", 1, 100, 1).time_us;
  Sent sent = host.Out();
  while (sent.flags == "PA" && !HasFailure()) sent = host.Out();
  EXPECT_EQ(sent.flags, "RA");
  EXPECT_GE(sent.time_us - begin, 3'000'000);
  EXPECT_LE(sent.time_us - begin, 7'000'000);
  EXPECT_EQ(host.SocketError(fd), ETIMEDOUT);
}

// [RFC 7323 5.3] an old timestamp: an old duplicate, answered and dropped.
TEST(PacketdrillTimers, OldTimestampsAreRefused) {
  Host host;
  const int fd = host.Establish(host.Listen(), TimestampSyn());
  host.In("PA", 1, 100, 1, {.window = 65535, .options = host.Ts(2000)});
  EXPECT_EQ(Load32(*host.Out("A", 1, 0, 101).packet.Option(8), 4), 2000u);
  host.In("PA", 101, 100, 1, {.window = 65535, .options = host.Ts(1500)});
  EXPECT_EQ(Load32(*host.Out("A", 1, 0, 101).packet.Option(8), 4), 2000u);
  EXPECT_EQ(host.Read(fd, 1000), 100);
  host.In("PA", 101, 100, 1, {.window = 65535, .options = host.Ts(2001)});
  host.Out("A", 1, 0, 201);
  EXPECT_EQ(host.Read(fd, 1000), 100);
}

// [RFC 7323 5.2] a reset is judged by its number alone.
TEST(PacketdrillTimers, ResetsNeedNoTimestamp) {
  Host host;
  const int fd = host.Establish(host.Listen(), TimestampSyn());
  host.In("PA", 1, 100, 1, {.window = 65535, .options = host.Ts(2000)});
  host.Out("A", 1, 0, 101);
  host.In("R", 101, 0, 0);
  EXPECT_EQ(host.SocketError(fd), ECONNRESET);
}

// [RFC 7323 5.5] after 24 days of silence the old timestamp says nothing.
TEST(PacketdrillTimers, OldTimestampsAfterAMonth) {
  Host host;
  const int fd = host.Establish(host.Listen(), TimestampSyn());
  host.In("PA", 1, 100, 1, {.window = 65535, .options = host.Ts(0x70000000)});
  host.Out("A", 1, 0, 101);
  for (int day = 0; day < 26; ++day) {
    for (int i = 0; i < 24; ++i) host.hooks().usleep(host.run(), 3'600'000'000u);
  }
  host.In("PA", 101, 100, 1, {.window = 65535, .options = host.Ts(0x01000000)});
  EXPECT_EQ(Load32(*host.Out("A", 1, 0, 201).packet.Option(8), 4), 0x01000000u);
  EXPECT_EQ(host.Read(fd, 1000), 200);
}

// A silence of an hour costs no packet: nothing is forgotten and nothing repeated.
TEST(PacketdrillTimers, BurstAfterALongSilence) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.hooks().usleep(host.run(), 3'600'000'000u);
  EXPECT_EQ(host.Write(fd, 10'000), 10'000);
  for (uint32_t i = 0; i < 10; ++i) host.Out(i == 9 ? "PA" : "A", 1 + i * 1000, 1000, 1);
}

}  // namespace
}  // namespace aether::packetdrill
