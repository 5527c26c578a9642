#include "stack/base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace aether {
namespace {

// Distance in [1, 256] from `from` to the next set bit of a 256-bit ring, 0 when no bit is set.
uint32_t RingDistance(const std::array<uint64_t, 4>& bits, uint32_t from) {
  const uint32_t start = (from + 1) & 255;
  for (uint32_t step = 0; step <= 4; ++step) {
    const uint32_t word = ((start >> 6) + step) & 3;
    uint64_t value = bits[word];
    if (step == 0) value &= ~uint64_t{0} << (start & 63);
    if (step == 4) value &= ~(~uint64_t{0} << (start & 63));
    if (value != 0) {
      const uint32_t bit = word * 64 + static_cast<uint32_t>(std::countr_zero(value));
      return ((bit - start) & 255) + 1;
    }
  }
  return 0;
}

}  // namespace

TimerWheel::TimerWheel(uint32_t capacity, Instant origin)
    : origin_(origin),
      capacity_(capacity),
      nodes_(std::make_unique_for_overwrite<Node[]>(capacity)) {
  AETHER_CHECK(capacity < kHead);
  heads_.fill(kNoIndex);
}

void TimerWheel::Touch(uint32_t id) {
  AETHER_CHECK(id < capacity_);
  for (; touched_ <= id; ++touched_) nodes_[touched_] = Node{0, 0, kUnlinked, kNoIndex};
}

// Takes the timer to the slot of its tick, which comes up before the one that it stands in, if any.
void TimerWheel::Move(uint32_t id) {
  if (nodes_[id].prev != kUnlinked) Unlink(id);
  Link(id, current_tick_ + 1);
}

// Puts the timer where its tick belongs; a tick before `earliest` is due then.
void TimerWheel::Link(uint32_t id, uint64_t earliest) {
  Node& node = nodes_[id];
  uint64_t at = std::max<uint64_t>(node.tick, earliest);
  const uint64_t horizon = (uint64_t{1} << (kLevels * kSlotBits)) - 1;
  at = std::min(at, current_tick_ + horizon);
  const uint64_t delta = at - current_tick_;
  uint32_t level = 0;
  while (level + 1 < kLevels && (delta >> (kSlotBits * (level + 1))) != 0) ++level;
  const uint32_t index = static_cast<uint32_t>((at >> (kSlotBits * level)) & kSlotMask);
  const uint32_t slot = level * kSlots + index;
  node.slot = slot & 0xffff;
  node.prev = kHead;
  node.next = heads_[slot];
  if (node.next != kNoIndex) nodes_[node.next].prev = id;
  heads_[slot] = id;
  occupied_[level][index >> 6] |= uint64_t{1} << (index & 63);
  ++armed_;
  if (next_tick_ != kUnknownTick)
    next_tick_ = std::min(next_tick_, at >> (kSlotBits * level) << (kSlotBits * level));
}

void TimerWheel::Unlink(uint32_t id) {
  Node& node = nodes_[id];
  if (node.next != kNoIndex) nodes_[node.next].prev = node.prev;
  if (node.prev == kHead) {
    const uint32_t slot = node.slot;
    heads_[slot] = node.next;
    if (node.next == kNoIndex) {
      const uint32_t index = slot & kSlotMask;
      occupied_[slot >> kSlotBits][index >> 6] &= ~(uint64_t{1} << (index & 63));
      next_tick_ = kUnknownTick;
    }
  } else {
    nodes_[node.prev].next = node.next;
  }
  node.prev = kUnlinked;
  --armed_;
}

// The next tick at which a slot is due to expire (level 0) or to be spread over the level below.
uint64_t TimerWheel::FindNextTick() const {
  uint64_t next = ~uint64_t{0};
  for (uint32_t level = 0; level < kLevels; ++level) {
    const int shift = kSlotBits * static_cast<int>(level);
    const uint64_t position = current_tick_ >> shift;
    // Slots from this level on come up at the next turn of the level below, or later.
    if (next <= (position + 1) << shift) break;
    const uint32_t distance =
        RingDistance(occupied_[level], static_cast<uint32_t>(position & kSlotMask));
    if (distance != 0) next = std::min(next, (position + distance) << shift);
  }
  next_tick_ = next;
  return next;
}

void TimerWheel::Enter(uint64_t tick) {
  current_tick_ = tick;
  if ((tick & kSlotMask) != 0) [[likely]]
    return;
  for (uint32_t level = kLevels - 1; level > 0; --level) {
    const int shift = kSlotBits * static_cast<int>(level);
    if ((tick & ((uint64_t{1} << shift) - 1)) != 0) continue;
    const uint32_t index = static_cast<uint32_t>((tick >> shift) & kSlotMask);
    const uint32_t slot = level * kSlots + index;
    // Detach the list first: a timer beyond the horizon may come back to this very slot.
    uint32_t id = heads_[slot];
    heads_[slot] = kNoIndex;
    occupied_[level][index >> 6] &= ~(uint64_t{1} << (index & 63));
    next_tick_ = kUnknownTick;
    while (id != kNoIndex) {
      const uint32_t next = nodes_[id].next;
      --armed_;
      // What is due at this very tick goes into the slot of level 0 that is expired next.
      Link(id, tick);
      id = next;
    }
  }
}

Instant TimerWheel::NextDeadline() const {
  const uint64_t tick = NextTick();
  if (tick == ~uint64_t{0} ||
      tick > (static_cast<uint64_t>(Duration::max().count()) >> kTickShift)) {
    return kNever;
  }
  const Duration offset{static_cast<int64_t>(tick << kTickShift)};
  if (origin_.time_since_epoch() > Duration::max() - offset) return kNever;
  return origin_ + offset;
}

}  // namespace aether
