// After warm-up no packet costs an allocation: echo, UDP both ways, and whole TCP connections.
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "stack/stack.h"
#include "stack/testing/counting_allocator.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

// A stack whose calls are counted, and nothing around them.
class CountedStack {
 public:
  explicit CountedStack(const Config& config) : stack_(config, now_) {
    stack_.SetAddress(kOurNetwork, std::nullopt);
    buffer_.resize(stack_.frame_size_max());
    Deliver(BuildArp({}));
  }

  template <typename Call>
  auto Counted(Call&& call) {
    const AllocationScope scope;
    struct AddAtEnd {
      ~AddAtEnd() { *total += scope->count(); }
      const AllocationScope* scope;
      uint64_t* total;
    } const add{&scope, &allocations_};
    return call(stack_);
  }

  // Takes in a frame; the last frame that came out, empty when none did.
  Frame Deliver(const Frame& frame) {
    const Bytes frames[] = {frame};
    now_ += std::chrono::microseconds(50);
    Counted([&](Stack& stack) { stack.Receive(frames, now_); });
    return Collect();
  }
  Frame Collect() {
    Frame last;
    while (const size_t size =
               Counted([&](Stack& stack) { return stack.Transmit(buffer_, now_); })) {
      last.assign(buffer_.begin(), buffer_.begin() + static_cast<long>(size));
    }
    return last;
  }

  Stack& stack() { return stack_; }
  uint64_t allocations() const { return allocations_; }
  void Forget() { allocations_ = 0; }

 private:
  Instant now_{std::chrono::seconds(1000)};
  Stack stack_;
  Frame buffer_;
  uint64_t allocations_ = 0;
};

Config SmallConfig() {
  Config config = ScriptConfig();
  config.tcp.time_wait = std::chrono::milliseconds(50);
  return config;
}

TEST(StackAllocation, TheCounterCounts) {
  CountedStack counted(SmallConfig());
  counted.Forget();
  counted.Counted([](Stack& stack) { return Stack(stack.config(), Instant{}).frame_size_max(); });
  EXPECT_GT(counted.allocations(), 0u);
}

TEST(StackAllocation, EchoCostsNone) {
  CountedStack counted(SmallConfig());
  const auto ping = [&](size_t size) {
    EXPECT_FALSE(counted.Deliver(BuildIcmp({.payload = Pattern(size)})).empty());
  };
  for (size_t size = 0; size < 100; ++size) ping(size);
  counted.Forget();
  for (size_t size = 0; size <= 1472; ++size) ping(size);
  EXPECT_EQ(counted.allocations(), 0u);
}

TEST(StackAllocation, UdpCostsNone) {
  CountedStack counted(SmallConfig());
  const UdpSocketId socket = *counted.stack().UdpBind(9, {});
  const Frame request = BuildUdp({.destination_port = 9, .payload = Pattern(700)});
  const Frame unreachable = BuildUdp({.destination_port = 10, .payload = Pattern(700)});
  std::array<Event, 8> events;
  const auto transact = [&] {
    counted.Deliver(request);
    counted.Counted([&](Stack& stack) {
      EXPECT_EQ(stack.PollEvents(events), 1u);
      const auto datagram = stack.UdpPeek(socket);
      EXPECT_TRUE(stack.UdpSend(socket, datagram->source, datagram->payload).has_value());
      stack.UdpPop(socket);
    });
    EXPECT_FALSE(counted.Collect().empty());
    counted.Deliver(unreachable);
  };
  for (int i = 0; i < 100; ++i) transact();
  counted.Forget();
  for (int i = 0; i < 2000; ++i) transact();
  EXPECT_EQ(counted.allocations(), 0u);
}

// One request and one response, and the connection is closed by us, or by the peer.
class TcpClient {
 public:
  TcpClient(CountedStack& counted, ListenerId listener) : counted_(counted), listener_(listener) {}

  void Transact(uint16_t port, bool we_close) {
    TcpSpec spec{.source_port = port, .sequence = port * 1000u, .flags = tcp_flags::kSyn};
    spec.options = MssOption(1460);
    NaiveFrame reply = Parse(counted_.Deliver(BuildTcp(spec)));
    ASSERT_TRUE(reply.tcp.has_value());
    spec.options.clear();
    spec.sequence += 1;
    spec.acknowledgment = reply.tcp->sequence + 1;
    spec.flags = tcp_flags::kAck;
    counted_.Deliver(BuildTcp(spec));
    spec.payload = ToFrame("GET / HTTP/1.1\r\n\r\n");
    counted_.Deliver(BuildTcp(spec));
    spec.sequence += static_cast<uint32_t>(spec.payload.size());
    spec.payload.clear();

    std::optional<ConnectionId> id;
    counted_.Counted([&](Stack& stack) {
      stack.PollEvents(events_);
      id = stack.Accept(listener_);
      if (!id) return;
      EXPECT_EQ(stack.Readable(*id), 18u);
      stack.Consume(*id, stack.Peek(*id).size());
      EXPECT_EQ(stack.Write(*id, head_), head_.size());
      EXPECT_TRUE(stack.WriteStatic(*id, body_));
      if (we_close) stack.Close(*id);
    });
    ASSERT_TRUE(id.has_value());
    reply = Parse(counted_.Collect());
    ASSERT_TRUE(reply.tcp.has_value());
    EXPECT_EQ((reply.tcp->flags & tcp_flags::kFin) != 0, we_close);
    spec.acknowledgment =
        reply.tcp->sequence + static_cast<uint32_t>(reply.tcp->payload.size()) + (we_close ? 1 : 0);
    spec.flags = tcp_flags::kAck | tcp_flags::kFin;
    counted_.Deliver(BuildTcp(spec));
    if (we_close) return;
    counted_.Counted([&](Stack& stack) {
      while (stack.PollEvents(events_) != 0) {
      }
      stack.Close(*id);
    });
    reply = Parse(counted_.Collect());
    ASSERT_TRUE(reply.tcp.has_value());
    spec.sequence += 1;
    spec.acknowledgment = reply.tcp->sequence + 1;
    spec.flags = tcp_flags::kAck;
    counted_.Deliver(BuildTcp(spec));
  }

 private:
  static NaiveFrame Parse(const Frame& frame) {
    const auto parsed = NaiveParse(frame);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error());
    return parsed ? *parsed : NaiveFrame{};
  }

  CountedStack& counted_;
  ListenerId listener_;
  std::array<Event, 16> events_;
  const Frame head_ = ToFrame("HTTP/1.1 200 OK\r\n\r\n");
  const Frame body_bytes_ = Pattern(1800);
  const StaticBytes body_ = StaticBytes::Of(body_bytes_);
};

class StackTcpAllocation : public ::testing::TestWithParam<bool> {};

TEST_P(StackTcpAllocation, AConnectionPerRequestCostsNone) {
  Config config = SmallConfig();
  config.profile.syn_cookies = GetParam() ? tcp::SynCookies::kAlways : tcp::SynCookies::kNever;
  CountedStack counted(config);
  TcpClient client(counted, *counted.stack().TcpListen(80, {}));
  uint16_t port = 1000;
  for (int i = 0; i < 1000; ++i) {
    client.Transact(port++, i % 2 == 0);
    if (HasFatalFailure()) return;
  }
  counted.Forget();
  for (int i = 0; i < 3000; ++i) {
    client.Transact(port++, i % 2 == 0);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(counted.allocations(), 0u);
  EXPECT_EQ(counted.stack().counters().tcp_accepted, 4000u);
  EXPECT_EQ(counted.stack().connection_count(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Cookies, StackTcpAllocation, ::testing::Bool());

// Strangers cost none either.
TEST(StackAllocation, ResetsAndCookiesCostNone) {
  CountedStack counted(SmallConfig());
  ASSERT_TRUE(counted.stack().TcpListen(80, {}).has_value());
  const auto knock = [&](uint16_t port) {
    for (uint16_t to : {uint16_t{80}, uint16_t{81}}) {
      counted.Deliver(
          BuildTcp({.source_port = port, .destination_port = to, .flags = tcp_flags::kSyn}));
      counted.Deliver(BuildTcp({.source_port = port, .destination_port = to}));
    }
  };
  for (uint16_t i = 0; i < 100; ++i) knock(static_cast<uint16_t>(1000 + i));
  counted.Forget();
  for (uint16_t i = 0; i < 2000; ++i) knock(static_cast<uint16_t>(2000 + i));
  EXPECT_EQ(counted.allocations(), 0u);
}

}  // namespace
}  // namespace aether::testing
