#include "bench/report/identity.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bench/report/scratch_folder.h"

namespace aether::perf {
namespace {

std::string OwnProgram() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// In a section that is loaded, and nowhere else in the program: read so that no compiler knows it.
constexpr size_t kMarkSize = 18;
const volatile char mark_text[32] = "mark c0ffee5c0ffee";

std::string Mark() {
  std::string text;
  for (size_t i = 0; i < kMarkSize; ++i) text += mark_text[i];
  return text;
}

TEST(Identity, CommitsDoNotCountAndCodeDoes) {
  const ScratchFolder folder;
  const std::string program = OwnProgram();
  const auto content = [&](const std::string& bytes, const std::string& commit) {
    const auto loaded = LoadedContent(folder.Put("program", bytes), commit);
    EXPECT_TRUE(loaded.ok());
    return Digest(*loaded);
  };
  const size_t mark = program.find(Mark());
  ASSERT_NE(mark, program.npos);
  std::string other_commit = program;
  const std::string commit = Mark().substr(5);
  // Nowhere as a whole in this program, which is what is read.
  const std::string longer = std::string("ba9876543210") + std::string("-dirty");
  other_commit.replace(mark + 5, longer.size(), longer);
  EXPECT_EQ(content(program, commit), content(other_commit, longer));
  EXPECT_NE(content(program, "none"), content(other_commit, "none"));
  std::string other_code = program;
  other_code[mark] ^= 1;
  EXPECT_NE(content(program, commit), content(other_code, commit));
}

TEST(Identity, WhatIsLinkedForPeopleDoesNotCount) {
  const ScratchFolder folder;
  const std::string program = OwnProgram();
  // Behind the last section: nothing that is loaded.
  EXPECT_EQ(*LoadedContent(folder.Put("a", program), ""),
            *LoadedContent(folder.Put("b", program + "tail"), ""));
}

TEST(Identity, AnythingElseCountsAsAWhole) {
  const ScratchFolder folder;
  EXPECT_EQ(*LoadedContent(folder.Put("a", "text"), ""), "text");
  EXPECT_EQ(*LoadedContent(folder.Put("b",
                                      "\x7f"
                                      "ELF"),
                           ""),
            "\x7f"
            "ELF");
  EXPECT_FALSE(LoadedContent(folder.path() + "/none", "").ok());
  EXPECT_EQ(Digest("a"), "af63dc4c8601ec8c");
}

}  // namespace
}  // namespace aether::perf
