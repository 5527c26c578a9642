// The answers of single calls: results, errnos, and what must be overwritten.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

#define EXPECT_ERRNO(call, error) \
  do {                            \
    errno = 0;                    \
    EXPECT_EQ((call), -1);        \
    EXPECT_EQ(errno, error);      \
  } while (false)

sockaddr_in AddressOf(uint32_t address, uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(address);
  return in;
}

TEST(PacketdrillSockets, OnlyTcpOverIpv4) {
  Host host;
  const auto open = [&](int domain, int type, int protocol) {
    return host.hooks().socket(host.run(), domain, type, protocol);
  };
  EXPECT_ERRNO(open(AF_INET6, SOCK_STREAM, IPPROTO_TCP), EAFNOSUPPORT);
  EXPECT_ERRNO(open(AF_INET, SOCK_DGRAM, 0), EPROTONOSUPPORT);
  EXPECT_ERRNO(open(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
  const int fd = open(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(host.hooks().fcntl(host.run(), fd, F_GETFL), O_RDWR | O_NONBLOCK);
  EXPECT_EQ(host.Close(fd), 0);
  EXPECT_ERRNO(host.Close(fd), EBADF);
}

TEST(PacketdrillSockets, Bind) {
  Host host;
  const auto bind = [&](int fd, const sockaddr_in& in, socklen_t size = sizeof(sockaddr_in)) {
    return host.hooks().bind(host.run(), fd, reinterpret_cast<const sockaddr*>(&in), size);
  };
  const int fd = host.Socket();
  EXPECT_ERRNO(bind(fd, AddressOf(0xc0a80099, 8080)), EADDRNOTAVAIL);
  EXPECT_ERRNO(bind(fd, AddressOf(kLocalAddress, 8080), 4), EINVAL);
  EXPECT_EQ(bind(fd, AddressOf(0, 8080)), 0);
  EXPECT_ERRNO(bind(fd, AddressOf(0, 8081)), EINVAL);
  // The same port again, as long as nobody listens there.
  EXPECT_EQ(bind(host.Socket(), AddressOf(kLocalAddress, 8080)), 0);
  EXPECT_EQ(host.hooks().listen(host.run(), fd, 1), 0);
  EXPECT_ERRNO(bind(host.Socket(), AddressOf(kLocalAddress, 8080)), EADDRINUSE);
  EXPECT_ERRNO(host.hooks().listen(host.run(), 9999, 1), EBADF);
}

TEST(PacketdrillSockets, NotConnected) {
  Host host;
  const int fd = host.Socket();
  EXPECT_ERRNO(host.Read(fd, 1), ENOTCONN);
  EXPECT_ERRNO(host.Write(fd, 1), EPIPE);
  EXPECT_ERRNO(host.hooks().shutdown(host.run(), fd, SHUT_WR), ENOTCONN);
  EXPECT_ERRNO(host.hooks().accept(host.run(), fd, nullptr, nullptr), EINVAL);
  EXPECT_EQ(host.PollOnce(fd, POLLIN | POLLOUT), POLLOUT | POLLHUP);
  EXPECT_EQ(host.PollOnce(12345, POLLIN), POLLNVAL);
}

TEST(PacketdrillSockets, BacklogIsOneMoreThanAsked) {
  Host host;
  host.Listen(1);
  // Three peers; the third is not taken.
  for (uint32_t i = 0; i < 3; ++i) {
    HostPacket syn{.source = kRemoteAddress,
                   .destination = kLocalAddress,
                   .source_port = static_cast<uint16_t>(50'000 + i),
                   .destination_port = kBindPort,
                   .flags = "S",
                   .seq = 1000,
                   .window = 5000,
                   .options = option::Mss(1000),
                   .payload = {}};
    host.InRaw(syn.Emit());
    const Sent answer = host.Out();
    EXPECT_EQ(answer.flags, "SA");
    HostPacket ack = syn;
    ack.flags.assign(1, 'A');
    ack.seq = 1001;
    ack.ack = answer.packet.seq + 1;
    ack.options = {};
    host.InRaw(ack.Emit());
  }
  // Its SYN-ACK is sent again: for us the handshake is not over.
  EXPECT_EQ(host.Out().packet.destination_port, 50'002);
}

TEST(PacketdrillSockets, Nonblocking) {
  Host host("sndbuf=3000");
  const int fd = host.Establish(host.Listen());
  ASSERT_EQ(host.SetNonblocking(fd), 0);
  EXPECT_ERRNO(host.Read(fd, 10), EAGAIN);
  EXPECT_EQ(host.Write(fd, 5000), 3000);
  EXPECT_ERRNO(host.Write(fd, 5000), EAGAIN);
  EXPECT_EQ(host.PollOnce(fd, POLLOUT), 0);
  ASSERT_EQ(host.hooks().fcntl(host.run(), fd, F_SETFL, O_RDWR), 0);
  uint8_t byte;
  EXPECT_ERRNO(host.hooks().recv(host.run(), fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
  EXPECT_ERRNO(host.hooks().send(host.run(), fd, "x", 1, MSG_DONTWAIT), EAGAIN);
}

TEST(PacketdrillSockets, VectorsAndPeeking) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("PA", 1, 300, 1);
  uint8_t a[100];
  uint8_t b[1000];
  EXPECT_EQ(host.hooks().recv(host.run(), fd, b, sizeof b, MSG_PEEK), 300);
  std::memset(a, 1, sizeof a);
  std::memset(b, 1, sizeof b);
  iovec vectors[2] = {{a, sizeof a}, {b, sizeof b}};
  EXPECT_EQ(host.hooks().readv(host.run(), fd, vectors, 2), 300);
  EXPECT_EQ(a[99], 0);
  EXPECT_EQ(b[199], 0);
  EXPECT_EQ(b[200], 1);
  std::memset(a, 0, sizeof a);
  std::memset(b, 0, sizeof b);
  EXPECT_EQ(host.hooks().writev(host.run(), fd, vectors, 2), 1100);
  host.Out("A", 1, 1000, 301);
  host.In("A", 301, 0, 1001);
  // The two pieces are one stream.
  host.Out("PA", 1001, 100, 301);
}

TEST(PacketdrillSockets, MessageFlagsAreOverwritten) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("PA", 1, 10, 1);
  uint8_t buffer[100];
  char control[64];
  iovec vector{buffer, sizeof buffer};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  message.msg_flags = 0x1234;
  EXPECT_EQ(host.hooks().recvmsg(host.run(), fd, &message, 0), 10);
  EXPECT_EQ(message.msg_flags, 0);
  EXPECT_EQ(message.msg_controllen, 0u);
  message.msg_iovlen = 1;
  vector.iov_len = 20;
  std::memset(buffer, 0, sizeof buffer);
  EXPECT_EQ(host.hooks().sendmsg(host.run(), fd, &message, MSG_NOSIGNAL), 20);
  host.Out("PA", 1, 20, 11);
}

TEST(PacketdrillSockets, Queues) {
  Host host;
  const int fd = host.Establish(host.Listen());
  host.In("PA", 1, 123, 1);
  int value = -1;
  EXPECT_EQ(host.hooks().ioctl(host.run(), fd, SIOCINQ, &value), 0);
  EXPECT_EQ(value, 123);
  EXPECT_EQ(host.Write(fd, 77), 77);
  EXPECT_EQ(host.hooks().ioctl(host.run(), fd, SIOCOUTQ, &value), 0);
  EXPECT_EQ(value, 77);
  host.Out("PA", 1, 77, 124);
  host.In("A", 124, 0, 78);
  EXPECT_EQ(host.hooks().ioctl(host.run(), fd, SIOCOUTQ, &value), 0);
  EXPECT_EQ(value, 0);
  EXPECT_ERRNO(host.hooks().ioctl(host.run(), fd, 0x9999, &value), ENOTTY);
}

TEST(PacketdrillSockets, Options) {
  Host host;
  const int listener = host.Listen();
  EXPECT_EQ(host.SetInt(listener, IPPROTO_TCP, TCP_NODELAY, 1), 0);
  EXPECT_EQ(host.SetInt(listener, IPPROTO_TCP, TCP_KEEPIDLE, 33), 0);
  const int fd = host.Establish(listener);
  // Inherited from the listener.
  EXPECT_EQ(host.GetInt(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(host.GetInt(fd, IPPROTO_TCP, TCP_KEEPIDLE), 33);
  EXPECT_EQ(host.GetInt(fd, IPPROTO_TCP, TCP_MAXSEG), 1000);
  EXPECT_EQ(host.GetInt(host.Socket(), IPPROTO_TCP, TCP_MAXSEG), 536);
  EXPECT_EQ(host.SetInt(fd, SOL_SOCKET, SO_SNDBUF, 20'000), 0);
  EXPECT_EQ(host.GetInt(fd, SOL_SOCKET, SO_SNDBUF), 40'000);
  EXPECT_EQ(host.SetInt(fd, IPPROTO_IP, IP_TOS, 4), 0);
  EXPECT_EQ(host.SetInt(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT), 0);
  EXPECT_ERRNO(host.SetInt(fd, IPPROTO_TCP, TCP_KEEPCNT, 0), EINVAL);
  EXPECT_ERRNO(host.SetInt(fd, IPPROTO_TCP, 0x7777, 1), ENOPROTOOPT);
  EXPECT_EQ(host.GetInt(fd, SOL_SOCKET, 0x7777), std::nullopt);
  char name[32] = {};
  socklen_t size = sizeof name;
  EXPECT_EQ(host.hooks().getsockopt(host.run(), fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
  EXPECT_STREQ(name, "cubic");
  EXPECT_EQ(host.hooks().setsockopt(host.run(), fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), 0);
  EXPECT_ERRNO(host.hooks().setsockopt(host.run(), fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3),
               ENOENT);
}

TEST(PacketdrillSockets, Epoll) {
  Host host;
  const int fd = host.Establish(host.Listen());
  const int epfd = host.hooks().epoll_create(host.run(), 1);
  ASSERT_GE(epfd, 0);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = fd;
  EXPECT_EQ(host.hooks().epoll_ctl(host.run(), epfd, EPOLL_CTL_ADD, fd, &event), 0);
  EXPECT_ERRNO(host.hooks().epoll_ctl(host.run(), epfd, EPOLL_CTL_ADD, fd, &event), EEXIST);
  epoll_event out{};
  EXPECT_EQ(host.hooks().epoll_wait(host.run(), epfd, &out, 1, 0), 0);
  EXPECT_EQ(out.events, 0u);
  host.In("PA", 1, 10, 1);
  EXPECT_EQ(host.hooks().epoll_wait(host.run(), epfd, &out, 1, 0), 1);
  EXPECT_EQ(out.events, uint32_t{EPOLLIN});
  EXPECT_EQ(out.data.fd, fd);
  // The edge was reported; level-triggered it is ready still.
  EXPECT_EQ(host.hooks().epoll_wait(host.run(), epfd, &out, 1, 0), 0);
  event.events = EPOLLIN | EPOLLONESHOT;
  EXPECT_EQ(host.hooks().epoll_ctl(host.run(), epfd, EPOLL_CTL_MOD, fd, &event), 0);
  EXPECT_EQ(host.hooks().epoll_wait(host.run(), epfd, &out, 1, 0), 1);
  EXPECT_EQ(host.hooks().epoll_wait(host.run(), epfd, &out, 1, 0), 0);
  EXPECT_EQ(host.hooks().epoll_ctl(host.run(), epfd, EPOLL_CTL_DEL, fd, nullptr), 0);
  EXPECT_EQ(host.Close(epfd), 0);
}

}  // namespace
}  // namespace aether::packetdrill
