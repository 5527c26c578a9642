#include "stack/runtime/loop.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace aether::runtime {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr size_t kFrameBytesMax = 100;

// Answers every frame with itself, at `deadline` says "tick", and writes down what it was told.
struct FakeHost {
  void Receive(std::span<const Bytes> frames, Instant now) {
    ++receives;
    batches.push_back(frames.size());
    for (const Bytes frame : frames) to_send.emplace_back(frame.begin(), frame.end());
    if (now >= deadline) {
      to_send.emplace_back("tick");
      deadline = kNever;
    }
    work = false;
  }
  size_t Transmit(MutableBytes out, Instant) {
    if (to_send.empty()) return 0;
    const std::string frame = to_send.front();
    to_send.pop_front();
    std::copy(frame.begin(), frame.end(), out.begin());
    return frame.size();
  }
  Instant NextDeadline() const { return deadline; }
  bool HasWork() const { return work; }
  bool IsQuiet() const { return quiet; }

  int receives = 0;
  std::vector<size_t> batches;
  std::deque<std::string> to_send;
  Instant deadline = kNever;
  bool work = false;
  bool quiet = true;
};

struct FakeDevice {
  size_t Receive(MutableBytes into) {
    if (incoming.empty()) return 0;
    const std::string frame = incoming.front();
    incoming.pop_front();
    const size_t size = std::min(frame.size(), into.size());
    std::copy_n(frame.begin(), size, into.begin());
    return size;
  }
  bool Send(Bytes frame) {
    if (room == 0) return false;
    --room;
    sent.emplace_back(frame.begin(), frame.end());
    return true;
  }
  Instant NextDeadline() const { return deadline; }

  std::deque<std::string> incoming;
  std::vector<std::string> sent;
  size_t room = 1000000;
  Instant deadline = kNever;
};

struct FakeWaiter {
  struct Wait {
    std::string kind;
    Duration time{};
    bool for_room = false;
    bool operator==(const Wait&) const = default;
  };
  template <typename Clock>
  void Spin(Clock& clock, Instant until) {
    waits.push_back({"spin", until - clock.Now()});
    clock.Set(until);
  }
  void Yield() { waits.push_back({"yield"}); }
  void Sleep(Duration duration) { waits.push_back({"sleep", duration}); }
  template <typename Quiet>
  void Block(std::optional<Duration> timeout, bool for_room, Quiet&& quiet) {
    if (quiet()) waits.push_back({"block", timeout.value_or(Duration::max()), for_room});
  }
  std::vector<Wait> waits;
};

class LoopTest : public ::testing::Test {
 protected:
  using TestLoop = Loop<FakeHost, device::ManualClock, FakeDevice, FakeWaiter>;

  TestLoop& Start(BackoffMode mode) {
    loop_ = std::make_unique<TestLoop>(host_, clock_, device_, waiter_, mode, kFrameBytesMax);
    loop_->Turn();  // the host begins
    host_.receives = 0;
    host_.batches.clear();
    return *loop_;
  }

  FakeHost host_;
  device::ManualClock clock_{Instant(std::chrono::seconds(5))};
  FakeDevice device_;
  FakeWaiter waiter_;
  std::unique_ptr<TestLoop> loop_;
};

TEST_F(LoopTest, FirstTurnLetsTheHostBegin) {
  loop_ = std::make_unique<TestLoop>(host_, clock_, device_, waiter_, BackoffMode::kPoll,
                                     kFrameBytesMax);
  host_.to_send.emplace_back("announcement");
  loop_->Turn();
  EXPECT_EQ(host_.batches, std::vector<size_t>{0});
  EXPECT_EQ(device_.sent, std::vector<std::string>{"announcement"});
}

TEST_F(LoopTest, ReadsUntilDryAndSendsEverything) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  device_.incoming = {"a", "bb", "ccc"};
  loop.Turn();
  EXPECT_EQ(host_.batches, std::vector<size_t>{3});
  EXPECT_EQ(device_.sent, (std::vector<std::string>{"a", "bb", "ccc"}));
  EXPECT_TRUE(waiter_.waits.empty());
}

TEST_F(LoopTest, BatchEndsAtTheCap) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  for (size_t i = 0; i < TestLoop::kFramesMax + 1; ++i) device_.incoming.emplace_back("x");
  loop.Turn();
  loop.Turn();
  EXPECT_EQ(host_.batches, (std::vector<size_t>{TestLoop::kFramesMax, 1}));
}

TEST_F(LoopTest, FrameThatIsTooLongArrivesLongerThanTheMaximum) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  device_.incoming.emplace_back(1000, 'x');
  loop.Turn();
  ASSERT_EQ(device_.sent.size(), 1u);
  EXPECT_GT(device_.sent[0].size(), kFrameBytesMax);
}

TEST_F(LoopTest, KeepsTheFrameThatTheDeviceHadNoRoomFor) {
  TestLoop& loop = Start(BackoffMode::kAdaptive);
  device_.room = 1;
  device_.incoming = {"a", "b", "c"};
  loop.Turn();
  EXPECT_EQ(device_.sent, std::vector<std::string>{"a"});
  loop.Turn();
  ASSERT_EQ(waiter_.waits.size(), 1u);
  EXPECT_EQ(waiter_.waits[0], (FakeWaiter::Wait{"block", Duration::max(), true}));
  device_.room = 10;
  loop.Turn();
  EXPECT_EQ(device_.sent, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(loop.counters().writes_full, 2u);
}

TEST_F(LoopTest, DeadlineIsServedWithoutAFrame) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  host_.deadline = clock_.Now() + milliseconds(7);
  host_.work = true;
  loop.Turn();  // the loop asks for the deadline after work only
  loop.Turn();
  ASSERT_EQ(waiter_.waits.size(), 1u);
  EXPECT_EQ(waiter_.waits[0], (FakeWaiter::Wait{"block", milliseconds(7)}));
  EXPECT_TRUE(device_.sent.empty());
  clock_.Advance(milliseconds(7));
  loop.Turn();
  EXPECT_EQ(device_.sent, std::vector<std::string>{"tick"});
}

TEST_F(LoopTest, DeadlineOfTheDeviceBoundsTheWait) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  device_.deadline = clock_.Now() + microseconds(30);
  loop.Turn();
  ASSERT_EQ(waiter_.waits.size(), 1u);
  EXPECT_EQ(waiter_.waits[0].time, microseconds(30));
  clock_.Advance(microseconds(30));
  loop.Turn();  // due: no wait, the next turn reads it
  EXPECT_EQ(waiter_.waits.size(), 1u);
}

TEST_F(LoopTest, WorkOfTheHostIsServedWithoutAFrame) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  host_.work = true;
  loop.Turn();
  EXPECT_EQ(host_.batches, std::vector<size_t>{0});
}

TEST_F(LoopTest, DoesNotBlockWhenTheHostIsNotQuiet) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  host_.quiet = false;
  loop.Turn();
  EXPECT_TRUE(waiter_.waits.empty());
  EXPECT_EQ(loop.counters().polls, 1u);
}

TEST_F(LoopTest, AdaptiveSpinsYieldsSleepsBlocks) {
  TestLoop& loop = Start(BackoffMode::kAdaptive);
  std::vector<std::string> stages;
  for (int i = 0; i < 1000 && (stages.empty() || stages.back() != "block"); ++i) {
    waiter_.waits.clear();
    loop.Turn();
    const FakeWaiter::Wait& wait = waiter_.waits.front();
    if (stages.empty() || stages.back() != wait.kind) stages.push_back(wait.kind);
    // A yield that nobody takes is followed by a pause.
    if (wait.kind == "yield") {
      ASSERT_EQ(waiter_.waits.size(), 2u);
      EXPECT_EQ(waiter_.waits.back().kind, "spin");
      EXPECT_LE(waiter_.waits.back().time, Backoff::kPauseMax);
    }
    if (wait.kind == "sleep") {
      EXPECT_EQ(wait.time, microseconds(50));
      clock_.Advance(microseconds(60));
    }
  }
  EXPECT_LT(loop.counters().reads, 300u);  // of which 167 belong to the sleeps
  EXPECT_EQ(stages, (std::vector<std::string>{"spin", "yield", "sleep", "block"}));
  EXPECT_EQ(host_.receives, 0);
}

// A stream of frames with many at once: the loop lets some gather before it reads on, unless it is
// told to block.
TEST_F(LoopTest, PausesBetweenBatchesOfABusyDevice) {
  for (const BackoffMode mode : {BackoffMode::kAdaptive, BackoffMode::kSpin, BackoffMode::kPoll}) {
    TestLoop& loop = Start(mode);
    waiter_.waits.clear();
    for (int i = 0; i < 100; ++i) {
      for (int frame = 0; frame < 32; ++frame) device_.incoming.emplace_back("x");
      loop.Turn();
      clock_.Advance(microseconds(1));
    }
    EXPECT_EQ(loop.counters().pauses > 0, mode != BackoffMode::kPoll);
    EXPECT_EQ(loop.counters().reads_dry, 101u);
    for (const FakeWaiter::Wait& wait : waiter_.waits) {
      EXPECT_EQ(wait.kind, "spin");
      EXPECT_LE(wait.time, Pacer::kPauseMax);
    }
  }
}

TEST_F(LoopTest, CountsItsSystemCalls) {
  TestLoop& loop = Start(BackoffMode::kPoll);
  const LoopCounters before = loop.counters();
  device_.incoming = {"a", "b"};
  loop.Turn();
  loop.Turn();
  const LoopCounters& after = loop.counters();
  EXPECT_EQ(after.reads - before.reads, 4u);
  EXPECT_EQ(after.reads_dry - before.reads_dry, 2u);
  EXPECT_EQ(after.writes - before.writes, 2u);
  EXPECT_EQ(after.polls - before.polls, 1u);
  EXPECT_EQ(after.SystemCalls() - before.SystemCalls(), 7u);
}

}  // namespace
}  // namespace aether::runtime
