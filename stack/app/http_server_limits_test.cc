// The HTTP server's deadlines and bounds, on virtual time.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stack/app/http_server.h"
#include "stack/app/test_network.h"
#include "stack/testing/memory_content.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kClosing = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

HostOptions Options(std::optional<HttpLimits> limits = {}) {
  HostOptions options;
  options.address = testing::kOurNetwork;
  options.http_limits = limits;
  return options;
}

std::string Static(HttpStatus status, HttpPersistence persistence = HttpPersistence::kDefault) {
  const Bytes bytes = HttpResponses::Instance().Get(status, persistence, false).bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const HttpCounters& CountersOf(const TestNetwork& network) {
  return network.host->http()->counters();
}

// A byte now and then does not move the deadline (HTP005). [RFC 9110 15.5.9] 408 for what is not
// complete in time.
TEST(HttpServerLimits, SlowHeadEndsAtItsDeadline) {
  for (const Duration pause : {Duration(500ms), Duration(3s), Duration(9s)}) {
    TestNetwork network(Options());
    TestClient& client = network.Connect();
    const Instant start = network.now;
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1000, 'x');
    for (size_t at = 0; !client.finished(); ++at) {
      ASSERT_LT(at, 100u);
      client.Send(text.substr(at, 1));
      network.Advance(std::min(pause, start + 10s - network.now + 5ms));
      ASSERT_TRUE(network.now >= start + 10s || !client.finished());
    }
    EXPECT_LT(network.now - start, 10s + 10ms);
    EXPECT_EQ(client.received(), Static(HttpStatus::kRequestTimeout, HttpPersistence::kClose));
    EXPECT_EQ(CountersOf(network).timeouts, 1u);
    network.Advance(5s);
    EXPECT_EQ(network.host->http()->connection_count(), 0u);
  }
}

TEST(HttpServerLimits, ASilentConnectionEndsWithoutAWord) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  network.Advance(9990ms);
  EXPECT_FALSE(client.finished());
  network.Advance(20ms);
  EXPECT_TRUE(client.finished());
  EXPECT_EQ(client.received(), "");
  network.Advance(3s);
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
}

TEST(HttpServerLimits, IdleTimeAndTheDeadlineOfALaterHead) {
  TestNetwork network(Options());
  TestClient& idle = network.Connect();
  idle.Send(kGet);
  TestClient& late = network.Connect();
  late.Send(kGet);
  late.Take();
  network.Advance(50s);
  late.Send("G");
  network.Advance(9s);
  late.Send("E");
  EXPECT_FALSE(late.finished());
  EXPECT_FALSE(idle.finished());
  network.Advance(1010ms);
  EXPECT_EQ(late.received(), Static(HttpStatus::kRequestTimeout, HttpPersistence::kClose))
      << "10 s after its first byte";
  EXPECT_TRUE(idle.finished()) << "60 s after the response";
  EXPECT_EQ(idle.received(), Static(HttpStatus::kOk));
  EXPECT_EQ(CountersOf(network).timeouts, 2u);
}

TEST(HttpServerLimits, AContentThatDoesNotCome) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 29; ++i) {
    network.Advance(1s);
    client.Send("x");
  }
  EXPECT_FALSE(client.finished());
  network.Advance(1100ms);
  EXPECT_TRUE(client.finished());
  EXPECT_FALSE(client.was_reset());
}

TEST(HttpServerLimits, AClientThatTakesNothingIsReset) {
  testing::MemoryContent content;
  content.Add("/big", std::string(1 << 20, 'b'));
  HostOptions options = Options();
  options.content = &content;
  TestNetwork network(options);
  TestClient& client = network.Connect();
  client.auto_acknowledge = false;
  client.window = 2000;
  client.Send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(network.host->http()->transfer_count(), 1u);
  network.Advance(29900ms);
  EXPECT_FALSE(client.was_reset());
  network.Advance(200ms);
  EXPECT_TRUE(client.was_reset());
  EXPECT_EQ(CountersOf(network).aborted, 1u);
  EXPECT_EQ(network.host->http()->transfer_count(), 0u);
  EXPECT_EQ(network.host->stack().connection_count(), 0u);

  TestClient& page = network.Connect();
  page.auto_acknowledge = false;
  page.Send(kGet);
  network.Advance(60100ms);
  EXPECT_TRUE(page.was_reset()) << "an idle connection whose response was never taken";
}

TEST(HttpServerLimits, ProgressThatIsTooSlowIsBounded) {
  testing::MemoryContent content;
  content.Add("/big", std::string(300'000, 'b'));
  HttpLimits limits;
  limits.send_bytes_per_second_min = 10'000;
  HostOptions options = Options(limits);
  options.content = &content;
  TestNetwork network(options);
  TestClient& client = network.Connect();
  client.auto_acknowledge = false;
  client.window = 1460;
  client.Send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  const Instant start = network.now;
  // A segment every 5 s is progress, but 30 s and 300,000 / 10,000 s are all it gets.
  while (!client.was_reset()) {
    ASSERT_LT(network.now - start, 100s);
    network.Advance(5s);
    client.Acknowledge();
  }
  EXPECT_GE(network.now - start, 60s);
  EXPECT_LE(network.now - start, 66s);
}

// [RFC 9112 9.6] the response must reach a client that is still sending.
TEST(HttpServerLimits, LingersForWhatTheClientStillSends) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  client.Send(kClosing);
  EXPECT_TRUE(client.finished());
  for (int i = 0; i < 100; ++i) client.Send(std::string(1000, 'x'));
  network.Advance(1900ms);
  client.Send("more");
  EXPECT_FALSE(client.was_reset());
  EXPECT_EQ(network.host->http()->connection_count(), 1u);
  network.Advance(4200ms);
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
  client.Send("too late");
  EXPECT_TRUE(client.was_reset());
  EXPECT_EQ(client.received(), Static(HttpStatus::kOk, HttpPersistence::kClose));
}

TEST(HttpServerLimits, LingeringIsBoundedInBytes) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  client.Send("garbage\r\n\r\n");
  int sent_bytes = 0;
  for (; !client.was_reset() && sent_bytes < 1'000'000; sent_bytes += 1000)
    client.Send(std::string(1000, 'x'));
  EXPECT_TRUE(client.was_reset());
  EXPECT_NEAR(sent_bytes, 256 * 1024, 2000);
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
}

// Memory for heads that come in pieces is bounded; whoever sends a head at once is not concerned
// (HTP005).
TEST(HttpServerLimits, PartialHeadsAtTheirLimit) {
  HttpLimits limits;
  limits.partial_heads_bytes_max = 3 * (2048 + 8);
  TestNetwork network(Options(limits));
  std::vector<TestClient*> slow;
  for (int i = 0; i < 3; ++i) {
    slow.push_back(&network.Connect());
    slow.back()->Send("GET / HT");
    EXPECT_FALSE(slow.back()->finished());
  }
  EXPECT_EQ(network.host->http()->partial_heads_bytes(), limits.partial_heads_bytes_max);
  TestClient& refused = network.Connect();
  refused.Send("G");
  EXPECT_EQ(refused.received(), Static(HttpStatus::kUnavailable, HttpPersistence::kClose));
  TestClient& whole = network.Connect();
  whole.Send(kGet);
  EXPECT_EQ(whole.received(), Static(HttpStatus::kOk));
  slow[0]->Send("TP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(slow[0]->received(), Static(HttpStatus::kOk));
  slow[1]->Reset();
  EXPECT_EQ(network.host->http()->partial_heads_bytes(), 2048u + 8u);
  whole.Send("GET");
  EXPECT_FALSE(whole.finished());
  network.Advance(15s);
  EXPECT_EQ(network.host->http()->partial_heads_bytes(), 0u) << "the deadline ended all of them";
}

TEST(HttpServerLimits, ConnectionsAtTheirLimit) {
  HttpLimits limits;
  limits.connections_max = 3;
  TestNetwork network(Options(limits));
  TestClient& first = network.Connect();
  network.Connect();
  network.Connect();
  TestClient& refused = network.Connect();
  EXPECT_TRUE(refused.was_reset());
  EXPECT_EQ(CountersOf(network).refused, 1u);
  first.Reset();
  TestClient& next = network.Connect();
  next.Send(kGet);
  EXPECT_EQ(next.received(), Static(HttpStatus::kOk));
  EXPECT_EQ(network.host->http()->connection_count(), 3u);
}

TEST(HttpServerLimits, WithoutMemoryForAResponseItTriesAgain) {
  HostOptions options = Options();
  options.stack.buffers.send_items_max = 2;
  TestNetwork network(options);
  TestClient& holder = network.Connect();
  holder.auto_acknowledge = false;
  holder.Send(kGet + kGet);
  TestClient& client = network.Connect();
  client.Send(kGet);
  EXPECT_EQ(client.received(), "");
  network.Advance(1s);
  EXPECT_EQ(client.received(), "");
  holder.Acknowledge();
  network.Advance(100ms);
  EXPECT_EQ(client.received(), Static(HttpStatus::kOk));
  EXPECT_EQ(holder.received(), Static(HttpStatus::kOk) + Static(HttpStatus::kOk));
}

}  // namespace
}  // namespace aether::app
