// Blocking calls on the second thread: when they end, and that the host can see them sleep.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "replay/packetdrill/host.h"

namespace aether::packetdrill {
namespace {

// The host's thread is not at once on its way from the end of a call to its look at the clock.
void Dawdle() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

class PacketdrillThreads : public ::testing::TestWithParam<const char*> {
 protected:
  // By how much the end of a call may miss: nothing with virtual time but the looks at the clock.
  double tolerance_us() const { return std::string(GetParam()) == "clock=real" ? 150'000 : 10; }
};

INSTANTIATE_TEST_SUITE_P(Clocks, PacketdrillThreads,
                         ::testing::Values("clock=virtual", "clock=real"));

TEST_P(PacketdrillThreads, Accept) {
  Host host(GetParam());
  const int listener = host.Listen();
  int fd = -1;
  host.Start([&] { fd = host.Accept(listener); });
  host.Wait(10'000);
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.Wait(20'000);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 1);
  ASSERT_TRUE(host.Join());
  EXPECT_GE(fd, 0);
  EXPECT_NEAR(static_cast<double>(host.ended_us() - begin), 0, tolerance_us());
}

TEST_P(PacketdrillThreads, Read) {
  Host host(GetParam());
  const int fd = host.Establish(host.Listen());
  ssize_t got = -2;
  host.Start([&] {
    host.Wait(10'000);
    got = host.Read(fd, 1000);
  });
  host.Wait(50'000);
  const int64_t begin = host.NowUs();
  host.In("PA", 1, 300, 1);
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(got, 300);
  EXPECT_NEAR(static_cast<double>(host.ended_us() - begin), 0, tolerance_us());
}

TEST_P(PacketdrillThreads, ReadEndsWithTheStream) {
  Host host(GetParam());
  const int fd = host.Establish(host.Listen());
  ssize_t got = -2;
  host.Start([&] { got = host.Read(fd, 1000); });
  host.In("FA", 1, 0, 1);
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(got, 0);
}

TEST_P(PacketdrillThreads, ReadEndsWithAReset) {
  Host host(GetParam());
  const int fd = host.Establish(host.Listen());
  int error = 0;
  host.Start([&] {
    if (host.Read(fd, 1000) == -1) error = errno;
  });
  host.In("RA", 1, 0, 1);
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(error, ECONNRESET);
}

TEST_P(PacketdrillThreads, WriteWaitsForRoom) {
  Host host(std::string(GetParam()) + ",sndbuf=3000");
  const int fd = host.Establish(host.Listen());
  ssize_t written = -2;
  host.Start([&] { written = host.Write(fd, 9000); });
  uint32_t next = 1;
  while (next < 9001) {
    const Sent sent = host.Out();
    if (sent.size == 0) break;
    ASSERT_EQ(sent.seq, next);
    next += sent.size;
    host.In("A", 1, 0, next);
  }
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(written, 9000);
  EXPECT_EQ(next, 9001u);
}

TEST_P(PacketdrillThreads, Connect) {
  Host host(GetParam());
  const int fd = host.Socket();
  int result = -2;
  host.Start([&] { result = host.Connect(fd); });
  host.Out("S", 0, 0, 0);
  host.Wait(30'000);
  const int64_t begin = host.NowUs();
  host.In("SA", 0, 0, 1, {.window = 5792, .options = option::Mss(1460)});
  ASSERT_TRUE(host.Join());
  host.Out("A", 1, 0, 1);
  EXPECT_EQ(result, 0);
  EXPECT_NEAR(static_cast<double>(host.ended_us() - begin), 0, tolerance_us());
}

TEST(PacketdrillThreadsVirtual, ConnectTimesOut) {
  Host host;
  const int fd = host.Socket();
  int error = 0;
  host.Start([&] {
    if (host.Connect(fd) == -1) error = errno;
  });
  const int64_t begin = host.Out("S", 0, 0, 0).time_us;
  for (int i = 0; i < 7; ++i) host.Out("S", 0, 0, 0);
  EXPECT_TRUE(host.Silent());
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(error, ETIMEDOUT);
  EXPECT_NEAR(static_cast<double>(host.ended_us() - begin), 247e6, 10'000);
}

TEST_P(PacketdrillThreads, CloseLingers) {
  Host host(GetParam());
  const int listener = host.Listen();
  host.In("S", 0, 0, 0, {.window = 65535, .options = option::Mss(1000)});
  host.Out("SA", 0, 0, 1);
  host.In("A", 1, 0, 1);
  const int fd = host.hooks().accept(host.run(), listener, nullptr, nullptr);
  const struct linger linger{.l_onoff = 1, .l_linger = 5};
  ASSERT_EQ(host.hooks().setsockopt(host.run(), fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger),
            0);
  int result = -2;
  host.Start([&] { result = host.Close(fd); });
  host.Out("FA", 1, 0, 1);
  host.Wait(10'000);
  EXPECT_EQ(result, -2);
  const int64_t begin = host.NowUs();
  host.In("A", 1, 0, 2);
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(result, 0);
  EXPECT_NEAR(static_cast<double>(host.ended_us() - begin), 0, tolerance_us());
}

TEST_P(PacketdrillThreads, PollEndsAtItsTimeout) {
  Host host(GetParam());
  const int fd = host.Establish(host.Listen());
  int count = -2;
  const int64_t begin = host.NowUs();
  host.Start([&] {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = POLLIN};
    count = host.hooks().poll(host.run(), &entry, 1, 100);
  });
  host.Wait(300'000);
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(count, 0);
  EXPECT_NEAR(static_cast<double>(host.ended_us() - begin), 100'000, tolerance_us() + 20);
}

TEST_P(PacketdrillThreads, ReceiveTimeout) {
  Host host(GetParam());
  const int fd = host.Establish(host.Listen());
  const timeval limit{.tv_sec = 0, .tv_usec = 50'000};
  ASSERT_EQ(host.hooks().setsockopt(host.run(), fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit),
            0);
  int error = 0;
  const int64_t begin = host.NowUs();
  host.Start([&] {
    if (host.Read(fd, 10) == -1) error = errno;
  });
  host.Wait(200'000);
  ASSERT_TRUE(host.Join());
  EXPECT_EQ(error, EAGAIN);
  EXPECT_NEAR(static_cast<double>(host.ended_us() - begin), 50'000, tolerance_us() + 20);
}

// A blocking call where nothing else could end it: virtual time moves on, and then gives up.
TEST(PacketdrillThreadsVirtual, BlockingOnTheMainThread) {
  Host host;
  const int fd = host.Establish(host.Listen());
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  ASSERT_EQ(host.hooks().setsockopt(host.run(), fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit),
            0);
  const int64_t begin = host.NowUs();
  EXPECT_EQ(host.Read(fd, 10), -1);
  EXPECT_NEAR(static_cast<double>(host.NowUs() - begin), 2e6, 10);
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  EXPECT_EQ(host.hooks().poll(host.run(), &entry, 1, -1), 0);
}

// Fifty runs of the thread hand-over: the end of the call is exact each time, be it a packet or a
// timer that ends it.
TEST(PacketdrillThreadsVirtual, EndsAreExact) {
  Host host;
  const int fd = host.Establish(host.Listen());
  for (uint32_t i = 0; i < 50; ++i) {
    ssize_t got = 0;
    host.Start([&] {
      got = host.Read(fd, 1000);
      Dawdle();
    });
    host.Wait(200'000);
    const int64_t begin = host.NowUs();
    host.In("PA", 1 + i * 10, 10, 1);
    // The main thread goes on at once; time does not, until the call has ended.
    host.Wait(50'000);
    ASSERT_TRUE(host.Join());
    ASSERT_EQ(got, 10);
    ASSERT_LE(host.ended_us() - begin, 3);
    host.Out("A", 1, 0, 11 + i * 10);
  }
}

TEST(PacketdrillThreadsVirtual, EndsByTimersAreExact) {
  Host host;
  const int fd = host.Establish(host.Listen());
  for (int i = 0; i < 50; ++i) {
    const int64_t begin = host.NowUs();
    host.Start([&] {
      pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
      EXPECT_EQ(host.hooks().poll(host.run(), &entry, 1, 100), 0);
      Dawdle();
    });
    host.Wait(1'000'000);
    ASSERT_TRUE(host.Join());
    ASSERT_LE(host.ended_us() - begin, 100'005);
  }
}

}  // namespace
}  // namespace aether::packetdrill
