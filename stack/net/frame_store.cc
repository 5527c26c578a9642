#include "stack/net/frame_store.h"

#include "stack/base/check.h"

namespace aether::net {

FrameStore::FrameStore(uint32_t frames_max, size_t frame_bytes_max)
    : frame_bytes_max_(frame_bytes_max),
      slots_(frames_max),
      memory_(std::make_unique_for_overwrite<uint8_t[]>(size_t{frames_max} * frame_bytes_max)) {}

uint32_t FrameStore::Allocate() { return slots_.Allocate(); }

uint32_t FrameStore::AllocateAfter(uint32_t last) {
  const uint32_t slot = slots_.Allocate();
  if (slot == kNoIndex) return kNoIndex;
  AETHER_CHECK(slots_[last].follower == kNoIndex);
  slots_[last].follower = slot;
  ++followers_;
  return slot;
}

uint32_t FrameStore::DetachFirst(uint32_t slot) {
  const uint32_t follower = slots_[slot].follower;
  if (follower != kNoIndex) {
    slots_[slot].follower = kNoIndex;
    --followers_;
  }
  return follower;
}

void FrameStore::Free(uint32_t slot) {
  while (slot != kNoIndex) {
    const uint32_t follower = DetachFirst(slot);
    slots_.Free(slot);
    slot = follower;
  }
}

void FrameStore::SetSize(uint32_t slot, size_t size_bytes) {
  AETHER_CHECK(size_bytes <= frame_bytes_max_);
  slots_[slot].size_bytes = static_cast<uint32_t>(size_bytes);
}

void FrameQueue::Push(FrameStore& store, uint32_t slot) {
  store.slots_[slot].next = kNoIndex;
  if (tail_ == kNoIndex) {
    head_ = slot;
  } else {
    store.slots_[tail_].next = slot;
  }
  tail_ = slot;
  ++size_;
}

void FrameQueue::PushFront(FrameStore& store, uint32_t slot) {
  store.slots_[slot].next = head_;
  head_ = slot;
  if (tail_ == kNoIndex) tail_ = slot;
  ++size_;
}

uint32_t FrameQueue::Pop(FrameStore& store) {
  AETHER_CHECK(head_ != kNoIndex);
  const uint32_t slot = head_;
  head_ = store.slots_[slot].next;
  if (head_ == kNoIndex) tail_ = kNoIndex;
  --size_;
  return slot;
}

}  // namespace aether::net
