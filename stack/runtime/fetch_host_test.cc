// The host of aether-fetch against our own HTTP server, without a TAP: frames are carried by hand.
#include "stack/runtime/fetch_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "stack/app/http_server.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/memory_content.h"

namespace aether::runtime {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

Config ConfigOf(MacAddress mac, uint64_t seed) {
  Config config;
  config.mac = mac;
  config.seed = {seed, 1};
  config.tcp.connections_max = 256;
  config.tcp.time_wait_max = 256;
  return config;
}

class FetchHostTest : public ::testing::Test {
 protected:
  FetchHostTest() : server_stack_(ConfigOf(testing::kPeerMac, 1), now_) {
    std::string name = (fs::temp_directory_path() / "fetch-host-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    server_stack_.SetAddress({testing::kPeerIp, 24}, std::nullopt);
    for (int i = 0; i < 20'000; ++i) long_ += std::to_string(i);
    content_.Add("/a", long_);
    content_.Add("/b", "b");
    server_ =
        app::HttpServer::Create(server_stack_, {.content = &content_, .limits = {}}, now_).value();
    options_.address = Ipv4Network{testing::kOurIp, 24};
    options_.plan.output = (folder_ / "out").string();
  }
  ~FetchHostTest() override { fs::remove_all(folder_); }

  void Plan(std::vector<std::string> urls) {
    for (const std::string& url : urls)
      options_.plan.urls.push_back(app::HttpUrl::Parse(url).value());
  }
  // Until the host is finished; false when it is not within so much time.
  bool Run(Duration at_most = seconds(60)) {
    host_ = std::make_unique<FetchHost>(options_, ConfigOf(testing::kOurMac, 2), stop_, now_);
    const Instant end = now_ + at_most;
    uint64_t connects_before = 0;
    std::vector<uint8_t> buffer(host_->stack().frame_size_max());
    std::vector<std::vector<uint8_t>> to_server;
    std::vector<std::vector<uint8_t>> to_host;
    while (true) {
      const std::vector<Bytes> in(to_host.begin(), to_host.end());
      host_->Receive(in, now_);
      to_host.clear();
      const uint64_t connects = host_->stack().counters().tcp_connects;
      starts_at_once_max_ = std::max(starts_at_once_max_, connects - connects_before);
      connects_before = connects;
      connections_max_ = std::max(connections_max_, host_->stack().connection_count());
      while (const size_t size = host_->Transmit(buffer, now_))
        to_server.emplace_back(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
      if (host_->finished()) return true;
      const std::vector<Bytes> out(to_server.begin(), to_server.end());
      server_stack_.Receive(out, now_);
      to_server.clear();
      std::array<Event, 16> events;
      while (const size_t count = server_stack_.PollEvents(events)) {
        for (size_t i = 0; i < count; ++i) server_->OnEvent(events[i], now_);
      }
      server_->Advance(now_);
      while (const size_t size = server_stack_.Transmit(buffer, now_))
        to_host.emplace_back(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
      if (!to_host.empty()) continue;
      const Instant next =
          std::min({host_->NextDeadline(), server_stack_.NextDeadline(), server_->NextDeadline()});
      if (next > end) return false;
      now_ = std::max(now_ + Duration(1000), next);
    }
  }
  std::string Contents(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Instant now_{seconds(1000)};
  fs::path folder_;
  Stack server_stack_;
  testing::MemoryContent content_;
  std::unique_ptr<app::HttpServer> server_;
  FetchProgramOptions options_;
  std::atomic<bool> stop_{false};
  std::unique_ptr<FetchHost> host_;
  size_t connections_max_ = 0;
  uint64_t starts_at_once_max_ = 0;
  std::string long_;
};

TEST_F(FetchHostTest, OneUrlAfterAnotherIntoOneFile) {
  Plan({"http://10.0.0.1/b", "http://10.0.0.1/a", "http://10.0.0.1/b"});
  const Instant begin = now_;
  ASSERT_TRUE(Run());
  EXPECT_EQ(Contents("out"), "b" + long_ + "b");
  EXPECT_EQ(host_->session().failed(), 0u);
  EXPECT_LE(connections_max_, 2u);  // one, and one that still closes
  EXPECT_LT(now_ - begin, milliseconds(500));
  EXPECT_TRUE(host_->session().Close().ok());
}

TEST_F(FetchHostTest, SeveralAtOnceInOrder) {
  Plan({"http://10.0.0.1/a", "http://10.0.0.1/b"});
  options_.plan.parallel = 4;
  options_.plan.repeat = 2;
  ASSERT_TRUE(Run());
  std::string expected;
  for (int i = 0; i < 8; ++i) expected += long_;
  EXPECT_TRUE(Contents("out") == expected + std::string(8, 'b'));
  EXPECT_GE(connections_max_, 2u);
  EXPECT_LE(connections_max_, 8u);
}

// A server with a short queue is not run over.
TEST_F(FetchHostTest, TheFirstConnectionsDoNotComeInABurst) {
  Plan({"http://10.0.0.1/b"});
  options_.plan.parallel = 20;
  const Instant begin = now_;
  ASSERT_TRUE(Run());
  EXPECT_EQ(starts_at_once_max_, 1u);
  EXPECT_GE(now_ - begin, milliseconds(38));
  EXPECT_LT(now_ - begin, milliseconds(300));
}

TEST_F(FetchHostTest, OutputsOfTheirOwn) {
  Plan({"http://10.0.0.1/b"});
  options_.plan.parallel = 3;
  options_.plan.output = (folder_ / "{}-{}").string();
  ASSERT_TRUE(Run());
  for (const char* name : {"1-1", "2-2", "3-3"}) EXPECT_EQ(Contents(name), "b") << name;
}

TEST_F(FetchHostTest, HeadersAndErrors) {
  Plan({"http://10.0.0.1/b", "http://10.0.0.1/missing", "http://10.0.0.1:81/"});
  options_.plan.include = true;
  ::testing::internal::CaptureStderr();
  ASSERT_TRUE(Run());
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(host_->session().failed(), 2u);
  EXPECT_THAT(Contents("out"), ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Contents("out"), ::testing::HasSubstr("\r\n\r\nbHTTP/1.1 404"));
  EXPECT_THAT(Contents("out"), ::testing::EndsWith("\r\n\r\n"));  // no error page
  EXPECT_THAT(said, ::testing::HasSubstr("aether-fetch: 10.0.0.1:80 answered 404"));
  EXPECT_THAT(said, ::testing::HasSubstr("aether-fetch: connection refused by 10.0.0.1:81\n"));
}

// A connection that we reset is over at once.
TEST_F(FetchHostTest, NothingIsWaitedForAfterAReset) {
  Plan({"http://10.0.0.1/missing"});
  const Instant begin = now_;
  ::testing::internal::CaptureStderr();
  ASSERT_TRUE(Run());
  ::testing::internal::GetCapturedStderr();
  EXPECT_LT(now_ - begin, milliseconds(100));
}

TEST_F(FetchHostTest, AnOutputThatCannotBeWritten) {
  Plan({"http://10.0.0.1/b"});
  options_.plan.output = (folder_ / "missing" / "x").string();
  ::testing::internal::CaptureStderr();
  ASSERT_TRUE(Run());
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("cannot write to"));
  EXPECT_EQ(host_->session().failed(), 1u);
}

TEST_F(FetchHostTest, NoDhcpServer) {
  Plan({"http://10.0.0.1/b"});
  options_.address.reset();
  ASSERT_TRUE(Run());
  EXPECT_THAT(host_->trouble(), ::testing::HasSubstr("no DHCP server answered"));
  EXPECT_FALSE(host_->session().done());
}

TEST_F(FetchHostTest, StopsInTheMiddle) {
  Plan({"http://10.0.0.9/b"});
  ASSERT_FALSE(Run(seconds(1)));
  EXPECT_TRUE(host_->IsQuiet());
  stop_ = true;
  EXPECT_FALSE(host_->IsQuiet());
  host_->Stop(now_);
  host_->Receive({}, now_);
  EXPECT_EQ(host_->stack().connection_count(), 0u);
}

}  // namespace
}  // namespace aether::runtime
