#include "stack/wire/http_response.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "stack/base/random.h"

namespace aether {
namespace {

Bytes ToBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::expected<HttpResponseView, Drop> Parse(std::string_view text, uint32_t fields_max = 100) {
  return HttpResponseView::Parse(ToBytes(text), fields_max);
}
Drop Fault(std::string_view text, uint32_t fields_max = 100) {
  const auto view = Parse(text, fields_max);
  return view ? Drop::kNone : view.error();
}
std::string With(std::string_view fields) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n";
}

TEST(HttpResponseTest, AnOrdinaryHead) {
  const std::string head =
      "HTTP/1.1 200 All is well\r\nServer: x\r\nContent-Length: 12\r\nconnection: Close\r\n\r\n";
  const std::string text = head + "Hello world!";
  const auto view = Parse(text);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->head_size(), head.size());
  EXPECT_EQ(view->status(), 200);
  EXPECT_EQ(view->minor_version(), 1);
  EXPECT_EQ(view->reason(), "All is well");
  EXPECT_EQ(view->body(), HttpBody::kLength);
  EXPECT_EQ(view->content_length(), 12u);
  EXPECT_FALSE(view->keep_alive());
  EXPECT_EQ(view->Find("server"), "x");
  EXPECT_EQ(view->Find("location"), std::nullopt);
}

// [RFC 9112 section 4] the status line; [RFC 9110 section 15] codes beyond 599 are let in.
TEST(HttpResponseTest, StatusLines) {
  EXPECT_EQ(Parse("HTTP/1.0 404 \r\n\r\n")->status(), 404);
  EXPECT_EQ(Parse("HTTP/1.1 404\r\n\r\n")->reason(), "");
  EXPECT_EQ(Parse("HTTP/1.9 999 x\n\n")->minor_version(), 9);
  EXPECT_EQ(Parse("HTTP/1.1 200 \xc3\xa4\t!\r\n\r\n")->reason(), "\xc3\xa4\t!");
  for (const char* line : {"http/1.1 200 OK", "HTTP/1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 20 OK",
                           "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2x0 OK",
                           "HTTP/1.1\t200 OK", "HTTP/1.1 200 a\rb", "HTTP/x.1 200 OK", "ICY 200 OK",
                           "", " HTTP/1.1 200 OK", "SSH-2.0-x", "HTTP/1.1 200\tOK"}) {
    EXPECT_EQ(Fault(std::string(line) + "\r\n\r\n"), Drop::kHttpBadResponse) << line;
  }
  EXPECT_EQ(Fault(std::string("HTTP/1.1 200 a\0b\r\n\r\n", 20)), Drop::kHttpBadResponse);
  EXPECT_EQ(Fault("HTTP/2.0 200 OK\r\n\r\n"), Drop::kHttpBadVersion);
  EXPECT_EQ(Fault("HTTP/0.9 200 OK\r\n\r\n"), Drop::kHttpBadVersion);
}

// [RFC 9112 5.1] no space before the colon. [RFC 9110 5.5] no control characters in a value.
TEST(HttpResponseTest, FieldsThatAreNone) {
  for (const char* field : {"A : b\r\n", " A: b\r\n", ": b\r\n", "A\r\n", "A: b\rc\r\n",
                            "A: \x01\r\n", "A: \x7f\r\n", "\x80: b\r\n", "A b: c\r\n"}) {
    EXPECT_EQ(Fault(With(field)), Drop::kHttpBadResponse) << field;
  }
  EXPECT_EQ(Fault("HTTP/1.1 200 OK\r\nA: b\r\n\rx"), Drop::kHttpBadResponse);
}

TEST(HttpResponseTest, FindTakesTheFirstInAnyCase) {
  const std::string text =
      With("X-LOCATION: n\r\nLocaTion:\t /a b \t\r\nlocation: /c\r\nEmpty:\r\n");
  const auto view = Parse(text);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->Find("location"), "/a b");
  EXPECT_EQ(view->Find("empty"), "");
  EXPECT_EQ(Parse("HTTP/1.1 200 OK\nLocation: /x\n\n")->Find("location"), "/x");
}

// [RFC 9112 6.3] lengths that contradict each other or the coding.
TEST(HttpResponseTest, Lengths) {
  EXPECT_EQ(Parse(With(""))->body(), HttpBody::kNone);
  EXPECT_EQ(Parse(With("Content-Length: 7\r\nContent-Length: 7\r\n"))->content_length(), 7u);
  for (const char* field : {"Content-Length: 7\r\nContent-Length: 8\r\n", "Content-Length: -1\r\n",
                            "Content-Length:\r\n", "Content-Length: 1,2\r\n",
                            "Content-Length: 99999999999999999999\r\n",
                            "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n"}) {
    EXPECT_EQ(Fault(With(field)), Drop::kHttpBadLength) << field;
  }
  // [RFC 9112 6.1] a coding in a response of 1.0 is faulty framing.
  EXPECT_EQ(Fault("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Drop::kHttpBadLength);
}

TEST(HttpResponseTest, Codings) {
  EXPECT_EQ(Parse(With("Transfer-Encoding: Chunked\r\n"))->body(), HttpBody::kChunked);
  EXPECT_EQ(Parse(With("transfer-encoding: , chunked ,\r\n"))->body(), HttpBody::kChunked);
  for (const char* coding : {"gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked",
                             "chunkedx", "identity", "", "xchunked"}) {
    EXPECT_EQ(Fault(With("Transfer-Encoding: " + std::string(coding) + "\r\n")),
              Drop::kHttpBadCoding)
        << coding;
  }
  EXPECT_EQ(Fault(With("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
            Drop::kHttpBadCoding);
}

// [RFC 9112 9.3] persistence.
TEST(HttpResponseTest, KeepAlive) {
  EXPECT_TRUE(Parse(With(""))->keep_alive());
  EXPECT_FALSE(Parse(With("Connection: x, close\r\n"))->keep_alive());
  EXPECT_FALSE(Parse("HTTP/1.0 200 OK\r\n\r\n")->keep_alive());
  EXPECT_TRUE(Parse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n")->keep_alive());
}

TEST(HttpResponseTest, FieldsAtTheLimit) {
  EXPECT_TRUE(Parse(With("A: 1\r\nB: 2\r\n"), 2));
  EXPECT_EQ(Fault(With("A: 1\r\nB: 2\r\nC: 3\r\n"), 2), Drop::kHttpHeadersTooLarge);
}

TEST(HttpResponseTest, EveryPrefixIsTooShort) {
  const std::string text = With("Content-Length: 3\r\nA: b\r\nTransfer: x\r\n");
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(Fault(text.substr(0, size)), Drop::kHttpTooShort) << size;
  }
  EXPECT_EQ(Fault(text), Drop::kNone);
}

// [RFC 9112 5.2] folded lines become one.
TEST(HttpResponseTest, Unfolding) {
  std::string text = With("A: b\r\n c\r\n\td\r\nLocation:\n /x\r\n");
  UnfoldHttpFields({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  const auto view = Parse(text);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->head_size(), text.size());
  EXPECT_EQ(view->Find("a"), "b   c  \td");
  EXPECT_EQ(view->Find("location"), "/x");
  // Right behind the status line it is no fold.
  std::string bad = With(" A: b\r\n");
  UnfoldHttpFields({reinterpret_cast<uint8_t*>(bad.data()), bad.size()});
  EXPECT_EQ(Fault(bad), Drop::kHttpBadResponse);
}

// Mutations of sound heads: whatever comes out is consistent, and reading more of the same never
// turns an error into something else.
TEST(HttpResponseTest, RandomMutations) {
  const std::string seeds[] = {With("Content-Length: 12\r\nConnection: close\r\nLocation: /a\r\n"),
                               With("Transfer-Encoding: chunked\r\nServer: y\r\n"),
                               "HTTP/1.0 301 Moved\nLocation: http://a.b/\nContent-Length: 0\n\n"};
  Random random({77, 1});
  int parsed = 0;
  for (int round = 0; round < 60000; ++round) {
    std::string text = seeds[random.Below(3)];
    for (uint32_t edits = random.Below(4); edits > 0; --edits) {
      const size_t at = random.Below(static_cast<uint32_t>(text.size()));
      switch (random.Below(3)) {
        case 0:
          text[at] = static_cast<char>(random.Below(256));
          break;
        case 1:
          text.insert(at, 1, "\r\n :,\t0c"[random.Below(8)]);
          break;
        default:
          text.erase(at, 1 + random.Below(3));
          if (text.empty()) text = "H";
      }
    }
    const auto view = Parse(text, 5);
    if (view) {
      ++parsed;
      ASSERT_LE(view->head_size(), text.size());
      ASSERT_GE(view->status(), 100);
      ASSERT_LE(view->status(), 999);
      ASSERT_TRUE(text.substr(0, view->head_size()).ends_with("\n"));
      const auto location = view->Find("location");
      ASSERT_TRUE(!location || (location->data() >= text.data() &&
                                location->data() + location->size() <= text.data() + text.size()));
      ASSERT_EQ(Fault(text.substr(0, view->head_size() - 1)), Drop::kHttpTooShort);
    } else if (view.error() != Drop::kHttpTooShort) {
      ASSERT_EQ(Fault(text + "\r\n\r\n", 5), view.error());
    }
  }
  EXPECT_GT(parsed, 5000);
}

}  // namespace
}  // namespace aether
