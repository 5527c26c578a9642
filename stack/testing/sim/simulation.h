// Runs one scenario in virtual time: takes the next frame or deadline, lets the node that it
// concerns come to rest, and asks the oracles. Everything follows from the scenario; two runs are
// the same to the last bit, and the trace hash says so.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stack/device/capture_sink.h"
#include "stack/testing/sim/datagrams.h"
#include "stack/testing/sim/flow_watch.h"
#include "stack/testing/sim/forger.h"
#include "stack/testing/sim/link.h"
#include "stack/testing/sim/node.h"
#include "stack/testing/sim/oracles.h"
#include "stack/testing/sim/scenario.h"

namespace aether::testing::sim {

struct RunResult {
  std::optional<Violation> violation;
  uint64_t trace_hash = 0;
  uint64_t frames = 0;  // emitted by all nodes
  uint64_t steps = 0;
  uint64_t data_bytes = 0;  // on the wire
  uint64_t retransmitted_bytes = 0;
  uint64_t retransmitted_segments = 0;
  uint64_t delivered_bytes = 0;  // to applications
  uint32_t transfers = 0;
  uint32_t finished = 0;  // transfers of which both streams came through
  uint32_t extra_connections = 0;
  Duration busy_time{0};  // until the last transfer was over
  std::vector<LinkCounters> links;
  // What happened at least once: counters and drop reasons of the stacks, and what the simulation
  // saw on the wire.
  std::map<std::string, uint64_t> reached;
  std::vector<std::string> last_frames;  // readable, when there is a violation
};

struct RunOptions {
  HostFactory make_host = MakeHost;
  // Sees what node 0 sends and what reaches it.
  device::CaptureSink* capture = nullptr;
  // Hours of silence at the end, for P5.
  Duration silence = std::chrono::hours(6);
};

class Simulation {
 public:
  Simulation(const Scenario& scenario, const RunOptions& options);

  RunResult Run();

 private:
  struct Transfer {
    bool is_started = false;
    bool is_server_open = false;  // a simultaneous one: the other end has connected, too
    std::optional<uint32_t> client_slot;
    std::optional<uint32_t> server_slot;
  };
  struct Passed {
    Instant when;
    uint32_t node;
    bool is_out;
    Frame bytes;
  };

  void RunTransfers();
  void RunSilence();
  void StepUntil(Instant when);
  Instant NextInstant() const;
  void StepAt(Instant now);
  void Deliver(uint32_t node, Instant now);
  void StartTransfers(Instant now);
  bool Open(uint32_t index, bool is_client, Instant now);
  void RunExtras(Instant now);
  void SendDatagrams(Instant now);
  void TakeDatagrams(uint32_t node, Instant now);
  void ChangeAddresses(Instant now);
  void CountReached();
  Instant NextStart() const;
  bool MayStart(size_t index) const;
  bool IsOver(const Transfer& transfer, size_t index) const;
  bool AllAreOver() const;
  bool ExtrasAreOver() const;
  bool CanLose() const;
  void CheckDatagrams();
  // `calls` were made already.
  void Settle(uint32_t node, std::span<const Bytes> arrived, Instant now, uint32_t calls = 0);
  uint64_t TakeEvents(uint32_t node, Instant now);
  void OnAcceptable(uint32_t node, ListenerId listener, Instant now);
  void TakeFrames(uint32_t node, StepCount& count, Instant now);
  void Route(uint32_t from, Bytes frame, Instant now);
  void Record(uint32_t node, bool is_out, Bytes frame, Instant now);
  void CheckApps(uint32_t node, Instant now);
  void CheckStream(const App& reader, const App& writer, const std::string& who, Instant now);
  void CheckTransfers(Instant now);
  std::string DescribeOpen() const;
  RunResult Finish();

  const Scenario scenario_;
  RunOptions options_;
  Oracles oracles_;
  Dice dice_;
  DatagramTraffic datagrams_;
  Forger forger_;
  size_t address_changes_ = 0;  // those that have happened
  Instant now_{};
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::vector<Transfer> transfers_;
  std::map<FlowKey, uint32_t> transfer_of_flow_;
  Frame out_;
  std::vector<Frame> arrived_;
  std::vector<Bytes> batch_;
  std::vector<Event> events_;
  std::deque<Passed> history_;
  std::optional<Instant> over_at_;
  RunResult result_;
  uint64_t hash_ = 0;
  uint64_t steps_at_once_ = 0;
};

inline RunResult RunScenario(const Scenario& scenario, const RunOptions& options = {}) {
  return Simulation(scenario, options).Run();
}

}  // namespace aether::testing::sim
