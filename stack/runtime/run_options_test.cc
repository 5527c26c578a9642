#include "stack/runtime/run_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "stack/runtime/command_line.h"
#include "stack/runtime/flag_reset.h"

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;

class RunOptionsTest : public ::testing::Test {
 protected:
  static absl::StatusOr<RunOptions> Parse(std::vector<const char*> arguments) {
    const FlagReset reset;
    CommandLine line;
    if (const absl::Status status = ParseCommandLine(arguments, line); !status.ok()) return status;
    return RunOptionsFromFlags();
  }
  static absl::Status Refusal(const char* argument) { return Parse({argument}).status(); }
};

TEST_F(RunOptionsTest, Defaults) {
  const absl::StatusOr<RunOptions> options = Parse({});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->tap, "aether0");
  EXPECT_FALSE(options->address.has_value());
  EXPECT_FALSE(options->gateway.has_value());
  EXPECT_FALSE(options->mac.has_value());
  EXPECT_EQ(options->workers, 0u);
  EXPECT_EQ(options->profile, tcp::kFull);
  EXPECT_EQ(options->http_port, 80);
  EXPECT_EQ(options->echo_port, 7);
  EXPECT_FALSE(options->original_echo);
  EXPECT_EQ(options->backoff, BackoffMode::kAdaptive);
  EXPECT_FALSE(options->faults.has_value());
  EXPECT_EQ(options->duration, Duration(0));
  EXPECT_EQ(options->stats_every, Duration(0));
  EXPECT_FALSE(options->seed.has_value());
}

TEST_F(RunOptionsTest, AMechanismCanBeSwitchedAlone) {
  const absl::StatusOr<RunOptions> options =
      Parse({"--profile=full,sack=off,syn_cookies=always,congestion=newreno"});
  ASSERT_TRUE(options.ok()) << options.status();
  tcp::Profile expected = tcp::kFull;
  expected.sack = false;
  expected.syn_cookies = tcp::SynCookies::kAlways;
  expected.congestion = tcp::CongestionAlgorithm::kNewReno;
  EXPECT_EQ(options->profile, expected);
}

TEST_F(RunOptionsTest, EverythingSet) {
  const absl::StatusOr<RunOptions> options = Parse(
      {"--tap=t1", "--address=10.0.0.2/24", "--gateway=10.0.0.1", "--mac=02:00:00:00:00:09",
       "--workers=3", "--profile=classic", "--http_port=8080", "--http_root=/srv", "--echo_port=0",
       "--original_echo", "--backoff=poll", "--capture=x.pcap", "--fault=drop=0.5,seed=4",
       "--duration=1.5", "--stats=2", "--seed=18446744073709551615"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->tap, "t1");
  EXPECT_EQ(options->address, (Ipv4Network{Ipv4Address::Of(10, 0, 0, 2), 24}));
  EXPECT_EQ(options->gateway, Ipv4Address::Of(10, 0, 0, 1));
  EXPECT_EQ(options->mac, (MacAddress{{2, 0, 0, 0, 0, 9}}));
  EXPECT_EQ(options->workers, 3u);
  EXPECT_EQ(options->http_port, 8080);
  EXPECT_EQ(options->http_root, "/srv");
  EXPECT_EQ(options->echo_port, 0);
  EXPECT_TRUE(options->original_echo);
  EXPECT_EQ(options->backoff, BackoffMode::kPoll);
  EXPECT_EQ(options->capture, "x.pcap");
  ASSERT_TRUE(options->faults.has_value());
  EXPECT_EQ(options->faults->seed, 4u);
  EXPECT_EQ(options->duration, std::chrono::milliseconds(1500));
  EXPECT_EQ(options->stats_every, std::chrono::seconds(2));
  EXPECT_EQ(options->seed, ~uint64_t{0});
}

TEST_F(RunOptionsTest, ARecordingIsOfOneWorker) {
  absl::StatusOr<RunOptions> options = Parse({"--record=x.rec"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->record, "x.rec");
  EXPECT_EQ(options->workers, 1u);
  options = Parse({"--record=x.rec", "--workers=2"});
  EXPECT_EQ(options.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RunOptionsTest, MalformedValuesAreUsageErrors) {
  for (const char* argument : {"--tap=",
                               "--tap=a/b",
                               "--gateway=10.0.0",
                               "--mac=02:00",
                               "--mac=02-00-00-00-00-01",
                               "--workers=0",
                               "--workers=65",
                               "--workers=many",
                               "--workers=-1",
                               "--workers=1x",
                               "--profile=best",
                               "--profile=full,sack",
                               "--profile=full,colour=on",
                               "--http_port=65536",
                               "--http_port=-1",
                               "--echo_port=http",
                               "--backoff=none",
                               "--fault=drop=2",
                               "--fault=nonsense=1",
                               "--duration=-1",
                               "--duration=nan",
                               "--duration=inf",
                               "--stats=x",
                               "--seed=-1",
                               "--seed=1.5",
                               "--seed=18446744073709551616",
                               "--gateway=10.0.0.1"}) {
    const absl::Status status = Refusal(argument);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << argument << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr("--")) << argument;
  }
}

TEST_F(RunOptionsTest, AddressesThatNoHostCanHave) {
  for (const char* argument :
       {"--address=", "--address=10.0.0.2", "--address=10.0.0.256/24", "--address=10.0.0.2/33",
        "--address=10.0.0.0/24", "--address=10.0.0.255/24", "--address=224.0.0.1/4",
        "--address=127.0.0.1/8", "--address=0.0.0.0/0", "--address=255.255.255.255/32",
        "--address=10.0.0.2/0", "--address=DHCP", "--address=10.0.0.2/24 "}) {
    const absl::Status status = Refusal(argument);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << argument << ": " << status;
    EXPECT_THAT(status.message(), HasSubstr("give")) << argument;
  }
  EXPECT_TRUE(Parse({"--address=10.0.0.0/31"}).ok());
  EXPECT_TRUE(Parse({"--address=10.0.0.7/32"}).ok());
}

TEST_F(RunOptionsTest, GatewaysThatAreNone) {
  for (const char* gateway :
       {"--gateway=10.0.1.1", "--gateway=10.0.0.2", "--gateway=10.0.0.0", "--gateway=10.0.0.255"}) {
    EXPECT_EQ(Parse({"--address=10.0.0.2/24", gateway}).status().code(),
              absl::StatusCode::kFailedPrecondition)
        << gateway;
  }
}

TEST_F(RunOptionsTest, LinkAddressesThatNoHostCanHave) {
  EXPECT_EQ(Refusal("--mac=01:00:5e:00:00:01").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Refusal("--mac=ff:ff:ff:ff:ff:ff").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Refusal("--mac=00:00:00:00:00:00").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RunOptionsTest, PortTakenTwice) {
  const absl::Status status = Parse({"--http_port=7"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("port 7 is taken twice"));
  EXPECT_TRUE(Parse({"--http_port=0", "--echo_port=0"}).ok());
}

TEST(DefaultMacTest, LocalAndStableAndDifferent) {
  const MacAddress mac = DefaultMac("aether0", "machine");
  EXPECT_EQ(mac.octets[0], 0x02);
  EXPECT_EQ(mac, DefaultMac("aether0", "machine"));
  EXPECT_NE(mac, DefaultMac("aether1", "machine"));
  EXPECT_NE(mac, DefaultMac("aether0", "other"));
}

TEST(AutoWorkersTest, LeavesOneCpuToTheClients) {
  EXPECT_EQ(AutoWorkers(0), 1u);
  EXPECT_EQ(AutoWorkers(1), 1u);
  EXPECT_EQ(AutoWorkers(2), 1u);
  EXPECT_EQ(AutoWorkers(3), 2u);
  EXPECT_EQ(AutoWorkers(8), 7u);
  EXPECT_EQ(AutoWorkers(128), 8u);
}

}  // namespace
}  // namespace aether::runtime
