// Requests against a server, scripted: the frames of a chunk of operations are made while a twin of
// the server answers them, and then the same frames at the same times go through the server that is
// measured. A stack's output is determined by frames, times, seed and calls, so the twin says what
// must come out, bit by bit, and nothing of the clients is in the timed region.
//
// Keep-alive: a request in, the response out, on connections that stay; the next request of a
// connection acknowledges the response. Close: SYN, ACK, request, ACK, FIN in; SYN-ACK, response
// with FIN, ACK out, with so many connections open at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/stack/client.h"
#include "bench/stack/frame_log.h"
#include "bench/stack/server.h"

namespace aether::bench {

struct ScenarioOptions {
  ServerKind server = ServerKind::kHttp;
  bool close = false;
  uint32_t connections = 1;  // active, or open at a time
  uint32_t batch = 1;        // frames in one Receive; no more than connections
  uint32_t idle = 0;         // further ones that opened, sent a request, and are silent since
  bool strict = false;       // see Client
  uint32_t time_wait_max = 131072;
  tcp::Profile profile = tcp::kFull;
  // A program of others: it may allocate, lock and wait. Of the profile it must have the
  // timestamps.
  bool is_peer = false;
  // Called twice, for the twin and then for the server that is measured.
  std::function<std::unique_ptr<Server>(const ServerOptions&)> make_server = MakeServer;
};

// What went out during a replay.
struct Sent {
  uint64_t frames = 0;
  uint64_t bytes = 0;
};

// Where frames are written to: a ring of some slots, as that of a device.
class TransmitRing {
 public:
  static constexpr size_t kSlotBytes = 2048;
  static constexpr size_t kSlots = 64;
  TransmitRing() : memory_(kSlots * kSlotBytes) {}
  MutableBytes Next() {
    at_ = at_ + 1 == kSlots ? 0 : at_ + 1;
    return {memory_.data() + at_ * kSlotBytes, kSlotBytes};
  }

 private:
  std::vector<uint8_t> memory_;
  size_t at_ = 0;
};

// The timed region: each batch into the server, and everything that is due then out of it.
Sent Replay(Server& server, std::span<const FrameLog::Batch> batches, const FrameLog& log,
            TransmitRing& ring);
// All of the log at once, every frame that comes out compared with that of the twin. What is
// different, in words; empty when nothing is.
const char* ReplayExact(Server& server, const FrameLog& log, TransmitRing& ring);

class Scenario {
 public:
  // Opens the connections and comes to a steady state.
  explicit Scenario(const ScenarioOptions& options);

  // Makes the next chunk; a part of it at the beginning is for warming up.
  void Record();
  // Both answer whether the right frames came out, as far as sizes tell.
  void RunWarmUp();
  void RunTimed();
  // Instead of the two: every frame is compared with that of the twin.
  void RunExact();
  // Instead of the two: all of it in one go.
  void RunWhole();

  uint32_t operations_per_chunk() const { return operations_per_chunk_; }
  // Of the part that is timed.
  uint32_t operations_timed() const { return operations_timed_; }
  uint64_t frames_in() const { return log_.frame_count(); }
  uint64_t frames_out() const { return log_.sent_hashes().size(); }
  uint64_t bytes_out() const { return log_.sent_bytes(); }
  uint64_t allocations() const { return allocations_; }
  uint64_t locks() const { return locks_; }
  uint64_t waits() const { return waits_; }
  // The first thing that went wrong; empty when nothing did.
  std::string Wrong() const;
  const Server& measured() const { return *measured_; }

 private:
  void FinishBatch(uint32_t operations);
  void FinishBatchWhenFull();
  void RecordKeepAlive();
  void RecordCloseGroup();
  void Open(uint32_t number);
  void OpenAll();
  void ReplaySetup();
  void RefreshNeighbour();
  Sent ReplayCounted(std::span<const FrameLog::Batch> batches);
  void Expect(const Sent& sent, uint64_t frames, uint64_t bytes);
  size_t SplitAt() const;

  ScenarioOptions options_;
  Duration frame_time_;
  uint32_t operations_per_chunk_;
  uint32_t operations_timed_ = 0;
  FrameLog log_;
  std::unique_ptr<Server> twin_;
  std::unique_ptr<Server> measured_;
  Client client_;
  TransmitRing ring_;
  std::vector<uint32_t> order_;
  size_t cursor_ = 0;
  uint32_t opened_ = 0;    // close: numbers below are open or over
  uint32_t finished_ = 0;  // close: numbers below are over
  Instant now_ = kBegin;
  Instant last_arp_{};
  uint64_t allocations_ = 0;
  uint64_t locks_ = 0;
  uint64_t waits_ = 0;
  std::string wrong_;
};

}  // namespace aether::bench
