// Two devices that are connected in memory: what one sends, the other receives. Bounded queues, no
// allocation after construction. One thread; a wire between threads is the runtime's business.
#pragma once

#include <cstddef>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/device.h"
#include "stack/device/frame_queue.h"

namespace aether::device {

// Of each direction.
struct MemoryLimits {
  size_t frames_max = 1024;
  size_t bytes_max = size_t{2} * 1024 * 1024;
};

class MemoryDevice {
 public:
  MemoryDevice(FrameQueue& in, FrameQueue& out) : in_(&in), out_(&out) {}

  size_t Receive(MutableBytes into);
  // False when the queue towards the other end is full.
  bool Send(Bytes frame);
  Instant NextDeadline() const { return kNever; }

  // Frames that wait for this end's Receive.
  size_t waiting() const { return in_->frames(); }

 private:
  FrameQueue* in_;
  FrameQueue* out_;
};
static_assert(Device<MemoryDevice>);

class MemoryPair {
 public:
  explicit MemoryPair(MemoryLimits limits = {});
  // The ends point into the pair.
  MemoryPair(const MemoryPair&) = delete;
  MemoryPair& operator=(const MemoryPair&) = delete;

  MemoryDevice& a() { return a_; }
  MemoryDevice& b() { return b_; }

 private:
  FrameQueue a_to_b_;
  FrameQueue b_to_a_;
  MemoryDevice a_;
  MemoryDevice b_;
};

}  // namespace aether::device
