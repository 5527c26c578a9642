#include "stack/app/http_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stack/base/random.h"

namespace aether::app {
namespace {

using ::testing::HasSubstr;

std::string Canonical(std::string_view text) {
  const auto url = HttpUrl::Parse(text);
  return url ? url->ToString() : url.error();
}

// [RFC 3986 3.1] the scheme, [RFC 3986 3.2] the authority; [RFC 9110 7.1] the fragment stays here.
TEST(HttpUrlTest, Parts) {
  const auto url = HttpUrl::Parse("HTTP://WWW.Example.:8080/a/B?c=d#e");
  ASSERT_TRUE(url) << url.error();
  EXPECT_EQ(url->host, "www.example");
  EXPECT_EQ(url->port, 8080);
  EXPECT_EQ(url->target, "/a/B?c=d");
  EXPECT_EQ(url->Authority(), "www.example:8080");
}

// [RFC 9110 4.2.3] equal ones.
TEST(HttpUrlTest, WhatIsLeftOut) {
  EXPECT_EQ(Canonical("http://a"), "http://a/");
  EXPECT_EQ(Canonical("http://a:80/"), "http://a/");
  EXPECT_EQ(Canonical("http://a:/x"), "http://a/x");
  EXPECT_EQ(Canonical("http://a?b"), "http://a/?b");
  EXPECT_EQ(Canonical("http://a#b"), "http://a/");
  EXPECT_EQ(Canonical("http://10.0.0.1:65535/%20"), "http://10.0.0.1:65535/%20");
}

TEST(HttpUrlTest, Refusals) {
  EXPECT_THAT(Canonical("https://a/"), HasSubstr("https, which is not supported"));
  for (const char* text :
       {"", "a", "a/b", "//a", "ftp://a/", "http:/a", "http:a", "mailto:x", "://"}) {
    EXPECT_THAT(Canonical(text), HasSubstr("is no http URL")) << text;
  }
  for (const char* text : {"http://", "http:///x", "http://:80/", "http://."}) {
    EXPECT_THAT(Canonical(text), HasSubstr("has no host")) << text;
  }
  for (const char* text :
       {"http://a:0/", "http://a:65536/", "http://a:x/", "http://a:1:2/", "http://a:-1"}) {
    EXPECT_THAT(Canonical(text), HasSubstr("port that is none")) << text;
  }
  EXPECT_THAT(Canonical("http://u:p@a/"), HasSubstr("user name"));
  EXPECT_THAT(Canonical("http://[::1]/"), HasSubstr("IPv6"));
  EXPECT_THAT(Canonical("http://a%20b/"), HasSubstr("no name"));
  // What would end the request line, or begin another field, never gets in.
  for (const char* text :
       {"http://a/b c", "http://a/\r\nX: y", "http://a\n/", "http://a/\x7f", "http://a/\xc3\xa4"}) {
    const std::string error = Canonical(text);
    EXPECT_THAT(error, HasSubstr("percent-encoded")) << text;
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
  EXPECT_TRUE(HttpUrl::Parse("http://a/" + std::string(HttpUrl::kSizeMax - 9, 'x')));
  EXPECT_FALSE(HttpUrl::Parse("http://a/" + std::string(HttpUrl::kSizeMax - 8, 'x')));
}

// One dot at the end is no part of the name; of "h.." one stayed, and went when what was written of
// the URL was read again.
TEST(HttpUrlTest, NoNameHasAnEmptyLabel) {
  EXPECT_EQ(Canonical("http://h./"), "http://h/");
  EXPECT_THAT(Canonical("http://h../"), HasSubstr("no name"));
  EXPECT_THAT(Canonical("http://.h/"), HasSubstr("no name"));
  EXPECT_THAT(Canonical("http://a..h/"), HasSubstr("no name"));
  EXPECT_THAT(Canonical("http://./"), HasSubstr("no host"));
}

// [RFC 3986 section 5] [RFC 3986 5.2.3, 5.2.4] and of [RFC 3986 5.4] the examples that http URLs
// without parameters have.
TEST(HttpUrlTest, References) {
  const HttpUrl base = HttpUrl::Parse("http://a/b/c/d?q").value();
  const auto resolve = [&](std::string_view reference) {
    const auto url = base.Resolve(reference);
    return url ? url->ToString() : url.error();
  };
  EXPECT_EQ(resolve("g"), "http://a/b/c/g");
  EXPECT_EQ(resolve("./g"), "http://a/b/c/g");
  EXPECT_EQ(resolve("g/"), "http://a/b/c/g/");
  EXPECT_EQ(resolve("/g"), "http://a/g");
  EXPECT_EQ(resolve("//g"), "http://g/");
  EXPECT_EQ(resolve("?y"), "http://a/b/c/d?y");
  EXPECT_EQ(resolve("g?y"), "http://a/b/c/g?y");
  EXPECT_EQ(resolve("#s"), "http://a/b/c/d?q");
  EXPECT_EQ(resolve("g#s"), "http://a/b/c/g");
  EXPECT_EQ(resolve(""), "http://a/b/c/d?q");
  EXPECT_EQ(resolve("."), "http://a/b/c/");
  EXPECT_EQ(resolve(".."), "http://a/b/");
  EXPECT_EQ(resolve("../g"), "http://a/b/g");
  EXPECT_EQ(resolve("../../../../g"), "http://a/g");
  EXPECT_EQ(resolve("../../.."), "http://a/");
  EXPECT_EQ(resolve("/./g"), "http://a/g");
  EXPECT_EQ(resolve("g?y/../x"), "http://a/b/c/g?y/../x");
  EXPECT_EQ(resolve("http://x:81/y"), "http://x:81/y");
  EXPECT_THAT(resolve("https://x/y"), HasSubstr("not supported"));
  EXPECT_THAT(resolve("file:///etc"), HasSubstr("is no http URL"));
  EXPECT_THAT(resolve("/a b"), HasSubstr("percent-encoded"));
  EXPECT_THAT(resolve("/a:b/c"), "http://a/a:b/c");
}

TEST(HttpUrlTest, RandomReferencesGiveSoundUrlsOrNone) {
  const HttpUrl base = HttpUrl::Parse("http://a/b/c/d?q").value();
  Random random({77, 5});
  int sound = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (uint32_t length = random.Below(12); length > 0; --length)
      text += "htp:/.?#@[]ab0 \n"[random.Below(16)];
    const auto url = base.Resolve(text);
    if (!url) continue;
    ++sound;
    ASSERT_TRUE(url->target.starts_with('/')) << text;
    ASSERT_FALSE(url->host.empty()) << text;
    ASSERT_EQ(url->target.find_first_of(" \r\n#"), std::string::npos) << text;
    ASSERT_EQ(HttpUrl::Parse(url->ToString()), *url) << text;
  }
  EXPECT_GT(sound, 3000);
}

}  // namespace
}  // namespace aether::app
