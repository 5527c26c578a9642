// Random conversations, seeded: whatever clients do, and however short the stack's memory is,
// nothing is left in the end.
#include <gtest/gtest.h>

#include <string>

#include "stack/app/echo_server.h"
#include "stack/app/http_server.h"
#include "stack/app/test_network.h"
#include "stack/base/random.h"
#include "stack/testing/memory_content.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;

std::string RandomText(Random& random) {
  static constexpr std::string_view kPieces[] = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "GET /small HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
      "HEAD /big HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "GET /nope HTTP/1.0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n",
      "GET /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
      "5\r\nhello\r\n",
      "0\r\n\r\n",
      "GET /..%2f HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHos",
      "t: a\r\n\r\n",
      "BREW",
      "\r\n",
      "\x01\x02",
  };
  std::string text;
  for (uint32_t i = random.Below(6) + 1; i > 0; --i)
    text += kPieces[random.Below(std::size(kPieces))];
  if (random.Below(4) == 0)
    text = text.substr(0, random.Below(static_cast<uint32_t>(text.size()) + 1));
  if (random.Below(10) == 0) text += std::string(random.Below(20'000), 'x');
  return text;
}

void Act(TestNetwork& network, TestClient& client, Random& random) {
  switch (random.Below(16)) {
    case 0:
      client.Close();
      break;
    case 1:
      client.Reset();
      break;
    case 2:
      client.auto_acknowledge = !client.auto_acknowledge;
      client.Acknowledge();
      break;
    case 3:
      client.window = static_cast<uint16_t>(random.Below(3) == 0 ? 0 : random.Below(65536));
      client.Acknowledge();
      break;
    case 4:
      network.Advance(std::chrono::milliseconds(random.Below(20'000)));
      break;
    default:
      client.Send(RandomText(random), random.Below(3) == 0 ? 1 + random.Below(50) : 1460);
      break;
  }
}

void Converse(uint64_t seed, HostOptions options) {
  Random random({seed, 99});
  testing::MemoryContent content;
  content.Add("/small", std::string(300, 's'));
  content.Add("/big", std::string(150'000, 'b'));
  options.address = testing::kOurNetwork;
  if (random.Below(2) == 0) options.content = &content;
  options.original_echo = random.Below(4) == 0;
  TestNetwork network(options);
  std::vector<TestClient*> clients;
  for (int step = 0; step < 150; ++step) {
    if (clients.size() < 8 && random.Below(4) == 0) {
      clients.push_back(&network.NewClient(random.Below(5) == 0 ? 7 : 80));
      clients.back()->Connect();
    }
    if (clients.empty()) continue;
    const uint32_t pick = random.Below(static_cast<uint32_t>(clients.size()));
    TestClient& client = *clients[pick];
    if (!client.connected() || client.was_reset() || client.finished()) {
      clients.erase(clients.begin() + pick);
      continue;
    }
    Act(network, client, random);
    ASSERT_LE(network.host->http()->connection_count(), network.host->stack().connection_count());
  }
  for (int i = 0; i < 40; ++i) network.Advance(30s);
  EXPECT_EQ(network.host->http()->connection_count(), 0u) << seed;
  EXPECT_EQ(network.host->http()->transfer_count(), 0u) << seed;
  EXPECT_EQ(network.host->http()->partial_heads_bytes(), 0u) << seed;
  EXPECT_EQ(network.host->echo()->connection_count(), 0u) << seed;
  EXPECT_EQ(network.host->stack().connection_count(), 0u) << seed;
  const HttpCounters& counters = network.host->http()->counters();
  EXPECT_EQ(counters.requests,
            counters.responses[2] + counters.responses[4] + counters.responses[5])
      << seed;
}

TEST(HttpServerRandom, NothingIsLeft) {
  for (uint64_t seed = 0; seed < 150; ++seed) Converse(seed, {});
}

TEST(HttpServerRandom, NothingIsLeftWhenMemoryIsShort) {
  for (uint64_t seed = 1000; seed < 1150; ++seed) {
    HostOptions options;
    options.stack.buffers.send_items_max = 3 + static_cast<uint32_t>(seed % 5);
    options.stack.buffers.chunks_max = 8 + static_cast<uint32_t>(seed % 7);
    options.http_limits.emplace().connections_max = 4;
    options.http_limits->transfers_max = 1;
    Converse(seed, options);
  }
}

TEST(HttpServerRandom, TheSameRunTwiceIsTheSame) {
  std::string first;
  for (int run = 0; run < 2; ++run) {
    Random random({5, 5});
    HostOptions options;
    options.address = testing::kOurNetwork;
    TestNetwork network(options);
    TestClient& client = network.Connect();
    for (int i = 0; i < 50 && !client.finished(); ++i) client.Send(RandomText(random));
    if (run == 0) {
      first = client.received();
    } else {
      EXPECT_TRUE(client.received() == first);
    }
  }
  EXPECT_FALSE(first.empty());
}

}  // namespace
}  // namespace aether::app
