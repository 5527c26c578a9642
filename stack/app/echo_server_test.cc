#include "stack/app/echo_server.h"

#include <gtest/gtest.h>

#include <string>

#include "stack/app/test_network.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;

HostOptions Options() {
  HostOptions options;
  options.address = testing::kOurNetwork;
  return options;
}

// [RFC 862 TCP Based Echo Service] whatever comes goes back, until the client closes.
TEST(EchoServer, TcpComesBackUntilTheClientCloses) {
  TestNetwork network(Options());
  TestClient& client = network.Connect(7);
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i);
  client.Send(text);
  EXPECT_TRUE(client.received() == text);
  client.SendAndClose("bye");
  EXPECT_TRUE(client.received() == text + "bye");
  EXPECT_TRUE(client.finished());
  EXPECT_EQ(network.host->echo()->counters().tcp_bytes, text.size() + 3);
  EXPECT_EQ(network.host->echo()->connection_count(), 0u);
  EXPECT_EQ(network.host->stack().connection_count(), 0u);
}

TEST(EchoServer, TcpStopsReadingWhatIsNotTakenBack) {
  TestNetwork network(Options());
  TestClient& client = network.Connect(7);
  client.auto_acknowledge = false;
  client.window = 1000;
  std::string sent;
  for (int i = 0; i < 120; ++i) {
    const std::string text(1000, static_cast<char>('a' + i % 26));
    client.Send(text);
    sent += text;
  }
  EXPECT_LE(network.host->echo()->counters().tcp_bytes, 65'536u);
  client.auto_acknowledge = true;
  client.window = 65535;
  client.Acknowledge();
  for (int i = 0; i < 10; ++i) network.Advance(10ms);
  EXPECT_TRUE(client.received() == sent);
  client.Close();
  EXPECT_TRUE(client.finished());
}

TEST(EchoServer, HalfCloseWithAFullQueueEchoesEverythingFirst) {
  TestNetwork network(Options());
  TestClient& client = network.Connect(7);
  client.auto_acknowledge = false;
  client.window = 500;
  const std::string text(100'000, 'z');
  client.Send(text);
  client.Close();
  EXPECT_FALSE(client.finished());
  client.auto_acknowledge = true;
  client.window = 60'000;
  client.Acknowledge();
  for (int i = 0; i < 10; ++i) network.Advance(10ms);
  EXPECT_TRUE(client.received() == text);
  EXPECT_TRUE(client.finished());
  EXPECT_EQ(network.host->echo()->connection_count(), 0u);
}

TEST(EchoServer, IdleAndStuckConnectionsEnd) {
  TestNetwork network(Options());
  TestClient& idle = network.Connect(7);
  TestClient& stuck = network.Connect(7);
  stuck.auto_acknowledge = false;
  stuck.Send("x");
  network.Advance(60s);
  idle.Send("still here");
  network.Advance(61s);
  EXPECT_TRUE(stuck.was_reset());
  EXPECT_FALSE(idle.finished());
  network.Advance(60s);
  EXPECT_TRUE(idle.finished());
  EXPECT_EQ(network.host->echo()->counters().timeouts, 2u);
  EXPECT_EQ(network.host->echo()->connection_count(), 0u);
}

TEST(EchoServer, ResetLeavesNothing) {
  TestNetwork network(Options());
  TestClient& client = network.Connect(7);
  client.Send("x");
  client.Reset();
  EXPECT_EQ(network.host->echo()->connection_count(), 0u);
}

// [RFC 862 UDP Based Echo Service] a datagram goes back to where it came from.
TEST(EchoServer, UdpComesBack) {
  TestNetwork network(Options());
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{1472}}) {
    const std::vector<uint8_t> payload = testing::Pattern(size);
    network.datagrams.clear();
    network.DeliverUdp({testing::kPeerIp, 5000}, {testing::kOurIp, 7}, payload);
    ASSERT_EQ(network.datagrams.size(), 1u);
    EXPECT_EQ(network.datagrams[0].payload, payload);
    EXPECT_EQ(network.datagrams[0].source, (Ipv4Endpoint{testing::kOurIp, 7}));
    EXPECT_EQ(network.datagrams[0].destination, (Ipv4Endpoint{testing::kPeerIp, 5000}));
  }
  EXPECT_EQ(network.host->echo()->counters().datagrams, 4u);
}

TEST(EchoServer, UdpStartsNoLoopAndAnswersNoBroadcast) {
  TestNetwork network(Options());
  const std::vector<uint8_t> payload = {1, 2, 3};
  for (const uint16_t port : std::initializer_list<uint16_t>{7, 13, 17, 19, 37}) {
    network.DeliverUdp({testing::kPeerIp, port}, {testing::kOurIp, 7}, payload);
  }
  network.DeliverUdp({testing::kPeerIp, 5000}, {Ipv4Address::Broadcast(), 7}, payload);
  EXPECT_TRUE(network.datagrams.empty());
  EXPECT_EQ(network.host->echo()->counters().datagrams_ignored, 6u);
  network.DeliverUdp({testing::kPeerIp, 9}, {testing::kOurIp, 7}, payload);
  EXPECT_EQ(network.datagrams.size(), 1u) << "discard does not answer";
}

}  // namespace
}  // namespace aether::app
