// For the tests of the DHCP client: a network with a server that says what it is told, when it is
// told.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "stack/app/dhcp_client.h"
#include "stack/app/test_network.h"
#include "stack/wire/dhcp.h"

namespace aether::app {

inline constexpr Ipv4Address kDhcpServer = Ipv4Address::Of(10, 0, 0, 1);
inline constexpr Ipv4Address kLeased = Ipv4Address::Of(10, 0, 0, 50);

inline HostOptions DhcpHostOptions() {
  HostOptions options;
  options.dhcp = true;
  options.stack.seed = {11, 22};
  return options;
}

class DhcpTestServer {
 public:
  struct Seen {
    Instant at;
    SeenDatagram datagram;
    DhcpMessage message;
  };

  DhcpTestServer() : network(DhcpHostOptions()), start(network.now) {}

  // The messages of the client since the last call.
  std::vector<Seen> Messages() {
    std::vector<Seen> messages;
    for (const SeenDatagram& datagram : network.datagrams) {
      if (datagram.destination.port != kDhcpServerPort) continue;
      EXPECT_EQ(datagram.source.port, kDhcpClientPort);
      const auto view = DhcpView::Parse(datagram.payload);
      EXPECT_TRUE(view);
      EXPECT_GE(datagram.payload.size(), DhcpMessage::kSizeMin);
      messages.push_back({datagram.at, datagram, view->message()});
      last = view->message();
    }
    network.datagrams.clear();
    return messages;
  }
  // The one message of the client since the last call.
  DhcpMessage Only(DhcpType type) {
    const std::vector<Seen> messages = Messages();
    EXPECT_EQ(messages.size(), 1u);
    EXPECT_EQ(last.type, type);
    return last;
  }

  // A sound answer to the client's last message.
  DhcpMessage Answer(DhcpType type) const {
    DhcpMessage message;
    message.type = type;
    message.xid = last.xid;
    message.client_mac = testing::kOurMac;
    message.server_id = kDhcpServer;
    if (type == DhcpType::kNak) return message;
    message.your_address = kLeased;
    message.lease_seconds = lease_seconds;
    message.subnet_mask = 0xffffff00;
    message.routers = {{kDhcpServer}, 1};
    message.dns_servers = {{kDhcpServer}, 1};
    return message;
  }
  void Send(const DhcpMessage& message, uint16_t from_port = kDhcpServerPort) {
    std::vector<uint8_t> bytes(DhcpMessage::kSizeMax);
    bytes.resize(message.Emit(bytes));
    network.DeliverUdp({kDhcpServer, from_port}, {Ipv4Address::Broadcast(), kDhcpClientPort},
                       bytes);
  }

  // From DISCOVER to ACK.
  void Lease() {
    Only(DhcpType::kDiscover);
    Send(Answer(DhcpType::kOffer));
    Only(DhcpType::kRequest);
    Send(Answer(DhcpType::kAck));
    EXPECT_EQ(client().state(), DhcpState::kBound);
  }

  const DhcpClient& client() const { return *network.host->dhcp(); }
  std::optional<Ipv4Network> address() const { return network.host->stack().address(); }
  bool IsLeased() const { return address() == Ipv4Network{kLeased, 24}; }

  TestNetwork network;
  const Instant start;
  DhcpMessage last;
  uint32_t lease_seconds = 3600;
};

}  // namespace aether::app
