#include "stack/app/http_client.h"

#include <gtest/gtest.h>

#include "stack/app/http_test_servers.h"
#include "stack/testing/counting_allocator.h"
#include "stack/testing/memory_content.h"

namespace aether::app {
namespace {

using std::chrono::seconds;

std::string Text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 31 + i / 977) % 26);
  return text;
}

// Our own server, with files of several sizes.
class OwnServerTest : public ::testing::Test {
 protected:
  OwnServerTest() {
    content_.Add("/empty", "");
    content_.Add("/one", "x");
    content_.Add("/large", Pattern(3'000'000));
    auto created =
        HttpServer::Create(pair_.b.stack, {.content = &content_, .limits = {}}, pair_.now);
    server_ = std::move(*created);
    pair_.b.on_event = [this](const Event& event, Instant now) { server_->OnEvent(event, now); };
    pair_.b.advance = [this](Instant now) { server_->Advance(now); };
    pair_.b.deadline = [this] { return server_->NextDeadline(); };
  }

  // The whole body; the connection is gone from both sides afterwards.
  std::string Get(std::string_view target, uint16_t status = 200, bool head = false) {
    const HttpRequestId id = pair_.Start({.target = target, .head = head});
    std::string body;
    const auto is_done = [&] {
      body += pair_.Take(id, 100'000);
      return pair_.client.phase(id) >= HttpPhase::kDone;
    };
    EXPECT_TRUE(pair_.AdvanceUntil(is_done, seconds(5)));
    EXPECT_EQ(pair_.client.phase(id), HttpPhase::kDone);
    EXPECT_EQ(pair_.client.failure(id), HttpFailure::kNone);
    EXPECT_EQ(pair_.client.response(id)->status(), status);
    EXPECT_EQ(pair_.client.body_bytes(id), body.size());
    pair_.client.Release(id);
    pair_.Advance(seconds(1));
    EXPECT_EQ(pair_.a.stack.connection_count(), 0u);
    EXPECT_EQ(pair_.b.stack.connection_count(), 0u);
    return body;
  }

  HttpTestPair pair_;
  testing::MemoryContent content_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(OwnServerTest, FilesOfAllSizes) {
  EXPECT_EQ(Get("/empty"), "");
  EXPECT_EQ(Get("/one"), "x");
  EXPECT_TRUE(Get("/large") == Pattern(3'000'000));
}

TEST_F(OwnServerTest, HeadHasNoContent) { EXPECT_EQ(Get("/large", 200, true), ""); }

TEST_F(OwnServerTest, NotFound) { EXPECT_FALSE(Get("/missing", 404).empty()); }

TEST_F(OwnServerTest, ManyAtOnceAtTheLimit) {
  HttpTestPair small({.requests_max = 2});
  small.ListenRaw();
  const HttpRequestId first = small.Start();
  small.Start();
  EXPECT_EQ(
      small.client.Start({.server = {testing::kPeerIp, 80}, .host = "a", .target = "/"}, small.now)
          .error(),
      Error::kTooMany);
  small.client.Release(first);
  EXPECT_EQ(small.client.phase(first), HttpPhase::kNone);
  small.Start();
}

// Who does not consume stops the server, and loses nothing when he goes on.
TEST_F(OwnServerTest, BackPressure) {
  const HttpRequestId id = pair_.Start({.target = "/large", .idle_timeout = seconds(5)});
  pair_.Advance(seconds(20));  // more than the idle timeout: the server is not to blame
  EXPECT_EQ(pair_.client.phase(id), HttpPhase::kBody);
  const size_t held =
      pair_.a.stack.Inspect({}).has_value() ? 0 : pair_.client.Inspect(id)->receive_queue_bytes;
  EXPECT_GT(held, 10'000u);
  EXPECT_LT(held, 1'000'000u);
  std::string body;
  EXPECT_TRUE(pair_.AdvanceUntil(
      [&] {
        body += pair_.Take(id, 1000);
        return pair_.client.phase(id) == HttpPhase::kDone;
      },
      seconds(20)));
  EXPECT_TRUE(body == Pattern(3'000'000));
}

TEST(HttpClientTest, TheRequest) {
  HttpTestPair pair;
  pair.ListenRaw();
  pair.Start({.host = "a.example:81", .target = "/x?y=z", .head = true});
  ASSERT_EQ(pair.received.size(), 1u);
  EXPECT_EQ(pair.received[0],
            "HEAD /x?y=z HTTP/1.1\r\nHost: a.example:81\r\nUser-Agent: aether-fetch\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n");
}

TEST(HttpClientTest, WhatCannotStandInARequest) {
  HttpTestPair pair({.request_bytes_max = 200});
  const auto error = [&](std::string_view host, std::string_view target) {
    const auto id = pair.client.Start(
        {.server = {testing::kPeerIp, 80}, .host = host, .target = target}, pair.now);
    return id ? ErrorText(Error{}) : ErrorText(id.error());
  };
  const std::string_view bad = ErrorText(Error::kBadArgument);
  EXPECT_EQ(error("", "/"), bad);
  EXPECT_EQ(error("a b", "/"), bad);
  EXPECT_EQ(error("a\r\nX: y", "/"), bad);
  EXPECT_EQ(error("a", "x"), bad);
  EXPECT_EQ(error("a", "/ HTTP/1.1\r\n"), bad);
  EXPECT_EQ(error("a", "/" + std::string(200, 'x')), ErrorText(Error::kTooLong));
  EXPECT_EQ(pair.a.stack.connection_count(), 0u);
  const auto no_route = pair.client.Start(
      {.server = {Ipv4Address::Of(99, 0, 0, 1), 80}, .host = "a", .target = "/"}, pair.now);
  EXPECT_EQ(no_route.error(), Error::kNoRoute);
}

TEST(HttpClientTest, PhasesAndTheHead) {
  HttpTestPair pair;
  pair.ListenRaw();
  const HttpRequestId id = pair.Start();
  EXPECT_EQ(pair.client.phase(id), HttpPhase::kWaiting);
  EXPECT_EQ(pair.client.response(id), nullptr);
  EXPECT_TRUE(pair.client.head(id).empty());
  pair.Say("HTTP/1.1 200 OK\r\nContent-");
  EXPECT_EQ(pair.client.phase(id), HttpPhase::kWaiting);
  pair.Say("Length: 5\r\n\r\nhel");
  EXPECT_EQ(pair.client.phase(id), HttpPhase::kBody);
  EXPECT_EQ(Text(pair.client.head(id)), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(Text(pair.client.Peek(id)), "hel");
  EXPECT_EQ(Text(pair.client.Peek(id, 1)), "el");
  EXPECT_TRUE(pair.client.Peek(id, 3).empty());
  pair.client.Consume(id, 2, pair.now);
  EXPECT_EQ(Text(pair.client.Peek(id)), "l");
  pair.Say("lo and more that nobody asked for");
  EXPECT_EQ(Text(pair.client.Peek(id, 1)), "lo");  // never beyond the content
  EXPECT_EQ(pair.Take(id), "llo");
  EXPECT_EQ(pair.client.phase(id), HttpPhase::kDone);
  EXPECT_EQ(pair.client.body_bytes(id), 5u);
  EXPECT_TRUE(pair.client.Inspect(id).has_value());
  EXPECT_EQ(pair.client.Inspect(id)->remote, (Ipv4Endpoint{testing::kPeerIp, 80}));
  pair.client.Release(id);
  EXPECT_EQ(pair.client.phase(id), HttpPhase::kNone);
  EXPECT_EQ(pair.client.response(id), nullptr);
}

// Every way to end a body, each byte a segment of its own.
TEST(HttpClientTest, BodiesByteByByte) {
  const std::string responses[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
      "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nhello world"};
  for (const std::string& response : responses) {
    HttpTestPair pair;
    pair.ListenRaw();
    const HttpRequestId id = pair.Start();
    std::string body;
    for (const char c : response) {
      pair.Say(std::string_view(&c, 1));
      body += pair.Take(id);
    }
    if (response.starts_with("HTTP/1.0")) {
      EXPECT_EQ(pair.client.phase(id), HttpPhase::kBody);
      pair.CloseServer();
    }
    EXPECT_EQ(body, "hello world");
    EXPECT_EQ(pair.client.phase(id), HttpPhase::kDone) << response;
  }
}

TEST(HttpClientTest, NoAllocationPerPacket) {
  HttpTestPair pair;
  pair.ListenRaw();
  const HttpRequestId warm = pair.Start();
  pair.Say("HTTP/1.1 204 No\r\n\r\n");
  pair.client.Release(warm);
  const testing::AllocationScope scope;
  const auto id = pair.client.Start(
      {.server = {testing::kPeerIp, 80}, .host = "a.example", .target = "/"}, pair.now);
  EXPECT_EQ(scope.count(), 0u);
  pair.Settle();
  pair.Say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  const testing::AllocationScope taking;
  while (const size_t size = pair.client.Peek(*id).size()) pair.client.Consume(*id, size, pair.now);
  EXPECT_EQ(pair.client.phase(*id), HttpPhase::kDone);
  EXPECT_EQ(taking.count(), 0u);
}

}  // namespace
}  // namespace aether::app
