#include "stack/tcp/demux.h"

#include <algorithm>
#include <bit>

#include "stack/base/check.h"

namespace aether::tcp {

Demux::Demux(uint32_t entries_max, SipKey key) : key_(key), entries_max_(entries_max) {
  AETHER_CHECK(entries_max < 0x40000000u);
  const uint32_t slots = std::bit_ceil(std::max(entries_max * 2, 16u));
  mask_ = slots - 1;
  slots_.reset(static_cast<Slot*>(std::calloc(slots, sizeof(Slot))));
  AETHER_CHECK(slots_ != nullptr);
}

void Demux::Insert(uint32_t hash, uint32_t value) {
  AETHER_CHECK(size_ < entries_max_);
  uint32_t at = hash & mask_;
  while (slots_.get()[at].value_plus_one != 0) at = (at + 1) & mask_;
  slots_.get()[at] = {hash, value + 1};
  ++size_;
}

uint32_t Demux::SlotOf(uint32_t hash, uint32_t value) const {
  uint32_t at = hash & mask_;
  while (slots_.get()[at].value_plus_one != value + 1) {
    AETHER_CHECK(slots_.get()[at].value_plus_one != 0);
    at = (at + 1) & mask_;
  }
  return at;
}

void Demux::Replace(uint32_t hash, uint32_t old_value, uint32_t new_value) {
  slots_.get()[SlotOf(hash, old_value)].value_plus_one = new_value + 1;
}

void Demux::Erase(uint32_t hash, uint32_t value) {
  uint32_t gap = SlotOf(hash, value);
  Slot* slots = slots_.get();
  for (uint32_t at = (gap + 1) & mask_; slots[at].value_plus_one != 0; at = (at + 1) & mask_) {
    // An entry may move into the gap when the gap is not before its own first place.
    if (((at - slots[at].hash) & mask_) >= ((at - gap) & mask_)) {
      slots[gap] = slots[at];
      gap = at;
    }
  }
  slots[gap].value_plus_one = 0;
  --size_;
}

}  // namespace aether::tcp
