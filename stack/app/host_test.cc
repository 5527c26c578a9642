#include "stack/app/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "stack/app/dhcp_client.h"
#include "stack/app/echo_server.h"
#include "stack/app/http_server.h"
#include "stack/app/test_network.h"
#include "stack/testing/counting_allocator.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

HostOptions Options() {
  HostOptions options;
  options.address = testing::kOurNetwork;
  options.stack.mac = testing::kOurMac;
  return options;
}

std::string Refusal(const HostOptions& options) {
  const auto host = Host::Create(options, Instant{});
  return host ? "" : host.error();
}

// [RFC 791 3.1] among others: every host takes packets of 68 bytes.
TEST(Host, SaysWhatToDoAboutOptionsThatCannotBe) {
  EXPECT_EQ(Refusal(Options()), "");
  HostOptions options = Options();
  options.echo_port = 80;
  EXPECT_THAT(Refusal(options), HasSubstr("port 80 is taken twice"));
  options = Options();
  options.dhcp = true;
  EXPECT_THAT(Refusal(options), HasSubstr("not both"));
  options = Options();
  options.gateway = Ipv4Address::Of(10, 0, 1, 1);
  EXPECT_THAT(Refusal(options), HasSubstr("gateway"));
  options.gateway = testing::kOurIp;
  EXPECT_THAT(Refusal(options), HasSubstr("gateway"));
  options.gateway = testing::kPeerIp;
  EXPECT_EQ(Refusal(options), "");
  options.address.reset();
  EXPECT_THAT(Refusal(options), HasSubstr("gateway"));
  for (const Ipv4Network network :
       {Ipv4Network{Ipv4Address::Of(10, 0, 0, 0), 24},
        Ipv4Network{Ipv4Address::Of(10, 0, 0, 255), 24}, Ipv4Network{Ipv4Address::Broadcast(), 24},
        Ipv4Network{testing::kOurIp, 0}, Ipv4Network{testing::kOurIp, 33},
        Ipv4Network{Ipv4Address{}, 24}}) {
    options = Options();
    options.address = network;
    EXPECT_THAT(Refusal(options), HasSubstr("address"))
        << network.address.value << "/" << int{network.prefix_length};
  }
  options = Options();
  options.stack.mac.octets[0] |= 1;
  EXPECT_THAT(Refusal(options), HasSubstr("link address"));
  options = Options();
  options.stack.mtu = 67;
  EXPECT_THAT(Refusal(options), HasSubstr("MTU"));
  options = Options();
  options.address.reset();
  options.dhcp = true;
  options.echo_port = 68;
  EXPECT_THAT(Refusal(options), HasSubstr("port 68 is taken twice"));
}

TEST(Host, ServesAllItsPorts) {
  TestNetwork network(Options());
  TestClient& http = network.Connect(80);
  TestClient& echo = network.Connect(7);
  echo.Send("hello");
  http.Send(kGet);
  EXPECT_EQ(echo.received(), "hello");
  EXPECT_TRUE(http.received().starts_with("HTTP/1.1 200 OK"));
  HostOptions options = Options();
  options.http_port = options.echo_port = 0;
  TestNetwork none(options);
  EXPECT_EQ(none.host->http(), nullptr);
  EXPECT_EQ(none.host->NextDeadline(), none.host->stack().NextDeadline());
  TestClient& closed = none.NewClient(80);
  closed.Connect();
  EXPECT_TRUE(closed.was_reset());
}

TEST(Host, WithoutAnAddressUntilItIsSet) {
  HostOptions options = Options();
  options.address.reset();
  TestNetwork network(options);
  EXPECT_FALSE(network.host->stack().address());
  network.host->SetAddress(testing::kOurNetwork, std::nullopt, network.now);
  TestClient& client = network.Connect();
  client.Send("GET / HT");
  EXPECT_EQ(network.host->http()->connection_count(), 1u);
  network.host->SetAddress({Ipv4Address::Of(10, 0, 0, 9), 24}, std::nullopt, network.now);
  EXPECT_EQ(network.host->http()->connection_count(), 0u) << "another address ends them";
  EXPECT_EQ(network.host->stack().connection_count(), 0u);
  TestClient& next = network.Connect();
  next.Send(kGet);
  EXPECT_TRUE(next.received().starts_with("HTTP/1.1 200 OK"));
  network.host->ClearAddress(network.now);
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
}

// Many frames of many connections in one batch: events of connections that end within it harm
// nobody.
TEST(Host, OneBatchForManyConnections) {
  TestNetwork network(Options());
  std::vector<TestClient*> clients;
  for (int i = 0; i < 150; ++i) clients.push_back(&network.Connect());
  for (int round = 0; round < 3; ++round) {
    std::vector<Frame> frames;
    for (TestClient* client : clients) frames.push_back(client->Segment(kGet, tcp_flags::kAck));
    network.Deliver(frames);
    for (TestClient* client : clients) EXPECT_TRUE(client->Take().starts_with("HTTP/1.1 200 OK"));
  }
  std::vector<Frame> frames;
  for (size_t i = 0; i < clients.size(); ++i) {
    frames.push_back(clients[i]->Segment(kGet, tcp_flags::kAck));
    if (i % 3 == 0) frames.push_back(clients[i]->Segment("", tcp_flags::kRst | tcp_flags::kAck));
    if (i % 3 == 1) frames.push_back(clients[i]->Segment("", tcp_flags::kFin | tcp_flags::kAck));
  }
  network.Deliver(frames);
  EXPECT_EQ(network.host->http()->connection_count(), 50u);
  for (size_t i = 2; i < clients.size(); i += 3) {
    clients[i]->Take();
    clients[i]->Send(kGet);
    EXPECT_TRUE(clients[i]->Take().starts_with("HTTP/1.1 200 OK"));
  }
}

// Ten thousand connections one after another leave nothing but TIME-WAIT records.
TEST(Host, ManyConnectionsInARow) {
  TestNetwork network(Options());
  for (int i = 0; i < 10'000; ++i) {
    TestClient& client = network.Connect();
    client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ASSERT_TRUE(client.finished());
    client.Close();
    network.Forget(client);
  }
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
  EXPECT_EQ(network.host->stack().connection_count(), 0u);
  EXPECT_EQ(network.host->http()->counters().responses[2], 10'000u);
}

TEST(Host, RequestsAllocateNothingAfterWarmUp) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  std::vector<Frame> frames;
  for (int i = 0; i < 20; ++i) client.Send(kGet);
  client.Take();
  client.auto_acknowledge = false;
  for (int i = 0; i < 50; ++i) frames.push_back(client.Segment(kGet, tcp_flags::kAck));
  std::vector<uint8_t> buffer(network.host->stack().frame_size_max());
  const testing::AllocationScope scope;
  for (const Frame& frame : frames) {
    const Bytes view = frame;
    network.host->Receive({&view, 1}, network.now);
    while (network.host->Transmit(buffer, network.now) > 0) {
    }
  }
  EXPECT_EQ(scope.count(), 0u);
  EXPECT_EQ(network.host->http()->counters().requests, 70u);
}

}  // namespace
}  // namespace aether::app
