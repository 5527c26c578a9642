// More oracles that can fire: those about datagrams, attackers, marks and memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/testing/sim/datagrams.h"
#include "stack/testing/sim/forger.h"
#include "stack/testing/sim/hooked_host.h"
#include "stack/testing/sim/simulation.h"
#include "stack/testing/sim/test_scenario.h"

namespace aether::testing::sim {
namespace {

using ::testing::HasSubstr;

constexpr size_t kUdpPayloadAt = kIpv4PayloadAt + 8;

RunResult RunWith(const Hooks& hooks, const Scenario& scenario) {
  RunOptions options;
  options.make_host = WithHooks([hooks] { return hooks; });
  return RunScenario(scenario, options);
}

void ExpectViolation(const RunResult& result, const std::string& oracle, const std::string& text) {
  ASSERT_TRUE(result.violation.has_value());
  EXPECT_EQ(result.violation->oracle, oracle) << result.violation->text;
  EXPECT_THAT(result.violation->text, HasSubstr(text));
}

// Node 1 sends datagrams to node 0, which has the hooks.
Scenario DatagramScenario(uint32_t count, uint32_t bytes) {
  Scenario scenario = PlainScenario(1, 1);
  scenario.profile = tcp::kFull;
  scenario.transfers.clear();
  for (NodeSpec& node : scenario.nodes) node.is_stack = true;
  DatagramPlan plan;
  plan.from = 1;
  plan.to = 0;
  plan.count = count;
  plan.bytes_min = plan.bytes_max = bytes;
  plan.stream = 3;
  scenario.datagrams = {plan};
  return scenario;
}

bool IsUdp(const Frame& frame) {
  return frame.size() > kUdpPayloadAt && frame[12] == 8 && frame[13] == 0 &&
         frame[kIpv4At + 9] == 17;
}

TEST(DatagramOracleTest, NothingSpeaksWithoutAFault) {
  for (const uint32_t bytes : {10u, 1000u, 5000u, 65'507u}) {
    const RunResult result = RunWith({}, DatagramScenario(5, bytes));
    EXPECT_FALSE(result.violation) << bytes << " " << result.violation->text;
    EXPECT_EQ(result.reached.at("datagrams_delivered"), 5u);
  }
}

TEST(DatagramOracleTest, P3AByteIsAnother) {
  ExpectViolation(RunWith({.on_receive =
                               [](Frame& frame) {
                                 if (!IsUdp(frame)) return;
                                 frame[kUdpPayloadAt + 60] ^= 1;
                                 frame = WithPayloadChecksum(frame);
                               }},
                          DatagramScenario(5, 100)),
                  "P3", "and with others");
}

TEST(DatagramOracleTest, P3NobodySentIt) {
  ExpectViolation(RunWith({.on_receive =
                               [](Frame& frame) {
                                 if (!IsUdp(frame)) return;
                                 frame[kUdpPayloadAt + 5] = 200;
                                 frame = WithPayloadChecksum(frame);
                               }},
                          DatagramScenario(5, 100)),
                  "P3", "that nobody sent");
}

TEST(DatagramOracleTest, P3ItIsDeliveredTwice) {
  Frame last;
  ExpectViolation(RunWith({.on_receive =
                               [&](Frame& frame) {
                                 if (!IsUdp(frame)) return;
                                 if (!last.empty()) frame = last;
                                 last = frame;
                               }},
                          DatagramScenario(5, 100)),
                  "P3", "2 times");
}

TEST(DatagramOracleTest, LivenessOneIsLostWhereNothingIs) {
  int count = 0;
  ExpectViolation(RunWith({.on_receive =
                               [&](Frame& frame) {
                                 if (IsUdp(frame) && ++count == 3) frame.resize(14);
                               }},
                          DatagramScenario(5, 100)),
                  "liveness", "datagram 2 of node 1");
}

TEST(DatagramOracleTest, P5DatagramsThatNobodyReads) {
  ExpectViolation(RunWith({.takes_no_datagrams = true}, DatagramScenario(5, 100)), "P5",
                  "udp_datagrams");
}

Scenario MarkedScenario() {
  Scenario scenario = PlainScenario(20'000, 20'000);
  scenario.profile = tcp::kFull;
  scenario.nodes[1].is_stack = true;
  scenario.links[0].mark_ppm = 200'000;
  return scenario;
}

TEST(MarkOracleTest, NothingSpeaksWithoutAFault) {
  const RunResult result = RunWith({}, MarkedScenario());
  ASSERT_FALSE(result.violation) << result.violation->text;
  EXPECT_GT(result.reached.at("flow_congestion_echoes"), 0u);
  EXPECT_GT(result.reached.at("flow_window_reduced"), 0u);
}

TEST(MarkOracleTest, P12AnAcknowledgementIsEcnCapable) {
  ExpectViolation(
      RunWith({.on_transmit =
                   [](Frame& frame) {
                     if (frame.size() < kIpv4PayloadAt || frame[12] != 8 || frame[13] != 0) {
                       return;
                     }
                     frame[kIpv4At + 1] |= 2;
                     frame = WithIpv4Checksum(frame);
                   }},
              MarkedScenario()),
      "P12", "ECN-capable without data");
}

TEST(MarkOracleTest, P12ARetransmissionIsEcnCapable) {
  Scenario scenario = MarkedScenario();
  scenario.links[1].loss_ppm = 100'000;
  ExpectViolation(RunWith({.on_transmit =
                               [](Frame& frame) {
                                 const auto parsed = NaiveParse(frame);
                                 if (!parsed || !parsed->tcp || parsed->tcp->payload.empty())
                                   return;
                                 frame[kIpv4At + 1] |= 2;
                                 frame = WithIpv4Checksum(frame);
                               }},
                          scenario),
                  "P12", "an ECN-capable retransmission");
}

// SYNs from nowhere arrive at node 0 while a transfer runs.
Scenario FloodScenario() {
  Scenario scenario = PlainScenario(1000, 1000);
  scenario.profile.syn_cookies = tcp::SynCookies::kAlways;
  scenario.nodes[0].gateway = scenario.nodes[1].address.address;
  ForgeryPlan flood;
  flood.count = 50;
  scenario.forgeries = {flood};
  return scenario;
}

TEST(FloodOracleTest, NothingSpeaksWithoutAFault) {
  const RunResult result = RunWith({}, FloodScenario());
  ASSERT_FALSE(result.violation) << result.violation->text;
  EXPECT_GE(result.reached.at("tcp_cookies_sent"), 50u);
  EXPECT_EQ(result.finished, 1u);
}

bool IsToNobody(const Frame& frame) {
  return frame.size() >= kIpv4PayloadAt + 20 && frame[12] == 8 && frame[13] == 0 &&
         IsNobody({LoadBe<uint32_t>(frame.data() + kIpv4At + 16)});
}

TEST(FloodOracleTest, P7EverySynIsAnsweredManyTimes) {
  Frame last;
  int left = 0;
  Hooks hooks;
  hooks.on_transmit = [&](Frame& frame) {
    if (!IsToNobody(frame)) return;
    last = frame;
    left = 12;
  };
  hooks.extra_frame = [&](Instant) { return left-- > 0 ? last : Frame(); };
  ExpectViolation(RunWith(hooks, FloodScenario()), "P7", "");
}

TEST(FloodOracleTest, P7NobodyGetsData) {
  ExpectViolation(
      RunWith({.on_transmit =
                   [](Frame& frame) {
                     if (!IsToNobody(frame)) return;
                     TcpSpec spec;
                     spec.ip.ethernet = {.destination = MacAddress::Load(frame.data()),
                                         .source = MacAddress::Load(frame.data() + 6)};
                     spec.ip.source = {LoadBe<uint32_t>(frame.data() + kIpv4At + 12)};
                     spec.ip.destination = {LoadBe<uint32_t>(frame.data() + kIpv4At + 16)};
                     spec.payload = Pattern(100);
                     frame = BuildTcp(spec);
                   }},
              FloodScenario()),
      "P7", "data to nobody");
}

}  // namespace
}  // namespace aether::testing::sim
