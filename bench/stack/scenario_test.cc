// What makes a scenario fail: a server that allocates, takes a lock, sends a frame too many, one
// too few or another one; and clients that are told apart.
#include "bench/stack/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "bench/stack/bulk.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"

namespace aether::bench {
namespace {

// The real server, and something that is wrong with it from the second request on.
class Sabotaged : public Server {
 public:
  enum class How { kAllocates, kLocks, kYields, kSendsTwice, kSendsNothing, kSendsAnother };
  Sabotaged(std::unique_ptr<Server> server, How how) : server_(std::move(server)), how_(how) {}

  void Receive(std::span<const Bytes> frames, Instant now) override {
    if (how_ == How::kAllocates) last_ = std::make_unique<size_t>(frames.size());
    if (how_ == How::kLocks) const std::lock_guard guard(mutex_);
    if (how_ == How::kYields) std::this_thread::yield();
    server_->Receive(frames, now);
  }
  size_t Transmit(MutableBytes out, Instant now) override {
    if (again_) {
      again_ = false;
      return 66;
    }
    const size_t size = server_->Transmit(out, now);
    if (size == 0 || ++sent_ < 200) return size;
    if (how_ == How::kSendsTwice) again_ = true;
    if (how_ == How::kSendsAnother) out[size - 1] ^= 1;
    return how_ == How::kSendsNothing ? 0 : size;
  }
  const Stack* stack() const override { return server_->stack(); }

 private:
  std::unique_ptr<Server> server_;
  How how_;
  std::unique_ptr<size_t> last_;
  std::mutex mutex_;
  uint64_t sent_ = 0;
  bool again_ = false;
};

ScenarioOptions Small(bool close) {
  return {.close = close, .connections = 40, .batch = 8, .strict = true, .time_wait_max = 64};
}

std::string RunAll(const ScenarioOptions& options) {
  Scenario scenario(options);
  scenario.Record();
  scenario.RunExact();
  scenario.Record();
  scenario.RunWarmUp();
  scenario.RunTimed();
  return scenario.Wrong();
}

std::string RunWith(Sabotaged::How how, bool twin_too = false) {
  ScenarioOptions options = Small(false);
  int made = 0;
  options.make_server = [&made, how,
                         twin_too](const ServerOptions& server) -> std::unique_ptr<Server> {
    if (made++ == 0 && !twin_too) return MakeServer(server);
    return std::make_unique<Sabotaged>(MakeServer(server), how);
  };
  return RunAll(options);
}

TEST(Scenario, ServersOfAllKindsPass) {
  for (const ServerKind kind : {ServerKind::kHttp, ServerKind::kBare, ServerKind::kReflector}) {
    for (const bool close : {false, true}) {
      ScenarioOptions options = Small(close);
      options.server = kind;
      EXPECT_EQ(RunAll(options), "") << static_cast<int>(kind) << close;
    }
  }
}

TEST(Scenario, TimestampsAreThereWhenTheyWereAgreedOnAndOnlyThen) {
  ScenarioOptions options = Small(true);
  options.profile.timestamps = false;
  EXPECT_EQ(RunAll(options), "");
  options.make_server = [](ServerOptions server) {
    server.profile.timestamps = !server.profile.timestamps;
    return MakeServer(server);
  };
  EXPECT_EQ(RunAll(options), "a timestamp");
  options.profile.timestamps = true;
  EXPECT_EQ(RunAll(options), "no timestamp");
}

TEST(Scenario, OnlyOursMustNotAllocate) {
  ScenarioOptions options = Small(false);
  options.make_server = [](const ServerOptions& server) -> std::unique_ptr<Server> {
    return std::make_unique<Sabotaged>(MakeServer(server), Sabotaged::How::kAllocates);
  };
  EXPECT_NE(RunAll(options), "");
  options.is_peer = true;
  EXPECT_EQ(RunAll(options), "");
}

TEST(Scenario, CountsOperationsAndFrames) {
  Scenario scenario(Small(true));
  scenario.Record();
  EXPECT_EQ(scenario.frames_in(), uint64_t{5} * scenario.operations_per_chunk());
  EXPECT_EQ(scenario.frames_out(), uint64_t{3} * scenario.operations_per_chunk());
  EXPECT_LT(scenario.operations_timed(), scenario.operations_per_chunk());
  EXPECT_GT(scenario.operations_timed(), scenario.operations_per_chunk() / 2);
}

TEST(Scenario, TheReflectorSendsAsManyFramesAndBytesAsTheStack) {
  for (const bool close : {false, true}) {
    ScenarioOptions options = Small(close);
    Scenario stack(options);
    options.server = ServerKind::kReflector;
    Scenario reflector(options);
    stack.Record();
    reflector.Record();
    EXPECT_EQ(stack.frames_out(), reflector.frames_out()) << close;
    EXPECT_EQ(stack.bytes_out(), reflector.bytes_out()) << close;
  }
}

TEST(Scenario, AnAllocationFails) {
  EXPECT_THAT(RunWith(Sabotaged::How::kAllocates), ::testing::HasSubstr("allocations"));
}

TEST(Scenario, ALockFails) {
  EXPECT_THAT(RunWith(Sabotaged::How::kLocks), ::testing::HasSubstr("locks"));
}

TEST(Scenario, AWaitFails) {
  EXPECT_THAT(RunWith(Sabotaged::How::kYields), ::testing::HasSubstr("waits"));
}

TEST(Scenario, AFrameThatDiffersFromTheTwinsFails) {
  EXPECT_NE(RunWith(Sabotaged::How::kSendsTwice), "");
  EXPECT_NE(RunWith(Sabotaged::How::kSendsNothing), "");
  EXPECT_EQ(RunWith(Sabotaged::How::kSendsAnother), "a frame differs from the twin's");
}

TEST(Scenario, AWrongFrameFailsAlsoWhenTheTwinSendsItToo) {
  EXPECT_NE(RunWith(Sabotaged::How::kSendsTwice, true), "");
  EXPECT_NE(RunWith(Sabotaged::How::kSendsNothing, true), "");
  EXPECT_NE(RunWith(Sabotaged::How::kSendsAnother, true), "");
}

TEST(Client, NumbersAndEndpointsAreOneToOne) {
  std::set<Ipv4Endpoint> seen;
  for (uint32_t number = 0; number < 20'000; ++number) {
    EXPECT_TRUE(seen.insert(ClientOf(number)).second);
    EXPECT_EQ(NumberOf(ClientOf(number)), number);
  }
  EXPECT_EQ(NumberOf(ClientOf(0xffffffffu)), 0xffffffffu);
}

// A client that has sent a request, and what may come back.
class ClientAnswer : public ::testing::Test {
 protected:
  ClientAnswer() {
    client_.Syn(1, log_, kBegin);
    Deliver(tcp_flags::kSyn | tcp_flags::kAck, "");
    client_.Request(1, log_, kBegin);
  }
  // A sound segment from the server, with the next numbers.
  void Deliver(uint8_t flags, std::string_view text) {
    const auto last = testing::NaiveParse(log_.FramesOf(log_.Close(kBegin, 0)).back());
    ASSERT_TRUE(last && last->tcp);
    testing::TcpSpec spec;
    spec.ip.ethernet = {.destination = testing::kPeerMac, .source = testing::kOurMac};
    spec.ip.source = testing::kOurIp;
    spec.ip.destination = ClientOf(1).address;
    spec.source_port = 80;
    spec.destination_port = ClientOf(1).port;
    spec.sequence = sequence_;
    spec.acknowledgment = last->tcp->sequence + static_cast<uint32_t>(last->tcp->payload.size()) +
                          (last->tcp->payload.empty() ? 1 : 0);
    spec.flags = flags;
    spec.options = testing::TimestampOption(5, 6);
    spec.payload = testing::ToFrame(text);
    sequence_ += (flags & tcp_flags::kSyn) != 0 ? 1 : 0;
    frame_ = testing::BuildTcp(spec);
    client_.OnFrame(frame_);
  }

  const testing::Frame response_ = testing::ToFrame("yes");
  FrameLog log_{16};
  uint32_t sequence_ = 1000;
  testing::Frame frame_;
  Client client_{{.open_max = 4, .strict = true}, response_};
};

TEST_F(ClientAnswer, TheRightOneIsTaken) {
  Deliver(tcp_flags::kAck | tcp_flags::kPsh, "yes");
  EXPECT_EQ(client_.wrong(), "");
  EXPECT_EQ(client_.owed(), 0u);
  client_.OnFrame(frame_);
  EXPECT_EQ(client_.wrong(), "an answer that nobody asked for");
}

TEST_F(ClientAnswer, AnotherTextIsNoticed) {
  Deliver(tcp_flags::kAck | tcp_flags::kPsh, "yet");
  EXPECT_EQ(client_.wrong(), "another response");
}

TEST_F(ClientAnswer, OtherNumbersAreNoticed) {
  ++sequence_;
  Deliver(tcp_flags::kAck | tcp_flags::kPsh, "yes");
  EXPECT_EQ(client_.wrong(), "another sequence number");
}

TEST_F(ClientAnswer, OtherFlagsAreNoticed) {
  Deliver(tcp_flags::kAck | tcp_flags::kFin, "yes");
  EXPECT_EQ(client_.wrong(), "other flags with the response");
}

TEST(Bulk, TextArrivesWholeBothWays) {
  for (const bool both_ways : {false, true}) {
    Bulk bulk({.both_ways = both_ways, .check = true});
    const uint64_t before = bulk.bytes_read();
    bulk.RunChunk();
    EXPECT_GE(bulk.bytes_read() - before,
              uint64_t{Bulk::kSegmentBytes} * (Bulk::kSegmentsPerChunk - 64));
    EXPECT_EQ(bulk.Wrong(), "");
  }
}

}  // namespace
}  // namespace aether::bench
