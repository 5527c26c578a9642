// The link of two_stacks: two queues of frames, out of which records take, drop and double any.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "fuzz/target.h"
#include "stack/base/bytes.h"
#include "stack/wire/checksum.h"
#include "stack/wire/tcp.h"

namespace aether::fuzz {

class Link {
 public:
  static constexpr size_t kFramesMax = 96;
  static constexpr size_t kFrameBytesMax = 1514;

  void Clear() {
    for (Direction& direction : directions_) {
      direction.count = 0;
      direction.sequence_by = direction.acknowledgment_by = 0;
      for (size_t i = 0; i < kFramesMax; ++i) direction.order[i] = static_cast<uint8_t>(i);
    }
  }

  // What does not fit is lost.
  void Push(size_t side, Bytes frame, bool is_first) {
    Direction& direction = directions_[side];
    if (direction.count == kFramesMax) return;
    FUZZ_CHECK(P12, frame.size() <= kFrameBytesMax);
    const auto place = direction.order.begin() + static_cast<ptrdiff_t>(direction.count++);
    Slot& slot = direction.slots[*place];
    slot.size = static_cast<uint16_t>(frame.size());
    std::ranges::copy(frame, slot.bytes.begin());
    Shift(direction, MutableBytes(slot.bytes).first(frame.size()));
    if (is_first) std::rotate(direction.order.begin(), place, place + 1);
  }

  size_t count(size_t side) const { return directions_[side].count; }
  Bytes At(size_t side, size_t which) const {
    const Slot& slot = directions_[side].slots[directions_[side].order[which]];
    return Bytes(slot.bytes).first(slot.size);
  }
  bool IsArp(size_t side) const {
    const Bytes frame = At(side, 0);
    return frame[12] == 8 && frame[13] == 6;
  }
  // Takes it out; its bytes stay until the next Push.
  Bytes Take(size_t side, size_t which) {
    Direction& direction = directions_[side];
    const Bytes frame = At(side, which);
    const auto place = direction.order.begin() + static_cast<ptrdiff_t>(which);
    // To the far end, so that it is used last.
    std::rotate(place, place + 1, direction.order.end());
    --direction.count;
    return frame;
  }
  void Double(size_t side, size_t which) {
    if (count(side) < kFramesMax) Copy(side, which);
  }
  // What that side sends from here on has other numbers.
  void Rewrite(size_t side, uint32_t sequence_by, uint32_t acknowledgment_by) {
    directions_[side].sequence_by = sequence_by;
    directions_[side].acknowledgment_by = acknowledgment_by;
  }

  // Payload of a TCP segment, SYN and FIN counted.
  static size_t TextBytes(Bytes frame) {
    if (frame.size() < 54 || frame[12] != 8 || frame[13] != 0 || frame[23] != 6) return 0;
    const size_t total = LoadBe<uint16_t>(frame.data() + 16);
    const size_t headers = 20 + size_t{frame[46]} / 16 * 4;
    const size_t flags = (frame[47] & (tcp_flags::kSyn | tcp_flags::kFin)) != 0 ? 1 : 0;
    return total > headers ? total - headers + flags : flags;
  }

 private:
  struct Slot {
    uint16_t size;
    std::array<uint8_t, kFrameBytesMax> bytes;
  };
  struct Direction {
    std::array<Slot, kFramesMax> slots;
    std::array<uint8_t, kFramesMax> order;
    size_t count;
    uint32_t sequence_by;
    uint32_t acknowledgment_by;
  };

  void Copy(size_t side, size_t which) {
    Direction& direction = directions_[side];
    const Slot& from = direction.slots[direction.order[which]];
    Slot& to = direction.slots[direction.order[direction.count++]];
    to.size = from.size;
    std::copy_n(from.bytes.begin(), from.size, to.bytes.begin());
  }

  static void Shift(const Direction& direction, MutableBytes frame) {
    if (direction.sequence_by == 0 && direction.acknowledgment_by == 0) return;
    if (frame.size() < 54 || frame[12] != 8 || frame[23] != 6) return;
    ShiftField(frame, 38, direction.sequence_by);
    if ((frame[47] & tcp_flags::kAck) != 0) ShiftField(frame, 42, direction.acknowledgment_by);
  }
  static void ShiftField(MutableBytes frame, size_t at, uint32_t by) {
    const uint32_t before = LoadBe<uint32_t>(frame.data() + at);
    const uint32_t after = before + by;
    uint16_t checksum = LoadBe<uint16_t>(frame.data() + 50);
    checksum = ChecksumUpdate(checksum, static_cast<uint16_t>(before >> 16),
                              static_cast<uint16_t>(after >> 16));
    checksum =
        ChecksumUpdate(checksum, static_cast<uint16_t>(before), static_cast<uint16_t>(after));
    StoreBe(frame.data() + 50, checksum);
    StoreBe(frame.data() + at, after);
  }

  std::array<Direction, 2> directions_;
};

}  // namespace aether::fuzz
