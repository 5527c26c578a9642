// What makes a siege fail, and that floods reach what they are sent for.
#include "bench/hostile/siege.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "bench/hostile/attackers.h"
#include "bench/hostile/rows.h"
#include "stack/tcp/demux.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"

namespace aether::bench {
namespace {

SiegeOptions Small(FloodKind kind, bool close = false) {
  return {.flood = kind, .close = close, .frames_per_chunk = 2048, .strict = true};
}

std::string RunAll(const SiegeOptions& options) {
  Siege siege(options);
  siege.Record();
  siege.RunExact();
  siege.Record();
  siege.RunWarmUp();
  siege.RunTimed();
  return siege.Wrong();
}

// The real server behind something that is wrong with it.
class Sabotaged : public Server {
 public:
  enum class How { kForgetsResponses, kAllocates };
  Sabotaged(std::unique_ptr<Server> server, How how) : server_(std::move(server)), how_(how) {}

  void Receive(std::span<const Bytes> frames, Instant now) override {
    if (how_ == How::kAllocates) last_ = std::make_unique<size_t>(frames.size());
    server_->Receive(frames, now);
  }
  size_t Transmit(MutableBytes out, Instant now) override {
    const size_t size = server_->Transmit(out, now);
    if (how_ == How::kForgetsResponses && size > 300 && ++responses_ % 200 == 0)
      return server_->Transmit(out, now);
    return size;
  }
  const Stack* stack() const override { return server_->stack(); }

 private:
  std::unique_ptr<Server> server_;
  How how_;
  std::unique_ptr<size_t> last_;
  uint64_t responses_ = 0;
};

std::string RunWith(Sabotaged::How how) {
  SiegeOptions options = Small(FloodKind::kSyn);
  options.make_server = [how](const ServerOptions& server) -> std::unique_ptr<Server> {
    return std::make_unique<Sabotaged>(MakeServer(server), how);
  };
  return RunAll(options);
}

TEST(Siege, EveryFloodReachesItsAimAndNoRealRequestIsLost) {
  for (const FloodName& flood : kFloods) {
    for (const bool close : {false, true}) {
      if (!GoesWith(flood.kind, close)) continue;
      EXPECT_EQ(RunAll(Small(flood.kind, close)), "") << flood.name << close;
    }
  }
  EXPECT_EQ(RunAll(Small(FloodKind::kNone, true)), "");
}

TEST(Siege, TenHostileFramesComeWithEachRealOne) {
  for (const bool close : {false, true}) {
    Siege siege(Small(FloodKind::kSyn, close));
    siege.Record();
    const uint64_t real = uint64_t{siege.operations_per_chunk()} * (close ? 5 : 1);
    EXPECT_EQ(siege.hostile_frames(), 10 * real) << close;
    EXPECT_EQ(siege.frames_in(), 11 * real) << close;
    siege.RunWarmUp();
    const SiegeTime time = siege.MeasureTimed();
    EXPECT_NEAR(time.hostile_frames, 10.0 * time.real_frames, 0.02 * time.hostile_frames);
    EXPECT_EQ(time.answered, time.operations);
    EXPECT_GT(time.ns, 0);
  }
}

TEST(Siege, AloneTheFloodIsAsManyFramesAndTheRealOnesAreNone) {
  SiegeOptions options = Small(FloodKind::kSyn);
  options.real_requests = false;
  Siege siege(options);
  siege.Record();
  EXPECT_EQ(siege.frames_in(), siege.hostile_frames());
  EXPECT_EQ(siege.hostile_frames(), 10u * siege.operations_per_chunk());
}

TEST(Siege, AResponseThatDoesNotComeFails) {
  EXPECT_THAT(RunWith(Sabotaged::How::kForgetsResponses),
              ::testing::AnyOf(::testing::HasSubstr("not come in time"),
                               ::testing::HasSubstr("not answered")));
}

TEST(Siege, AnAllocationFails) {
  EXPECT_THAT(RunWith(Sabotaged::How::kAllocates), ::testing::HasSubstr("allocations"));
}

TEST(Siege, ServiceIsMeasuredOfEveryRequest) {
  Siege siege(Small(FloodKind::kSyn));
  siege.Record();
  siege.RunWarmUp();
  std::vector<double> service_ns;
  siege.RunForService(service_ns);
  // Less those during which somebody else had the processor.
  EXPECT_LE(service_ns.size(), siege.operations_timed());
  EXPECT_GT(service_ns.size(), siege.operations_timed() / 4);
  EXPECT_EQ(siege.Wrong(), "");
}

TEST(OverLimit, NamesWhatIsTooMuch) {
  const Config config = StackConfig(SiegeServerOptions({}));
  MemoryUse use;
  EXPECT_EQ(OverLimit(use, config), "");
  use.held_ranges = config.buffers.held_ranges_max;
  EXPECT_EQ(OverLimit(use, config), "");
  ++use.held_ranges;
  EXPECT_THAT(OverLimit(use, config), ::testing::HasSubstr("held ranges"));
  use = {.half_open = config.tcp.half_open_max + 1};
  EXPECT_THAT(OverLimit(use, config), ::testing::HasSubstr("half-open"));
}

TEST(MissedAim, AServerThatFeltNothingIsNamed) {
  EXPECT_EQ(MissedAim(FloodKind::kNone, {}, {}), "");
  for (const FloodName& flood : kFloods) EXPECT_NE(MissedAim(flood.kind, {}, {}), "") << flood.name;
}

TEST(CollidingEndpoints, AllLeadToTheFirstSlotsAndNoneIsTwice) {
  const SipKey key{1, 2};
  const auto found = Attackers::CollidingEndpoints(key, 4096, 300);
  ASSERT_EQ(found.size(), 300u);
  EXPECT_EQ(std::set<Ipv4Endpoint>(found.begin(), found.end()).size(), 300u);
  const tcp::Demux table(16, key);
  for (const Ipv4Endpoint& endpoint : found) {
    const uint32_t hash = table.Hash({.remote = endpoint.address,
                                      .local = testing::kOurIp,
                                      .remote_port = endpoint.port,
                                      .local_port = 80});
    EXPECT_LT(hash & 8191, Attackers::kCollidingSlots);
    EXPECT_TRUE(IsAttacker(endpoint.address));
  }
}

// Whoever knows the key makes every packet dear; if he did not, the flood of who does not know it
// would show nothing.
TEST(HashCollision, CostsOnlyWhoseKeyIsKnown) {
  SiegeOptions options = Small(FloodKind::kHashCollision);
  options.real_requests = false;
  Siege unknown(options);
  options.knows_key = true;
  Siege known(options);
  std::vector<double> ratios;
  for (int round = 0; round < 9; ++round) {
    double ns[2] = {};
    for (int i = 0; i < 2; ++i) {
      Siege& siege = i == 0 ? unknown : known;
      siege.Record();
      siege.RunWarmUp();
      ns[i] = siege.MeasureTimed().ns;
    }
    ratios.push_back(ns[1] / ns[0]);
  }
  std::ranges::nth_element(ratios, ratios.begin() + 4);
  EXPECT_GT(ratios[4], 1.5);
}

// One that is far longer than a flood needs to fill what it can fill.
TEST(Siege, HighWaterDoesNotRiseWithTheLengthOfTheFlood) {
  for (const FloodName& flood : kFloods) {
    SiegeOptions options = Small(flood.kind);
    options.strict = false;
    Siege siege(options);
    const auto run = [&] {
      for (int i = 0; i < 10; ++i) {
        siege.Record();
        siege.RunWhole();
      }
      return siege.high_water();
    };
    const MemoryUse after_n = run();
    const MemoryUse after_2n = run();
    EXPECT_EQ(after_n.connections, after_2n.connections) << flood.name;
    EXPECT_EQ(after_n.half_open, after_2n.half_open) << flood.name;
    EXPECT_EQ(after_n.chunks, after_2n.chunks) << flood.name;
    EXPECT_EQ(after_n.held_ranges, after_2n.held_ranges) << flood.name;
    EXPECT_EQ(after_n.fragmented_datagrams, after_2n.fragmented_datagrams) << flood.name;
  }
}

}  // namespace
}  // namespace aether::bench
