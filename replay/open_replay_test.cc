// Frames as they are: what is for the stack reaches it, what is from it does not, and nothing that
// is wrong with a file does harm, in either mode.
#include "replay/open_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/replay_report.h"
#include "replay/test_capture.h"
#include "stack/base/random.h"

namespace aether::replay {
namespace {

using tcp_flags::kAck;
using tcp_flags::kPsh;
using tcp_flags::kSyn;
using ::testing::HasSubstr;

class OpenReplayTest : public ::testing::Test {
 protected:
  ReplayResult Play(const std::string& path) {
    ReplaySetup setup;
    setup.path = path;
    Survey survey;
    if (!ReadSurvey(setup, survey)) return {};
    const ReplayHostOptions host = HostOptionsFor(setup, survey);
    SpeedLog log;
    const auto result = RunOpenReplay(setup, host, &log);
    EXPECT_TRUE(result.has_value());
    EXPECT_EQ(log.Run(host, Instant{}, 1).wrong, "");
    return *result;
  }

  TestCapture capture_;
  TestConnection connection_;
};

TEST_F(OpenReplayTest, FramesReachTheStackAsTheyAre) {
  capture_.Open(connection_);
  capture_.Client(connection_, kAck | kPsh, kRequest);
  capture_.Add(testing::BuildIcmp({.payload = testing::ToFrame("ping")}));
  testing::Frame wrong = testing::BuildTcp({.flags = kSyn});
  wrong.back() ^= 1;
  capture_.Add(wrong);
  const ReplayResult result = Play(capture_.path());
  // Of the captured server's there is one.
  EXPECT_EQ(result.skipped.from_us, 1u);
  EXPECT_EQ(result.stack.icmp_echo_replies_out, 1u);
  EXPECT_EQ(result.stack.drops[DropIndex(Drop::kTcpBadChecksum)], 1u);
  // Nobody makes them right: these lack the timestamps that were agreed on.
  EXPECT_EQ(result.stack.drops[DropIndex(Drop::kTcpMissingTimestamp)], 2u);
  EXPECT_EQ(result.stack.tcp_accepted, 0u);
}

TEST_F(OpenReplayTest, ReportsSayIt) {
  capture_.Open(connection_);
  capture_.Client(connection_, kAck | kPsh, kRequest);
  capture_.Answer(connection_);
  const ReplayResult open = Play(capture_.path());
  EXPECT_THAT(TextReport(open), HasSubstr("open replay of 5 packets"));
  const ReplayResult adaptive = capture_.Play();
  const std::string text = TextReport(adaptive);
  EXPECT_THAT(text, HasSubstr("connections: 1; requests: 1, answered: 1; segments rewritten: 3"));
  EXPECT_THAT(text, HasSubstr("10.0.0.1.40000 > 10.0.0.2.80, segment 5 at "));
  EXPECT_THAT(text, HasSubstr(": expected seq 1 len 43 ACK 28 win "));
  const std::string json = JsonReport(adaptive);
  EXPECT_THAT(json, HasSubstr("\"mode\": \"adaptive\""));
  EXPECT_THAT(json, HasSubstr("\"requests\": 1"));
  EXPECT_EQ(std::ranges::count(json, '{'), std::ranges::count(json, '}'));
  EXPECT_THAT(Summary(adaptive), HasSubstr("flows_requests 1\n"));
  EXPECT_EQ(Summary(adaptive).find("wall"), std::string::npos) << "nothing of the machine";
}

TEST_F(OpenReplayTest, HostileFilesEnd) {
  for (int i = 0; i < 4; ++i) {
    TestConnection one{.port = static_cast<uint16_t>(40000 + i)};
    capture_.Open(one);
    capture_.Client(one, kAck | kPsh, kRequest);
    capture_.Answer(one, 3000);
    capture_.Close(one);
  }
  capture_.Add(testing::BuildUdp({.payload = testing::ToFrame("ping")}));
  capture_.Add(testing::BuildIcmp({.payload = testing::ToFrame("ping")}));
  const std::string good_path = capture_.path();
  std::ifstream in(good_path, std::ios::binary);
  const std::vector<uint8_t> good{std::istreambuf_iterator<char>(in), {}};
  testing::TemporaryFile file;
  Random random(Seed{5, 5});
  for (int round = 0; round < 60; ++round) {
    std::vector<uint8_t> bytes = good;
    for (uint32_t i = 0; i <= random.Below(60); ++i)
      bytes[24 + random.Below(static_cast<uint32_t>(bytes.size() - 24))] =
          static_cast<uint8_t>(random.Next32());
    if (random.Below(3) == 0) bytes.resize(24 + random.Below(static_cast<uint32_t>(bytes.size())));
    file.Write(bytes);
    Play(file.path());
    ReplaySetup setup;
    setup.path = file.path();
    Survey survey;
    if (!ReadSurvey(setup, survey)) continue;
    const ReplayHostOptions host = HostOptionsFor(setup, survey);
    const auto result = AdaptiveReplay(setup, survey, host, nullptr).Run();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->flows.storms, 0u);
  }
}

}  // namespace
}  // namespace aether::replay
