// Saved runs, and the replay of all that are kept in corpora/scripts.
#include "stack/testing/sim/saved_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "stack/testing/temporary_file.h"

namespace aether::testing::sim {
namespace {

using ::testing::HasSubstr;

SavedRun Example() {
  SavedRun run;
  run.spec = {.scenario = "lossy", .seed = 7, .profile = "full,sack=off", .reductions = {}};
  run.spec.reductions.without = {"skew"};
  run.remarks = {"Two lines", "of remarks."};
  run.violated = "P1 a byte is another";
  run.reaches = {"link_lost", "tcp_retransmissions"};
  run.trace = 0xabcdef;
  return run;
}

TEST(SavedRunTest, IsReadAsItWasWritten) {
  const SavedRun run = Example();
  const std::string text = FormatSavedRun(run);
  const auto read = ParseSavedRun(text);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(FormatSavedRun(*read), text);
  EXPECT_EQ(read->remarks, run.remarks);
  EXPECT_EQ(read->violated, run.violated);
  EXPECT_EQ(read->reaches, run.reaches);
  EXPECT_EQ(read->trace, run.trace);
  EXPECT_EQ(CommandOf(read->spec), CommandOf(run.spec));
  EXPECT_THAT(text, HasSubstr("\naether-sim --scenario lossy --seed 7 --profile full,sack=off"));
}

TEST(SavedRunTest, MistakesAreNamed) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"# nothing else\n", "begins \"aether-sim\""},
      {"aether-sim --scenario nothing --seed 1\n", "no scenario"},
      {"aether-sim --scenario clean --seeds 1..2\n", "one run"},
      {"aether-sim --scenario clean\nnonsense\n", "no line \"nonsense\""},
      {"aether-sim --scenario clean\ntrace: xyz\n", "no line \"trace: xyz\""},
  };
  for (const auto& [text, problem] : mistakes) {
    const auto run = ParseSavedRun(text);
    ASSERT_FALSE(run) << text;
    EXPECT_THAT(run.error(), HasSubstr(problem));
  }
  EXPECT_THAT(ReadSavedRun("/nonexistent").error(), HasSubstr("Cannot read"));
}

TEST(SavedRunTest, AReplayHasToBeCleanAndToReachWhatItDid) {
  SavedRun run = Example();
  Outcome outcome;
  outcome.reached = {{"link_lost", 1}, {"tcp_retransmissions", 2}};
  EXPECT_EQ(CheckReplay(run, outcome), "");
  run.reaches.emplace_back("tcp_dsacks_in");
  EXPECT_THAT(CheckReplay(run, outcome), HasSubstr("tcp_dsacks_in"));
  outcome.violation = Violation{"P4", "broken", {}};
  EXPECT_EQ(CheckReplay(run, outcome), "P4 broken");
}

TEST(SavedRunTest, AFailureBecomesAFile) {
  const TemporaryFile file("saved");
  const std::string directory = file.path() + ".d";
  const auto path = WriteSavedRun(Example(), directory);
  ASSERT_TRUE(path) << path.error();
  EXPECT_THAT(*path, HasSubstr("lossy-7-full-switched.sim"));
  const auto read = ReadSavedRun(*path);
  EXPECT_TRUE(read) << read.error();
  std::filesystem::remove_all(directory);
  EXPECT_FALSE(WriteSavedRun(Example(), "/proc/nowhere"));
}

std::vector<std::string> SavedRuns() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(AETHER_SIM_SAVED_RUNS)) {
    if (entry.path().extension() == ".sim") paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

TEST(SavedRunsTest, AllReplayClean) {
  const std::vector<std::string> paths = SavedRuns();
  ASSERT_GT(paths.size(), 5u);
  for (const std::string& path : paths) {
    const auto run = ReadSavedRun(path);
    ASSERT_TRUE(run) << run.error();
    // What is kept says what it is kept for.
    EXPECT_FALSE(run->remarks.empty()) << path;
    EXPECT_EQ(CheckReplay(*run, RunIsolated(run->spec, {.twice = true})), "") << path;
  }
}

}  // namespace
}  // namespace aether::testing::sim
