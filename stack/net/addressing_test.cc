#include "stack/net/addressing.h"

#include <gtest/gtest.h>

namespace aether::net {
namespace {

constexpr Ipv4Network kNetwork{Ipv4Address::Of(10, 0, 0, 2), 24};

TEST(Addressing, NextHopIsTheDestinationOnTheLinkAndTheGatewayBeyond) {
  Addressing addressing(4);
  EXPECT_FALSE(addressing.NextHop(Ipv4Address::Of(10, 0, 0, 1)));
  addressing.Set(kNetwork, std::nullopt);
  EXPECT_EQ(addressing.NextHop(Ipv4Address::Of(10, 0, 0, 1)), Ipv4Address::Of(10, 0, 0, 1));
  EXPECT_FALSE(addressing.NextHop(Ipv4Address::Of(10, 0, 1, 1)));
  addressing.Set(kNetwork, Ipv4Address::Of(10, 0, 0, 254));
  EXPECT_EQ(addressing.NextHop(Ipv4Address::Of(10, 0, 1, 1)), Ipv4Address::Of(10, 0, 0, 254));
}

TEST(Addressing, NeighborsAreHostsOfTheNetworkAndTheGateway) {
  Addressing addressing(4);
  addressing.Set(kNetwork, Ipv4Address::Of(192, 168, 9, 9));
  EXPECT_TRUE(addressing.IsNeighbor(Ipv4Address::Of(10, 0, 0, 1)));
  EXPECT_TRUE(addressing.IsNeighbor(Ipv4Address::Of(192, 168, 9, 9)));
  for (const Ipv4Address stranger :
       {Ipv4Address::Of(10, 0, 0, 2), Ipv4Address::Of(10, 0, 0, 0), Ipv4Address::Of(10, 0, 0, 255),
        Ipv4Address::Of(10, 0, 1, 1), Ipv4Address::Of(224, 0, 0, 1), Ipv4Address{},
        Ipv4Address::Broadcast()}) {
    EXPECT_FALSE(addressing.IsNeighbor(stranger)) << std::hex << stranger.value;
  }
}

// [RFC 3021 2.1] a network of two addresses has no broadcast.
TEST(Addressing, PointToPointNetworksHaveNoBroadcast) {
  Addressing addressing(4);
  addressing.Set({Ipv4Address::Of(10, 0, 0, 2), 31}, std::nullopt);
  EXPECT_FALSE(addressing.IsBroadcast(Ipv4Address::Of(10, 0, 0, 3)));
  EXPECT_TRUE(addressing.IsNeighbor(Ipv4Address::Of(10, 0, 0, 3)));
}

// What is precomputed says the same as the network, whatever its size.
TEST(Addressing, BroadcastsAreThoseOfTheNetwork) {
  Addressing addressing(4);
  const auto check = [&](const Ipv4Network& network, Ipv4Address other) {
    EXPECT_EQ(addressing.IsBroadcast(other), other.IsBroadcast() ||
                                                 network.IsDirectedBroadcast(other) ||
                                                 network.IsNetworkAddress(other))
        << int{network.prefix_length} << " " << std::hex << other.value;
    EXPECT_EQ(addressing.NextHop(other).has_value(), network.Contains(other));
    EXPECT_EQ(addressing.IsOwn(other), other == network.address);
  };
  for (uint8_t prefix = 0; prefix <= 32; ++prefix) {
    const Ipv4Network network{Ipv4Address::Of(10, 77, 130, 6), prefix};
    addressing.Set(network, std::nullopt);
    const uint32_t base = network.address.value & network.Mask();
    for (const uint32_t host : {0u, 1u, 2u, ~network.Mask() - 1, ~network.Mask()}) {
      check(network, {base | (host & ~network.Mask())});
      check(network, {(base ^ 0x80000000u) | (host & ~network.Mask())});
    }
    check(network, network.address);
    check(network, {});
    check(network, Ipv4Address::Broadcast());
  }
  addressing.Clear();
  EXPECT_FALSE(addressing.IsOwn({}));
  EXPECT_FALSE(addressing.IsOwn(Ipv4Address::Of(10, 77, 130, 6)));
  EXPECT_FALSE(addressing.IsBroadcast(Ipv4Address::Of(10, 77, 130, 7)));
  EXPECT_TRUE(addressing.IsBroadcast(Ipv4Address::Broadcast()));
}

// [RFC 1112 6.4] [RFC 1112 section 4]
TEST(Addressing, GroupsAreBoundedAndMappedToTheirLinkAddress) {
  Addressing addressing(2);
  const Ipv4Address group = Ipv4Address::Of(239, 129, 2, 3);
  EXPECT_EQ(Addressing::GroupMac(group), (MacAddress{{0x01, 0x00, 0x5e, 0x01, 0x02, 0x03}}));
  EXPECT_FALSE(addressing.AcceptsGroupMac(Addressing::GroupMac(group)));
  EXPECT_TRUE(addressing.Join(group));
  EXPECT_TRUE(addressing.Join(group));
  EXPECT_TRUE(addressing.Join(Ipv4Address::Of(239, 0, 0, 1)));
  EXPECT_FALSE(addressing.Join(Ipv4Address::Of(239, 0, 0, 2))) << "the table holds two";
  EXPECT_TRUE(addressing.AcceptsGroupMac(Addressing::GroupMac(group)));
  addressing.Leave(group);
  EXPECT_FALSE(addressing.IsMember(group));
  EXPECT_TRUE(addressing.IsMember(Ipv4Address::Of(224, 0, 0, 1)));
}

}  // namespace
}  // namespace aether::net
