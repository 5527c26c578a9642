#include "stack/runtime/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/flags/flag.h"
#include "stack/runtime/flag_reset.h"

ABSL_FLAG(int32_t, test_number, 5, "a whole number");
ABSL_FLAG(bool, test_switch, false, "true or false");
ABSL_FLAG(std::string, test_text, "", "a text");

namespace aether::runtime {
namespace {

using ::testing::HasSubstr;

class CommandLineTest : public ::testing::Test {
 protected:
  absl::Status Parse(std::vector<const char*> arguments) {
    line_ = {};
    return ParseCommandLine(arguments, line_);
  }
  // Why the arguments were refused; every refusal is one line.
  std::string Refusal(std::vector<const char*> arguments) {
    const absl::Status status = Parse(std::move(arguments));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message().find('\n'), absl::string_view::npos);
    return std::string(status.message());
  }

  FlagReset reset_;
  CommandLine line_;
};

TEST_F(CommandLineTest, NoArguments) {
  EXPECT_TRUE(Parse({}).ok());
  EXPECT_FALSE(line_.help);
  EXPECT_TRUE(Parse({"--"}).ok());
}

TEST_F(CommandLineTest, ValuesInAllForms) {
  ASSERT_TRUE(Parse({"--test_number=7", "--test_text", "a b", "--test_switch"}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_test_number), 7);
  EXPECT_EQ(absl::GetFlag(FLAGS_test_text), "a b");
  EXPECT_TRUE(absl::GetFlag(FLAGS_test_switch));
  ASSERT_TRUE(Parse({"-test_number", "-3", "--notest_switch", "--test_text="}).ok());
  EXPECT_EQ(absl::GetFlag(FLAGS_test_number), -3);
  EXPECT_EQ(absl::GetFlag(FLAGS_test_text), "");
  EXPECT_FALSE(absl::GetFlag(FLAGS_test_switch));
  ASSERT_TRUE(Parse({"--test_switch=true"}).ok());
  EXPECT_TRUE(absl::GetFlag(FLAGS_test_switch));
}

TEST_F(CommandLineTest, UnknownFlags) {
  EXPECT_THAT(Refusal({"--nonsense"}), HasSubstr("unknown flag --nonsense;"));
  EXPECT_THAT(Refusal({"--nonsense=1"}), HasSubstr("unknown flag --nonsense;"));
  EXPECT_THAT(Refusal({"--notest_number"}), HasSubstr("unknown flag --notest_number;"));
  EXPECT_THAT(Refusal({"--"
                       "bad\nname"}),
              HasSubstr("unknown flag --bad?name;"));
}

TEST_F(CommandLineTest, MalformedValues) {
  EXPECT_THAT(Refusal({"--test_number=seven"}),
              HasSubstr("--test_number=seven is malformed: it takes a whole number"));
  EXPECT_THAT(Refusal({"--test_number="}), HasSubstr("is malformed"));
  EXPECT_THAT(Refusal({"--test_number=99999999999"}), HasSubstr("is malformed"));
  EXPECT_THAT(Refusal({"--test_switch=maybe"}), HasSubstr("is malformed"));
  EXPECT_THAT(Refusal({"--test_number"}), HasSubstr("--test_number needs a value: a whole number"));
}

TEST_F(CommandLineTest, OtherArguments) {
  EXPECT_THAT(Refusal({"file"}), HasSubstr("unexpected argument \"file\""));
  EXPECT_THAT(Refusal({"-"}), HasSubstr("unexpected argument"));
  EXPECT_THAT(Refusal({"--", "--test_number=1"}), HasSubstr("unexpected argument \"--\""));
  EXPECT_THAT(Refusal({""}), HasSubstr("unexpected argument \"\""));
}

TEST_F(CommandLineTest, ArgumentsWhereTheyAreTaken) {
  line_.takes_arguments = true;
  const std::vector<const char*> arguments = {"a",  "--test_number=1", "b",
                                              "--", "--test_switch",   "c"};
  ASSERT_TRUE(ParseCommandLine(arguments, line_).ok());
  EXPECT_EQ(line_.arguments, (std::vector<std::string>{"a", "b", "--test_switch", "c"}));
  EXPECT_EQ(absl::GetFlag(FLAGS_test_number), 1);
  EXPECT_FALSE(absl::GetFlag(FLAGS_test_switch));
  CommandLine other{.program = "aether-fetch", .takes_arguments = true};
  const std::vector<const char*> unknown = {"--nonsense"};
  EXPECT_THAT(std::string(ParseCommandLine(unknown, other).message()),
              HasSubstr("aether-fetch --help"));
}

TEST_F(CommandLineTest, HelpNamesEveryFlag) {
  ASSERT_TRUE(Parse({"--help"}).ok());
  EXPECT_TRUE(line_.help);
  EXPECT_THAT(FlagHelp(), HasSubstr("--test_number=5\n      a whole number\n"));
}

}  // namespace
}  // namespace aether::runtime
