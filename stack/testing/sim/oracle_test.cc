// Every oracle can fire: a fault is put between a stack and the simulation, and the right one
// speaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/base/check.h"
#include "stack/testing/sim/hooked_host.h"
#include "stack/testing/sim/runner.h"
#include "stack/testing/sim/simulation.h"
#include "stack/testing/sim/test_scenario.h"

namespace aether::testing::sim {
namespace {

using ::testing::HasSubstr;

constexpr size_t kTcpAt = kIpv4PayloadAt;
constexpr size_t kDataAt = kTcpAt + 20;

bool HasData(const Frame& frame) {
  return frame.size() > kDataAt && frame[12] == 8 && frame[13] == 0;
}
bool IsTcp(const Frame& frame) {
  return frame.size() >= kDataAt && frame[12] == 8 && frame[13] == 0 && frame[kIpv4At + 9] == 6;
}

RunResult RunWith(const Hooks& hooks, const Scenario& scenario = PlainScenario(20'000, 20'000)) {
  RunOptions options;
  options.make_host = WithHooks([hooks] { return hooks; });
  return RunScenario(scenario, options);
}

void ExpectViolation(const RunResult& result, const std::string& oracle, const std::string& text) {
  ASSERT_TRUE(result.violation.has_value());
  EXPECT_EQ(result.violation->oracle, oracle) << result.violation->text;
  EXPECT_THAT(result.violation->text, HasSubstr(text));
  EXPECT_FALSE(result.last_frames.empty());
}

TEST(OracleTest, NothingSpeaksWithoutAFault) {
  const RunResult result = RunWith({});
  EXPECT_FALSE(result.violation) << result.violation->oracle << " " << result.violation->text;
  EXPECT_EQ(result.finished, 1u);
  EXPECT_EQ(result.delivered_bytes, 40'000u);
}

TEST(OracleTest, P1ADeliveredByteIsAnother) {
  int count = 0;
  const RunResult result = RunWith({.on_receive = [&](Frame& frame) {
    if (!HasData(frame) || ++count != 5) return;
    frame.back() ^= 0x40;
    frame = WithPayloadChecksum(frame);
  }});
  ExpectViolation(result, "P1", "the byte delivered at offset");
}

TEST(OracleTest, P1ASentByteIsAnother) {
  int count = 0;
  const RunResult result = RunWith({.on_transmit = [&](Frame& frame) {
    if (!HasData(frame) || ++count != 5) return;
    frame.back() ^= 0x40;
    frame = WithPayloadChecksum(frame);
  }});
  ExpectViolation(result, "P1", "the byte sent at offset");
}

TEST(OracleTest, P1TheEndComesTooEarly) {
  Scenario scenario = PlainScenario(20'000, 20'000);
  scenario.transfers[0].server_app.writes = {SendStep(100)};
  ExpectViolation(RunWith({.ends_early = true}, scenario), "P1", "too early");
}

TEST(OracleTest, P1BytesAreDeliveredAfterTheEnd) {
  ExpectViolation(RunWith({.end_is_shown_always = true}), "P1", "after the end of the stream");
}

TEST(OracleTest, P4AnInvariantIsBroken) {
  int checks = 0;
  const RunSpec spec{.scenario = "clean", .seed = 1, .profile = "classic", .reductions = {}};
  const Outcome outcome =
      RunIsolated(spec, {.make_host = WithHooks([&checks] {
                           return Hooks{.invariants = [&checks] { AETHER_CHECK(++checks < 4); }};
                         })});
  ASSERT_TRUE(outcome.violation.has_value());
  EXPECT_EQ(outcome.violation->oracle, "P4");
  EXPECT_THAT(outcome.violation->text, HasSubstr("++checks < 4"));
}

TEST(OracleTest, P5AConnectionIsNeverGivenBack) {
  Scenario scenario = PlainScenario(1000, 1000);
  // The client does not wait for a FIN that never comes.
  scenario.transfers[0].client_app.writes.push_back(PlainStep(WriteStep::Kind::kClose));
  scenario.transfers[0].is_graceful = false;
  ExpectViolation(RunWith({.ignores_close = true}, scenario), "P5", "1 connections");
}

TEST(OracleTest, P7OneFrameIsAnsweredByMany) {
  Frame last;
  int left = 0;
  const RunResult result = RunWith({
      .on_receive = [&](Frame& frame) { left = HasData(frame) ? 200 : 0; },
      .on_transmit =
          [&](Frame& frame) {
            if (!IsTcp(frame)) last = frame;
          },
      .extra_frame = [&](Instant) { return left-- > 0 ? last : Frame(); },
  });
  ExpectViolation(result, "P7", "answered 1 frames");
}

TEST(OracleTest, P7FramesInQuietSeconds) {
  Frame last;
  Instant due = kNever;
  Scenario scenario = PlainScenario(1000, 1000);
  scenario.transfers[0].server_app.writes.insert(scenario.transfers[0].server_app.writes.begin(),
                                                 PauseStep(std::chrono::seconds(30)));
  Hooks hooks;
  hooks.on_transmit = [&](Frame& frame) {
    if (!IsTcp(frame)) last = frame;
  };
  hooks.extra_frame = [&](Instant now) {
    if (last.empty() || (due != kNever && now < due)) return Frame();
    const bool is_first = due == kNever;
    due = now + std::chrono::milliseconds(20);
    return is_first ? Frame() : last;
  };
  hooks.deadline = [&](Instant honest, Instant) { return std::min(honest, due); };
  ExpectViolation(RunWith(hooks, scenario), "P7", "quiet seconds");
}

TEST(OracleTest, P8ADeadlineIsNotActedOn) {
  int calls = 0;
  ExpectViolation(RunWith({.deadline = [&](Instant honest,
                                           Instant now) { return ++calls > 50 ? now : honest; }}),
                  "P8", "nothing is done about it");
}

TEST(OracleTest, P8ADeadlineCreeps) {
  Scenario scenario = PlainScenario(1000, 1000);
  scenario.links[0].delay = std::chrono::seconds(1);
  ExpectViolation(
      RunWith({.deadline = [](Instant, Instant now) { return now + std::chrono::microseconds(1); }},
              scenario),
      "P8", "for nothing");
}

TEST(OracleTest, P8FramesDoNotEnd) {
  Frame last;
  ExpectViolation(RunWith({
                      .on_transmit = [&](Frame& frame) { last = frame; },
                      .extra_frame = [&](Instant) { return last; },
                  }),
                  "P8", "frames do not end");
}

TEST(OracleTest, P12AChecksumIsWrong) {
  int count = 0;
  ExpectViolation(RunWith({.on_transmit =
                               [&](Frame& frame) {
                                 if (IsTcp(frame) && ++count == 4) frame[kTcpAt + 16] ^= 1;
                               }}),
                  "P12", "TCP checksum is wrong");
}

TEST(OracleTest, P12TheWindowMovesLeft) {
  int count = 0;
  ExpectViolation(RunWith({.on_transmit =
                               [&](Frame& frame) {
                                 if (!IsTcp(frame) || ++count != 6) return;
                                 frame[kTcpAt + 14] = frame[kTcpAt + 15] = 0;
                                 frame = WithPayloadChecksum(frame);
                               }}),
                  "P12", "moves left");
}

TEST(OracleTest, P12MoreIsSentThanTheWindowAdmits) {
  Scenario scenario = PlainScenario(100, 60'000);
  scenario.nodes[1].receive_buffer_bytes = 4096;
  // The stack believes in a window that nobody promised.
  ExpectViolation(RunWith({.on_receive =
                               [](Frame& frame) {
                                 if (!IsTcp(frame)) return;
                                 frame[kTcpAt + 14] = frame[kTcpAt + 15] = 0xff;
                                 frame = WithPayloadChecksum(frame);
                               }},
                          scenario),
                  "P12", "beyond the window");
}

TEST(OracleTest, P12AnAcknowledgementOfTheFuture) {
  int count = 0;
  ExpectViolation(RunWith({.on_transmit =
                               [&](Frame& frame) {
                                 if (!IsTcp(frame) || ++count != 6) return;
                                 frame[kTcpAt + 9] = static_cast<uint8_t>(frame[kTcpAt + 9] + 1);
                                 frame = WithPayloadChecksum(frame);
                               }}),
                  "P12", "that were not sent");
}

TEST(OracleTest, P12AnotherSource) {
  ExpectViolation(RunWith({.on_transmit =
                               [](Frame& frame) {
                                 if (IsTcp(frame)) frame[11] ^= 1;
                               }}),
                  "P12", "another link address");
}

TEST(OracleTest, P15TheSecondRunDiffers) {
  const RunSpec spec{.scenario = "clean", .seed = 1, .profile = "classic", .reductions = {}};
  int runs = 0;
  const HostFactory odd = [&runs](const Scenario& scenario, const NodeSpec& node, Instant now) {
    NodeSpec other = node;
    other.seed[0] += static_cast<uint64_t>(++runs);
    return MakeHost(scenario, other, now);
  };
  const Outcome outcome = RunOnce(spec, {.twice = true, .make_host = odd});
  ASSERT_TRUE(outcome.violation.has_value());
  EXPECT_EQ(outcome.violation->oracle, "P15");
}

TEST(OracleTest, LivenessATransferNeverEnds) {
  int count = 0;
  ExpectViolation(RunWith({.on_receive =
                               [&](Frame& frame) {
                                 if (HasData(frame) && ++count >= 5) frame[kIpv4At] = 0;
                               }}),
                  "liveness", "transfer 0 is open");
}

TEST(OracleTest, LivenessAResetThatNobodyAskedFor) {
  int count = 0;
  ExpectViolation(RunWith({.on_receive =
                               [&](Frame& frame) {
                                 if (!HasData(frame) || ++count != 5) return;
                                 frame[kTcpAt + 13] = 0x14;
                                 frame.resize(kDataAt);
                                 frame[kIpv4At + 3] = 40;
                                 frame[kIpv4At + 2] = 0;
                                 frame = WithPayloadChecksum(WithIpv4Checksum(frame));
                               }}),
                  "liveness", "reset");
}

}  // namespace
}  // namespace aether::testing::sim
