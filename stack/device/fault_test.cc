// The wrapper: both directions, determinism, deadlines, and a full inner device.
#include "stack/device/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "stack/device/memory_pair.h"

namespace aether::device {
namespace {

using Frame = std::vector<uint8_t>;
using namespace std::chrono_literals;

constexpr Instant kStart{1s};

FaultOptions OptionsOf(std::string_view text) {
  const auto options = FaultOptions::Parse(text);
  EXPECT_TRUE(options.has_value()) << options.error();
  return *options;
}

template <typename D>
Frame ReceiveFrom(D& device) {
  Frame into(kFrameBytesMax);
  into.resize(device.Receive(into));
  return into;
}

TEST(FaultDevice, WithoutFaultsFramesJustPass) {
  MemoryPair pair({.frames_max = 1, .bytes_max = 100});
  ManualClock clock(kStart);
  FaultDevice faulty(pair.a(), clock, {});
  EXPECT_TRUE(faulty.Send(Frame(20, 1)));
  EXPECT_FALSE(faulty.Send(Frame(20, 2)));  // the inner device is full, and the caller learns it
  EXPECT_EQ(ReceiveFrom(pair.b()), Frame(20, 1));
  pair.b().Send(Frame(30, 3));
  EXPECT_EQ(ReceiveFrom(faulty), Frame(30, 3));
  EXPECT_EQ(faulty.NextDeadline(), kNever);
  EXPECT_EQ(faulty.counts_in(), FaultCounts{});
  EXPECT_EQ(faulty.counts_out(), FaultCounts{});
}

TEST(FaultDevice, DelaysEachDirectionByItsOwn) {
  MemoryPair pair;
  ManualClock clock(kStart);
  FaultDevice faulty(pair.a(), clock, OptionsOf("in.delay=10ms,out.delay=30ms"));
  EXPECT_TRUE(faulty.Send(Frame(20, 1)));
  EXPECT_EQ(faulty.NextDeadline(), kStart + 30ms);
  pair.b().Send(Frame(30, 2));
  EXPECT_EQ(ReceiveFrom(faulty), Frame());
  EXPECT_EQ(faulty.NextDeadline(), kStart + 10ms);
  clock.Advance(10ms);
  EXPECT_EQ(ReceiveFrom(faulty), Frame(30, 2));
  EXPECT_EQ(pair.b().waiting(), 0u);
  EXPECT_EQ(faulty.NextDeadline(), kStart + 30ms);
  clock.Advance(20ms);
  EXPECT_EQ(ReceiveFrom(faulty), Frame());  // also sends what is due
  EXPECT_EQ(ReceiveFrom(pair.b()), Frame(20, 1));
  EXPECT_EQ(faulty.NextDeadline(), kNever);
}

TEST(FaultDevice, WhatIsDueWaitsForAFullInnerDevice) {
  MemoryPair pair({.frames_max = 1, .bytes_max = 1000});
  ManualClock clock(kStart);
  FaultDevice faulty(pair.a(), clock, OptionsOf("out.dup=1"));
  EXPECT_TRUE(faulty.Send(Frame(20, 1)));
  EXPECT_EQ(pair.b().waiting(), 1u);
  EXPECT_LE(faulty.NextDeadline(), kStart);  // the copy is due and waits
  EXPECT_EQ(ReceiveFrom(pair.b()), Frame(20, 1));
  EXPECT_EQ(ReceiveFrom(faulty), Frame());
  EXPECT_EQ(ReceiveFrom(pair.b()), Frame(20, 1));
  EXPECT_EQ(faulty.NextDeadline(), kNever);
}

TEST(FaultDevice, WorkPerReceiveIsBounded) {
  MemoryPair pair;
  ManualClock clock(kStart);
  using Faulty = FaultDevice<MemoryDevice, ManualClock>;
  Faulty faulty(pair.a(), clock, OptionsOf("drop=1"));
  for (int i = 0; i < Faulty::kReadsPerCallMax + 5; ++i) pair.b().Send(Frame(20));
  EXPECT_EQ(ReceiveFrom(faulty), Frame());
  EXPECT_EQ(pair.a().waiting(), 5u);
  EXPECT_EQ(faulty.NextDeadline(), kStart);  // more is there: come back at once
  EXPECT_EQ(ReceiveFrom(faulty), Frame());
  EXPECT_EQ(pair.a().waiting(), 0u);
  EXPECT_EQ(faulty.NextDeadline(), kNever);
}

TEST(FaultDevice, SkipsAFrameLargerThanTheCallersBuffer) {
  MemoryPair pair;
  ManualClock clock(kStart);
  FaultDevice faulty(pair.a(), clock, OptionsOf("in.dup=1"));
  pair.b().Send(Frame(200, 1));
  pair.b().Send(Frame(20, 2));
  Frame into(100);
  EXPECT_EQ(faulty.Receive(into), 20u);
  EXPECT_EQ(into[0], 2);
}

// Everything that comes out of a busy exchange, with its times.
std::vector<std::pair<int64_t, Frame>> Exchange(std::string_view options) {
  MemoryPair pair;
  ManualClock clock(kStart);
  FaultDevice faulty(pair.a(), clock, OptionsOf(options));
  std::vector<std::pair<int64_t, Frame>> seen;
  for (int step = 0; step < 400; ++step) {
    if (step < 300) {
      pair.b().Send(Frame(60, static_cast<uint8_t>(step)));
      faulty.Send(Frame(61, static_cast<uint8_t>(step)));
    }
    for (Frame frame = ReceiveFrom(faulty); !frame.empty(); frame = ReceiveFrom(faulty)) {
      seen.emplace_back(clock.Now().time_since_epoch().count(), frame);
    }
    for (Frame frame = ReceiveFrom(pair.b()); !frame.empty(); frame = ReceiveFrom(pair.b())) {
      seen.emplace_back(clock.Now().time_since_epoch().count(), frame);
    }
    clock.Advance(1ms);
  }
  return seen;
}

TEST(FaultDevice, TheSeedDeterminesEverything) {
  const std::string faults =
      "drop=0.1,dup=0.1,reorder=0.1,delay=5ms,jitter=3ms,corrupt=0.1,rate=2M,seed=";
  const auto first = Exchange(faults + "1");
  EXPECT_GT(first.size(), 400u);
  EXPECT_EQ(first, Exchange(faults + "1"));
  EXPECT_NE(first, Exchange(faults + "2"));
}

TEST(FaultDevice, TheDirectionsDoNotShareTheirDice) {
  MemoryPair pair;
  ManualClock clock(kStart);
  FaultDevice faulty(pair.a(), clock, OptionsOf("drop=0.5,seed=3"));
  std::vector<uint8_t> in;
  std::vector<uint8_t> out;
  for (uint8_t i = 0; i < 64; ++i) {
    pair.b().Send(Frame(20, i));
    faulty.Send(Frame(20, i));
    if (const Frame frame = ReceiveFrom(faulty); !frame.empty()) in.push_back(frame[0]);
    if (const Frame frame = ReceiveFrom(pair.b()); !frame.empty()) out.push_back(frame[0]);
  }
  EXPECT_GT(in.size(), 16u);
  EXPECT_GT(out.size(), 16u);
  EXPECT_NE(in, out);
}

}  // namespace
}  // namespace aether::device
