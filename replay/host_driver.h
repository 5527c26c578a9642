// A host under replay: frames in, all frames that are due out, and what both amount to. The hash
// covers every frame in both directions with its time, so that two replays can be compared.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "replay/frame_batch.h"
#include "replay/replay_host.h"
#include "replay/replay_result.h"
#include "replay/speed_log.h"
#include "stack/device/capture_sink.h"

namespace aether::replay {

class HostDriver {
 public:
  // `out` (may be null) gets every frame; `log` (may be null) what it takes to do it once more.
  HostDriver(std::unique_ptr<ReplayHost> host, device::CaptureSink* out, SpeedLog* log);

  // `answers` gets what the host sends.
  void Deliver(const FrameBatch& frames, Instant now, FrameBatch& answers);
  Instant NextDeadline() const { return host_->NextDeadline(); }
  const ReplayHost& host() const { return *host_; }
  void AddTo(ReplayResult& result) const;

 private:
  void Note(Bytes frame, Instant now, uint8_t direction);

  std::unique_ptr<ReplayHost> host_;
  device::CaptureSink* out_;
  SpeedLog* log_;
  std::vector<uint8_t> buffer_;
  uint64_t frames_in_ = 0;
  uint64_t frames_out_ = 0;
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
  uint64_t hash_ = 0;
};

}  // namespace aether::replay
