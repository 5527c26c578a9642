// Batches of frames with their times, kept in memory in order to run them once more through a fresh
// host, as fast as it can: the same seed and the same input give the same output, so nothing of the
// clients is in the timed region. Bounded: what is beyond is not run again, which is said by
// complete().
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "replay/replay_host.h"
#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::replay {

class SpeedLog {
 public:
  static constexpr size_t kBytesMax = size_t{256} << 20;

  void AddBatch(Instant now, std::span<const Bytes> frames);
  void AddAnswer(Bytes frame);
  bool complete() const { return complete_; }

  struct Outcome {
    int64_t nanoseconds = 0;
    uint64_t frames_in = 0;
    uint64_t frames_out = 0;
    uint64_t requests = 0;  // answered by the HTTP servers
    std::string wrong;      // a sentence when what came out is something else
  };
  // Of `rounds`, each with a host of its own, the fastest.
  Outcome Run(const ReplayHostOptions& options, Instant start, uint32_t rounds) const;

 private:
  struct Batch {
    Instant now;
    uint32_t first = 0;  // in frames_
    uint32_t frames = 0;
  };
  struct Place {
    size_t offset;
    uint32_t size;
  };
  void RunBatches(ReplayHost& host, std::span<const Bytes> frames, Outcome& outcome) const;

  bool complete_ = true;
  std::vector<uint8_t> bytes_;
  std::vector<Place> places_;
  std::vector<Batch> batches_;
  uint64_t answers_ = 0;
  uint64_t answer_bytes_ = 0;
};

}  // namespace aether::replay
