// Requests and responses are counted in whatever pieces they come.
#include "replay/http_progress.h"

#include <gtest/gtest.h>

namespace aether::replay {
namespace {

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

TEST(HttpProgress, InAnyPieces) {
  const std::string client = std::string(kGet) +
                             "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody" +
                             "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n0\r\n\r\n" +
                             std::string(kGet);
  const std::string server = std::string(kOk) +
                             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
                             "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "2\r\nno\r\n0\r\n\r\n" +
                             std::string(kOk);
  for (size_t piece = 1; piece < 80; ++piece) {
    HttpProgress progress;
    for (size_t at = 0; at < client.size(); at += piece)
      progress.OnClientText(AsBytes(std::string_view(client).substr(at, piece)));
    EXPECT_EQ(progress.requests(), 4u) << piece;
    EXPECT_FALSE(progress.InRequest());
    EXPECT_FALSE(progress.AllAnswered());
    for (size_t at = 0; at < server.size(); at += piece)
      progress.OnServerText(AsBytes(std::string_view(server).substr(at, piece)));
    EXPECT_EQ(progress.responses(), 4u) << piece;
    EXPECT_TRUE(progress.AllAnswered());
    EXPECT_EQ(progress.by_class()[2], 3u);
    EXPECT_EQ(progress.by_class()[4], 1u);
  }
}

TEST(HttpProgress, WithinARequest) {
  HttpProgress progress;
  progress.OnClientText(AsBytes(kGet.substr(0, 5)));
  EXPECT_TRUE(progress.InRequest());
  EXPECT_EQ(progress.requests(), 0u);
  progress.OnClientText(AsBytes(kGet.substr(5)));
  EXPECT_FALSE(progress.InRequest());
  progress.OnClientText(AsBytes("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo"));
  EXPECT_TRUE(progress.InRequest());
}

TEST(HttpProgress, WhatIsNoRequestIsOne) {
  HttpProgress progress;
  progress.OnClientText(AsBytes("\x16\x03\x01\r\n\r\n"));
  EXPECT_EQ(progress.requests(), 1u);
  EXPECT_TRUE(progress.client_broken());
  progress.OnServerText(AsBytes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(progress.AllAnswered());
}

TEST(HttpProgress, HeadHasNoContentAndAnEndIsOne) {
  HttpProgress progress;
  progress.OnClientText(AsBytes("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
  progress.OnServerText(AsBytes("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"));
  EXPECT_EQ(progress.responses(), 1u);
  progress.OnClientText(AsBytes(kGet));
  progress.OnServerText(AsBytes("HTTP/1.1 200 OK\r\n\r\nuntil the end"));
  EXPECT_EQ(progress.responses(), 1u);
  progress.OnServerEnd();
  EXPECT_EQ(progress.responses(), 2u);
}

TEST(HttpProgress, ExchangesAreKeptWhenAsked) {
  HttpProgress progress(2);
  progress.OnClientText(AsBytes(kGet));
  progress.OnServerText(AsBytes(kOk));
  const std::vector<HttpExchange> finished = progress.TakeFinished();
  ASSERT_EQ(finished.size(), 1u);
  EXPECT_EQ(finished[0].target, "/a");
  EXPECT_EQ(finished[0].status, 200);
  EXPECT_EQ(finished[0].body_bytes, 3u);
  EXPECT_EQ(finished[0].body, "ab");
  EXPECT_TRUE(progress.TakeFinished().empty());
}

TEST(HttpProgress, Looks) {
  EXPECT_TRUE(LooksLikeHttp(AsBytes("GET / HTTP/1.1\r\n")));
  EXPECT_TRUE(LooksLikeHttp(AsBytes("POST /x")));
  EXPECT_FALSE(LooksLikeHttp(AsBytes("HELO there")));
  EXPECT_FALSE(LooksLikeHttp(AsBytes("GET")));
  EXPECT_FALSE(LooksLikeHttp({}));
}

}  // namespace
}  // namespace aether::replay
