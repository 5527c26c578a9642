#include "stack/wire/address_text.h"

#include <gtest/gtest.h>

namespace aether {
namespace {

TEST(ParseAddressTest, OnlyStrictDottedQuads) {
  EXPECT_EQ(ParseAddress("255.1.0.3"), Ipv4Address::Of(255, 1, 0, 3));
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.4 ",
        " 1.2.3.4", "+1.2.3.4", "1.2.3.-4", "1.2.3.0x4", "1.2.3.256"}) {
    EXPECT_FALSE(ParseAddress(text).has_value()) << text;
  }
}

TEST(ParseNetworkTest, OnlyStrictPrefixes) {
  EXPECT_EQ(ParseNetwork("1.2.3.4/0"), (Ipv4Network{Ipv4Address::Of(1, 2, 3, 4), 0}));
  EXPECT_EQ(ParseNetwork("1.2.3.4/32"), (Ipv4Network{Ipv4Address::Of(1, 2, 3, 4), 32}));
  for (const char* text : {"1.2.3.4", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/33", "1.2.3.4/256",
                           "1.2.3.4/8/8", "/8", "1.2.3.4/08", "1.2.3.4/00", "1.2.3.4/0000024"}) {
    EXPECT_FALSE(ParseNetwork(text).has_value()) << text;
  }
}

TEST(ParseMacTest, OnlySixOctets) {
  EXPECT_EQ(ParseMac("02:aB:00:ff:10:09"), (MacAddress{{0x02, 0xab, 0x00, 0xff, 0x10, 0x09}}));
  for (const char* text : {"", "02:ab:00:ff:10", "02:ab:00:ff:10:09:", "02:ab:00:ff:10:0g",
                           "2:ab:00:ff:10:009", "02:ab:00:ff:10:-9", "02 ab 00 ff 10 09"}) {
    EXPECT_FALSE(ParseMac(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace aether
