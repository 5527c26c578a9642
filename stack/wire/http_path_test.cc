#include "stack/wire/http_path.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "stack/base/random.h"

namespace aether {
namespace {

// The path, with a slash at the end when it means a directory; "!" when it is refused.
std::string Decoded(std::string_view raw) {
  std::vector<char> out(raw.size() + 1);
  const auto path = DecodeHttpPath(raw, out);
  if (!path) return "!";
  std::string text(path->path);
  if (path->directory && text != "/") text += '/';
  return text;
}

TEST(HttpPath, DecodesOnceAndNormalises) {
  EXPECT_EQ(Decoded("/"), "/");
  EXPECT_EQ(Decoded("/a"), "/a");
  EXPECT_EQ(Decoded("/a/b.html"), "/a/b.html");
  EXPECT_EQ(Decoded("/a/"), "/a/");
  EXPECT_EQ(Decoded("//a///b"), "/a/b");
  EXPECT_EQ(Decoded("///"), "/");
  EXPECT_EQ(Decoded("/%61%2E%62%20%C3%a4"), "/a.b \xc3\xa4");
  EXPECT_EQ(Decoded("/%252e%252e/x"), "/%2e%2e/x") << "decoded once, not twice";
  EXPECT_EQ(Decoded("/..."), "/...");
  EXPECT_EQ(Decoded("/.a/..b/c.."), "/.a/..b/c..");
}

// [RFC 3986 5.2.4] dot segments.
TEST(HttpPath, DotSegments) {
  EXPECT_EQ(Decoded("/."), "/");
  EXPECT_EQ(Decoded("/a/."), "/a/");
  EXPECT_EQ(Decoded("/a/./b"), "/a/b");
  EXPECT_EQ(Decoded("/a/../b"), "/b");
  EXPECT_EQ(Decoded("/a/b/.."), "/a/");
  EXPECT_EQ(Decoded("/a/b/../.."), "/");
  EXPECT_EQ(Decoded("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(Decoded("/a//../b"), "/b") << "the empty segment is no level";
}

// What must not get out of the root, in all its spellings (HTP004).
TEST(HttpPath, Refused) {
  for (const std::string_view raw :
       {"",           "a",       "../a",    "/..",     "/../a",    "/a/../..",
        "/a/../../b", "/%2e%2e", "/%2E./a", "/.%2e/a", "/..%2f",   "/..%2fetc",
        "/a%2Fb",     "/a%5cb",  "/a\\b",   "/..\\a",  "/%00",     "/a%00.html",
        "/%",         "/%4",     "/%g0",    "/%0g",    "/%-1",     "/a%0ab",
        "/%7f",       "/\x01",   "/./..",   "//..",    "/a/..//.."}) {
    EXPECT_EQ(Decoded(raw), "!") << raw;
  }
  EXPECT_EQ(Decoded(std::string_view("/a\0b", 4)), "!");
}

// The slow way: split, decode, keep a stack.
std::string Naive(std::string_view raw) {
  if (raw.empty() || raw[0] != '/') return "!";
  std::vector<std::string> stack;
  bool directory = false;
  for (size_t at = 0; at < raw.size();) {
    const size_t end = std::min(raw.find('/', at + 1), raw.size());
    std::string segment;
    for (size_t i = at + 1; i < end; ++i) {
      int c = static_cast<unsigned char>(raw[i]);
      if (c == '%') {
        const std::string digits(raw.substr(i + 1, std::min<size_t>(2, end - i - 1)));
        if (digits.size() != 2 || !isxdigit(digits[0]) || !isxdigit(digits[1])) return "!";
        c = static_cast<int>(std::stoul(digits, nullptr, 16));
        i += 2;
        if (c == '/') return "!";
      }
      if (c < 32 || c == 127 || c == '\\') return "!";
      segment += static_cast<char>(c);
    }
    at = end;
    directory = segment.empty() || segment == "." || segment == "..";
    if (segment == ".." && stack.empty()) return "!";
    if (segment == "..") stack.pop_back();
    if (!directory) stack.push_back(segment);
  }
  std::string path;
  for (const std::string& segment : stack) path += "/" + segment;
  return path.empty() ? "/" : directory ? path + "/" : path;
}

TEST(HttpPath, RandomPathsAgreeWithTheSlowWay) {
  static constexpr std::string_view kPieces[] = {"/",   ".",    "..",  "a",   "bc",  "%2e",
                                                 "%2E", "%2f",  "%5C", "%00", "%41", "%25",
                                                 "//",  "/../", "%",   "%4",  "\\",  "\x01"};
  Random random({11, 12});
  int accepted = 0;
  for (int round = 0; round < 50000; ++round) {
    std::string raw = "/";
    for (uint32_t i = random.Below(9); i > 0; --i)
      raw += kPieces[random.Below(random.Below(2) == 0 ? 7u : uint32_t{std::size(kPieces)})];
    const std::string path = Decoded(raw);
    ASSERT_EQ(path, Naive(raw)) << raw;
    if (path == "!") continue;
    ++accepted;
    ASSERT_EQ(path[0], '/');
    ASSERT_EQ(("/" + path + "/").find("/../"), std::string::npos);
    ASSERT_EQ(path.find("//"), std::string::npos);
    ASSERT_EQ(path.find('\0'), std::string::npos);
  }
  EXPECT_GT(accepted, 5000);
}

}  // namespace
}  // namespace aether
