// Files over HTTP.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "stack/app/http_server.h"
#include "stack/app/test_network.h"
#include "stack/testing/memory_content.h"

namespace aether::app {
namespace {

using namespace std::chrono_literals;

std::string Body(size_t size) {
  std::string body(size, '\0');
  for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 2654435761u >> 13);
  return body;
}

std::string Numbered(std::string text, size_t number) {
  return text.append(std::to_string(number));
}

std::string Header(std::string_view media_type, size_t size, std::string_view connection = "") {
  return "HTTP/1.1 200 OK\r\nServer: Aether\r\n" + std::string(connection) +
         "Content-Type: " + std::string(media_type) +
         "\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
}

std::string Get(std::string_view path, std::string_view method = "GET") {
  return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

std::string Static(HttpStatus status, HttpPersistence persistence = HttpPersistence::kDefault) {
  const Bytes bytes = HttpResponses::Instance().Get(status, persistence, false).bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

HostOptions Options(ContentSource& content) {
  HostOptions options;
  options.address = testing::kOurNetwork;
  options.content = &content;
  return options;
}

// Promises more than it has, and notes how it is read.
class ShortContent final : public ContentSource {
 public:
  static inline size_t largest_read_bytes = 0;
  static inline uint64_t promised = 0;
  static inline uint64_t has = 0;

  std::unique_ptr<Content> Open(std::string_view) override {
    class File final : public Content {
     public:
      uint64_t size() const override { return promised; }
      std::string_view media_type() const override { return "text/plain"; }
      size_t Read(uint64_t offset, MutableBytes out) override {
        largest_read_bytes = std::max(largest_read_bytes, out.size());
        const size_t size =
            static_cast<size_t>(std::min<uint64_t>(out.size(), has - std::min(has, offset)));
        std::fill_n(out.begin(), size, uint8_t{'s'});
        return size;
      }
    };
    return std::make_unique<File>();
  }
};

TEST(HttpServerFile, FilesOfEverySizeOnOneConnection) {
  testing::MemoryContent content;
  const std::vector<size_t> sizes = {0,     1,     1300,  1460,  4096,    16383,
                                     16384, 16385, 65535, 65536, 100'000, 3'000'000};
  for (const size_t size : sizes)
    content.Add(Numbered("/", size), Body(size), Numbered("application/x-", size));
  TestNetwork network(Options(content));
  TestClient& client = network.Connect();
  for (const size_t size : sizes) {
    client.Send(Get(Numbered("/", size)));
    const std::string expected = Header(Numbered("application/x-", size), size) + Body(size);
    ASSERT_TRUE(client.Take() == expected) << size;
    client.Send(Get(Numbered("/", size), "HEAD"));
    ASSERT_EQ(client.Take(), Header(Numbered("application/x-", size), size));
  }
  EXPECT_FALSE(client.finished());
  EXPECT_EQ(network.host->http()->transfer_count(), 0u);
}

TEST(HttpServerFile, PipelinedFilesComeInOrder) {
  testing::MemoryContent content;
  content.Add("/a", Body(200'000));
  content.Add("/b", Body(7));
  TestNetwork network(Options(content));
  TestClient& client = network.Connect();
  client.Send(Get("/a") + Get("/b") + Get("/nope") + Get("/a"));
  const std::string a = Header("text/html", 200'000) + Body(200'000);
  EXPECT_TRUE(client.Take() ==
              a + Header("text/html", 7) + Body(7) + Static(HttpStatus::kNotFound) + a);
}

TEST(HttpServerFile, ClosesBehindALargeFile) {
  testing::MemoryContent content;
  content.Add("/a", Body(500'000));
  TestNetwork network(Options(content));
  TestClient& client = network.Connect();
  client.Send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.Take() ==
              Header("text/html", 500'000, "Connection: close\r\n") + Body(500'000));
  EXPECT_TRUE(client.finished());
  client.Close();
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
  TestClient& half_closed = network.Connect();
  half_closed.SendAndClose(Get("/a"));
  EXPECT_TRUE(half_closed.Take() == Header("text/html", 500'000) + Body(500'000));
  EXPECT_TRUE(half_closed.finished());
}

TEST(HttpServerFile, PathsAndIndexes) {
  testing::MemoryContent content;
  content.Add("/dir/index.html", "in dir");
  content.Add("/a b.txt", "blank");
  content.Add("/f", "file");
  TestNetwork network(Options(content));
  TestClient& client = network.Connect();
  const auto ask = [&](std::string_view path) {
    client.Send(Get(path));
    const std::string response = client.Take();
    return response.starts_with("HTTP/1.1 404") ? "404"
                                                : response.substr(response.find("\r\n\r\n") + 4);
  };
  EXPECT_NE(ask("/").find("Project Aether"), std::string::npos)
      << "no index of its own: the built-in page";
  EXPECT_EQ(ask("/dir/"), "in dir");
  EXPECT_EQ(ask("/dir/."), "in dir");
  EXPECT_EQ(ask("/x/../dir/?q"), "in dir");
  EXPECT_EQ(ask("/a%20b.txt"), "blank");
  EXPECT_EQ(ask("//f"), "file");
  EXPECT_EQ(ask("/f/"), "404") << "a file is no directory";
  EXPECT_EQ(ask("/F"), "404");
  content.Add("/index.html", "own index");
  EXPECT_EQ(ask("/"), "own index");
}

// [RFC 9112 section 8] a response that ends early must be seen to.
TEST(HttpServerFile, AFileThatFallsShortIsNotPassedOffAsWhole) {
  ShortContent content;
  ShortContent::promised = 200'000;
  ShortContent::has = 150'000;
  TestNetwork network(Options(content));
  TestClient& client = network.Connect();
  client.Send(Get("/x"));
  EXPECT_TRUE(client.was_reset());
  EXPECT_FALSE(client.finished());
  EXPECT_LE(client.received().size(), Header("text/plain", 200'000).size() + 150'000);
  EXPECT_EQ(network.host->http()->counters().aborted, 1u);
  EXPECT_EQ(network.host->http()->transfer_count(), 0u);
  EXPECT_EQ(network.host->http()->connection_count(), 0u);
}

TEST(HttpServerFile, IsReadInBoundedPiecesAndNoFasterThanTaken) {
  ShortContent content;
  ShortContent::promised = ShortContent::has = uint64_t{1} << 50;
  ShortContent::largest_read_bytes = 0;
  // The stack's buffer is what bounds it, and stays as it is.
  HostOptions options = Options(content);
  options.stack.profile.buffer_growth = false;
  TestNetwork network(options);
  TestClient& client = network.Connect();
  client.auto_acknowledge = false;
  client.Send(Get("/endless"));
  EXPECT_LE(network.host->http()->counters().bytes_out, 66'000u);
  EXPECT_LE(ShortContent::largest_read_bytes, 16'384u);
  for (int i = 0; i < 20; ++i) client.Acknowledge();
  EXPECT_LE(network.host->http()->counters().bytes_out, 21u * 66'000u);
  EXPECT_GE(network.host->http()->counters().bytes_out, 3u * 66'000u);
  client.Reset();
  EXPECT_EQ(network.host->http()->transfer_count(), 0u);
}

TEST(HttpServerFile, AsManyTransfersAsAllowed) {
  ShortContent content;
  ShortContent::promised = ShortContent::has = 1'000'000;
  HostOptions options = Options(content);
  options.http_limits.emplace().transfers_max = 2;
  TestNetwork network(options);
  std::vector<TestClient*> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(&network.Connect());
    clients.back()->auto_acknowledge = false;
    clients.back()->Send(Get("/x"));
  }
  EXPECT_EQ(network.host->http()->transfer_count(), 2u);
  EXPECT_EQ(clients[2]->received(), Static(HttpStatus::kUnavailable, HttpPersistence::kClose));
  clients[0]->Reset();
  TestClient& next = network.Connect();
  next.Send(Get("/x"));
  EXPECT_EQ(next.received().size(), Header("text/plain", 1'000'000).size() + 1'000'000);
}

TEST(HttpServerFile, AHostThatGoesReleasesOpenFiles) {
  ShortContent content;
  ShortContent::promised = ShortContent::has = 1'000'000;
  TestNetwork network(Options(content));
  TestClient& client = network.Connect();
  client.auto_acknowledge = false;
  client.Send(Get("/x"));
  EXPECT_EQ(network.host->http()->transfer_count(), 1u);
  network.host.reset();  // a leak would show under AddressSanitizer
}

}  // namespace
}  // namespace aether::app
