// What came out of a replay, of whatever mode; what a report prints.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "replay/flow_counts.h"
#include "replay/histogram.h"
#include "replay/server_diff.h"
#include "stack/app/http_server.h"
#include "stack/base/counters.h"

namespace aether::replay {

// X(member, "meaning"): packets of the capture that were not played.
#define AETHER_SKIPPED(X)                                                          \
  X(malformed, "packets whose lengths lead nowhere, or that are recorded in part") \
  X(unreadable, "packets of which no Ethernet frame can be made")                  \
  X(filtered, "packets that --filter leaves out")                                  \
  X(ipv6, "IPv6 packets")                                                          \
  X(fragments, "fragments of datagrams whose addresses are others in the replay")  \
  X(arp, "ARP packets: the replay answers for itself")                             \
  X(other, "packets of other protocols, and datagrams to no server")               \
  X(late, "segments of connections that were over, or of which nothing was begun") \
  X(no_room, "segments of connections beyond the bounds of the replay")            \
  X(from_us, "open: frames that come from the stack's own address")

struct Skipped {
#define AETHER_SKIPPED_MEMBER(member, meaning) uint64_t member = 0;
  AETHER_SKIPPED(AETHER_SKIPPED_MEMBER)
#undef AETHER_SKIPPED_MEMBER
  void Add(const Skipped& more) {
#define AETHER_SKIPPED_ADD(member, meaning) member += more.member;
    AETHER_SKIPPED(AETHER_SKIPPED_ADD)
#undef AETHER_SKIPPED_ADD
  }
};

struct FlowDifference {
  std::string flow;  // "10.0.0.1.40000 > 10.0.0.2.80"
  Difference difference;
};

struct ReplayResult {
  static constexpr size_t kDifferencesShown = 8;

  std::string mode;
  uint64_t packets = 0;  // of the capture
  Skipped skipped;
  uint64_t datagrams = 0;  // UDP and ICMP requests that were played
  FlowCounts flows;
  std::array<uint64_t, 6> responses_by_class{};
  Histogram latency;

  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  Duration virtual_time{0};
  uint64_t trace_hash = 0;
  Counters stack;
  app::HttpCounters http;

  std::array<uint64_t, Difference::kKinds> differences_by_kind{};
  std::vector<FlowDifference> differences;  // the first ones

  // The whole replay, and the frames alone once more out of memory; 0: not measured.
  int64_t wall_ns = 0;
  int64_t speed_ns = 0;
  uint64_t speed_frames = 0;  // in and out
  uint64_t speed_requests = 0;

  // What stopped the reading of the capture, as a sentence; empty at its end.
  std::string damage;

  // exact: what the comparison with the recording says, as a sentence.
  std::string exact;
  bool exact_differs = false;

  void Add(const ReplayResult& other);
  bool HasFailure() const {
    return flows.unanswered > 0 || flows.gave_up > 0 || flows.unsent > 0 || flows.storms > 0 ||
           exact_differs;
  }
};

}  // namespace aether::replay
