// What the two applications of a connection are to do: plain values, drawn by a scenario, cut down
// by a reduction, and carried out by app.h.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/base/time.h"
#include "stack/tcp/socket_options.h"
#include "stack/wire/address.h"

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
  SocketOptions options{};
  // Gives up after so long without a byte in either direction; 0: never.
  Duration idle_timeout{0};

  bool IsEcho() const { return !writes.empty() && writes.front().kind == WriteStep::Kind::kEcho; }
};

// Datagrams of drawn sizes from one node to another, evenly spread.
struct DatagramPlan {
  uint32_t from = 0;
  uint32_t to = 0;
  Instant start{};
  Duration interval = std::chrono::milliseconds(1);
  uint32_t count = 0;
  uint32_t bytes_min = 0;
  uint32_t bytes_max = 0;
  uint64_t stream = 0;
};

// Frames of an attacker who sees nothing that the stack sends, through node `via`, against
// `target`.
struct ForgeryPlan {
  enum class Kind : uint8_t {
    kSyn,      // from addresses that are none, to the server's port
    kSegment,  // resets, SYNs, data and acknowledgements with the ends of live connections
    kReport,   // ICMP errors about live connections
  };
  Kind kind = Kind::kSyn;
  uint32_t target = 0;
  uint32_t via = 1;
  Instant start{};
  Duration interval = std::chrono::milliseconds(1);
  uint32_t count = 0;
};

// A node gets another address; its connections end.
struct AddressChange {
  Instant when{};
  uint32_t node = 0;
  Ipv4Address address;
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
  // Both ends connect, each from its port to the other's, the server's this much later.
  bool is_simultaneous = false;
  Duration server_delay{0};
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  // Both sides read all that the other sent, and close in good order.
  bool is_graceful = true;
};

}  // namespace aether::testing::sim
