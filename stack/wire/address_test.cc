#include "stack/wire/address.h"

#include <gtest/gtest.h>

#include <vector>

namespace aether {
namespace {

TEST(MacAddressTest, LoadsAndStoresSixOctets) {
  const std::vector<uint8_t> bytes = {0x02, 0x00, 0x5e, 0x10, 0x20, 0x30};
  const MacAddress mac = MacAddress::Load(bytes.data());
  EXPECT_EQ(mac, (MacAddress{{0x02, 0x00, 0x5e, 0x10, 0x20, 0x30}}));
  std::vector<uint8_t> out(6);
  mac.Store(out.data());
  EXPECT_EQ(out, bytes);
}

TEST(MacAddressTest, Classes) {
  EXPECT_TRUE(MacAddress::Broadcast().IsBroadcast());
  EXPECT_TRUE(MacAddress::Broadcast().IsGroup());
  EXPECT_TRUE((MacAddress{{0x01, 0x00, 0x5e, 0, 0, 1}}).IsGroup());
  EXPECT_FALSE((MacAddress{{0x01, 0x00, 0x5e, 0, 0, 1}}).IsBroadcast());
  EXPECT_FALSE((MacAddress{{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}}).IsGroup());
  EXPECT_FALSE((MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}}).IsBroadcast());
  EXPECT_TRUE(MacAddress{}.IsZero());
  EXPECT_FALSE((MacAddress{{0, 0, 0, 0, 0, 1}}).IsZero());
}

TEST(Ipv4AddressTest, IsHostOrder) {
  EXPECT_EQ(Ipv4Address::Of(10, 1, 2, 3).value, 0x0a010203u);
  EXPECT_LT(Ipv4Address::Of(10, 0, 0, 255), Ipv4Address::Of(10, 0, 1, 0));
}

struct Kind {
  Ipv4Address address;
  bool unspecified, broadcast, multicast, loopback, this_network, reserved, unicast;
};

TEST(Ipv4AddressTest, ClassesAtTheirEdges) {
  const Kind kinds[] = {
      {Ipv4Address::Of(0, 0, 0, 0), true, false, false, false, true, false, false},
      {Ipv4Address::Of(0, 255, 255, 255), false, false, false, false, true, false, false},
      {Ipv4Address::Of(1, 0, 0, 0), false, false, false, false, false, false, true},
      {Ipv4Address::Of(126, 255, 255, 255), false, false, false, false, false, false, true},
      {Ipv4Address::Of(127, 0, 0, 0), false, false, false, true, false, false, false},
      {Ipv4Address::Of(127, 255, 255, 255), false, false, false, true, false, false, false},
      {Ipv4Address::Of(128, 0, 0, 0), false, false, false, false, false, false, true},
      {Ipv4Address::Of(223, 255, 255, 255), false, false, false, false, false, false, true},
      {Ipv4Address::Of(224, 0, 0, 0), false, false, true, false, false, false, false},
      {Ipv4Address::Of(239, 255, 255, 255), false, false, true, false, false, false, false},
      {Ipv4Address::Of(240, 0, 0, 0), false, false, false, false, false, true, false},
      {Ipv4Address::Of(255, 255, 255, 254), false, false, false, false, false, true, false},
      {Ipv4Address::Of(255, 255, 255, 255), false, true, false, false, false, false, false},
  };
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.address.value);
    EXPECT_EQ(kind.address.IsUnspecified(), kind.unspecified);
    EXPECT_EQ(kind.address.IsBroadcast(), kind.broadcast);
    EXPECT_EQ(kind.address.IsMulticast(), kind.multicast);
    EXPECT_EQ(kind.address.IsLoopback(), kind.loopback);
    EXPECT_EQ(kind.address.IsThisNetwork(), kind.this_network);
    EXPECT_EQ(kind.address.IsReserved(), kind.reserved);
    EXPECT_EQ(kind.address.IsUnicast(), kind.unicast);
  }
}

TEST(Ipv4NetworkTest, MaskOfEveryPrefixLength) {
  for (unsigned length = 0; length <= 32; ++length) {
    uint32_t mask = 0;
    for (unsigned bit = 0; bit < length; ++bit) mask |= 0x80000000u >> bit;
    EXPECT_EQ((Ipv4Network{{}, static_cast<uint8_t>(length)}).Mask(), mask) << length;
  }
}

TEST(Ipv4NetworkTest, ContainsAndDirectedBroadcast) {
  const Ipv4Network net{Ipv4Address::Of(192, 168, 1, 130), 25};
  EXPECT_TRUE(net.Contains(Ipv4Address::Of(192, 168, 1, 128)));
  EXPECT_TRUE(net.Contains(Ipv4Address::Of(192, 168, 1, 255)));
  EXPECT_FALSE(net.Contains(Ipv4Address::Of(192, 168, 1, 127)));
  EXPECT_FALSE(net.Contains(Ipv4Address::Of(192, 168, 2, 0)));
  EXPECT_TRUE(net.IsDirectedBroadcast(Ipv4Address::Of(192, 168, 1, 255)));
  EXPECT_FALSE(net.IsDirectedBroadcast(Ipv4Address::Of(192, 168, 1, 254)));
  EXPECT_FALSE(net.IsDirectedBroadcast(Ipv4Address::Of(192, 168, 2, 255)));
  EXPECT_TRUE(net.IsNetworkAddress(Ipv4Address::Of(192, 168, 1, 128)));
  EXPECT_FALSE(net.IsNetworkAddress(Ipv4Address::Of(192, 168, 1, 0)));
}

TEST(Ipv4NetworkTest, PointToPointNetworksHaveNoBroadcast) {
  // [RFC 3021 2.1] both addresses of a /31 are hosts.
  for (const uint8_t length : {uint8_t{31}, uint8_t{32}}) {
    const Ipv4Network net{Ipv4Address::Of(10, 0, 0, 1), length};
    EXPECT_FALSE(net.IsDirectedBroadcast(Ipv4Address::Of(10, 0, 0, 1)));
    EXPECT_FALSE(net.IsNetworkAddress(Ipv4Address::Of(10, 0, 0, 0)));
  }
  const Ipv4Network everything{Ipv4Address::Of(10, 0, 0, 1), 0};
  EXPECT_TRUE(everything.Contains(Ipv4Address::Of(203, 0, 113, 9)));
}

}  // namespace
}  // namespace aether
