// What a loop has done, above all its system calls: on a TAP every read, write, yield, sleep and
// poll is one.
#pragma once

#include <cstdint>

namespace aether::runtime {

// X(member, "what it counts")
#define AETHER_LOOP_COUNTERS(X)                             \
  X(turns, "turns of the loop")                             \
  X(reads, "reads, dry ones included")                      \
  X(reads_dry, "reads that found no frame")                 \
  X(writes, "writes, refused ones included")                \
  X(writes_full, "writes that found no room")               \
  X(pauses, "waits for more frames, without a system call") \
  X(spins, "short waits without a system call")             \
  X(yields, "times that the CPU was offered to others")     \
  X(sleeps, "sleeps of up to 50 us")                        \
  X(polls, "waits until a frame or a deadline")

struct LoopCounters {
#define AETHER_LOOP_COUNTER_MEMBER(member, text) uint64_t member = 0;
  AETHER_LOOP_COUNTERS(AETHER_LOOP_COUNTER_MEMBER)
#undef AETHER_LOOP_COUNTER_MEMBER

  uint64_t SystemCalls() const { return reads + writes + yields + sleeps + polls; }

  void Add(const LoopCounters& other) {
#define AETHER_LOOP_COUNTER_ADD(member, text) member += other.member;
    AETHER_LOOP_COUNTERS(AETHER_LOOP_COUNTER_ADD)
#undef AETHER_LOOP_COUNTER_ADD
  }
};

}  // namespace aether::runtime
