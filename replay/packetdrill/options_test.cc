#include "replay/packetdrill/options.h"

#include <gtest/gtest.h>

namespace aether::packetdrill {
namespace {

using std::chrono::milliseconds;

TEST(PacketdrillOptions, Defaults) {
  const auto options = ParseOptions("");
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->clock, ClockKind::kVirtual);
  EXPECT_FALSE(options->local.has_value());
  EXPECT_EQ(options->config.mtu, 1500);
  tcp::Profile profile = tcp::kFull;
  profile.ecn_request = false;
  EXPECT_EQ(options->config.profile, profile);
}

TEST(PacketdrillOptions, EveryKey) {
  const auto options = ParseOptions(
      "clock=real,local=10.1.2.3,mtu=9000,mss=1000,wscale=3,ts=0,sack=0,ecn=1,iw=4,rcvbuf=5000,"
      "sndbuf=6000,min_rto_ms=500,delack_ms=100,nodelay=1,quickack=1,msl_ms=250,cc=newreno,seed=7");
  ASSERT_TRUE(options.has_value()) << options.error();
  const Config& config = options->config;
  EXPECT_EQ(options->clock, ClockKind::kReal);
  EXPECT_EQ(options->local, Ipv4Address::Of(10, 1, 2, 3));
  EXPECT_EQ(config.mtu, 1040);
  EXPECT_EQ(config.tcp.receive_scale, 3);
  EXPECT_TRUE(config.profile.window_scaling);
  EXPECT_FALSE(config.profile.timestamps);
  EXPECT_FALSE(config.profile.sack);
  EXPECT_TRUE(config.profile.ecn && config.profile.ecn_request);
  EXPECT_EQ(config.profile.initial_window_segments, 4);
  EXPECT_EQ(config.tcp.receive_buffer_bytes, 5000u);
  EXPECT_EQ(config.tcp.receive_buffer_max_bytes, 5000u);
  EXPECT_EQ(config.tcp.send_buffer_bytes, 6000u);
  EXPECT_EQ(config.tcp.rto_min, milliseconds(500));
  EXPECT_EQ(config.tcp.delayed_ack, milliseconds(100));
  EXPECT_FALSE(config.profile.nagle);
  EXPECT_FALSE(config.profile.delayed_ack);
  EXPECT_EQ(config.tcp.time_wait, milliseconds(500));
  EXPECT_EQ(config.profile.congestion, tcp::CongestionAlgorithm::kNewReno);
  EXPECT_EQ(config.seed[0], 7u);
}

TEST(PacketdrillOptions, ScaleOffAndWindowFits) {
  const auto off = ParseOptions("wscale=off,rcvbuf=100000");
  ASSERT_TRUE(off.has_value());
  EXPECT_FALSE(off->config.profile.window_scaling);
  EXPECT_EQ(off->config.tcp.receive_buffer_max_bytes, 65535u);
  const auto two = ParseOptions("wscale=2");
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->config.tcp.receive_buffer_max_bytes, 65535u * 4);
}

TEST(PacketdrillOptions, EcnOffAndAnswered) {
  EXPECT_FALSE(ParseOptions("ecn=0")->config.profile.ecn);
  EXPECT_TRUE(ParseOptions("ecn=2")->config.profile.ecn);
  EXPECT_FALSE(ParseOptions("ecn=2")->config.profile.ecn_request);
}

TEST(PacketdrillOptions, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {"bogus=1",
                           "mtu",
                           "mtu=",
                           "mtu=67",
                           "mtu=65536",
                           "mtu=1500x",
                           "mss=0",
                           "wscale=15",
                           "ts=2",
                           "ts=yes",
                           "ecn=3",
                           "iw=0",
                           "iw=256",
                           "rcvbuf=0",
                           "sndbuf=-1",
                           "min_rto_ms=0",
                           "nodelay=on",
                           "delack_ms=500",
                           "msl_ms=0",
                           "cc=bbr",
                           "seed=",
                           "seed=0x",
                           "clock=fast",
                           "local=1.2.3",
                           "local=1.2.3.256",
                           "local=1.2.3.4.5",
                           "local=224.0.0.1",
                           "local=1..2.3",
                           "mtu=1000,mss=961",
                           ",",
                           "=",
                           "ts=1,,sack=1"}) {
    EXPECT_FALSE(ParseOptions(text).has_value()) << text;
  }
}

TEST(PacketdrillOptions, Addresses) {
  EXPECT_EQ(ParseAddress("192.168.0.1"), Ipv4Address::Of(192, 168, 0, 1));
  EXPECT_EQ(ParseAddress("0.0.0.0"), Ipv4Address::Of(0, 0, 0, 0));
  for (const char* text : {"", "1", "1.2.3.", ".1.2.3", "1.2.3.0x1", "1.2.3.4 ", "1.2.3.0004"})
    EXPECT_FALSE(ParseAddress(text).has_value()) << text;
}

}  // namespace
}  // namespace aether::packetdrill
