// The judges of a run, asked after every step of every node. The first violation ends the run.
//
//   P1   delivered bytes (app.h) and bytes on the wire (flow_watch.h) are those of the stream
//   P3   a delivered datagram is one that was sent (datagrams.h)
//
//   P4   CheckInvariants(), called by the simulation; it aborts, and whoever started the run
//        reports it
//
//   P5   nothing is held after hours of silence
//
//   P7   frames out per frame in and call, and per quiet second, are bounded
//
//   P8   a node comes to rest, and a deadline is acted on or moves
//
//   P12  every emitted frame passes the naive parser and comes from the one who sends it
//   liveness  what should finish does
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stack/testing/sim/flow_watch.h"
#include "stack/testing/sim/scenario.h"
#include "stack/testing/sim/tcp_host.h"
#include "stack/testing/sim/violation.h"

namespace aether::testing::sim {

struct OracleLimits {
  // Frames without data, for each frame that arrives and each call of an application. What waited
  // for an ARP answer comes on top: one frame per connection, and the queue of the neighbour.
  uint32_t control_per_input_max = 4;
  uint32_t arp_queue_max = 256;
  // Data frames for each input: what one acknowledgement may set free.
  uint32_t data_per_input_max = 2400;
  // Frames without any input: so many at once, and so many in a second, per connection.
  uint32_t quiet_burst_max = 24;
  uint32_t quiet_per_second_max = 12;
  // On top, once per connection: a timeout without congestion control sends a window again.
  uint32_t quiet_window_frames_max = 2400;
  // Times that a node wakes up for nothing while nothing arrives: at first, and per second.
  uint32_t idle_wakes_burst_max = 256;
  uint32_t idle_wakes_per_second_max = 64;
  // Answers to each SYN that comes from nowhere: the SYN-ACK and its repetitions.
  uint32_t replies_to_nobody_max = 8;
  // Rounds of events, calls and frames in one step.
  uint32_t rounds_max = 100'000;
  // Times in a row that a deadline may be due after it was acted on.
  uint32_t overdue_rounds_max = 8;
};

// One step of one node.
struct StepCount {
  uint64_t frames_in = 0;
  uint64_t arp_in = 0;  // of those
  uint64_t calls = 0;
  uint64_t events = 0;
  uint64_t data_out = 0;
  uint64_t control_out = 0;
};

class Oracles {
 public:
  explicit Oracles(const Scenario& scenario);

  void Fail(std::string oracle, std::string text, Instant now);
  const std::optional<Violation>& violation() const { return violation_; }
  const OracleLimits& limits() const { return limits_; }

  // A frame leaves `node`; true when it carries data.
  bool OnFrame(uint32_t node, Bytes frame, Instant now);
  // A frame that no node sent is about to reach one.
  void OnForged() { ++forged_; }
  void OnAddressChange(uint32_t node, Ipv4Network address);
  void OnStep(uint32_t node, const StepCount& count, size_t connections, Instant now);
  // Nothing has happened for hours.
  void OnSilence(uint32_t node, const TcpHost& host, Instant now);

  FlowWatch& flows() { return flows_; }
  const FlowWatch& flows() const { return flows_; }

 private:
  struct NodeState {
    NodeSpec spec;
    bool has_congestion_control = true;
    Instant quiet_since{};
    uint64_t quiet_frames = 0;
    uint64_t idle_wakes = 0;
  };

  OracleLimits limits_;
  std::vector<NodeState> nodes_;
  FlowWatch flows_;
  uint64_t forged_ = 0;
  uint64_t replies_to_nobody_ = 0;
  std::optional<Violation> violation_;
};

}  // namespace aether::testing::sim
