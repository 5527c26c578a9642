// A bounded ring between one producer thread and one consumer thread (Lamport 1983, with cached
// opposite indices). Slots are filled and read in place. Neither side ever waits: Reserve and Front
// answer null when full or empty.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>

#include "stack/base/check.h"

namespace aether {

template <typename T>
class SpscRing {
 public:
  // `capacity` must be a power of two.
  explicit SpscRing(size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique<T[]>(capacity)) {
    AETHER_CHECK(std::has_single_bit(capacity));
  }

  // Producer: the slot to fill next, or null when the ring is full. Nothing is visible before
  // Commit.
  T* Reserve() {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - cached_head_ > mask_) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (tail - cached_head_ > mask_) return nullptr;
    }
    return &slots_[tail & mask_];
  }
  void Commit() {
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // Consumer: the oldest slot, or null when the ring is empty. It stays valid until Pop.
  T* Front() { return Peek(0); }
  // Consumer: the slot `ahead` places behind the oldest, or null. All stay valid until popped.
  T* Peek(size_t ahead) {
    const size_t head = head_.load(std::memory_order_relaxed);
    // Signed: who pops what it never looked at is ahead of the cached index.
    const auto wanted = static_cast<std::ptrdiff_t>(ahead);
    if (static_cast<std::ptrdiff_t>(cached_tail_ - head) <= wanted) {
      cached_tail_ = tail_.load(std::memory_order_acquire);
      if (static_cast<std::ptrdiff_t>(cached_tail_ - head) <= wanted) return nullptr;
    }
    return &slots_[(head + ahead) & mask_];
  }
  void Pop(size_t count = 1) {
    head_.store(head_.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }

  size_t capacity() const { return mask_ + 1; }
  // Either side, or a third: a moment's view.
  bool Empty() const {
    return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire);
  }

 private:
  const size_t mask_;
  const std::unique_ptr<T[]> slots_;
  alignas(64) std::atomic<size_t> head_{0};
  size_t cached_tail_ = 0;  // consumer's
  alignas(64) std::atomic<size_t> tail_{0};
  size_t cached_head_ = 0;  // producer's
};

}  // namespace aether
