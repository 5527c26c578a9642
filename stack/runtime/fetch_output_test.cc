#include "stack/runtime/fetch_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace aether::runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FetchOutputTest : public ::testing::Test {
 protected:
  FetchOutputTest() {
    std::string name = (fs::temp_directory_path() / "fetch-output-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~FetchOutputTest() override { fs::remove_all(folder_); }

  static Bytes Of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  }
  static std::string Contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
};

TEST_F(FetchOutputTest, WritesPiecesInOrder) {
  const fs::path path = folder_ / "a";
  std::ofstream(path) << "what was there before";
  FetchOutput output(path.string());
  EXPECT_EQ(Contents(path), "what was there before");  // nothing is opened yet
  ASSERT_TRUE(output.Open().ok());
  const std::vector<Bytes> pieces = {Of("hello"), Of(" "), Of("world")};
  EXPECT_EQ(*output.Write(pieces), 11u);
  ASSERT_TRUE(output.Open().ok());  // once is enough
  EXPECT_EQ(*output.Write(std::span(pieces).first(1)), 5u);
  EXPECT_TRUE(output.Close().ok());
  EXPECT_TRUE(output.Close().ok());
  EXPECT_EQ(Contents(path), "hello worldhello");
}

TEST_F(FetchOutputTest, MorePiecesThanGoAtOnce) {
  FetchOutput output((folder_ / "a").string());
  ASSERT_TRUE(output.Open().ok());
  const std::vector<Bytes> pieces(100, Of("ab"));
  const size_t written = *output.Write(pieces);
  EXPECT_GT(written, 0u);
  EXPECT_LE(written, 200u);
}

// A full pipe takes nothing, and nobody waits.
TEST_F(FetchOutputTest, NeverWaitsForAPipe) {
  const fs::path path = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const FileDescriptor reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK));
  FetchOutput output(path.string());
  ASSERT_TRUE(output.Open().ok());
  const std::string block(100'000, 'x');
  const std::vector<Bytes> pieces = {Of(block)};
  size_t total = 0;
  while (true) {
    const absl::StatusOr<size_t> written = output.Write(pieces);
    ASSERT_TRUE(written.ok());
    if (*written == 0) break;
    total += *written;
    ASSERT_LT(total, 10'000'000u);
  }
  EXPECT_GT(total, 4000u);
  std::vector<char> taken(total);
  EXPECT_EQ(::read(reader.get(), taken.data(), taken.size()), static_cast<ssize_t>(total));
  EXPECT_GT(*output.Write(pieces), 0u);
}

TEST_F(FetchOutputTest, ErrorsAreSentences) {
  const std::string missing = (folder_ / "missing" / "a").string();
  const absl::Status status = FetchOutput(missing).Open();
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot write to " + missing));
  FetchOutput full("/dev/full");
  ASSERT_TRUE(full.Open().ok());
  const std::vector<Bytes> pieces = {Of("x")};
  EXPECT_THAT(std::string(full.Write(pieces).status().message()), HasSubstr("No space left"));
}

}  // namespace
}  // namespace aether::runtime
