// Which worker owns a flow: a keyed hash of (source address, source port) modulo workers, computed
// by one function here and by an eBPF program that a multi-queue TAP runs for every frame that the
// kernel sends to us, so that a frame comes in at the queue of the worker that owns its flow.
//
// Whole (unfragmented) IPv4 packets with TCP or UDP have a flow, and so has an ICMP error that
// quotes a TCP segment of ours: its flow is that of the answer. DHCP answers, which are for the
// host and not for a flow, and everything else go to worker 0; TCP that it puts together from
// fragments it hands on. The key keeps outsiders from aiming all of their flows at one worker.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "stack/base/bytes.h"

namespace aether::runtime {

struct SteeringKey {
  uint64_t mask = 0;
  uint64_t factor = 1;
};

// Both sides of the agreement are these few operations.
inline constexpr uint64_t kSteeringMix = 0x9e3779b97f4a7c15u;
constexpr uint32_t SteeringHash(SteeringKey key, uint32_t source_address, uint16_t source_port) {
  uint64_t hash = (uint64_t{source_address} << 16 | source_port) ^ key.mask;
  hash *= key.factor | 1;
  hash ^= hash >> 32;
  hash *= kSteeringMix;
  return static_cast<uint32_t>(hash >> 32);
}

// The worker for an Ethernet frame, and for an IPv4 packet, in [0, workers). workers > 0.
uint32_t SteerFrame(SteeringKey key, uint32_t workers, Bytes frame);
uint32_t SteerPacket(SteeringKey key, uint32_t workers, Bytes packet);

// Makes the kernel put frames into queue SteerFrame(key, workers, frame) of the TAP behind
// `tap_fd`, which has `workers` queues. An error means that this kernel or this user cannot do it;
// the caller then distributes frames itself.
absl::Status AttachSteering(int tap_fd, SteeringKey key, uint32_t workers);

}  // namespace aether::runtime
