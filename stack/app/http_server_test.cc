// Conversations with the HTTP server over a whole host. Times and limits stand in
// http_server_limits_test.cc, files in http_server_file_test.cc.
#include "stack/app/http_server.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <string>

#include "stack/app/test_network.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;

HostOptions Options() {
  HostOptions options;
  options.address = testing::kOurNetwork;
  return options;
}

std::string Static(HttpStatus status, HttpPersistence persistence = HttpPersistence::kDefault,
                   bool head_only = false) {
  const Bytes bytes = HttpResponses::Instance().Get(status, persistence, head_only).bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const std::string kGet = "GET / HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n";

// What the server says to `request` on a connection of its own; checks whether the connection stays
// open.
std::string Ask(std::string_view request, bool stays_open) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  client.Send(request);
  EXPECT_EQ(client.finished(), !stays_open) << request;
  EXPECT_FALSE(client.was_reset()) << request;
  return client.Take();
}

TEST(HttpServer, TheBuiltInPage) {
  const std::string page = Ask(kGet, true);
  EXPECT_EQ(page, Static(HttpStatus::kOk));
  EXPECT_TRUE(page.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_GE(page.size(), 350u);
  EXPECT_LE(page.size(), 450u);
  const size_t title = page.find("<title>");
  ASSERT_NE(title, page.npos);
  EXPECT_NE(page.substr(title, page.find("</title>") - title).find("Project Aether"), page.npos);
  const size_t body = page.find("\r\n\r\n") + 4;
  EXPECT_NE(page.find("Content-Length: " + std::to_string(page.size() - body) + "\r\n"), page.npos);
}

TEST(HttpServer, ResponseFinAndAckLeaveInOneFrame) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  const int before = client.segments();
  client.auto_acknowledge = false;
  client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.segments() - before, 1);
  EXPECT_EQ(client.last_flags() & (tcp_flags::kAck | tcp_flags::kFin),
            tcp_flags::kAck | tcp_flags::kFin);
  EXPECT_TRUE(client.all_acknowledged());
  EXPECT_EQ(client.received(), Static(HttpStatus::kOk, HttpPersistence::kClose));
  client.Acknowledge();
  client.Close();
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
  EXPECT_EQ(network.host->stack().time_wait_count(), 1u);
}

TEST(HttpServer, EveryByteInASegmentOfItsOwnAndEveryCutInTwo) {
  TestNetwork network(Options());
  TestClient& slow = network.Connect();
  slow.Send(kGet + kGet, 1);
  EXPECT_EQ(slow.received(), Static(HttpStatus::kOk) + Static(HttpStatus::kOk));
  const std::string text =
      "\r\nPOST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" +
      kGet;
  const std::string expected = Static(HttpStatus::kMethodNotAllowed) + Static(HttpStatus::kOk);
  TestClient& client = network.Connect();
  for (size_t cut = 1; cut < text.size(); ++cut) {
    client.Send(text.substr(0, cut));
    client.Send(text.substr(cut));
    ASSERT_EQ(client.Take(), expected) << cut;
  }
  EXPECT_FALSE(client.finished());
}

TEST(HttpServer, AHundredPipelinedRequests) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  std::string requests;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const bool head = i % 3 == 0;
    const bool missing = i % 5 == 0;
    requests += std::string(head ? "HEAD " : "GET ") + (missing ? "/nope" : "/") +
                " HTTP/1.1\r\nHost: a\r\n\r\n";
    expected +=
        Static(missing ? HttpStatus::kNotFound : HttpStatus::kOk, HttpPersistence::kDefault, head);
  }
  client.Send(requests);
  EXPECT_EQ(client.received(), expected);
  EXPECT_EQ(network.host->http()->counters().requests, 100u);
  EXPECT_EQ(network.host->http()->counters().responses[4], 20u);
  EXPECT_EQ(network.host->http()->counters().bytes_out, expected.size());
}

TEST(HttpServer, PipeliningWaitsForAClientThatDoesNotRead) {
  TestNetwork network(Options());
  TestClient& client = network.Connect();
  client.auto_acknowledge = false;
  client.window = 0;
  client.Acknowledge();
  std::string expected;
  for (int i = 0; i < 600; ++i) {
    client.Send(kGet);
    expected += Static(HttpStatus::kOk);
  }
  // More than the send queue holds is not answered yet.
  const uint64_t answered = network.host->http()->counters().requests;
  EXPECT_LT(answered, 200u);
  client.auto_acknowledge = true;
  client.window = 65535;
  client.Acknowledge();
  for (int i = 0; i < 20; ++i) network.Advance(10ms);
  EXPECT_EQ(network.host->http()->counters().requests, 600u);
  EXPECT_EQ(client.received(), expected);
}

// [RFC 9112 9.3] [RFC 9112 9.6] who keeps the connection and who is told what.
TEST(HttpServer, Persistence) {
  EXPECT_EQ(Ask(kGet, true), Static(HttpStatus::kOk));
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false),
            Static(HttpStatus::kOk, HttpPersistence::kClose));
  EXPECT_EQ(Ask("GET / HTTP/1.0\r\n\r\n", false), Static(HttpStatus::kOk, HttpPersistence::kClose));
  EXPECT_EQ(Ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
            Static(HttpStatus::kOk, HttpPersistence::kKeepAlive));
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kGet, false),
            Static(HttpStatus::kOk, HttpPersistence::kClose))
      << "nothing is answered behind a close";
}

TEST(HttpServer, Statuses) {
  const auto closed = [](HttpStatus status) { return Static(status, HttpPersistence::kClose); };
  // [RFC 9110 9.3.2] HEAD.
  EXPECT_EQ(Ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true),
            Static(HttpStatus::kOk, HttpPersistence::kDefault, true));
  EXPECT_EQ(Ask("GET /nope HTTP/1.1\r\nHost: a\r\n\r\n", true), Static(HttpStatus::kNotFound));
  EXPECT_EQ(Ask("GET /?q=1 HTTP/1.1\r\nHost: a\r\n\r\n", true), Static(HttpStatus::kOk));
  EXPECT_EQ(Ask("GET /./x/.. HTTP/1.1\r\nHost: a\r\n\r\n", true), Static(HttpStatus::kOk));
  EXPECT_EQ(Ask("GET http://10.0.0.2/ HTTP/1.1\r\nHost: a\r\n\r\n", true), Static(HttpStatus::kOk));
  // [RFC 9110 9.1] [RFC 9110 15.5.6] methods that are known, and one that is not.
  const std::string not_allowed = Ask("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", true);
  EXPECT_EQ(not_allowed, Static(HttpStatus::kMethodNotAllowed));
  EXPECT_NE(not_allowed.find("\r\nAllow: GET, HEAD\r\n"), not_allowed.npos);
  EXPECT_EQ(Ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", true),
            Static(HttpStatus::kMethodNotAllowed));
  EXPECT_EQ(Ask("BREW / HTTP/1.1\r\nHost: a\r\n\r\n", true), Static(HttpStatus::kNotImplemented));
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\n\r\n", false), closed(HttpStatus::kBadRequest));
  EXPECT_EQ(Ask("hello\r\n", false), closed(HttpStatus::kBadRequest));
  EXPECT_EQ(Ask("GET / HTTP/2.0\r\n\r\n", false), closed(HttpStatus::kVersionNotSupported));
  EXPECT_EQ(Ask("GET /" + std::string(8000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", false),
            closed(HttpStatus::kUriTooLong));
  EXPECT_EQ(Ask("GET /" + std::string(7999, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", true),
            Static(HttpStatus::kNotFound));
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(16384, 'a'), false),
            closed(HttpStatus::kHeadersTooLarge));
  // [RFC 9110 10.1.1] expectations: the final status at once, and no guess about the content.
  EXPECT_EQ(
      Ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", false),
      closed(HttpStatus::kMethodNotAllowed));
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", false),
            closed(HttpStatus::kExpectationFailed));
  // Paths that lead out of the root, however they are spelt (HTP004).
  for (const std::string_view path :
       {"/..", "/../etc/passwd", "/..%2f", "/%2e%2e/x", "/a%00", "/a%5c..", "/a\\b", "/%"}) {
    EXPECT_EQ(Ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n", false),
              closed(HttpStatus::kBadRequest))
        << path;
  }
}

// [RFC 9112 6.1] [RFC 9112 6.3] framing: content is skipped, and where it ends is never in doubt.
TEST(HttpServer, Content) {
  const auto closed = [](HttpStatus status) { return Static(status, HttpPersistence::kClose); };
  const std::string both = Static(HttpStatus::kMethodNotAllowed) + Static(HttpStatus::kOk);
  EXPECT_EQ(Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 38\r\n\r\nGET /evil "
                "HTTP/1.1\r\nHost: a\r\n\r\n1234567" +
                    kGet,
                true),
            both);
  EXPECT_EQ(Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + kGet, true), both);
  EXPECT_EQ(Ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                "chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n" +
                    kGet,
                true),
            both);
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + kGet, true),
            Static(HttpStatus::kOk) + Static(HttpStatus::kOk));
  EXPECT_EQ(
      Ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nX\r\n" + kGet, false),
      Static(HttpStatus::kMethodNotAllowed))
      << "after a broken chunk nothing can be trusted";
  EXPECT_EQ(
      Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" +
              kGet,
          false),
      closed(HttpStatus::kBadRequest));
  EXPECT_EQ(Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", false),
            closed(HttpStatus::kBadRequest));
  EXPECT_EQ(Ask("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", false),
            closed(HttpStatus::kNotImplemented));
  EXPECT_EQ(Ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", false),
            closed(HttpStatus::kContentTooLarge));
}

TEST(HttpServer, HalfCloses) {
  TestNetwork network(Options());
  TestClient& polite = network.Connect();
  polite.SendAndClose(kGet);
  EXPECT_EQ(polite.received(), Static(HttpStatus::kOk));
  EXPECT_TRUE(polite.finished());
  TestClient& silent = network.Connect();
  silent.Close();
  EXPECT_EQ(silent.received(), "");
  EXPECT_TRUE(silent.finished());
  TestClient& cut = network.Connect();
  cut.SendAndClose("GET / HT");
  EXPECT_EQ(cut.received(), Static(HttpStatus::kBadRequest, HttpPersistence::kClose));
  EXPECT_TRUE(cut.finished());
  TestClient& body = network.Connect();
  body.SendAndClose("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(body.received(), Static(HttpStatus::kMethodNotAllowed));
  EXPECT_TRUE(body.finished());
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
  EXPECT_EQ(network.host->stack().connection_count(), 0u);
}

TEST(HttpServer, ResetsAtAnyTimeLeaveNothingBehind) {
  TestNetwork network(Options());
  for (const std::string_view text :
       {"", "GET / H", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}) {
    TestClient& client = network.Connect();
    client.Send(text);
    client.Reset();
    EXPECT_EQ(network.host->http()->connection_count(), 0u) << text;
    EXPECT_EQ(network.host->stack().connection_count(), 0u) << text;
  }
}

TEST(HttpServer, OriginalEcho) {
  HostOptions options = Options();
  options.original_echo = true;
  TestNetwork network(options);
  TestClient& client = network.Connect();
  client.Send("hello\n");
  EXPECT_EQ(client.Take(), "Aether Echo: hello\n> ");
  client.Send("GETTING closer");
  EXPECT_EQ(client.Take(), "Aether Echo: GETTING closer> ");
  client.Send("GE");
  EXPECT_EQ(client.Take(), "") << "may become a method";
  client.Send("T / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.Take(), Static(HttpStatus::kOk));
  client.Send("\r\n");
  EXPECT_EQ(client.Take(), "Aether Echo: \r\n> ");
  client.Send("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(client.Take(), Static(HttpStatus::kMethodNotAllowed));
  const std::string large(5000, 'x');
  // In one batch, so that it is one read.
  std::vector<Frame> frames;
  for (size_t at = 0; at < large.size(); at += 1000)
    frames.push_back(client.Segment(large.substr(at, 1000), tcp_flags::kAck));
  network.Deliver(frames);
  EXPECT_EQ(client.Take(), "Aether Echo: " + large + "> ");
  EXPECT_EQ(network.host->http()->counters().echoes, 4u);
  EXPECT_FALSE(client.finished());
}

// Every counter of several workers is summed: replays of two workers lost their echoes.
TEST(HttpServer, CountersAddUpWhole) {
  std::array<uint64_t, sizeof(HttpCounters) / sizeof(uint64_t)> numbers;
  static_assert(sizeof numbers == sizeof(HttpCounters));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = i + 1;
  auto sum = std::bit_cast<HttpCounters>(numbers);
  sum.Add(sum);
  const auto doubled = std::bit_cast<decltype(numbers)>(sum);
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(doubled[i], 2 * (i + 1)) << i;
}

}  // namespace
}  // namespace aether::app
