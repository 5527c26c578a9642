// A bounded pool of objects addressed by 4-byte indices. Its memory is reserved once, touched only
// as it is used, and never moves, so an index and a reference stay valid until Free. The free list
// is last-in first-out: what was just freed is still in the cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "stack/base/check.h"

namespace aether {

inline constexpr uint32_t kNoIndex = 0xffffffffu;

template <typename T>
class Pool {
 public:
  explicit Pool(uint32_t capacity)
      : capacity_(capacity),
        slots_(static_cast<Slot*>(::operator new(sizeof(Slot) * (capacity == 0 ? 1 : capacity),
                                                 std::align_val_t{alignof(Slot)}))) {}

  ~Pool() {
    static_assert(std::is_trivially_destructible_v<T>, "objects still in use are not destroyed");
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A default-initialised object, or kNoIndex when all `capacity()` are in use.
  uint32_t Allocate() {
    uint32_t index = free_head_;
    if (index != kNoIndex) {
      free_head_ = slots_.get()[index].next_free;
    } else if (touched_ < capacity_) {
      index = touched_++;
    } else {
      return kNoIndex;
    }
    new (&slots_.get()[index].object) T;
    ++used_;
    if (used_ > high_water_) high_water_ = used_;
    return index;
  }

  void Free(uint32_t index) {
    AETHER_CHECK(index < touched_ && used_ > 0);
    slots_.get()[index].next_free = free_head_;
    free_head_ = index;
    --used_;
  }

  T& operator[](uint32_t index) { return slots_.get()[index].object; }
  const T& operator[](uint32_t index) const { return slots_.get()[index].object; }
  void Prefetch(uint32_t index) const {
    const char* at = reinterpret_cast<const char*>(slots_.get() + index);
    for (size_t line = 0; line < sizeof(Slot); line += 64) __builtin_prefetch(at + line, 1);
  }

  uint32_t capacity() const { return capacity_; }
  uint32_t used() const { return used_; }
  uint32_t high_water() const { return high_water_; }
  // Indices below this have been handed out at least once.
  uint32_t touched() const { return touched_; }

 private:
  union Slot {
    Slot() {}
    ~Slot() {}
    T object;
    uint32_t next_free;
  };
  struct Deleter {
    void operator()(Slot* slots) const {
      ::operator delete(slots, std::align_val_t{alignof(Slot)});
    }
  };

  uint32_t capacity_;
  uint32_t used_ = 0;
  uint32_t high_water_ = 0;
  uint32_t touched_ = 0;
  uint32_t free_head_ = kNoIndex;
  std::unique_ptr<Slot, Deleter> slots_;
};

}  // namespace aether
