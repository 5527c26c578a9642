#include "replay/replay_result.h"

#include <algorithm>

namespace aether::replay {

void ReplayResult::Add(const ReplayResult& other) {
  packets = std::max(packets, other.packets);
  skipped.Add(other.skipped);
  datagrams += other.datagrams;
  flows.Add(other.flows);
  for (size_t i = 0; i < responses_by_class.size(); ++i)
    responses_by_class[i] += other.responses_by_class[i];
  latency.Add(other.latency);
  frames_in += other.frames_in;
  frames_out += other.frames_out;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  virtual_time = std::max(virtual_time, other.virtual_time);
  trace_hash = trace_hash * 0x9e3779b97f4a7c15u ^ other.trace_hash;
  stack.Add(other.stack);
  http.Add(other.http);
  for (size_t i = 0; i < differences_by_kind.size(); ++i)
    differences_by_kind[i] += other.differences_by_kind[i];
  for (const FlowDifference& difference : other.differences) {
    if (differences.size() < kDifferencesShown) differences.push_back(difference);
  }
  wall_ns = std::max(wall_ns, other.wall_ns);
  speed_ns += other.speed_ns;
  speed_frames += other.speed_frames;
  speed_requests += other.speed_requests;
  if (damage.empty()) damage = other.damage;
}

}  // namespace aether::replay
