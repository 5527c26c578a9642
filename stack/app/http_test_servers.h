// For the tests of the HTTP client: a pair of stacks with a client on one, and on the other a
// server that does what it is told, or our own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stack/app/http_client.h"
#include "stack/app/http_server.h"
#include "stack/testing/stack_pair.h"

namespace aether::app {

inline constexpr uint16_t kServerPort = 80;

class HttpTestPair : public testing::StackPair {
 public:
  explicit HttpTestPair(const HttpClientLimits& limits = {}, Config config = {})
      : StackPair(config), client(a.stack, {.owner = 3, .limits = limits}, now) {
    a.on_event = [this](const Event& event, Instant when) { client.OnEvent(event, when); };
    a.advance = [this](Instant when) { client.Advance(when); };
    a.deadline = [this] { return client.NextDeadline(); };
  }

  // What the peer accepts is in `accepted`; what it gets in `received`.
  void ListenRaw() {
    const auto listener = b.stack.TcpListen(kServerPort, {});
    ASSERT_TRUE(listener);
    b.on_event = [this, listener = *listener](const Event& event, Instant) {
      if (event.kind == Event::Kind::kAcceptable) {
        while (const auto id = b.stack.Accept(listener)) {
          b.stack.SetOptions(*id, {.no_delay = true});
          accepted.push_back(*id);
          received.emplace_back();
        }
      }
      for (size_t i = 0; i < accepted.size(); ++i) {
        while (true) {
          const Bytes piece = b.stack.Peek(accepted[i]);
          if (piece.empty()) break;
          received[i].append(reinterpret_cast<const char*>(piece.data()), piece.size());
          b.stack.Consume(accepted[i], piece.size());
        }
      }
    };
  }
  // From the peer, on its last connection.
  void Say(std::string_view text) {
    const Bytes bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    EXPECT_EQ(b.stack.Write(accepted.back(), bytes), text.size());
    Settle();
  }
  void CloseServer() {
    b.stack.Close(accepted.back());
    Settle();
  }
  void ResetServer() {
    b.stack.Abort(accepted.back());
    Settle();
  }

  HttpRequestId Start(HttpRequest request = {}) {
    request.server = {testing::kPeerIp, kServerPort};
    if (request.host.empty()) request.host = "a.example";
    if (request.target.empty()) request.target = "/";
    const auto id = client.Start(request, now);
    EXPECT_TRUE(id.has_value());
    Settle();
    return id.value_or(HttpRequestId{});
  }
  // Takes all content that is there now, `bite` bytes at once.
  std::string Take(HttpRequestId id, size_t bite = SIZE_MAX) {
    std::string body;
    while (true) {
      const Bytes piece = client.Peek(id);
      if (piece.empty()) return body;
      const size_t size = std::min(bite, piece.size());
      body.append(reinterpret_cast<const char*>(piece.data()), size);
      client.Consume(id, size, now);
    }
  }

  HttpClient client;
  std::vector<ConnectionId> accepted;
  std::vector<std::string> received;
};

}  // namespace aether::app
