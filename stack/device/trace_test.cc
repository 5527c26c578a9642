// One line per frame that passes, with time and direction.
#include "stack/device/trace.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "stack/device/memory_pair.h"

namespace aether::device {
namespace {

using Frame = std::vector<uint8_t>;

TEST(TraceDevice, WritesALineForEachFrameThatPasses) {
  MemoryPair pair({.frames_max = 1, .bytes_max = 1000});
  ManualClock clock(Instant(std::chrono::microseconds(1'234)));
  std::string text;
  TraceDevice trace(pair.a(), clock, TraceTo(text));
  Frame into(100);
  pair.b().Send(Frame(3));
  EXPECT_EQ(trace.Receive(into), 3u);
  EXPECT_EQ(trace.Receive(into), 0u);
  clock.Set(Instant(std::chrono::seconds(2)));
  EXPECT_TRUE(trace.Send(Frame(4)));
  EXPECT_FALSE(trace.Send(Frame(5)));  // not taken, so not told
  EXPECT_EQ(text,
            "0.001234 < 3 bytes (ethernet_too_short)\n"
            "2.000000 > 4 bytes (ethernet_too_short)\n");
  EXPECT_EQ(trace.NextDeadline(), kNever);
}

TEST(TraceDevice, PassesFramesWithoutASink) {
  MemoryPair pair;
  ManualClock clock;
  TraceDevice trace(pair.a(), clock, {});
  Frame into(100);
  EXPECT_TRUE(trace.Send(Frame(20)));
  pair.b().Send(Frame(30));
  EXPECT_EQ(trace.Receive(into), 30u);
}

}  // namespace
}  // namespace aether::device
