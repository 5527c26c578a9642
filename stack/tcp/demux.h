// From a flow to its connection or TIME-WAIT record: open addressing with linear probing, a keyed
// hash (SipHash-1-3), slots of 8 bytes, and room for twice as many as can exist, so that it never
// grows. Erasing closes the gap (Knuth 6.4 R): there are no tombstones, and a lookup stays short
// whatever came and went.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "stack/base/pool.h"
#include "stack/base/siphash.h"
#include "stack/tcp/isn.h"
#include "stack/tcp/segment.h"

namespace aether::tcp {

class Demux {
  struct Slot {
    uint32_t hash;
    uint32_t value_plus_one;  // 0: empty, so that zeroed memory is an empty table
  };

 public:
  // Of a full table, for each that is in it.
  static constexpr size_t kEntryBytes = 2 * sizeof(Slot);
  // A value of a slot: an index of a connection, or, with this bit, of a TIME-WAIT record.
  static constexpr uint32_t kTimeWaitBit = 0x80000000u;

  Demux(uint32_t entries_max, SipKey key);

  uint32_t Hash(const FlowKey& flow) const {
    return static_cast<uint32_t>(SipHash13(key_, FlowAddresses(flow), FlowPorts(flow)));
  }
  void PrefetchSlot(uint32_t hash) const { __builtin_prefetch(&slots_.get()[hash & mask_]); }
  // The value whose hash matches first, without a look at its key: only for prefetching.
  uint32_t Guess(uint32_t hash) const {
    const Slot& slot = slots_.get()[hash & mask_];
    return slot.value_plus_one != 0 && slot.hash == hash ? slot.value_plus_one - 1 : kNoIndex;
  }

  // The value for which matches(value) holds among those with this hash; kNoIndex when there is
  // none.
  template <typename Matches>
  uint32_t Find(uint32_t hash, Matches&& matches) const {
    for (uint32_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_.get()[at];
      if (slot.value_plus_one == 0) return kNoIndex;
      if (slot.hash == hash && matches(slot.value_plus_one - 1)) return slot.value_plus_one - 1;
    }
  }

  // `value` is not in the table yet, and the table holds fewer than entries_max.
  void Insert(uint32_t hash, uint32_t value);
  void Erase(uint32_t hash, uint32_t value);
  // Puts another value into the place of one.
  void Replace(uint32_t hash, uint32_t old_value, uint32_t new_value);

  uint32_t size() const { return size_; }

 private:
  struct Release {
    void operator()(Slot* slots) const { std::free(slots); }
  };
  uint32_t SlotOf(uint32_t hash, uint32_t value) const;

  SipKey key_;
  uint32_t mask_;
  uint32_t size_ = 0;
  uint32_t entries_max_;
  // From calloc: the kernel hands out zeroed pages only as they are touched.
  std::unique_ptr<Slot, Release> slots_;
};

}  // namespace aether::tcp
