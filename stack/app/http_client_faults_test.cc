// What goes wrong with a server, and how the client says so.
#include <gtest/gtest.h>

#include "stack/app/http_client.h"
#include "stack/app/http_test_servers.h"
#include "stack/base/random.h"

namespace aether::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HttpClientFaultsTest : public ::testing::Test {
 protected:
  void ExpectFailure(HttpRequestId id, HttpFailure failure, Drop fault = Drop::kNone) {
    EXPECT_EQ(pair_.client.phase(id), HttpPhase::kFailed);
    EXPECT_EQ(pair_.client.failure(id), failure);
    if (fault != Drop::kNone) {
      EXPECT_EQ(pair_.client.fault(id), fault);
    }
    EXPECT_EQ(pair_.a.stack.connection_count(), 0u);
    EXPECT_EQ(pair_.client.NextDeadline(), kNever);
  }
  HttpTestPair pair_;
};

TEST_F(HttpClientFaultsTest, Refused) { ExpectFailure(pair_.Start(), HttpFailure::kRefused); }

TEST_F(HttpClientFaultsTest, NoAnswerToTheSyn) {
  pair_.ListenRaw();
  pair_.b.cut = true;
  const HttpRequestId id = pair_.Start({.connect_timeout = seconds(3)});
  pair_.Advance(milliseconds(2990));
  EXPECT_EQ(pair_.client.phase(id), HttpPhase::kConnecting);
  pair_.Advance(milliseconds(20));
  ExpectFailure(id, HttpFailure::kConnectTimeout);
}

TEST_F(HttpClientFaultsTest, TheStackGivesUpFirst) {
  pair_.ListenRaw();
  pair_.b.cut = true;
  const HttpRequestId id = pair_.Start({.connect_timeout = seconds(0)});
  pair_.Advance(seconds(400));
  ExpectFailure(id, HttpFailure::kConnectTimeout);
}

TEST_F(HttpClientFaultsTest, SilenceBeforeAndWithinAResponse) {
  pair_.ListenRaw();
  for (const std::string_view begin :
       {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}) {
    const HttpRequestId id = pair_.Start({.idle_timeout = seconds(10)});
    pair_.Advance(seconds(9));
    if (!begin.empty()) {
      pair_.Say(begin);
      pair_.Advance(milliseconds(9900));
      EXPECT_LT(pair_.client.phase(id), HttpPhase::kDone);
    }
    pair_.Advance(milliseconds(1100));
    ExpectFailure(id, HttpFailure::kIdleTimeout);
    pair_.client.Release(id);
  }
}

// Progress does not extend the deadline of it all.
TEST_F(HttpClientFaultsTest, DripsUntilTheDeadline) {
  pair_.ListenRaw();
  const HttpRequestId id = pair_.Start({.deadline = pair_.now + seconds(5)});
  pair_.Say("HTTP/1.1 200 OK\r\n\r\n");
  for (int i = 0; i < 49; ++i) {
    EXPECT_EQ(pair_.client.phase(id), HttpPhase::kBody);
    pair_.Say("x");
    pair_.Take(id);
    pair_.Advance(milliseconds(100));
  }
  pair_.Advance(milliseconds(102));
  ExpectFailure(id, HttpFailure::kDeadline);
}

TEST_F(HttpClientFaultsTest, ResetMidway) {
  pair_.ListenRaw();
  const HttpRequestId waiting = pair_.Start();
  pair_.ResetServer();
  ExpectFailure(waiting, HttpFailure::kReset);
  const HttpRequestId id = pair_.Start();
  pair_.Say("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
  pair_.ResetServer();
  ExpectFailure(id, HttpFailure::kReset);
  EXPECT_EQ(pair_.client.response(id)->status(), 200);
  EXPECT_TRUE(pair_.client.Peek(id).empty());
}

TEST_F(HttpClientFaultsTest, ClosedTooEarly) {
  pair_.ListenRaw();
  const std::string_view beginnings[] = {
      "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"};
  for (const std::string_view begin : beginnings) {
    const HttpRequestId id = pair_.Start();
    pair_.Say(begin);
    pair_.CloseServer();
    pair_.Take(id);
    ExpectFailure(id, HttpFailure::kClosedEarly);
    pair_.client.Release(id);
  }
  const HttpRequestId id = pair_.Start();
  pair_.CloseServer();
  ExpectFailure(id, HttpFailure::kNoResponse);
}

TEST_F(HttpClientFaultsTest, BadResponses) {
  pair_.ListenRaw();
  const std::pair<std::string_view, Drop> bad[] = {
      {"SSH-2.0-x\r\n", Drop::kHttpBadResponse},
      {"HTTP/2.0 200 OK\r\n\r\n", Drop::kHttpBadVersion},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Drop::kHttpBadLength},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Drop::kHttpBadCoding},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Drop::kHttpBadChunk}};
  for (const auto& [text, fault] : bad) {
    const HttpRequestId id = pair_.Start();
    pair_.Say(text);
    ExpectFailure(id, HttpFailure::kBadResponse, fault);
    pair_.Settle();
    EXPECT_EQ(pair_.b.stack.Readable(pair_.accepted.back()), 0u);
    pair_.client.Release(id);
  }
}

TEST_F(HttpClientFaultsTest, TheAddressIsLost) {
  pair_.ListenRaw();
  const HttpRequestId id = pair_.Start();
  pair_.a.stack.ClearAddress();
  pair_.Settle();
  ExpectFailure(id, HttpFailure::kLost);
}

TEST_F(HttpClientFaultsTest, ReleasedMidwayResetsTheServer) {
  pair_.ListenRaw();
  const HttpRequestId id = pair_.Start();
  pair_.Say("HTTP/1.1 200 OK\r\n\r\nhello");
  pair_.client.Release(id);
  pair_.Settle();
  EXPECT_EQ(pair_.a.stack.connection_count(), 0u);
  EXPECT_EQ(pair_.b.stack.Inspect(pair_.accepted.back())->state, tcp::State::kClosed);
  EXPECT_EQ(pair_.client.counters().released, 1u);
}

TEST_F(HttpClientFaultsTest, LimitsOfTheResponse) {
  HttpTestPair small({.response = {.head_bytes_max = 100, .body_bytes_max = 10}});
  small.ListenRaw();
  const HttpRequestId first = small.Start();
  small.Say("HTTP/1.1 200 OK\r\nA: " + std::string(100, 'x'));
  EXPECT_EQ(small.client.fault(first), Drop::kHttpHeadersTooLarge);
  const HttpRequestId second = small.Start();
  small.Say("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(small.client.fault(second), Drop::kHttpBodyTooLong);
  const HttpRequestId third = small.Start();
  small.Say("HTTP/1.1 200 OK\r\n\r\n" + std::string(11, 'x'));
  small.Take(third);
  EXPECT_EQ(small.client.fault(third), Drop::kHttpBodyTooLong);
  EXPECT_EQ(small.client.phase(third), HttpPhase::kFailed);
}

// A server that says anything, in any pieces, and ends in any way: the client comes to an end,
// hands out no more than was sent, and leaves nothing behind.
TEST_F(HttpClientFaultsTest, RandomServers) {
  pair_.ListenRaw();
  Random random({77, 6});
  const std::string_view parts[] = {"HTTP/1.1 200 OK\r\n",
                                    "HTTP/1.1 302 F\r\nLocation: /x\r\n",
                                    "HTTP/1.1 100 C\r\n\r\n",
                                    "Content-Length: 5\r\n",
                                    "Transfer-Encoding: chunked\r\n",
                                    "\r\n",
                                    "5\r\nhello\r\n",
                                    "hello",
                                    "0\r\n\r\n",
                                    "\n",
                                    "x: y\r\n"};
  int done = 0;
  for (int round = 0; round < 1500; ++round) {
    const HttpRequestId id = pair_.Start({.idle_timeout = seconds(2)});
    size_t sent = 0;
    size_t taken = 0;
    for (uint32_t pieces = 1 + random.Below(7); pieces > 0; --pieces) {
      if (pair_.client.phase(id) >= HttpPhase::kDone) break;
      const std::string_view part =
          parts[random.Below(sent == 0 ? 3u : uint32_t{std::size(parts)})];
      sent += part.size();
      pair_.Say(part);
      taken += pair_.Take(id, 1 + random.Below(4)).size();
    }
    switch (random.Below(3)) {
      case 0:
        pair_.ResetServer();
        break;
      case 1:
        pair_.CloseServer();
        break;
      default:
        pair_.Advance(seconds(3));
    }
    taken += pair_.Take(id).size();
    ASSERT_GE(pair_.client.phase(id), HttpPhase::kDone);
    ASSERT_LE(taken, sent);
    ASSERT_EQ(taken, pair_.client.body_bytes(id));
    done += pair_.client.phase(id) == HttpPhase::kDone;
    pair_.client.Release(id);
    pair_.b.stack.Abort(pair_.accepted.back());
    pair_.accepted.clear();
    pair_.received.clear();
    pair_.Settle();
    ASSERT_EQ(pair_.a.stack.connection_count(), 0u);
  }
  EXPECT_GT(done, 50);
}

}  // namespace
}  // namespace aether::app
