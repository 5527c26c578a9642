// What bench_hostile measures, in the parts that it is written in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/common/suite.h"
#include "bench/hostile/siege.h"
#include "bench/stack/operations.h"

namespace aether::bench {

// --- siege_rows.cc: goodput, service time, high water ---
void AddSiegeRows(Suite& suite);
// A line for each that was timed: what the real clients got of the processor, and how late.
void PrintSieges();

// --- memory_rows.cc: what the kernel says, after a flood and after one twice as long ---
void AddMemoryRows(Suite& suite);

// --- hostile_cases.cc: what callgrind counts ---
inline constexpr char kHostileCases[] =
    "[hoarder/](under_flood/FLOOD/TRAFFIC, flood_alone/FLOOD/TRAFFIC or unattacked/TRAFFIC), where "
    "FLOOD is syn, ack, rst, fragment, reordering_hole, sack_hole, tiny_window, slow_reader, "
    "slow_crowd, "
    "hash_collision or hash_collision_known_key, and TRAFFIC is keepalive or close";
std::optional<std::string> RunHostileCase(std::string_view name, uint64_t operations,
                                          OperationTotals& totals);

// What is sent in the names of connections that come and go costs as much as they make it cost, so
// that the flood alone is another one.
inline bool GoesWith(FloodKind kind, bool close) {
  return !close || (kind != FloodKind::kAck && kind != FloodKind::kRst);
}

}  // namespace aether::bench
