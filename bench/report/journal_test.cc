#include "bench/report/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/report/files.h"
#include "bench/report/scratch_folder.h"

namespace aether::perf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Journal::Header kHeader{
    .seed = 3, .base = "a", .head = "b", .base_digest = "1", .head_digest = "2"};

TEST(Journal, GoesOnWhereItWasStopped) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/samples.jsonl";
  {
    auto journal = Journal::Create(path, kHeader);
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE(journal->AddIterations("row", 77).ok());
    EXPECT_EQ(journal->planned_blocks(), 0u);
    ASSERT_TRUE(journal->AddPlan(40).ok());
    ASSERT_TRUE(journal->AddBlock("row", 0, {.values = {1, 2, 3, 4}, .bound = 5}).ok());
  }
  // Killed in the middle of a line.
  folder.Put("samples.jsonl", *ReadFile(path) + "{\"row\":\"ro");
  {
    auto journal = Journal::Resume(path, kHeader);
    ASSERT_TRUE(journal.ok()) << journal.status();
    EXPECT_EQ(journal->Iterations("row"), 77u);
    EXPECT_EQ(journal->Iterations("other"), 0u);
    EXPECT_EQ(journal->planned_blocks(), 40u);
    ASSERT_NE(journal->Find("row", 0), nullptr);
    EXPECT_THAT(journal->Find("row", 0)->values, ElementsAre(1, 2, 3, 4));
    EXPECT_EQ(journal->Find("row", 1), nullptr);
    ASSERT_TRUE(journal->AddBlock("row", 1, {.values = {4, 3, 2, 1}}).ok());
  }
  EXPECT_NE(Journal::Resume(path, kHeader)->Find("row", 1), nullptr);
}

TEST(Journal, OfOtherBuildsIsRefused) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/samples.jsonl";
  ASSERT_TRUE(Journal::Create(path, kHeader).ok());
  Journal::Header other = kHeader;
  other.head_digest = "3";
  EXPECT_THAT(std::string(Journal::Resume(path, other).status().message()),
              HasSubstr("other builds"));
  EXPECT_EQ(Journal::ReadHeader(path)->seed, 3u);
}

TEST(Journal, AnUnreadableLineInTheMiddleIsAnError) {
  const ScratchFolder folder;
  const std::string path = folder.path() + "/samples.jsonl";
  ASSERT_TRUE(Journal::Create(path, kHeader).ok());
  folder.Put("samples.jsonl", *ReadFile(path) + "nonsense\n");
  EXPECT_THAT(std::string(Journal::Resume(path, kHeader).status().message()),
              HasSubstr("samples.jsonl:2"));
  EXPECT_FALSE(Journal::Resume(folder.path() + "/none", kHeader).ok());
}

}  // namespace
}  // namespace aether::perf
