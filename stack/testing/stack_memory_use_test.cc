// Stack::memory_in_use: it counts what is held, of every kind, and comes back to nothing.
#include <gtest/gtest.h>

#include "stack/testing/script.h"

namespace aether::testing {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Config FullConfig() {
  Config config = ScriptConfigWithoutCookies();
  config.profile = tcp::kFull;
  config.profile.syn_cookies = tcp::SynCookies::kNever;
  config.net.reassembly_datagrams_max = 4;
  config.net.reassembly_bytes_max = 1u << 17;
  return config;
}

TEST(StackMemoryUse, AStackThatDidNothingHoldsNothing) {
  Script s({.config = FullConfig()});
  EXPECT_EQ(s.stack().memory_in_use(), MemoryUse{});
}

TEST(StackMemoryUse, ConnectionsAndTheirQueuesAreCountedAndGivenBack) {
  Script s({.config = FullConfig()});
  s.peer().Syn();
  EXPECT_EQ(s.stack().memory_in_use().half_open, 1u);
  s.peer().Ack();
  s.Accept();
  MemoryUse use = s.stack().memory_in_use();
  EXPECT_EQ(use.connections, 1u);
  EXPECT_EQ(use.half_open, 0u);
  EXPECT_EQ(use.neighbors, 1u);
  EXPECT_EQ(use.chunks, 0u);
  EXPECT_EQ(use.sent_segments, 0u);
  s.Write(Pattern(3000));
  s.peer().Send({.seq = 101, .data = Pattern(100)});
  use = s.stack().memory_in_use();
  EXPECT_GT(use.chunks, 0u);
  EXPECT_GT(use.send_items, 0u);
  EXPECT_GE(use.sent_segments, 1u);
  EXPECT_EQ(use.recoveries, 1u);
  EXPECT_EQ(use.held_ranges, 1u);
  EXPECT_GT(use.tcp_timers, 0u);
  s.peer().Send({.seq = 1, .data = Pattern(100)});
  s.peer().Ack(3001);
  s.Read();
  use = s.stack().memory_in_use();
  EXPECT_EQ(use.chunks + use.send_items + use.sent_segments + use.held_ranges, 0u);
  // What was learned in flight is kept for the next one, until a timer finds none.
  EXPECT_EQ(use.recoveries, 1u);
  s.Advance(std::chrono::seconds(2));
  EXPECT_EQ(s.stack().memory_in_use().recoveries, 0u);
  s.Close();
  s.peer().Ack();
  s.peer().Send({.flags = tcp_flags::kFin | tcp_flags::kAck, .seq = 201});
  use = s.stack().memory_in_use();
  EXPECT_EQ(use.connections, 0u);
  EXPECT_EQ(use.time_wait_records, 1u);
  s.Advance(hours(1));
  s.DiscardOutput();
  EXPECT_EQ(s.stack().memory_in_use(), MemoryUse{});
}

TEST(StackMemoryUse, DatagramsAndFragmentsAreCountedAndGivenBack) {
  Script s({.config = FullConfig()});
  const auto socket = s.stack().UdpBind(7, {});
  ASSERT_TRUE(socket);
  UdpSpec datagram;
  datagram.payload = Pattern(100);
  s.Send(BuildUdp(datagram));
  EXPECT_EQ(s.stack().memory_in_use().udp_datagrams, 1u);
  s.stack().UdpPop(*socket);
  Ipv4Spec fragment;
  fragment.more_fragments = true;
  s.Send(BuildIpv4(fragment, Pattern(800)));
  EXPECT_EQ(s.stack().memory_in_use().fragmented_datagrams, 1u);
  s.Advance(hours(1));
  s.DiscardOutput();
  EXPECT_EQ(s.stack().memory_in_use(), MemoryUse{});
}

TEST(StackMemoryUse, FramesThatWaitForAnAnswerAreCounted) {
  Script s({.config = FullConfig(), .answer_arp = false});
  const auto socket = s.stack().UdpBind(7, {});
  ASSERT_TRUE(socket);
  ASSERT_TRUE(s.stack().UdpSend(*socket, {kPeerIp, 9}, Pattern(10)));
  s.Step();
  EXPECT_EQ(s.stack().memory_in_use().frames, 1u);
  EXPECT_EQ(s.stack().memory_in_use().neighbors, 1u);
  s.Advance(seconds(30));
  s.DiscardOutput();
  EXPECT_EQ(s.stack().memory_in_use(), MemoryUse{});
}

}  // namespace
}  // namespace aether::testing
