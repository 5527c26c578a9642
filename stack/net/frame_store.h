// Slots that each hold one frame, and queues of them. Frames that wait for Transmit, for an ARP
// answer or for their reader live here. Memory is reserved once and touched only as it is used.
//
// The fragments of one datagram are a train: the first frame, which alone stands in queues, and
// those that follow it. A train waits, leaves its queue and is freed as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "stack/base/bytes.h"
#include "stack/base/pool.h"

namespace aether::net {

class FrameStore {
 public:
  FrameStore(uint32_t frames_max, size_t frame_bytes_max);

  // A slot, or kNoIndex when all are in use.
  uint32_t Allocate();
  // A slot that follows `last`, the last one of its train; kNoIndex when all are in use.
  uint32_t AllocateAfter(uint32_t last);
  // Takes the first frame out of its train; returns the one that is first now, kNoIndex if none is
  // left.
  uint32_t DetachFirst(uint32_t slot);
  // Frees a frame and those that follow it.
  void Free(uint32_t slot);

  // All bytes of a slot, and the part that its frame takes.
  MutableBytes Slot(uint32_t slot) {
    return {memory_.get() + size_t{slot} * frame_bytes_max_, frame_bytes_max_};
  }
  Bytes Frame(uint32_t slot) const {
    return {memory_.get() + size_t{slot} * frame_bytes_max_, slots_[slot].size_bytes};
  }
  MutableBytes Frame(uint32_t slot) { return Slot(slot).first(slots_[slot].size_bytes); }
  void SetSize(uint32_t slot, size_t size_bytes);

  uint32_t used() const { return slots_.used(); }
  // Of those, the ones that follow another one.
  uint32_t followers() const { return followers_; }

 private:
  friend class FrameQueue;
  struct SlotState {
    uint32_t next = kNoIndex;      // in its queue
    uint32_t follower = kNoIndex;  // in its train
    uint32_t size_bytes = 0;
  };

  size_t frame_bytes_max_;
  Pool<SlotState> slots_;
  std::unique_ptr<uint8_t[]> memory_;
  uint32_t followers_ = 0;
};

// First in, first out; a slot stands in at most one queue.
class FrameQueue {
 public:
  bool empty() const { return head_ == kNoIndex; }
  uint32_t size() const { return size_; }
  uint32_t front() const { return head_; }
  void Push(FrameStore& store, uint32_t slot);
  void PushFront(FrameStore& store, uint32_t slot);
  // Takes the oldest slot out; the queue must not be empty.
  uint32_t Pop(FrameStore& store);

 private:
  uint32_t head_ = kNoIndex;
  uint32_t tail_ = kNoIndex;
  uint32_t size_ = 0;
};

}  // namespace aether::net
