// What one stack holds at the moment, by count of objects. All of it is given back in time: a stack
// whose applications let go of everything comes to all zeros without a frame from anybody.
#pragma once

#include <cstdint>

namespace aether {

// X(member, "what it counts")
#define AETHER_MEMORY_USE(X)                                     \
  X(connections, "connections of any state")                     \
  X(half_open, "of those, the ones whose handshake is not over") \
  X(time_wait_records, "TIME-WAIT records")                      \
  X(tcp_timers, "armed timers of connections")                   \
  X(tcp_replies, "stateless segments that wait for Transmit")    \
  X(chunks, "chunks of 2 KiB in queues")                         \
  X(send_items, "pieces of send queues")                         \
  X(sent_segments, "records of segments in flight")              \
  X(held_ranges, "ranges of text ahead of a gap")                \
  X(recoveries, "records of loss recoveries")                    \
  X(out_of_orders, "records of what came out of order")          \
  X(neighbors, "entries of the neighbour cache")                 \
  X(frames, "frames that wait for Transmit or an ARP answer")    \
  X(fragmented_datagrams, "datagrams in reassembly")             \
  X(udp_datagrams, "datagrams that wait for their reader")       \
  X(large_udp_datagrams, "of those, the ones larger than the MTU")

struct MemoryUse {
#define AETHER_MEMORY_USE_MEMBER(member, text) uint32_t member = 0;
  AETHER_MEMORY_USE(AETHER_MEMORY_USE_MEMBER)
#undef AETHER_MEMORY_USE_MEMBER

  constexpr bool operator==(const MemoryUse&) const = default;
};

}  // namespace aether
