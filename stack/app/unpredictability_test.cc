// P16: what others must not be able to tell in advance, from the outside of the whole stack:
// initial sequence numbers and ports of connections, identifications of datagrams, numbers and
// ports of DNS questions, transaction ids of DHCP, and the limit of ICMP errors. The seeds are
// fixed, so a result does not change from one run to the next.
#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <vector>

#include "stack/app/dhcp_test_server.h"
#include "stack/app/dns_test_network.h"
#include "stack/testing/naive_parser.h"
#include "stack/testing/unpredictable.h"

namespace aether::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::NaiveFrame;
using testing::Suspicion;

constexpr uint32_t kDraws = 1000;
constexpr uint64_t kSeeds = 4;

// A stack whose peer's link address is known, and what it sends.
class Probe {
 public:
  explicit Probe(Seed seed, tcp::SynCookies cookies = tcp::SynCookies::kNever) {
    Config config;
    config.mac = testing::kOurMac;
    config.seed = seed;
    config.announce = false;
    config.profile.syn_cookies = cookies;
    stack.emplace(config, now);
    stack->SetAddress(testing::kOurNetwork, std::nullopt);
    buffer_.resize(stack->frame_size_max());
    Deliver(testing::BuildArp({}));
    Frames();
  }
  void Deliver(const testing::Frame& frame) {
    const Bytes bytes(frame);
    stack->Receive(std::span(&bytes, 1), now);
  }
  std::vector<NaiveFrame> Frames() {
    std::vector<NaiveFrame> frames;
    while (const size_t size = stack->Transmit(buffer_, now)) {
      // What was parsed lives as long as its frame does.
      const auto begin = buffer_.begin();
      const auto frame =
          testing::NaiveParse(sent_.emplace_back(begin, begin + static_cast<ptrdiff_t>(size)));
      EXPECT_TRUE(frame.has_value());
      if (frame) frames.push_back(*frame);
    }
    return frames;
  }

  Instant now{seconds(5000)};
  std::optional<Stack> stack;

 private:
  std::vector<uint8_t> buffer_;
  std::deque<std::vector<uint8_t>> sent_;
};

struct Opened {
  std::vector<uint32_t> sequences;
  std::vector<uint32_t> ports;
  std::vector<uint32_t> timestamps;
};

// Connections of ours, each given up before the next one.
Opened Connects(Seed seed, bool same_port, Duration apart) {
  Probe probe(seed);
  Opened opened;
  for (uint32_t i = 0; i < kDraws; ++i) {
    const uint16_t local = same_port ? 1000 : 0;
    const uint16_t remote = same_port ? static_cast<uint16_t>(2000 + i) : 80;
    const auto id = probe.stack->TcpConnect({testing::kPeerIp, remote}, {.local_port = local});
    EXPECT_TRUE(id.has_value());
    for (const NaiveFrame& frame : probe.Frames()) {
      if (!frame.tcp || frame.tcp->flags & tcp_flags::kRst) continue;
      opened.sequences.push_back(frame.tcp->sequence);
      opened.ports.push_back(frame.tcp->source_port);
      if (frame.tcp->timestamps) opened.timestamps.push_back(frame.tcp->timestamps->value);
    }
    probe.stack->Abort(id.value_or(ConnectionId{}));
    probe.Frames();
    probe.now += apart;
    probe.stack->Receive({}, probe.now);
  }
  EXPECT_EQ(opened.sequences.size(), kDraws);
  return opened;
}

// [RFC 6528 3] from one flow to the next nothing can be told, at the same time or later.
TEST(Unpredictability, SequenceNumbersOfConnectionsThatWeOpen) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    EXPECT_EQ(Suspicion(Connects({seed, 5}, true, {}).sequences, 32), "");
    EXPECT_EQ(Suspicion(Connects({seed, 6}, true, milliseconds(10)).sequences, 32), "");
  }
}

// [RFC 6056 3.1] the ports, of which there are 28,232: twelve bits of them and more are even.
TEST(Unpredictability, PortsOfConnectionsThatWeOpen) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    EXPECT_EQ(Suspicion(Connects({seed, 7}, false, {}).ports, 12), "");
  }
}

// [RFC 7323 5.4] our clock starts elsewhere for each flow: what one of them is told gives away
// neither another's nor how long we have been up.
TEST(Unpredictability, TimestampsOfConnectionsThatWeOpen) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Opened opened = Connects({seed, 11}, true, {});
    ASSERT_EQ(opened.timestamps.size(), kDraws);
    EXPECT_EQ(Suspicion(opened.timestamps, 32), "");
    EXPECT_EQ(Suspicion(Connects({seed, 12}, true, milliseconds(10)).timestamps, 32), "");
  }
}

struct Answered {
  std::vector<uint32_t> sequences;
  std::vector<uint32_t> timestamps;
};

Answered SynAcks(Seed seed, tcp::SynCookies cookies) {
  Probe probe(seed, cookies);
  EXPECT_TRUE(probe.stack->TcpListen(80, {}));
  Answered answered;
  for (uint32_t i = 0; i < kDraws; ++i) {
    probe.Deliver(testing::BuildTcp({.source_port = static_cast<uint16_t>(3000 + i),
                                     .sequence = 77,
                                     .flags = tcp_flags::kSyn,
                                     .options = testing::FullSynOptions()}));
    for (const NaiveFrame& frame : probe.Frames()) {
      if (!frame.tcp) continue;
      answered.sequences.push_back(frame.tcp->sequence);
      if (frame.tcp->timestamps) answered.timestamps.push_back(frame.tcp->timestamps->value);
    }
  }
  EXPECT_EQ(answered.sequences.size(), kDraws);
  return answered;
}

TEST(Unpredictability, SequenceNumbersOfConnectionsThatOthersOpen) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    EXPECT_EQ(Suspicion(SynAcks({seed, 8}, tcp::SynCookies::kNever).sequences, 32), "");
    EXPECT_EQ(Suspicion(SynAcks({seed, 9}, tcp::SynCookies::kAlways).sequences, 32), "");
  }
}

TEST(Unpredictability, TimestampsOfConnectionsThatOthersOpen) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Answered answered = SynAcks({seed, 13}, tcp::SynCookies::kNever);
    ASSERT_EQ(answered.timestamps.size(), kDraws);
    EXPECT_EQ(Suspicion(answered.timestamps, 32), "");
    // With cookies the lowest bits say what the peer offered, which was the same each time.
    Answered cookies = SynAcks({seed, 14}, tcp::SynCookies::kAlways);
    ASSERT_EQ(cookies.timestamps.size(), kDraws);
    for (uint32_t& value : cookies.timestamps) value >>= 8;
    EXPECT_EQ(Suspicion(cookies.timestamps, 24), "");
  }
}

// [RFC 6528 3] the same flow under another secret.
TEST(Unpredictability, TheSeedDecidesSequenceNumbers) {
  std::vector<uint32_t> sequences;
  std::vector<uint32_t> cookies;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    for (const bool is_cookie : {false, true}) {
      Probe probe({seed, 1}, is_cookie ? tcp::SynCookies::kAlways : tcp::SynCookies::kNever);
      EXPECT_TRUE(probe.stack->TcpListen(80, {}));
      probe.Deliver(testing::BuildTcp({.flags = tcp_flags::kSyn}));
      for (const NaiveFrame& frame : probe.Frames()) {
        if (frame.tcp) (is_cookie ? cookies : sequences).push_back(frame.tcp->sequence);
      }
    }
  }
  ASSERT_EQ(sequences.size(), 600u);
  ASSERT_EQ(cookies.size(), 600u);
  EXPECT_EQ(Suspicion(sequences, 32), "");
  EXPECT_EQ(Suspicion(cookies, 32), "");
}

// [RFC 6864 4.2] [RFC 7739 2] of datagrams that may be fragmented.
TEST(Unpredictability, Identifications) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Probe probe({seed, 10});
    const auto socket = probe.stack->UdpBind(9, {});
    ASSERT_TRUE(socket);
    std::vector<uint32_t> identifications;
    for (uint32_t i = 0; i < kDraws; ++i) {
      EXPECT_TRUE(probe.stack->UdpSend(*socket, {testing::kPeerIp, 9}, testing::Frame{1}));
      for (const NaiveFrame& frame : probe.Frames()) {
        EXPECT_FALSE(frame.ip->dont_fragment);
        identifications.push_back(frame.ip->identification);
      }
    }
    ASSERT_EQ(identifications.size(), kDraws);
    EXPECT_EQ(Suspicion(identifications, 16), "");
  }
}

// [RFC 5452 9.2]
TEST(Unpredictability, NumbersAndPortsOfDnsQuestions) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    DnsTestNetwork network({}, {seed, 11});
    std::vector<uint32_t> ids;
    std::vector<uint32_t> ports;
    for (uint32_t i = 0; i < kDraws; ++i) {
      const DnsLookupId id = network.Start("a" + std::to_string(i) + ".example");
      for (const auto& question : network.Questions()) {
        ids.push_back(question.id);
        ports.push_back(question.source.port);
        network.Answer(
            question,
            DnsMessage(question.id, "a" + std::to_string(i) + ".example", 0x8183).bytes());
      }
      network.resolver->Release(id);
    }
    ASSERT_GE(ids.size(), kDraws);
    EXPECT_EQ(Suspicion(ids, 16), "");
    // [49152, 65535].
    EXPECT_EQ(Suspicion(ports, 14), "");
  }
}

// [RFC 2131 4.1] "random" transaction ids, and all of their bits.
TEST(Unpredictability, TransactionIdsOfDhcp) {
  std::vector<uint32_t> first;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    Probe probe({1, 1});
    probe.stack->ClearAddress();
    const auto client =
        DhcpClient::Create(*probe.stack, {.seed = {seed, 12}, .limits = {}}, probe.now);
    ASSERT_TRUE(client.has_value());
    (*client)->Advance(probe.now);
    probe.stack->Receive({}, probe.now);
    const std::vector<NaiveFrame> frames = probe.Frames();
    ASSERT_EQ(frames.size(), 1u);
    const Bytes p = frames[0].udp->payload;
    first.push_back(uint32_t{p[4]} << 24 | uint32_t{p[5]} << 16 | uint32_t{p[6]} << 8 | p[7]);
  }
  EXPECT_EQ(Suspicion(first, 32), "");
}

// CVE-2020-25705: how many errors there were tells a prober nothing, because a limit that jitters
// hides what others used of it.
TEST(Unpredictability, TheLimitOfIcmpErrors) {
  Probe probe({1, 13});
  std::multiset<size_t> counts;
  for (int second = 0; second < 40; ++second) {
    size_t errors = 0;
    for (uint32_t i = 0; i < 400; ++i) {
      testing::UdpSpec spec;
      spec.ip.source = Ipv4Address{testing::kPeerIp.value + i % 200};
      spec.destination_port = static_cast<uint16_t>(20000 + i);
      probe.Deliver(testing::BuildArp({.sender_ip = spec.ip.source}));
      probe.Deliver(testing::BuildUdp(spec));
      for (const NaiveFrame& frame : probe.Frames()) errors += frame.icmp ? 1u : 0u;
    }
    counts.insert(errors);
    probe.now += seconds(1);
  }
  EXPECT_GT(*counts.begin(), 50u);
  // No number of them is what one can count on.
  for (const size_t count : counts) EXPECT_LT(counts.count(count), 12u) << count;
}

}  // namespace
}  // namespace aether::app
