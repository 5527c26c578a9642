// The DHCP client's search for an address. What happens to a lease stands in dhcp_lease_test.cc.
#include "stack/app/dhcp_client.h"

#include <gtest/gtest.h>

#include <set>

#include "stack/app/dhcp_test_server.h"
#include "stack/base/random.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;

constexpr Ipv4Network kFallback{Ipv4Address::Of(192, 168, 1, 2), 24};

// [RFC 2131 4.1] before there is an address: from 0.0.0.0 to everybody, and answers as broadcasts.
// [RFC 2131 4.3.2] the REQUEST names address and server and keeps xid and secs.
TEST(DhcpClient, DiscoverOfferRequestAck) {
  DhcpTestServer server;
  EXPECT_EQ(server.client().state(), DhcpState::kSelecting);
  std::vector<DhcpTestServer::Seen> seen = server.Messages();
  ASSERT_EQ(seen.size(), 1u) << "at once";
  const DhcpMessage discover = seen[0].message;
  EXPECT_EQ(discover.type, DhcpType::kDiscover);
  EXPECT_EQ(seen[0].datagram.source, (Ipv4Endpoint{{}, kDhcpClientPort}));
  EXPECT_EQ(seen[0].datagram.destination,
            (Ipv4Endpoint{Ipv4Address::Broadcast(), kDhcpServerPort}));
  EXPECT_TRUE(seen[0].datagram.link_destination.IsBroadcast());
  EXPECT_TRUE(discover.broadcast);
  EXPECT_EQ(discover.client_mac, testing::kOurMac);
  EXPECT_TRUE(discover.client_address.IsUnspecified());
  EXPECT_EQ(discover.secs, 0);
  const auto view = DhcpView::Parse(seen[0].datagram.payload);
  EXPECT_EQ(view->Option(DhcpOptionCode::kClientId).size(), 7u);
  EXPECT_GE(view->Option(DhcpOptionCode::kParameterList).size(), 3u);

  server.Send(server.Answer(DhcpType::kOffer));
  EXPECT_EQ(server.client().state(), DhcpState::kRequesting);
  EXPECT_FALSE(server.address()) << "an offer is no lease";
  seen = server.Messages();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].message.type, DhcpType::kRequest);
  EXPECT_TRUE(seen[0].datagram.source.address.IsUnspecified());
  EXPECT_TRUE(seen[0].datagram.destination.address.IsBroadcast());
  EXPECT_EQ(seen[0].message.xid, discover.xid);
  EXPECT_EQ(seen[0].message.secs, discover.secs);
  EXPECT_EQ(seen[0].message.requested_address, kLeased);
  EXPECT_EQ(seen[0].message.server_id, kDhcpServer);
  EXPECT_TRUE(seen[0].message.client_address.IsUnspecified());

  server.Send(server.Answer(DhcpType::kAck));
  EXPECT_EQ(server.client().state(), DhcpState::kBound);
  EXPECT_TRUE(server.IsLeased());
  EXPECT_EQ(server.network.host->stack().gateway(), kDhcpServer);
  EXPECT_EQ(server.client().lease()->dns_servers.addresses[0], kDhcpServer);
  server.network.Advance(100s);
  EXPECT_TRUE(server.Messages().empty());
  EXPECT_FALSE(server.client().on_fallback());
}

// [RFC 2131 4.1] doubled delays with a random part, up to 64 s; the same xid, secs that grow.
TEST(DhcpClient, DiscoversAreRepeatedWithBackoff) {
  DhcpTestServer server;
  server.network.Advance(400s);
  const std::vector<DhcpTestServer::Seen> seen = server.Messages();
  ASSERT_GE(seen.size(), 10u);
  std::set<int64_t> jitters;
  for (size_t i = 1; i < seen.size(); ++i) {
    const double expected = std::min(64.0, static_cast<double>(uint64_t{1} << (i - 1)));
    const double gap = std::chrono::duration<double>(seen[i].at - seen[i - 1].at).count();
    EXPECT_NEAR(gap, expected, std::min(1.0, expected / 4) + 0.002) << i;
    jitters.insert(
        std::chrono::duration_cast<std::chrono::milliseconds>(seen[i].at - seen[i - 1].at).count() %
        1000);
    EXPECT_EQ(seen[i].message.type, DhcpType::kDiscover);
    EXPECT_EQ(seen[i].message.xid, seen[0].message.xid);
    EXPECT_EQ(seen[i].message.secs,
              std::chrono::duration_cast<std::chrono::seconds>(seen[i].at - server.start).count());
  }
  EXPECT_GT(jitters.size(), 5u) << "the random part";
}

TEST(DhcpClient, XidsAreRandomAndComeFromTheSeed) {
  std::set<uint32_t> xids;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    HostOptions options = DhcpHostOptions();
    options.stack.seed = {seed / 2, 5};
    TestNetwork network(options);
    xids.insert(DhcpView::Parse(network.datagrams.at(0).payload)->xid());
  }
  EXPECT_EQ(xids.size(), 25u);
}

TEST(DhcpClient, FallsBackAfterFiveSecondsAndGoesOnSearching) {
  DhcpTestServer server;
  server.network.Advance(4999ms);
  EXPECT_FALSE(server.address());
  server.network.Advance(2ms);
  EXPECT_EQ(server.address(), kFallback);
  EXPECT_EQ(server.network.host->stack().gateway(), std::nullopt);
  EXPECT_TRUE(server.client().on_fallback());
  EXPECT_EQ(server.client().counters().fallbacks, 1u);
  server.Messages();
  server.network.Advance(100s);
  const auto later = server.Messages();
  EXPECT_GE(later.size(), 2u);
  // [RFC 2131 4.1] without a lease it still sends from 0.0.0.0.
  for (const auto& seen : later) EXPECT_TRUE(seen.datagram.source.address.IsUnspecified());
  EXPECT_EQ(server.address(), kFallback);
  EXPECT_EQ(server.client().counters().fallbacks, 1u);
  // A server that comes up late replaces it.
  server.Send(server.Answer(DhcpType::kOffer));
  EXPECT_EQ(server.address(), kFallback);
  server.Only(DhcpType::kRequest);
  server.Send(server.Answer(DhcpType::kAck));
  EXPECT_TRUE(server.IsLeased());
  EXPECT_FALSE(server.client().on_fallback());
}

TEST(DhcpClient, AServerThatOffersAndThenSaysNothing) {
  DhcpTestServer server;
  const uint32_t xid = server.Only(DhcpType::kDiscover).xid;
  server.Send(server.Answer(DhcpType::kOffer));
  server.network.Advance(20s);
  EXPECT_EQ(server.address(), kFallback);
  const std::vector<DhcpTestServer::Seen> seen = server.Messages();
  ASSERT_GE(seen.size(), 5u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(seen[i].message.type, DhcpType::kRequest);
    EXPECT_EQ(seen[i].message.xid, xid);
  }
  EXPECT_EQ(seen[4].message.type, DhcpType::kDiscover);
  EXPECT_NE(seen[4].message.xid, xid) << "a search of its own";
  EXPECT_EQ(server.client().state(), DhcpState::kSelecting);
}

// [RFC 2131 4.4.1] answers to somebody else, from nobody asked, or not expected now change nothing
// (DHC005).
TEST(DhcpClient, RogueRepliesAreIgnored) {
  DhcpTestServer server;
  server.Only(DhcpType::kDiscover);
  const auto expect_ignored = [&](const DhcpMessage& message, DhcpState state,
                                  uint16_t port = kDhcpServerPort) {
    const uint64_t before = server.client().counters().ignored;
    server.Send(message, port);
    EXPECT_EQ(server.client().counters().ignored, before + 1);
    EXPECT_EQ(server.client().state(), state);
    EXPECT_FALSE(server.address());
    EXPECT_TRUE(server.Messages().empty());
  };
  DhcpMessage offer = server.Answer(DhcpType::kOffer);
  ++offer.xid;
  expect_ignored(offer, DhcpState::kSelecting);
  offer = server.Answer(DhcpType::kOffer);
  offer.client_mac.octets[5] ^= 1;
  expect_ignored(offer, DhcpState::kSelecting);
  expect_ignored(server.Answer(DhcpType::kOffer), DhcpState::kSelecting, 6767);
  expect_ignored(server.Answer(DhcpType::kAck), DhcpState::kSelecting);
  expect_ignored(server.Answer(DhcpType::kNak), DhcpState::kSelecting);
  DhcpMessage request = server.Answer(DhcpType::kOffer);
  request.type = DhcpType::kRequest;
  expect_ignored(request, DhcpState::kSelecting);

  server.Send(server.Answer(DhcpType::kOffer));
  server.Only(DhcpType::kRequest);
  for (const DhcpType type : {DhcpType::kAck, DhcpType::kNak}) {
    DhcpMessage other_server = server.Answer(type);
    other_server.server_id = Ipv4Address::Of(10, 0, 0, 66);
    expect_ignored(other_server, DhcpState::kRequesting);
    other_server.server_id.reset();
    expect_ignored(other_server, DhcpState::kRequesting);
    DhcpMessage other_xid = server.Answer(type);
    ++other_xid.xid;
    expect_ignored(other_xid, DhcpState::kRequesting);
  }
  expect_ignored(server.Answer(DhcpType::kOffer), DhcpState::kRequesting);
  server.network.DeliverUdp({kDhcpServer, 67}, {Ipv4Address::Broadcast(), 68}, {1, 2, 3});
  EXPECT_EQ(server.client().counters().malformed, 1u);
  server.Send(server.Answer(DhcpType::kAck));
  EXPECT_TRUE(server.IsLeased()) << "the right one still counts";
}

// Addresses, masks, servers and leases that cannot be (DHC008). [RFC 2131 4.3.1] what an OFFER must
// hold.
TEST(DhcpClient, ImpossibleOffersAreRefused) {
  DhcpTestServer server;
  server.Only(DhcpType::kDiscover);
  const auto refused = [&](auto change) {
    DhcpMessage offer = server.Answer(DhcpType::kOffer);
    change(offer);
    const uint64_t before = server.client().counters().refused;
    server.Send(offer);
    return server.client().counters().refused == before + 1 &&
           server.client().state() == DhcpState::kSelecting;
  };
  for (const Ipv4Address address :
       {Ipv4Address{}, Ipv4Address::Broadcast(), Ipv4Address::Of(127, 0, 0, 1),
        Ipv4Address::Of(224, 0, 0, 1), Ipv4Address::Of(240, 0, 0, 1), Ipv4Address::Of(0, 1, 2, 3),
        Ipv4Address::Of(10, 0, 0, 0), Ipv4Address::Of(10, 0, 0, 255), kDhcpServer}) {
    EXPECT_TRUE(refused([&](DhcpMessage& offer) { offer.your_address = address; }))
        << address.value;
  }
  for (const uint32_t mask : {0u, 0x00ffffffu, 0xff00ff00u, 0xfffffffdu, 1u}) {
    EXPECT_TRUE(refused([&](DhcpMessage& offer) { offer.subnet_mask = mask; })) << mask;
  }
  EXPECT_TRUE(refused([](DhcpMessage& offer) { offer.server_id.reset(); }));
  EXPECT_TRUE(refused([](DhcpMessage& offer) { offer.server_id = Ipv4Address{}; }));
  EXPECT_TRUE(refused([](DhcpMessage& offer) { offer.server_id = Ipv4Address::Broadcast(); }));
  EXPECT_TRUE(refused([](DhcpMessage& offer) { offer.lease_seconds.reset(); }));
  EXPECT_TRUE(refused([](DhcpMessage& offer) { offer.lease_seconds = 0; }));
  EXPECT_FALSE(refused([](DhcpMessage&) {}));
}

TEST(DhcpClient, AnAckForAnotherAddressThanAskedForIsRefused) {
  DhcpTestServer server;
  server.Only(DhcpType::kDiscover);
  server.Send(server.Answer(DhcpType::kOffer));
  server.Only(DhcpType::kRequest);
  DhcpMessage ack = server.Answer(DhcpType::kAck);
  ack.your_address = Ipv4Address::Of(10, 0, 0, 51);
  server.Send(ack);
  EXPECT_FALSE(server.address());
  EXPECT_EQ(server.client().counters().refused, 1u);
}

// [RFC 2132 3.5] the router must be on the link. [RFC 950 section 2] without a mask the class
// decides.
TEST(DhcpClient, RouterAndMask) {
  DhcpTestServer server;
  server.Only(DhcpType::kDiscover);
  server.Send(server.Answer(DhcpType::kOffer));
  server.Only(DhcpType::kRequest);
  DhcpMessage ack = server.Answer(DhcpType::kAck);
  ack.subnet_mask.reset();
  ack.routers = {{Ipv4Address::Of(192, 168, 0, 1), kLeased, Ipv4Address::Of(10, 255, 255, 255),
                  Ipv4Address::Of(10, 9, 9, 9)},
                 4};
  server.Send(ack);
  EXPECT_EQ(server.address(), (Ipv4Network{kLeased, 8}));
  EXPECT_EQ(server.network.host->stack().gateway(), Ipv4Address::Of(10, 9, 9, 9));
}

// [RFC 2131 3.1.5] a NAK restarts the search; a server that always refuses does not get a storm.
TEST(DhcpClient, NakRestartsAndSlowsDown) {
  DhcpTestServer server;
  uint32_t xid = 0;
  for (int round = 0; round < 5; ++round) {
    const Instant before = server.network.now;
    while (server.network.datagrams.empty()) server.network.Advance(100ms);
    EXPECT_NE(server.Only(DhcpType::kDiscover).xid, xid);
    if (round > 1) {
      EXPECT_GE(server.network.now - before, std::chrono::milliseconds(700 * (1 << (round - 1))));
    }
    xid = server.last.xid;
    server.Send(server.Answer(DhcpType::kOffer));
    server.Only(DhcpType::kRequest);
    server.Send(server.Answer(DhcpType::kNak));
    EXPECT_EQ(server.client().state(), DhcpState::kSelecting);
  }
  EXPECT_EQ(server.client().counters().naks, 5u);
  while (server.network.datagrams.empty()) server.network.Advance(100ms);
  server.Lease();
  EXPECT_TRUE(server.IsLeased());
}

// Whatever a server with the right xid says: an address in use is one that a host can have, and its
// times are in order.
TEST(DhcpClient, RandomAnswers) {
  Random random({77, 78});
  int leases = 0;
  for (int run = 0; run < 60; ++run) {
    DhcpTestServer server;
    for (int step = 0; step < 60; ++step) {
      server.Messages();
      static constexpr DhcpType kTypes[] = {DhcpType::kOffer, DhcpType::kAck, DhcpType::kNak};
      DhcpMessage message = server.Answer(kTypes[random.Below(random.Below(5) == 0 ? 3 : 2)]);
      if (random.Below(3) == 0) message.lease_seconds = random.Next32() >> random.Below(32);
      if (random.Below(3) == 0) message.renewal_seconds = random.Next32() >> random.Below(32);
      if (random.Below(3) == 0) message.rebinding_seconds = random.Next32() >> random.Below(32);
      if (random.Below(4) == 0) message.subnet_mask = ~uint32_t{0} << random.Below(33) % 32;
      if (random.Below(4) == 0) message.your_address = {random.Next32()};
      if (random.Below(8) == 0) message.server_id = Ipv4Address{random.Next32()};
      if (random.Below(8) == 0) message.routers.addresses[0] = {random.Next32()};
      std::vector<uint8_t> bytes(DhcpMessage::kSizeMax);
      bytes.resize(message.Emit(bytes));
      if (random.Below(4) == 0) {
        uint8_t& byte = bytes[random.Below(static_cast<uint32_t>(bytes.size()))];
        byte = static_cast<uint8_t>(byte ^ 1u << random.Below(8));
      }
      server.network.DeliverUdp({kDhcpServer, 67}, {Ipv4Address::Broadcast(), 68}, bytes);
      if (const auto address = server.address()) {
        ASSERT_TRUE(address->address.IsUnicast());
        ASSERT_FALSE(address->IsDirectedBroadcast(address->address));
        ASSERT_GE(address->prefix_length, 1);
      }
      if (const auto& lease = server.client().lease()) {
        ++leases;
        ASSERT_EQ(server.address(), lease->network);
        ASSERT_TRUE(lease->renew_at < lease->rebind_at || lease->expires_at == kNever);
        ASSERT_TRUE(lease->rebind_at < lease->expires_at || lease->expires_at == kNever);
        ASSERT_GT(lease->expires_at, server.network.now);
      }
      server.network.Advance(
          std::chrono::seconds(random.Below(random.Below(10) == 0 ? 100'000 : 4)));
    }
  }
  EXPECT_GT(leases, 100);
}

}  // namespace
}  // namespace aether::app
