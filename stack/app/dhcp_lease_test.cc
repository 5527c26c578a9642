// The life of a lease: renewal, rebinding, expiry, release, on virtual time.
#include <gtest/gtest.h>

#include "stack/app/dhcp_client.h"
#include "stack/app/dhcp_test_server.h"
#include "stack/app/echo_server.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;

// [RFC 2131 4.4.5] T1 at half of the lease: unicast to the server, the address in ciaddr, nothing
// else named.
TEST(DhcpLease, RenewsAtT1) {
  DhcpTestServer server;
  server.Lease();
  const uint32_t xid = server.last.xid;
  server.network.Advance(1799s);
  EXPECT_TRUE(server.Messages().empty());
  server.network.Advance(1s);
  EXPECT_EQ(server.client().state(), DhcpState::kRenewing);
  const std::vector<DhcpTestServer::Seen> seen = server.Messages();
  ASSERT_EQ(seen.size(), 1u);
  const DhcpMessage& request = seen[0].message;
  EXPECT_EQ(request.type, DhcpType::kRequest);
  EXPECT_EQ(seen[0].datagram.source.address, kLeased);
  EXPECT_EQ(seen[0].datagram.destination.address, kDhcpServer);
  EXPECT_FALSE(seen[0].datagram.link_destination.IsBroadcast());
  EXPECT_EQ(request.client_address, kLeased);
  EXPECT_EQ(request.server_id, std::nullopt);
  EXPECT_EQ(request.requested_address, std::nullopt);
  EXPECT_FALSE(request.broadcast);
  EXPECT_NE(request.xid, xid);
  EXPECT_TRUE(server.IsLeased()) << "the address is used meanwhile";
  // The new lease counts from its request, and connections live on.
  TestClient& client = server.network.Connect(7);
  server.Send(server.Answer(DhcpType::kAck));
  EXPECT_EQ(server.client().state(), DhcpState::kBound);
  EXPECT_EQ(server.client().lease()->expires_at, server.start + 1800s + 3600s);
  client.Send("x");
  EXPECT_EQ(client.received(), "x");
  server.network.Advance(1799s);
  EXPECT_EQ(server.client().state(), DhcpState::kBound);
  server.network.Advance(1s);
  EXPECT_EQ(server.client().state(), DhcpState::kRenewing);
}

// [RFC 2131 4.4.5] repeated after half of what is left, not more often than each minute; T2 at 7/8:
// broadcast; at the end the address is given up at once and the search starts anew.
TEST(DhcpLease, RepeatsRebindsAndExpires) {
  DhcpTestServer server;
  server.Lease();
  server.network.Advance(3150s - 1ms);
  EXPECT_EQ(server.client().state(), DhcpState::kRenewing);
  std::vector<DhcpTestServer::Seen> seen = server.Messages();
  // 1800, then half of 1350 left: 2475, 2812.5, 2981.25, 3065.6, and 60 s later 3125.6.
  ASSERT_EQ(seen.size(), 6u);
  EXPECT_EQ(seen[1].at, server.start + 2475s);
  EXPECT_EQ(seen[2].at, server.start + 2812500ms);
  EXPECT_GE(seen[5].at - seen[4].at, 60s);
  for (const auto& message : seen) EXPECT_EQ(message.datagram.destination.address, kDhcpServer);
  server.network.Advance(1ms);
  EXPECT_EQ(server.client().state(), DhcpState::kRebinding);
  seen = server.Messages();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(seen[0].datagram.destination.address.IsBroadcast());
  EXPECT_EQ(seen[0].datagram.source.address, kLeased);
  EXPECT_EQ(seen[0].message.client_address, kLeased);
  EXPECT_EQ(seen[0].message.server_id, std::nullopt);

  server.network.Advance(440s);
  TestClient& client = server.network.Connect(7);
  server.network.Advance(10s - 1ms);
  EXPECT_TRUE(server.IsLeased());
  server.Messages();
  server.network.Advance(1ms);
  EXPECT_FALSE(server.address());
  EXPECT_EQ(server.client().state(), DhcpState::kSelecting);
  EXPECT_FALSE(server.client().lease());
  EXPECT_EQ(server.client().counters().expiries, 1u);
  EXPECT_EQ(server.network.host->echo()->connection_count(), 0u) << "its connections are gone";
  EXPECT_FALSE(client.finished());
  server.Only(DhcpType::kDiscover);
  server.network.Advance(5s);
  EXPECT_TRUE(server.client().on_fallback());
}

// [RFC 2131 4.4.5] in REBINDING any server may answer, and is the one to ask from then on.
TEST(DhcpLease, AnotherServerTakesOverInRebinding) {
  DhcpTestServer server;
  server.Lease();
  server.network.Advance(1800s);
  server.Only(DhcpType::kRequest);
  DhcpMessage ack = server.Answer(DhcpType::kAck);
  ack.server_id = Ipv4Address::Of(10, 0, 0, 3);
  server.Send(ack);
  EXPECT_EQ(server.client().state(), DhcpState::kRenewing) << "only the one that was asked";
  server.network.Advance(1350s);
  server.Messages();
  ack.xid = server.last.xid;
  server.Send(ack);
  EXPECT_EQ(server.client().state(), DhcpState::kBound);
  EXPECT_EQ(server.client().lease()->server, Ipv4Address::Of(10, 0, 0, 3));
  server.network.Advance(1800s);
  EXPECT_EQ(server.Messages().at(0).datagram.destination.address, Ipv4Address::Of(10, 0, 0, 3));
}

// [RFC 2131 3.2] a NAK to a renewal takes the address away at once.
TEST(DhcpLease, NakWhileRenewing) {
  DhcpTestServer server;
  server.Lease();
  server.network.Advance(1800s);
  server.Only(DhcpType::kRequest);
  DhcpMessage nak = server.Answer(DhcpType::kNak);
  nak.server_id = Ipv4Address::Of(10, 0, 0, 66);
  server.Send(nak);
  EXPECT_TRUE(server.IsLeased()) << "a stranger's";
  server.Send(server.Answer(DhcpType::kNak));
  EXPECT_FALSE(server.address());
  server.Lease();
  EXPECT_TRUE(server.IsLeased());
}

// [RFC 2131 4.4.5] T1 < T2 < lease, else the defaults.
TEST(DhcpLease, OrderOfTheTimes) {
  struct Case {
    std::optional<uint32_t> renewal, rebinding;
    uint32_t expected_renewal, expected_rebinding;
  };
  for (const Case& times :
       {Case{{}, {}, 500, 875}, Case{100, 200, 100, 200}, Case{100, {}, 100, 875},
        Case{{}, 600, 500, 600}, Case{{}, 400, 500, 875}, Case{900, 800, 500, 875},
        Case{800, 800, 500, 875}, Case{100, 1000, 500, 875}, Case{100, 5000, 500, 875},
        Case{0, 800, 500, 875}, Case{0xffffffff, 0xffffffff, 500, 875}, Case{999, {}, 500, 875}}) {
    DhcpTestServer server;
    server.Only(DhcpType::kDiscover);
    server.Send(server.Answer(DhcpType::kOffer));
    server.Only(DhcpType::kRequest);
    server.network.Advance(500ms);
    DhcpMessage ack = server.Answer(DhcpType::kAck);
    ack.lease_seconds = 1000;
    ack.renewal_seconds = times.renewal;
    ack.rebinding_seconds = times.rebinding;
    server.Send(ack);
    ASSERT_TRUE(server.client().lease());
    // [RFC 2131 4.4.1] from the moment of the request, not of the answer.
    EXPECT_EQ(server.client().lease()->renew_at,
              server.start + std::chrono::seconds(times.expected_renewal));
    EXPECT_EQ(server.client().lease()->rebind_at,
              server.start + std::chrono::seconds(times.expected_rebinding));
    EXPECT_EQ(server.client().lease()->expires_at, server.start + 1000s);
  }
}

// [RFC 2131 3.3] all ones: for ever.
TEST(DhcpLease, WithoutEnd) {
  DhcpTestServer server;
  server.lease_seconds = 0xffffffff;
  server.Lease();
  EXPECT_EQ(server.client().NextDeadline(), kNever);
  server.network.Advance(std::chrono::hours(24 * 365));
  EXPECT_TRUE(server.IsLeased());
  EXPECT_TRUE(server.Messages().empty());
}

TEST(DhcpLease, AVeryLongAndAVeryShortOne) {
  DhcpTestServer long_lease;
  long_lease.lease_seconds = 0xfffffffe;
  long_lease.Lease();
  EXPECT_EQ(long_lease.client().lease()->renew_at,
            long_lease.start + std::chrono::seconds(0x7fffffff));
  DhcpTestServer short_lease;
  short_lease.lease_seconds = 1;
  short_lease.Lease();
  // [RFC 2131 4.4.5] not used a moment longer than it was given.
  EXPECT_EQ(short_lease.client().lease()->expires_at, short_lease.start + 1s);
  for (int i = 0; i < 10; ++i) {
    short_lease.network.Advance(510ms);
    short_lease.Only(DhcpType::kRequest);
    short_lease.Send(short_lease.Answer(DhcpType::kAck));
    EXPECT_EQ(short_lease.client().state(), DhcpState::kBound);
  }
}

// A host that slept past all times does not use the address another moment.
TEST(DhcpLease, SleptPastTheEnd) {
  DhcpTestServer server;
  server.Lease();
  server.network.now += 10000s;
  server.network.Deliver(std::vector<Frame>{});
  EXPECT_FALSE(server.address());
  EXPECT_EQ(server.client().counters().expiries, 1u);
  server.Only(DhcpType::kDiscover);
}

// What a deadline does to others is known to them when Receive returns.
TEST(DhcpLease, ConnectionsEndWithTheLeaseAtOnce) {
  DhcpTestServer server;
  server.lease_seconds = 100;
  server.Lease();
  server.network.Connect(7);
  EXPECT_EQ(server.network.host->echo()->connection_count(), 1u);
  server.network.now += 100s;
  server.network.host->Receive({}, server.network.now);
  EXPECT_FALSE(server.address());
  EXPECT_EQ(server.network.host->echo()->connection_count(), 0u);
}

TEST(DhcpLease, AnAckThatIsOlderThanItsLeaseIsNotUsed) {
  DhcpTestServer server;
  server.lease_seconds = 10;
  server.Only(DhcpType::kDiscover);
  server.Send(server.Answer(DhcpType::kOffer));
  server.network.Advance(12s);
  const DhcpMessage late = server.Answer(DhcpType::kAck);
  server.Send(late);
  EXPECT_FALSE(server.IsLeased());
  EXPECT_EQ(server.client().state(), DhcpState::kSelecting);
}

// [RFC 2131 4.4.6] the address is given back to the server that leased it.
TEST(DhcpLease, Release) {
  DhcpTestServer server;
  server.Lease();
  const uint32_t xid = server.last.xid;
  server.network.host->Stop(server.network.now);
  server.network.Advance(0s);
  const std::vector<DhcpTestServer::Seen> seen = server.Messages();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].message.type, DhcpType::kRelease);
  EXPECT_EQ(seen[0].datagram.destination.address, kDhcpServer);
  EXPECT_EQ(seen[0].datagram.source.address, kLeased);
  EXPECT_EQ(seen[0].message.client_address, kLeased);
  EXPECT_EQ(seen[0].message.server_id, kDhcpServer);
  EXPECT_NE(seen[0].message.xid, xid);
  EXPECT_EQ(server.client().state(), DhcpState::kStopped);
  server.network.Advance(10000s);
  EXPECT_TRUE(server.Messages().empty());
  DhcpTestServer without;
  without.Messages();
  without.network.host->Stop(without.network.now);
  without.network.Advance(100s);
  EXPECT_TRUE(without.Messages().empty());
  EXPECT_FALSE(without.address());
}

}  // namespace
}  // namespace aether::app
