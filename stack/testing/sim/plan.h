// What the two applications of a connection are to do: plain values, drawn by a scenario, cut down
// by a reduction, and carried out by app.h.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/base/time.h"

namespace aether::testing::sim {

struct WriteStep {
  enum class Kind : uint8_t {
    kSend,      // `bytes` of the stream
    kAwait,     // until `bytes` in all were read
    kAwaitEnd,  // until the peer's FIN was read
    kEcho,      // sends back what arrives, until the peer's FIN
    kPause,
    kShutdown,
    kClose,  // lets go, whatever was not read or sent yet
    kAbort,
  };
  Kind kind = Kind::kSend;
  uint64_t bytes = 0;
  Duration pause{0};
};

// After `bytes` more were read, nothing is read for a while.
struct Stall {
  uint64_t bytes = 0;
  Duration pause{0};
};

struct AppPlan {
  // In order; then the end of the peer's stream is awaited, both directions are closed, and the
  // connection is let go.
  std::vector<WriteStep> writes;
  std::vector<Stall> stalls;
  uint32_t write_chunk_bytes_max = 16384;
  uint32_t read_chunk_bytes_max = 65536;
  Duration read_interval{0};  // between two reads: a slow reader
  // Lets go of the connection only when it was told that both directions are closed.
  bool waits_for_finished = false;
  // Gives up after so long without a byte in either direction; 0: never.
  Duration idle_timeout{0};

  bool IsEcho() const { return !writes.empty() && writes.front().kind == WriteStep::Kind::kEcho; }
};

// One connection from node `client` to the listener of node `server`.
struct TransferPlan {
  uint32_t client = 0;
  uint32_t server = 0;
  Instant start{};
  // Waits for the transfer before it to be over.
  bool is_chained = false;
  AppPlan client_app;
  AppPlan server_app;
  uint64_t client_stream = 0;  // seeds of what each side sends; an echo sends the client's stream
  uint64_t server_stream = 0;
  // Both sides read all that the other sent, and close in good order.
  bool is_graceful = true;
};

}  // namespace aether::testing::sim
