// A hierarchical timer wheel (Varghese, Lauck 1987, scheme 7): four levels of 256 slots, ticks of
// 2^20 ns (1.05 ms). One timer per id in [0, capacity). Arm, move and cancel take constant time. A
// new deadline that is no earlier than the slot which the timer stands in is only stored: the timer
// is put right when its slot comes up. Deadlines further away than 52 days come up early and are
// put back.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "stack/base/pool.h"
#include "stack/base/time.h"

namespace aether {

class TimerWheel {
  static constexpr uint32_t kUnlinked = 0xfffffffeu;
  static constexpr uint32_t kHead = 0xfffffffdu;
  // The deadline as a tick, and the slot that the timer stands in: never one that comes up later.
  struct Node {
    uint64_t tick : 48;
    uint64_t slot : 16;
    uint32_t prev;  // an id, or kHead for the first of a slot; kUnlinked
    uint32_t next;
  };

 public:
  static constexpr size_t kTimerBytes = sizeof(Node);
  static constexpr int kTickShift = 20;
  static constexpr Duration kTick{int64_t{1} << kTickShift};

  // No deadline before `origin` is meant; instants before it count as `origin`.
  TimerWheel(uint32_t capacity, Instant origin);

  // Arms or moves the timer of `id`. It expires at the first Advance at or after `deadline`,
  // rounded up to a tick.
  void Schedule(uint32_t id, Instant deadline) {
    if (id >= touched_) [[unlikely]]
      Touch(id);
    const uint64_t tick = CeilTick(deadline);
    Node& node = nodes_[id];
    // Its slot comes up at its old tick or before.
    const bool stays =
        node.prev != kUnlinked &&
        (tick >= node.tick || std::max(tick, current_tick_ + 1) >= TickOf(node.slot));
    node.tick = tick & kTickMask;
    if (!stays) Move(id);
  }
  void Cancel(uint32_t id) {
    if (IsArmed(id)) Unlink(id);
  }
  bool IsArmed(uint32_t id) const { return id < touched_ && nodes_[id].prev != kUnlinked; }

  // Calls expired(id) for every timer that is due; it is disarmed before the call, which may arm
  // and cancel any.
  template <typename Expired>
  void Advance(Instant now, Expired&& expired) {
    const uint64_t now_tick = FloorTick(now);
    // Nothing is ever due before the next tick.
    if (now_tick <= current_tick_) return;
    while (true) {
      const uint64_t tick = NextTick();
      if (tick > now_tick) break;
      Enter(tick);
      const uint32_t slot = static_cast<uint32_t>(tick & kSlotMask);
      while (heads_[slot] != kNoIndex) {
        const uint32_t id = heads_[slot];
        Unlink(id);
        if (nodes_[id].tick > current_tick_) {
          Link(id, current_tick_ + 1);
        } else {
          expired(id);
        }
      }
    }
    current_tick_ = now_tick;
  }

  // No later than the earliest deadline rounded up to a tick; kNever when nothing is armed. It may
  // be early, never late.
  Instant NextDeadline() const;

  uint32_t armed() const { return armed_; }

 private:
  static constexpr int kLevels = 4;
  static constexpr int kSlotBits = 8;
  static constexpr uint32_t kSlots = 1u << kSlotBits;
  static constexpr uint64_t kSlotMask = kSlots - 1;
  static constexpr uint64_t kTickMask = (uint64_t{1} << 48) - 1;
  static constexpr uint64_t kUnknownTick = ~uint64_t{1};

  uint64_t FloorTick(Instant when) const {
    return when <= origin_ ? 0 : static_cast<uint64_t>((when - origin_).count()) >> kTickShift;
  }
  uint64_t CeilTick(Instant when) const {
    constexpr uint64_t kUp = (uint64_t{1} << kTickShift) - 1;
    return when <= origin_ ? 0
                           : (static_cast<uint64_t>((when - origin_).count()) + kUp) >> kTickShift;
  }
  // When a slot comes up next.
  uint64_t TickOf(uint64_t slot) const {
    const uint64_t shift = (slot >> kSlotBits) * kSlotBits;
    const uint64_t position = (current_tick_ >> shift) + 1;
    return (position + ((slot - position) & kSlotMask)) << shift;
  }
  uint64_t NextTick() const { return next_tick_ != kUnknownTick ? next_tick_ : FindNextTick(); }
  uint64_t FindNextTick() const;
  void Enter(uint64_t tick);
  void Move(uint32_t id);
  void Link(uint32_t id, uint64_t earliest);
  void Unlink(uint32_t id);
  void Touch(uint32_t id);

  Instant origin_;
  uint64_t current_tick_ = 0;
  uint32_t capacity_;
  uint32_t touched_ = 0;  // nodes below this are initialised
  uint32_t armed_ = 0;
  // What NextTick found, until a timer is entered or taken out, or time moves; kUnknownTick then.
  mutable uint64_t next_tick_ = kUnknownTick;
  std::unique_ptr<Node[]> nodes_;
  std::array<uint32_t, kLevels * kSlots> heads_;
  std::array<std::array<uint64_t, kSlots / 64>, kLevels> occupied_{};
};

}  // namespace aether
