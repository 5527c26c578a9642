#include "stack/runtime/fetch_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/runtime/command_line.h"
#include "stack/runtime/flag_reset.h"

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<FetchProgramOptions> Parse(std::vector<const char*> arguments) {
  const FlagReset reset;
  CommandLine line{.program = "aether-fetch", .takes_arguments = true};
  if (const absl::Status status = ParseCommandLine(arguments, line); !status.ok()) return status;
  return FetchOptionsFromFlags(line.arguments);
}

TEST(FetchOptionsTest, Defaults) {
  const auto options = Parse({"http://a/"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->tap, "aether0");
  EXPECT_FALSE(options->address.has_value());
  EXPECT_EQ(options->profile, tcp::kFull);
  EXPECT_TRUE(options->dns_servers.empty());
  const FetchPlan& plan = options->plan;
  ASSERT_EQ(plan.urls.size(), 1u);
  EXPECT_EQ(plan.urls[0].ToString(), "http://a/");
  EXPECT_EQ(plan.output, "-");
  EXPECT_FALSE(plan.include || plan.verbose || plan.fetch.head);
  EXPECT_EQ(plan.repeat, 1u);
  EXPECT_EQ(plan.parallel, 1u);
  EXPECT_EQ(plan.fetch.redirects_max, 10u);
  EXPECT_EQ(plan.fetch.connect_timeout, std::chrono::seconds(30));
  EXPECT_EQ(plan.fetch.idle_timeout, std::chrono::seconds(60));
  EXPECT_EQ(plan.fetch.time_max, Duration(0));
}

TEST(FetchOptionsTest, EverythingSet) {
  const auto options = Parse({"--tap=t1",
                              "--address=10.0.0.2/24",
                              "--gateway=10.0.0.1",
                              "--mac=02:00:00:00:00:09",
                              "--profile=classic",
                              "--capture=x.pcap",
                              "--fault=drop=0.5",
                              "--seed=7",
                              "--dns=10.0.0.1,10.0.0.3",
                              "--output=f{}",
                              "--head",
                              "--include",
                              "--verbose",
                              "--max_time=1.5",
                              "--connect_timeout=2",
                              "--idle_timeout=3",
                              "--max_redirects=0",
                              "--repeat=1000000",
                              "--parallel=1000",
                              "http://a/",
                              "http://b/"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->address, (Ipv4Network{Ipv4Address::Of(10, 0, 0, 2), 24}));
  EXPECT_EQ(options->seed, 7u);
  EXPECT_TRUE(options->faults.has_value());
  EXPECT_EQ(options->dns_servers,
            (std::vector{Ipv4Address::Of(10, 0, 0, 1), Ipv4Address::Of(10, 0, 0, 3)}));
  const FetchPlan& plan = options->plan;
  EXPECT_EQ(plan.urls.size(), 2u);
  EXPECT_TRUE(plan.include && plan.verbose && plan.fetch.head);
  EXPECT_EQ(plan.output, "f{}");
  EXPECT_EQ(plan.repeat, 1000000u);
  EXPECT_EQ(plan.parallel, 1000u);
  EXPECT_EQ(plan.fetch.redirects_max, 0u);
  EXPECT_EQ(plan.fetch.time_max, std::chrono::milliseconds(1500));
}

TEST(FetchOptionsTest, UsageErrors) {
  for (const char* flag :
       {"--dns=1.2.3", "--dns=10.0.0.1,", "--dns=224.0.0.1",
        "--dns=1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5", "--output=", "--max_time=-1",
        "--connect_timeout=x", "--idle_timeout=nan", "--max_redirects=101", "--max_redirects=-1",
        "--repeat=0", "--repeat=1000001", "--parallel=0", "--parallel=1001", "--head=perhaps",
        "--tap=", "--seed=x"}) {
    const absl::Status status = Parse({flag, "http://a/"}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << flag << ": " << status;
  }
  EXPECT_THAT(std::string(Parse({}).status().message()), HasSubstr("no URL"));
  EXPECT_THAT(std::string(Parse({"https://a/"}).status().message()), HasSubstr("not supported"));
  EXPECT_EQ(Parse({"--address=10.0.0.0/24", "http://a/"}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(StackFlagsTest, WhatAStackIsTold) {
  const auto classic =
      Parse({"--profile=classic", "--seed=5", "--mac=02:00:00:00:00:09", "http://a/"});
  ASSERT_TRUE(classic.ok());
  Config config;
  classic->Apply("machine", config);
  EXPECT_EQ(config.mac, (MacAddress{{2, 0, 0, 0, 0, 9}}));
  EXPECT_EQ(config.profile, tcp::kClassic);
  EXPECT_EQ(config.net.reassembly_datagrams_max, 0u);
  EXPECT_EQ(config.seed, (Seed{5, 0}));
  const auto full = Parse({"http://a/"});
  Config other;
  full->Apply("machine", other);
  EXPECT_EQ(other.mac, DefaultMac("aether0", "machine"));
  EXPECT_GT(other.net.reassembly_datagrams_max, 0u);
  EXPECT_NE(other.seed, Seed{});
}

}  // namespace
}  // namespace aether::runtime
