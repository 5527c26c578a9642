#include "stack/net/frame_store.h"

#include "stack/base/check.h"

namespace aether::net {

FrameStore::FrameStore(uint32_t frames_max, size_t frame_bytes_max)
    : frame_bytes_max_(frame_bytes_max),
      slots_(frames_max),
      memory_(std::make_unique_for_overwrite<uint8_t[]>(size_t{frames_max} * frame_bytes_max)) {}

uint32_t FrameStore::Allocate() { return slots_.Allocate(); }

void FrameStore::Free(uint32_t slot) { slots_.Free(slot); }

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

uint32_t FrameQueue::Pop(FrameStore& store) {
  AETHER_CHECK(head_ != kNoIndex);
  const uint32_t slot = head_;
  head_ = store.slots_[slot].next;
  if (head_ == kNoIndex) tail_ = kNoIndex;
  --size_;
  return slot;
}

}  // namespace aether::net
