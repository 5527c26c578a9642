// The parts that scenarios are drawn from.
#pragma once

#include <cstdint>

#include "stack/testing/sim/dice.h"
#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {

// Nodes 0 (the stack under test, listening) and 1 (the client), a clean link of drawn delay and
// rate in both directions, no transfer yet.
void DrawBase(Dice& dice, Scenario& scenario);
// One more client like node 1.
void AddClient(Dice& dice, Scenario& scenario);
// Options of a socket; all of them together change nothing about what comes through.
SocketOptions DrawOptions(Dice& dice);

// Who closes first.
enum class Closer : uint8_t { kClient, kServer, kBoth };
Closer DrawCloser(Dice& dice);

// Transfers of node 1 to node 0; sizes in bytes. The client speaks first in all of them: a server
// that answers with SYN cookies and never hears more does not know that it has a connection.
TransferPlan Upload(Dice& dice, uint64_t bytes, Closer closer);
TransferPlan Download(Dice& dice, uint64_t bytes, Closer closer);
TransferPlan Duplex(Dice& dice, uint64_t up_bytes, uint64_t down_bytes, Closer closer);
TransferPlan Echo(Dice& dice, uint64_t bytes);
TransferPlan Exchanges(Dice& dice, uint32_t count, uint64_t request_bytes, uint64_t response_bytes,
                       Closer closer);
// Any of the above.
TransferPlan AnyTransfer(Dice& dice, uint64_t bytes_max);

// The same with enough bytes for whatever the link does to show.
TransferPlan LongTransfer(Dice& dice, uint64_t bytes_min, uint64_t bytes_max);

// `bytes_max`, or less where somebody keeps nothing that comes ahead of a gap: after a timeout
// everything is sent again there, nothing of that tells a round trip to who has no timestamps, and
// by [RFC 6298 5.7] the timer goes on doubling with each loss.
uint64_t RepairableBytes(const Scenario& scenario, uint64_t bytes_max);

// Sizes of reads and writes for a plan that moves about `bytes`.
void DrawChunks(Dice& dice, AppPlan& plan, uint64_t bytes);

inline WriteStep SendStep(uint64_t bytes) {
  return {.kind = WriteStep::Kind::kSend, .bytes = bytes, .pause = Duration{0}};
}
inline WriteStep AwaitStep(uint64_t bytes) {
  return {.kind = WriteStep::Kind::kAwait, .bytes = bytes, .pause = Duration{0}};
}
inline WriteStep PauseStep(Duration pause) {
  return {.kind = WriteStep::Kind::kPause, .bytes = 0, .pause = pause};
}
inline WriteStep PlainStep(WriteStep::Kind kind) {
  return {.kind = kind, .bytes = 0, .pause = Duration{0}};
}

}  // namespace aether::testing::sim
