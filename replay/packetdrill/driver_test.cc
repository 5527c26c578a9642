// Handshake and data, passive and active.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

using option::All;

Octets LinuxSyn() {
  return All({option::Mss(1000), option::SackPermitted(), option::Timestamps(1000, 0),
              option::Nop(), option::WindowScale(7)});
}

// The kinds of the options of a segment, in order, NOPs included.
Octets Kinds(const Octets& options) {
  Octets kinds;
  for (size_t i = 0; i < options.size();) {
    kinds.push_back(options[i]);
    i += options[i] <= 1 ? 1u : options[i + 1];
  }
  return kinds;
}

TEST(PacketdrillHandshake, SynAckHasTheOrderOfLinux) {
  Host host;
  host.Listen();
  host.In("S", 0, 0, 0, {.window = 32792, .options = LinuxSyn()});
  const Sent answer = host.Out("SA", 0, 0, 1);
  // mss, sackOK, TS, nop, wscale
  EXPECT_EQ(Kinds(answer.packet.options), (Octets{2, 4, 8, 1, 3}));
  EXPECT_EQ(answer.packet.Option(2), (Octets{0x05, 0xb4}));
  EXPECT_EQ(Load32(*answer.packet.Option(8), 4), 1000u);
  EXPECT_EQ(answer.packet.Option(3), (Octets{7}));
}

TEST(PacketdrillHandshake, OptionsAreOnlyAnswered) {
  Host host;
  host.Listen();
  host.In("S", 0, 0, 0, {.window = 32792, .options = option::Mss(1000)});
  EXPECT_EQ(Kinds(host.Out("SA", 0, 0, 1).packet.options), (Octets{2}));
}

TEST(PacketdrillHandshake, OrderWithoutTimestamps) {
  Host host;
  host.Listen();
  const Octets syn = All({option::Mss(1000), option::Nop(), option::Nop(), option::SackPermitted(),
                          option::Nop(), option::WindowScale(7)});
  host.In("S", 0, 0, 0, {.window = 32792, .options = syn});
  EXPECT_EQ(Kinds(host.Out("SA", 0, 0, 1).packet.options), (Octets{2, 1, 1, 4, 1, 3}));
}

TEST(PacketdrillHandshake, FlagsSwitchOptionsOff) {
  Host host("ts=0,sack=0,wscale=off,mss=1200");
  host.Listen();
  host.In("S", 0, 0, 0, {.window = 32792, .options = LinuxSyn()});
  const Sent answer = host.Out("SA", 0, 0, 1);
  EXPECT_EQ(Kinds(answer.packet.options), (Octets{2}));
  EXPECT_EQ(answer.packet.Option(2), (Octets{0x04, 0xb0}));
}

TEST(PacketdrillHandshake, EcnIsAnsweredByDefault) {
  Host host;
  host.Listen();
  host.In("SEC", 0, 0, 0, {.window = 32792, .options = LinuxSyn()});
  host.Out("SAE", 0, 0, 1);
  Host off("ecn=0");
  off.Listen();
  off.In("SEC", 0, 0, 0, {.window = 32792, .options = LinuxSyn()});
  off.Out("SA", 0, 0, 1);
}

TEST(PacketdrillHandshake, NothingToAcceptYet) {
  Host host;
  const int listener = host.Listen();
  ASSERT_EQ(host.SetNonblocking(listener), 0);
  errno = 0;
  EXPECT_EQ(host.Accept(listener), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(host.PollOnce(listener, POLLIN), 0);
  host.In("S", 0, 0, 0, {.window = 32792, .options = LinuxSyn()});
  host.Out("SA", 0, 0, 1);
  EXPECT_EQ(host.Accept(listener), -1);
  host.In("A", 1, 0, 1, {.window = 257, .options = host.Ts(1001)});
  EXPECT_EQ(host.PollOnce(listener, POLLIN), POLLIN);
  EXPECT_GE(host.Accept(listener), 0);
  EXPECT_EQ(host.PollOnce(listener, POLLIN), 0);
}

TEST(PacketdrillHandshake, SynAckIsSentAgain) {
  Host host;
  host.Listen();
  const int64_t begin = host.NowUs();
  host.In("S", 0, 0, 0, {.window = 32792, .options = LinuxSyn()});
  EXPECT_LE(host.Out("SA", 0, 0, 1).time_us - begin, 10);
  // [RFC 6298 2.1, 5.5] after a second, then twice as late each time.
  EXPECT_NEAR(static_cast<double>(host.Out("SA", 0, 0, 1).time_us - begin), 1e6, 4000);
  EXPECT_NEAR(static_cast<double>(host.Out("SA", 0, 0, 1).time_us - begin), 3e6, 4000);
  EXPECT_NEAR(static_cast<double>(host.Out("SA", 0, 0, 1).time_us - begin), 7e6, 4000);
}

TEST(PacketdrillData, BothWays) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("PA", 1, 700, 1);
  EXPECT_EQ(host.PollOnce(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
  EXPECT_EQ(host.Read(fd, 500), 500);
  EXPECT_EQ(host.Read(fd, 500), 200);
  EXPECT_EQ(host.Write(fd, 2500), 2500);
  // The data carries the acknowledgement; only the last segment pushes, and Nagle holds it.
  host.Out("A", 1, 1000, 701);
  host.Out("A", 1001, 1000, 701);
  host.In("A", 701, 0, 2001);
  host.Out("PA", 2001, 500, 701);
  host.In("A", 701, 0, 2501);
  EXPECT_TRUE(host.Silent());
}

TEST(PacketdrillData, AcknowledgementIsDelayed) {
  Host host;
  const int fd = host.Establish(host.Listen());
  int64_t begin = host.NowUs();
  host.In("PA", 1, 10, 1);
  // [RFC 9293 3.8.6.3] a lone segment waits, the second full-sized one does not.
  EXPECT_NEAR(static_cast<double>(host.Out("A", 1, 0, 11).time_us - begin), 40'000, 1000);
  begin = host.NowUs();
  host.In("A", 11, 1000, 1);
  host.In("A", 1011, 1000, 1);
  EXPECT_LE(host.Out("A", 1, 0, 2011).time_us - begin, 10);
  EXPECT_EQ(host.Read(fd, 5000), 2010);
}

TEST(PacketdrillData, QuickAckAndDelayByFlag) {
  Host quick("quickack=1");
  quick.Establish(quick.Listen());
  int64_t begin = quick.NowUs();
  quick.In("PA", 1, 10, 1);
  EXPECT_LE(quick.Out("A", 1, 0, 11).time_us - begin, 10);
  Host slow("delack_ms=200");
  slow.Establish(slow.Listen());
  begin = slow.NowUs();
  slow.In("PA", 1, 10, 1);
  EXPECT_NEAR(static_cast<double>(slow.Out("A", 1, 0, 11).time_us - begin), 200'000, 1000);
}

TEST(PacketdrillData, QuickAckByOption) {
  Host host;
  const int fd = host.Establish(host.Listen());
  ASSERT_EQ(host.SetInt(fd, IPPROTO_TCP, TCP_QUICKACK, 1), 0);
  const int64_t begin = host.NowUs();
  host.In("PA", 1, 10, 1);
  EXPECT_LE(host.Out("A", 1, 0, 11).time_us - begin, 10);
}

// The host injects segments as if a device had joined them.
TEST(PacketdrillData, SegmentsMayBeLargerThanTheMtu) {
  Host host;
  const int fd = host.Establish(host.Listen());
  int64_t begin = host.NowUs();
  host.In("A", 1, 14600, 1);
  EXPECT_LE(host.Out("A", 1, 0, 14601).time_us - begin, 10);
  host.In("PA", 14601, 45000, 1);
  EXPECT_LE(host.Out("A", 1, 0, 59601).time_us - begin, 20);
  EXPECT_EQ(host.Read(fd, 65535), 59600);
  // [RFC 5681 4.2] what counts as full-sized is still no more than our own MSS.
  begin = host.NowUs();
  host.Wait(1000);
  for (uint32_t i = 0; i < 4; ++i) host.In("A", 59601 + i * 1460, 1460, 1);
  Sent sent = host.Out();
  while (sent.ack < 59601 + 2 * 1460 && !HasFailure()) sent = host.Out();
  EXPECT_LE(sent.time_us - begin, 2000);
}

TEST(PacketdrillData, NagleAndItsSwitch) {
  Host host;
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 10), 10);
  host.Out("PA", 1, 10, 1);
  EXPECT_EQ(host.Write(fd, 10), 10);
  host.Wait(10'000);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 11);
  // [RFC 9293 3.7.4] held until the first was acknowledged.
  EXPECT_GE(host.Out("PA", 11, 10, 1).time_us, begin);
  ASSERT_EQ(host.SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1), 0);
  EXPECT_EQ(host.Write(fd, 10), 10);
  EXPECT_LE(host.Out("PA", 21, 10, 1).time_us, host.NowUs());
}

TEST(PacketdrillData, InitialWindowByFlag) {
  Host host("iw=3");
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.Write(fd, 10'000), 10'000);
  for (uint32_t i = 0; i < 3; ++i) host.Out("A", 1 + 1000 * i, 1000, 1);
  host.Wait(1000);
  const int64_t before = host.NowUs();
  host.In("A", 1, 0, 1001);
  EXPECT_GE(host.Out("A", 3001, 1000, 1).time_us, before);
}

TEST(PacketdrillConnect, ActiveOpen) {
  Host host;
  const int fd = host.Socket();
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  errno = 0;
  EXPECT_EQ(host.Connect(fd), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  EXPECT_EQ(host.Connect(fd), -1);
  EXPECT_EQ(errno, EALREADY);
  const Sent syn = host.Out("S", 0, 0, 0);
  EXPECT_EQ(syn.packet.destination_port, kBindPort);
  EXPECT_EQ(Kinds(syn.packet.options), (Octets{2, 4, 8, 1, 3}));
  EXPECT_EQ(host.PollOnce(fd, POLLOUT), 0);
  host.Wait(50'000);
  const Octets answer = All({option::Mss(1460), option::SackPermitted(),
                             option::Timestamps(700, Load32(*syn.packet.Option(8), 0)),
                             option::Nop(), option::WindowScale(7)});
  host.In("SA", 0, 0, 1, {.window = 5792, .options = answer});
  host.Out("A", 1, 0, 1);
  EXPECT_EQ(host.PollOnce(fd, POLLOUT), POLLOUT);
  EXPECT_EQ(host.SocketError(fd), 0);
  EXPECT_EQ(host.GetInt(fd, IPPROTO_TCP, TCP_MAXSEG), 1448);
  EXPECT_EQ(host.Connect(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  EXPECT_EQ(errno, EISCONN);
  EXPECT_EQ(host.Write(fd, 100), 100);
  host.Out("PA", 1, 100, 1);
}

TEST(PacketdrillConnect, EcnIsAskedForByFlag) {
  Host host("ecn=1");
  const int fd = host.Socket();
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  host.Out("SEC", 0, 0, 0);
}

// [RFC 3168 6.1.1] who did not ask takes no answer for one.
TEST(PacketdrillConnect, EcnThatNobodyAskedFor) {
  Host host("nodelay=1");
  const int fd = host.Socket();
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  host.Out("S", 0, 0, 0);
  host.In("SAE", 0, 0, 1, {.window = 5792, .options = option::Mss(1460)});
  host.Out("A", 1, 0, 1);
  EXPECT_EQ(host.Write(fd, 100), 100);
  EXPECT_EQ(host.Out("PA", 1, 100, 1).packet.type_of_service & 3, 0);
}

TEST(PacketdrillConnect, FromABoundPort) {
  Host host;
  const int fd = host.Socket();
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(4321);
  ASSERT_EQ(host.hooks().bind(host.run(), fd, reinterpret_cast<sockaddr*>(&in), sizeof in), 0);
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  EXPECT_EQ(host.Out("S", 0, 0, 0).packet.source_port, 4321);
}

TEST(PacketdrillConnect, Refused) {
  Host host;
  const int fd = host.Socket();
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  host.Out("S", 0, 0, 0);
  host.In("RA", 0, 0, 1);
  EXPECT_EQ(host.PollOnce(fd, POLLOUT) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
  EXPECT_EQ(host.SocketError(fd), ECONNREFUSED);
  // It clears on read.
  EXPECT_EQ(host.SocketError(fd), 0);
  errno = 0;
  EXPECT_EQ(host.Connect(fd), -1);
  EXPECT_EQ(errno, ECONNABORTED);
}

TEST(PacketdrillConnect, PortUnreachable) {
  Host host;
  const int fd = host.Socket();
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  host.InRaw(Unreachable(kRemoteAddress, 3, 0, host.Out("S", 0, 0, 0).raw));
  EXPECT_EQ(host.SocketError(fd), ECONNREFUSED);
}

TEST(PacketdrillConnect, NobodyAnswers) {
  Host host;
  const int fd = host.Socket();
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  const int64_t begin = host.Out("S", 0, 0, 0).time_us;
  // [RFC 6298 5.5] [RFC 9293 3.8.3 MUST-22, MUST-23] with backoff, for at least three minutes.
  double due_us = 0;
  for (double interval_us = 1e6; interval_us <= 64e6; interval_us *= 2) {
    due_us += interval_us;
    EXPECT_NEAR(static_cast<double>(host.Out("S", 0, 0, 0).time_us - begin), due_us, 4000);
  }
  EXPECT_TRUE(host.Silent());
  EXPECT_EQ(host.SocketError(fd), ETIMEDOUT);
}

TEST(PacketdrillConnect, Simultaneous) {
  Host host;
  const int fd = host.Socket();
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_EQ(host.Connect(fd), -1);
  host.Out("S", 0, 0, 0);
  // [RFC 9293 3.5] both sides open at once.
  host.In("S", 0, 0, 0, {.window = 5792, .options = option::Mss(1460)});
  host.Out("SA", 0, 0, 1);
  host.In("SA", 0, 0, 1, {.window = 5792, .options = option::Mss(1460)});
  EXPECT_EQ(host.PollOnce(fd, POLLOUT), POLLOUT);
  EXPECT_EQ(host.SocketError(fd), 0);
}

TEST(PacketdrillConnect, Disconnect) {
  Host host;
  const int fd = host.Establish(host.Listen());
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  EXPECT_EQ(host.hooks().connect(host.run(), fd, &none, sizeof none), 0);
  host.Out("RA", 1, 0, 1);
  errno = 0;
  EXPECT_EQ(host.Read(fd, 1), -1);
  EXPECT_EQ(errno, ENOTCONN);
}

}  // namespace
}  // namespace aether::packetdrill
