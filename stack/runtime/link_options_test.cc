// The flags of aether-link: defaults, values at their bounds, and what is refused.
#include "stack/runtime/link_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "stack/runtime/command_line.h"
#include "stack/runtime/flag_reset.h"

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class LinkOptionsTest : public ::testing::Test {
 protected:
  static absl::StatusOr<LinkOptions> Parse(std::vector<const char*> arguments) {
    const FlagReset reset;
    CommandLine line;
    if (const absl::Status parsed = ParseCommandLine(arguments, line); !parsed.ok()) return parsed;
    return LinkOptionsFromFlags();
  }
  static std::string Refusal(const char* argument) {
    const absl::StatusOr<LinkOptions> options = Parse({"--a=t0", "--b=t1", argument});
    EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << argument;
    EXPECT_EQ(options.status().message().find('\n'), absl::string_view::npos);
    return std::string(options.status().message());
  }
};

TEST_F(LinkOptionsTest, Defaults) {
  const absl::StatusOr<LinkOptions> options = Parse({"--a=t0", "--b=t1"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->a, "t0");
  EXPECT_EQ(options->b, "t1");
  EXPECT_FALSE(options->faults.in.Any());
  EXPECT_FALSE(options->faults.out.Any());
  EXPECT_EQ(options->faults.held_frames_max, 8192u);
  EXPECT_EQ(options->faults.held_bytes_max, 16777216u);
  EXPECT_EQ(options->duration, 0ns);
}

TEST_F(LinkOptionsTest, FaultsOfBothDirectionsAndOfOne) {
  const absl::StatusOr<LinkOptions> options =
      Parse({"--a=t0", "--b=t1", "--fault=delay=10ms,in.drop=1,out.rate=10M,seed=9"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->faults.in,
            (device::FaultRates{.drop = device::FaultRates::kAlways, .delay = 10ms}));
  EXPECT_EQ(options->faults.out,
            (device::FaultRates{.delay = 10ms, .rate_bits_per_second = 10'000'000}));
  EXPECT_EQ(options->faults.seed, 9u);
}

TEST_F(LinkOptionsTest, BoundsOfTheQueue) {
  auto options = Parse({"--a=t0", "--b=t1", "--queue_frames=65536", "--queue_bytes=4294967296"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->faults.held_frames_max, 65536u);
  EXPECT_EQ(options->faults.held_bytes_max, size_t{4294967296});
  options = Parse({"--a=t0", "--b=t1", "--queue_frames=1", "--queue_bytes=1514", "--duration=1.5"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->faults.held_frames_max, 1u);
  EXPECT_EQ(options->faults.held_bytes_max, 1514u);
  EXPECT_EQ(options->duration, 1500ms);
}

TEST_F(LinkOptionsTest, RefusesWhatIsMalformed) {
  EXPECT_THAT(Refusal("--queue_frames=0"), HasSubstr("--queue_frames"));
  EXPECT_THAT(Refusal("--queue_frames=65537"), HasSubstr("from 1 to 65536"));
  EXPECT_THAT(Refusal("--queue_frames=many"), HasSubstr("--queue_frames"));
  EXPECT_THAT(Refusal("--queue_bytes=1513"), HasSubstr("from 1514"));
  EXPECT_THAT(Refusal("--queue_bytes=4294967297"), HasSubstr("--queue_bytes"));
  EXPECT_THAT(Refusal("--duration=-1"), HasSubstr("--duration"));
  EXPECT_THAT(Refusal("--fault=drop=2"), HasSubstr("probability"));
  EXPECT_THAT(Refusal("--a=with space"), HasSubstr("--a=with space"));
  EXPECT_THAT(Refusal("--b=t0"), HasSubstr("two TAPs"));
  EXPECT_THAT(Refusal("--tap=t0"), HasSubstr("unknown flag"));
}

TEST_F(LinkOptionsTest, BothEndsMustBeNamed) {
  EXPECT_THAT(std::string(Parse({}).status().message()), HasSubstr("--a is missing"));
  EXPECT_THAT(std::string(Parse({"--a=t0"}).status().message()), HasSubstr("--b is missing"));
}

}  // namespace
}  // namespace aether::runtime
