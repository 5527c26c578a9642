// Ends of connections: in both orders, half, at once, and by reset.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cerrno>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

TEST(PacketdrillClose, WeCloseFirst) {
  Host host("msl_ms=500");
  const int listener = host.Listen(4);
  const int fd = host.hooks().socket(host.run(), AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(host.Close(fd), 0);
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int accepted = host.hooks().accept(host.run(), listener, nullptr, nullptr);
  ASSERT_GE(accepted, 0);
  EXPECT_EQ(host.Write(accepted, 300), 300);
  host.Out("PA", 1, 300, 1);
  EXPECT_EQ(host.Close(accepted), 0);
  host.Out("FA", 301, 0, 1);
  host.In("A", 1, 0, 302);
  host.In("FA", 1, 0, 302);
  host.Out("A", 302, 0, 2);
  // [RFC 9293 3.6.1] TIME-WAIT acknowledges a repeated FIN and starts 2 MSL anew,
  host.Wait(800'000);
  host.In("FA", 1, 0, 302);
  host.Out("A", 302, 0, 2);
  // and is over 2 MSL after that.
  host.Wait(1'100'000);
  host.In("FA", 1, 0, 302);
  host.Out("R", 302, 0, 0);
}

TEST(PacketdrillClose, PeerClosesFirst) {
  Host host;
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int fd = host.hooks().accept(host.run(), listener, nullptr, nullptr);
  host.In("PA", 1, 100, 1);
  host.In("FA", 101, 0, 1);
  host.Out("A", 1, 0, 102);
  EXPECT_EQ(host.PollOnce(fd, POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
  EXPECT_EQ(host.Read(fd, 1000), 100);
  EXPECT_EQ(host.Read(fd, 1000), 0);
  // Half closed: our side still sends.
  EXPECT_EQ(host.Write(fd, 200), 200);
  host.Out("PA", 1, 200, 102);
  EXPECT_EQ(host.Close(fd), 0);
  host.Out("FA", 201, 0, 102);
  host.In("A", 102, 0, 202);
  // LAST-ACK is over: nobody knows the connection any more.
  host.In("A", 102, 0, 202);
  host.Out("R", 202, 0, 0);
}

TEST(PacketdrillClose, BothAtOnce) {
  Host host;
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.hooks().shutdown(host.run(), fd, SHUT_WR), 0);
  host.Out("FA", 1, 0, 1);
  host.In("FA", 1, 0, 1);
  host.Out("A", 2, 0, 2);
  host.In("A", 2, 0, 2);
  EXPECT_EQ(host.Read(fd, 10), 0);
  EXPECT_NE(host.PollOnce(fd, POLLIN) & POLLHUP, 0);
}

TEST(PacketdrillClose, HalfCloseStillReads) {
  Host host;
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.hooks().shutdown(host.run(), fd, SHUT_WR), 0);
  host.Out("FA", 1, 0, 1);
  errno = 0;
  EXPECT_EQ(host.Write(fd, 10), -1);
  EXPECT_EQ(errno, EPIPE);
  host.In("A", 1, 0, 2);
  host.In("PA", 1, 100, 2);
  EXPECT_EQ(host.Read(fd, 1000), 100);
  host.Out("A", 2, 0, 101);
}

TEST(PacketdrillClose, FinIsSentAgain) {
  Host host;
  const int fd = host.Establish(host.Listen());
  EXPECT_EQ(host.hooks().shutdown(host.run(), fd, SHUT_WR), 0);
  int64_t last = host.Out("FA", 1, 0, 1).time_us;
  double interval = 0;
  for (int i = 0; i < 5; ++i) {
    const int64_t next = host.Out("FA", 1, 0, 1).time_us;
    if (interval > 0) {
      EXPECT_NEAR(static_cast<double>(next - last), 2 * interval, 4000);
    }
    interval = static_cast<double>(next - last);
    last = next;
  }
}

TEST(PacketdrillClose, PeerResets) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("RA", 1, 0, 1);
  EXPECT_EQ(host.PollOnce(fd, POLLIN) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
  errno = 0;
  EXPECT_EQ(host.Read(fd, 10), -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_EQ(host.Read(fd, 10), 0);
  EXPECT_EQ(host.Write(fd, 10), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST(PacketdrillClose, PeerResetsAfterItsFin) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("FA", 1, 0, 1);
  host.Out("A", 1, 0, 2);
  host.In("R", 2, 0, 0);
  EXPECT_EQ(host.SocketError(fd), EPIPE);
}

// [RFC 5961 3.2] only at exactly RCV.NXT.
TEST(PacketdrillClose, ResetBesideTheEdgeIsChallenged) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("R", 100, 0, 0);
  host.Out("A", 1, 0, 1);
  EXPECT_EQ(host.SocketError(fd), 0);
  host.In("R", 1, 0, 0);
  EXPECT_EQ(host.SocketError(fd), ECONNRESET);
}

TEST(PacketdrillClose, UnreadDataResetsThePeer) {
  Host host;
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int fd = host.hooks().accept(host.run(), listener, nullptr, nullptr);
  host.In("PA", 1, 100, 1);
  EXPECT_EQ(host.Close(fd), 0);
  host.Out("RA", 1, 0, 101);
}

TEST(PacketdrillClose, LingerOfZeroResets) {
  Host host;
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int fd = host.hooks().accept(host.run(), listener, nullptr, nullptr);
  const struct linger linger{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(host.hooks().setsockopt(host.run(), fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger),
            0);
  EXPECT_EQ(host.Close(fd), 0);
  host.Out("RA", 1, 0, 1);
}

TEST(PacketdrillClose, ListenerTakesItsWaitingConnectionsAlong) {
  Host host;
  const int listener = host.hooks().socket(host.run(), AF_INET, SOCK_STREAM, 0);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(kBindPort);
  ASSERT_EQ(host.hooks().bind(host.run(), listener, reinterpret_cast<sockaddr*>(&in), sizeof in),
            0);
  ASSERT_EQ(host.hooks().listen(host.run(), listener, 1), 0);
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.In("A", 1, 0, 1);
  EXPECT_EQ(host.Close(listener), 0);
  host.Out("RA", 1, 0, 1);
  // The port is free for another.
  host.Listen();
}

}  // namespace
}  // namespace aether::packetdrill
