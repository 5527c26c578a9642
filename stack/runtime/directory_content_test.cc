#include "stack/runtime/directory_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace aether::runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// The parameter: without openat2.
class DirectoryContentTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    base_ = fs::path(::testing::TempDir()) / ("aether_content_" + std::to_string(::getpid()));
    fs::remove_all(base_);
    fs::create_directories(base_ / "root/sub/deep");
    fs::create_directories(base_ / "root/empty");
    Write("secret", "secret");
    Write("root/index.html", "<p>root</p>");
    Write("root/a.txt", "hello");
    Write("root/sub/index.html", "<p>sub</p>");
    Write("root/sub/deep/x.js", "1");
    content_ = Make({.without_openat2 = GetParam()});
  }
  void TearDown() override {
    content_.reset();
    fs::remove_all(base_);
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(base_ / name) << text;
  }
  std::unique_ptr<DirectoryContent> Make(DirectoryContent::Options options) {
    return DirectoryContent::OpenRoot((base_ / "root").string(), options).value();
  }
  static std::string All(app::Content& file) {
    std::string text(static_cast<size_t>(file.size()) + 10, '?');
    const size_t got = file.Read(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
    return text.substr(0, got);
  }
  std::string Text(std::string_view path) {
    const std::unique_ptr<app::Content> file = content_->Open(path);
    return file == nullptr ? "(none)" : All(*file);
  }

  fs::path base_;
  std::unique_ptr<DirectoryContent> content_;
};

INSTANTIATE_TEST_SUITE_P(WithAndWithoutOpenat2, DirectoryContentTest, ::testing::Bool());

TEST_P(DirectoryContentTest, FilesAndIndexPages) {
  EXPECT_EQ(Text("/"), "<p>root</p>");
  EXPECT_EQ(Text("/a.txt"), "hello");
  EXPECT_EQ(Text("/sub"), "<p>sub</p>");
  EXPECT_EQ(Text("/sub/"), "<p>sub</p>");
  EXPECT_EQ(Text("/sub/deep/x.js"), "1");
  EXPECT_EQ(content_->Open("/sub")->media_type(), "text/html; charset=utf-8");
}

TEST_P(DirectoryContentTest, WhatIsNotThere) {
  EXPECT_EQ(content_->Open("/none"), nullptr);
  EXPECT_EQ(content_->Open("/empty"), nullptr);
  EXPECT_EQ(content_->Open("/a.txt/x"), nullptr);
  EXPECT_EQ(content_->Open(""), nullptr);
  EXPECT_EQ(content_->Open("a.txt"), nullptr);
  EXPECT_EQ(content_->Open(std::string_view("/a.txt\0x", 8)), nullptr);
  EXPECT_EQ(content_->Open("/" + std::string(10000, 'x')), nullptr);
  EXPECT_EQ(content_->open_files(), 0u);
}

TEST_P(DirectoryContentTest, DotsDoNotLeaveTheRoot) {
  EXPECT_EQ(content_->Open("/../secret"), nullptr);
  EXPECT_EQ(content_->Open("/sub/../../secret"), nullptr);
  EXPECT_EQ(content_->Open("/.."), nullptr);
  EXPECT_EQ(content_->Open("//" + (base_ / "secret").string()), nullptr);
}

TEST_P(DirectoryContentTest, LinksDoNotLeaveTheRoot) {
  fs::create_symlink("../secret", base_ / "root/up");
  fs::create_symlink(base_ / "secret", base_ / "root/absolute");
  fs::create_directory_symlink("..", base_ / "root/updir");
  EXPECT_EQ(content_->Open("/up"), nullptr);
  EXPECT_EQ(content_->Open("/absolute"), nullptr);
  EXPECT_EQ(content_->Open("/updir/secret"), nullptr);
  EXPECT_EQ(content_->Open("/updir/root/a.txt"), nullptr);
}

TEST_P(DirectoryContentTest, LinksInsideTheRootNeedOpenat2) {
  fs::create_symlink("sub/deep/x.js", base_ / "root/inside.js");
  EXPECT_EQ(Text("/inside.js"), GetParam() ? "(none)" : "1");
}

TEST_P(DirectoryContentTest, OnlyRegularFiles) {
  ASSERT_EQ(::mkfifo((base_ / "root/fifo").c_str(), 0600), 0);
  EXPECT_EQ(content_->Open("/fifo"), nullptr);
}

TEST_P(DirectoryContentTest, ReadsAtOffsets) {
  const std::unique_ptr<app::Content> file = content_->Open("/a.txt");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->size(), 5u);
  EXPECT_EQ(file->media_type(), "text/plain; charset=utf-8");
  std::vector<uint8_t> out(3);
  EXPECT_EQ(file->Read(1, out), 3u);
  EXPECT_EQ(out, (std::vector<uint8_t>{'e', 'l', 'l'}));
  EXPECT_EQ(file->Read(4, out), 1u);
  EXPECT_EQ(file->Read(5, out), 0u);
  EXPECT_EQ(file->Read(~uint64_t{0}, out), 0u);
}

TEST_P(DirectoryContentTest, SizeStaysWhileTheFileChanges) {
  const std::unique_ptr<app::Content> file = content_->Open("/a.txt");
  Write("root/a.txt", "hello world");
  EXPECT_EQ(file->size(), 5u);
  EXPECT_EQ(All(*file), "hello");
  Write("root/a.txt", "h");
  EXPECT_EQ(All(*file), "h");
}

TEST_P(DirectoryContentTest, EditsShowAtOnce) {
  EXPECT_EQ(Text("/a.txt"), "hello");
  Write("root/a.txt", "other");
  EXPECT_EQ(Text("/a.txt"), "other");
}

TEST_P(DirectoryContentTest, OpenFilesAreBounded) {
  content_ = Make({.open_files_max = 2, .without_openat2 = GetParam()});
  std::unique_ptr<app::Content> one = content_->Open("/");
  std::unique_ptr<app::Content> two = content_->Open("/a.txt");
  EXPECT_NE(two, nullptr);
  EXPECT_EQ(content_->Open("/a.txt"), nullptr);
  one.reset();
  EXPECT_NE(content_->Open("/a.txt"), nullptr);
  EXPECT_EQ(content_->open_files(), 1u);
}

TEST_P(DirectoryContentTest, OpenFileOutlivesTheDirectory) {
  const std::unique_ptr<app::Content> file = content_->Open("/a.txt");
  content_.reset();
  EXPECT_EQ(All(*file), "hello");
}

TEST_P(DirectoryContentTest, RootThatIsNone) {
  EXPECT_THAT(DirectoryContent::OpenRoot((base_ / "nowhere").string()).status().message(),
              HasSubstr("does not exist"));
  EXPECT_THAT(DirectoryContent::OpenRoot((base_ / "secret").string()).status().message(),
              HasSubstr("is not a directory"));
}

TEST_P(DirectoryContentTest, RootWithoutPermission) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  fs::permissions(base_ / "root", fs::perms::none);
  EXPECT_THAT(DirectoryContent::OpenRoot((base_ / "root").string()).status().message(),
              HasSubstr("cannot be read"));
  fs::permissions(base_ / "root", fs::perms::owner_all);
}

TEST(MediaTypeTest, ByExtension) {
  EXPECT_EQ(MediaTypeOf("/a/b.HTML"), "text/html; charset=utf-8");
  EXPECT_EQ(MediaTypeOf("x.tar.gz"), "application/gzip");
  EXPECT_EQ(MediaTypeOf("/a.css/plain"), "application/octet-stream");
  EXPECT_EQ(MediaTypeOf("/.html"), "application/octet-stream");
  EXPECT_EQ(MediaTypeOf("/a."), "application/octet-stream");
}

}  // namespace
}  // namespace aether::runtime
