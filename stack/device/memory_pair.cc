#include "stack/device/memory_pair.h"

namespace aether::device {

size_t MemoryDevice::Receive(MutableBytes into) { return in_->Pop(into); }

bool MemoryDevice::Send(Bytes frame) { return out_->Push(frame); }

MemoryPair::MemoryPair(MemoryLimits limits)
    : a_to_b_(limits.frames_max, limits.bytes_max),
      b_to_a_(limits.frames_max, limits.bytes_max),
      a_(b_to_a_, a_to_b_),
      b_(a_to_b_, b_to_a_) {}

}  // namespace aether::device
