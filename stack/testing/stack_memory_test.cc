// What a connection costs in memory, everything counted: by its parts, and by what the kernel says
// this process has in memory. Not built with sanitizers, whose shadow would be counted too.
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "stack/stack.h"
#include "stack/tcp/layer.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"
#include "stack/testing/script.h"

namespace aether::testing {
namespace {

// The floors of an idle connection and a TIME-WAIT record are 384 and 64 bytes; these are the
// targets.
static_assert(tcp::Layer::kIdleConnectionBytes <= 256);
static_assert(sizeof(tcp::TimeWaitRecord) == 32);
static_assert(tcp::Layer::kTimeWaitBytes <= 64);

// Nearly as many as the tables have room for.
constexpr uint32_t kFlows = 60'000;
constexpr uint32_t kTableEntries = 65'536;

size_t ResidentBytes() {
  size_t total_pages = 0;
  size_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> total_pages >> resident_pages;
  return resident_pages * 4096;
}

Config LargeConfig(uint32_t connections_max) {
  // A page of 2 MiB would count as used with its first byte.
  EXPECT_EQ(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  Config config = ScriptConfig();
  config.profile = tcp::kFull;
  config.tcp.connections_max = connections_max;
  config.tcp.time_wait_max = kTableEntries - connections_max;
  return config;
}

// A stack, and a peer that opens connections to it as Linux does.
class Host {
 public:
  explicit Host(const Config& config) : stack_(config, now_) {
    stack_.SetAddress(kOurNetwork, std::nullopt);
    buffer_.resize(stack_.frame_size_max());
    listener_ = *stack_.TcpListen(80, {});
    Deliver(BuildArp({}));
  }

  // Nothing when the SYN is not answered.
  std::optional<TcpSpec> Syn(uint32_t flow) {
    TcpSpec spec{.source_port = static_cast<uint16_t>(1024 + flow),
                 .destination_port = 80,
                 .sequence = flow * 1000,
                 .flags = tcp_flags::kSyn};
    spec.options = Options({.mss = 1460,
                            .window_scale = 7,
                            .sack_permitted = true,
                            .timestamps = TcpTimestamps{NowMs(), 0}});
    const Frame frame = Deliver(BuildTcp(spec));
    const auto reply = NaiveParse(frame);
    if (!reply || !reply->tcp || reply->tcp->flags != (tcp_flags::kSyn | tcp_flags::kAck))
      return std::nullopt;
    spec.sequence += 1;
    spec.acknowledgment = reply->tcp->sequence + 1;
    spec.flags = tcp_flags::kAck;
    spec.options = Options({.timestamps = TcpTimestamps{NowMs(), 0}});
    return spec;
  }
  // Opens a connection, sends a request and takes the answer; it is idle afterwards.
  std::optional<std::pair<TcpSpec, ConnectionId>> Open(uint32_t flow) {
    std::optional<TcpSpec> spec = Syn(flow);
    if (!spec) return std::nullopt;
    Deliver(BuildTcp(*spec));
    const std::optional<ConnectionId> id = stack_.Accept(listener_);
    if (!id) return std::nullopt;
    spec->payload = Pattern(100);
    Deliver(BuildTcp(*spec));
    stack_.Consume(*id, stack_.Readable(*id));
    stack_.Write(*id, spec->payload);
    Collect();
    spec->sequence += 100;
    spec->acknowledgment += 100;
    spec->payload.clear();
    Deliver(BuildTcp(*spec));
    return std::pair(*spec, *id);
  }
  // We close first, so that TIME-WAIT is ours.
  void Close(TcpSpec spec, ConnectionId id) {
    stack_.Close(id);
    Collect();
    spec.acknowledgment += 1;
    spec.flags = tcp_flags::kFin | tcp_flags::kAck;
    Deliver(BuildTcp(spec));
  }
  Stack& stack() { return stack_; }

 private:
  static Frame Options(const TcpOptions& options) {
    Frame bytes(40);
    bytes.resize(options.Emit(bytes));
    return bytes;
  }
  uint32_t NowMs() const {
    return static_cast<uint32_t>(now_.time_since_epoch() / std::chrono::milliseconds(1));
  }
  Frame Deliver(const Frame& frame) {
    const Bytes frames[] = {frame};
    now_ += std::chrono::microseconds(5);
    stack_.Receive(frames, now_);
    std::array<Event, 16> events;
    while (stack_.PollEvents(events) > 0) {
    }
    return Collect();
  }
  Frame Collect() {
    Frame last;
    while (const size_t size = stack_.Transmit(buffer_, now_))
      last.assign(buffer_.begin(), buffer_.begin() + static_cast<long>(size));
    return last;
  }

  Instant now_{std::chrono::seconds(1000)};
  Stack stack_;
  Frame buffer_;
  ListenerId listener_;
};

TEST(StackMemory, AnIdleConnectionIsFourCacheLines) {
  Host host(LargeConfig(kFlows));
  const size_t before = ResidentBytes();
  for (uint32_t flow = 0; flow < kFlows; ++flow) ASSERT_TRUE(host.Open(flow)) << flow;
  const double bytes = static_cast<double>(ResidentBytes() - before) / kFlows;
  EXPECT_EQ(host.stack().connection_count(), kFlows);
  host.stack().CheckInvariants();
  RecordProperty("bytes_per_idle_connection", std::to_string(bytes));
  std::printf("an idle connection: %.0f bytes resident, %zu by its parts (at most 384)\n", bytes,
              tcp::Layer::kIdleConnectionBytes);
  EXPECT_LE(bytes, 384);
  // Something was measured at all.
  EXPECT_GE(bytes, 200);
}

TEST(StackMemory, TimeWaitIsHalfACacheLineAndItsTableEntry) {
  Host host(LargeConfig(1024));
  // What one connection needs while it lives is not what is measured.
  const auto first = host.Open(kFlows);
  ASSERT_TRUE(first);
  host.Close(first->first, first->second);
  const size_t before = ResidentBytes();
  for (uint32_t flow = 0; flow < kFlows; ++flow) {
    const auto open = host.Open(flow);
    ASSERT_TRUE(open) << flow;
    host.Close(open->first, open->second);
  }
  const double bytes = static_cast<double>(ResidentBytes() - before) / kFlows;
  EXPECT_EQ(host.stack().time_wait_count(), kFlows + 1);
  EXPECT_EQ(host.stack().connection_count(), 0u);
  host.stack().CheckInvariants();
  std::printf("TIME-WAIT: %.0f bytes resident, %zu by its parts (at most 64)\n", bytes,
              tcp::Layer::kTimeWaitBytes);
  EXPECT_LE(bytes, 64);
  EXPECT_GE(bytes, 32);
}

TEST(StackMemory, HalfOpenUnderCookiesIsNothing) {
  Config config = LargeConfig(1024);
  config.profile.syn_cookies = tcp::SynCookies::kAlways;
  Host host(config);
  ASSERT_TRUE(host.Syn(kFlows));
  const size_t before = ResidentBytes();
  for (uint32_t flow = 0; flow < kFlows; ++flow) ASSERT_TRUE(host.Syn(flow)) << flow;
  const size_t after = ResidentBytes();
  EXPECT_EQ(host.stack().connection_count(), 0u);
  std::printf("half open under cookies: %zu bytes for all of %u\n", after - before, kFlows);
  // Less than a byte for each: a page or two may come from elsewhere in the process.
  EXPECT_LT(after - before, kFlows);
}

}  // namespace
}  // namespace aether::testing
