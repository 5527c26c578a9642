// Files are found, read in part, and stay readable while they are open.
#include "stack/testing/memory_content.h"

#include <gtest/gtest.h>

#include <array>

namespace aether::testing {
namespace {

TEST(MemoryContent, OpensFilesAndIndexes) {
  MemoryContent files;
  files.Add("/index.html", "root");
  files.Add("/a/index.html", "a");
  files.Add("/b.txt", "hello", "text/plain");
  EXPECT_EQ(files.Open("/")->size(), 4u);
  EXPECT_EQ(files.Open("/a")->size(), 1u);
  EXPECT_EQ(files.Open("/a/index.html")->size(), 1u);
  EXPECT_EQ(files.Open("/b.txt")->media_type(), "text/plain");
  EXPECT_EQ(files.Open("/c"), nullptr);
  EXPECT_EQ(files.opened(), 5);
}

TEST(MemoryContent, ReadsAnyPart) {
  MemoryContent files;
  files.Add("/b", "hello");
  const auto file = files.Open("/b");
  std::array<uint8_t, 3> out{};
  EXPECT_EQ(file->Read(0, out), 3u);
  EXPECT_EQ(out[2], 'l');
  EXPECT_EQ(file->Read(3, out), 2u);
  EXPECT_EQ(out[1], 'o');
  EXPECT_EQ(file->Read(5, out), 0u);
  EXPECT_EQ(file->Read(6, out), 0u);
}

TEST(MemoryContent, AnOpenFileOutlivesItsRemoval) {
  MemoryContent files;
  files.Add("/b", "hello");
  const auto file = files.Open("/b");
  files.Remove("/b");
  EXPECT_EQ(files.Open("/b"), nullptr);
  std::array<uint8_t, 8> out{};
  EXPECT_EQ(file->Read(0, out), 5u);
}

}  // namespace
}  // namespace aether::testing
