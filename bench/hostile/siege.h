// Real clients' requests and a flood at the same server, frame by frame between each other, or one
// of the two alone. As in scenario.h a twin answers while the frames are made, and the same frames
// at the same times then go through the server that is measured: nothing of clients and attackers
// is in the timed region, and both servers must send the same.
//
// Every request of a real client's must be answered as if nobody else were there; only
// acknowledgements that a forged segment asked for are tolerated. Of kSlowCrowd it is counted how
// many are not answered before the client's next turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/hostile/flood.h"
#include "bench/stack/client.h"
#include "bench/stack/frame_log.h"
#include "bench/stack/scenario.h"
#include "bench/stack/server.h"
#include "stack/base/memory_use.h"

namespace aether::bench {

struct SiegeOptions {
  FloodKind flood = FloodKind::kNone;
  // Without them their connections are there, and silent.
  bool real_requests = true;
  bool close = false;          // a connection for each request
  uint32_t connections = 100;  // active, or open at a time
  uint32_t batch = 32;         // frames in one Receive, hostile ones or not
  uint32_t hostile_per_real = 10;
  uint32_t frames_per_chunk = 8192;  // about
  bool strict = false;               // see Client
  // Let the attackers know the server's own key: what keyed hashes are good for.
  bool knows_key = false;
  std::function<std::unique_ptr<Server>(const ServerOptions&)> make_server = MakeServer;
};

// The timed region, one Receive at a time.
struct SiegeTime {
  double ns = 0;
  uint32_t real_frames = 0;
  uint32_t hostile_frames = 0;
  uint32_t operations = 0;
  uint32_t answered = 0;  // of those
};

class Siege {
 public:
  // Opens the connections and lets the flood come to its steady state.
  explicit Siege(const SiegeOptions& options);

  // Makes the next chunk; a part of it at the beginning is for warming up.
  void Record();
  void RunWarmUp();
  void RunTimed();
  // RunTimed by this thread's clock.
  SiegeTime MeasureTimed();
  // Instead of RunTimed: the time of each request, from the Receive that got it to the Transmit
  // that handed out its response. Not of batches in which the processor was taken away.
  void RunForService(std::vector<double>& service_ns);
  // Instead of RunWarmUp and RunTimed: all of it in one go.
  void RunWhole();
  // The same, and every frame is compared with that of the twin.
  void RunExact();

  uint32_t operations_per_chunk() const { return operations_per_chunk_; }
  uint32_t operations_timed() const { return timed_.operations; }
  uint64_t frames_in() const { return log_.frame_count(); }
  uint64_t frames_out() const { return log_.sent_hashes().size(); }
  uint32_t hostile_frames() const { return whole_.hostile_frames; }
  // Requests of the chunk that were answered before the client's next turn.
  uint32_t answered() const { return whole_.answered; }
  // The most of each that the server held after any batch.
  const MemoryUse& high_water() const { return high_water_; }
  const Server& measured() const { return *measured_; }
  // The first thing that went wrong; empty when nothing did.
  std::string Wrong() const;

 private:
  static constexpr uint32_t kWarmUpShare = 4;

  bool has_flood() const { return flood_ != nullptr; }
  void OpenReal();
  void FinishBatch();
  void FinishBatchWhenFull();
  void ReplaySetup();
  void KeepUp();
  void AddHostile();
  template <typename Write>
  void AddReal(Write&& write);
  void RecordKeepAlive();
  void RecordCloseGroup();
  void Open(uint32_t number);
  bool MayLose() const { return options_.flood == FloodKind::kSlowCrowd; }
  RealFlow RandomRealFlow();
  void NoteHighWater();
  void Expect(const Sent& sent, size_t from, size_t to);

  SiegeOptions options_;
  uint32_t operations_per_chunk_;
  FrameLog log_;
  std::unique_ptr<Server> twin_;
  std::unique_ptr<Server> measured_;
  Client client_;
  std::unique_ptr<Flood> flood_;
  TransmitRing ring_;
  Generator generator_{0x51e6e};
  std::vector<uint32_t> order_;
  size_t cursor_ = 0;
  uint32_t opened_ = 0;    // numbers below are open or over
  uint32_t finished_ = 0;  // close: numbers below are over
  Instant now_ = kBegin;
  Instant last_arp_{};
  Instant last_request_ = kBegin;  // of silent clients
  SiegeTime open_;                 // what the open batch holds
  SiegeTime whole_;                // of the chunk, counts only
  SiegeTime timed_;
  bool is_recording_ = false;
  size_t split_ = 0;  // the first batch that is timed
  MemoryUse high_water_;
  uint64_t allocations_ = 0;
  uint64_t locks_ = 0;
  std::string wrong_;
};

// The configuration of the servers of a siege, for what is held against its limits.
ServerOptions SiegeServerOptions(const SiegeOptions& options);
// Which of the limits does not hold; empty when all do.
std::string OverLimit(const MemoryUse& use, const Config& config);
// The key of the table of flows in a stack with this seed.
SipKey DemuxKeyOf(Seed seed);

}  // namespace aether::bench
