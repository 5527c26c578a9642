// One direction of a fault injector: frames are offered to it and come out later, changed, twice,
// in another order, or not at all. The seed, the frames and their times determine what happens. All
// memory is taken at construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/device/fault_options.h"

namespace aether::device {

struct FaultCounts {
  uint64_t offered = 0;
  uint64_t released = 0;
  uint64_t dropped = 0;
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t corrupted = 0;
  uint64_t delayed = 0;
  uint64_t overflowed = 0;  // lost because too much was held back
  constexpr bool operator==(const FaultCounts&) const = default;
};

class FaultLine {
 public:
  // A frame held back for reordering comes at last after this, also if nothing overtook it.
  static constexpr Duration kReorderHold = std::chrono::milliseconds(20);
  static constexpr uint32_t kOvertakersMax = 3;

  FaultLine(const FaultRates& rates, Seed seed, size_t held_frames_max, size_t held_bytes_max);

  // Without any fault the owner passes frames by.
  bool active() const { return active_; }
  void Offer(Bytes frame, Instant now);
  // The next frame that is due, empty when none is. It stays until PopFront or Offer.
  Bytes Front(Instant now);
  void PopFront();
  // When the next frame will be due.
  Instant NextDeadline() const;

  const FaultCounts& counts() const { return counts_; }
  size_t held_frames() const { return waiting_.size() + held_back_.size(); }
  size_t held_bytes() const { return held_bytes_; }

 private:
  struct Slot {
    size_t size = 0;
    Instant due{};
    uint64_t number = 0;  // equal times keep the order of arrival
    uint32_t overtakers_left = 0;
  };

  bool Hits(uint64_t threshold) { return dice_.Next32() < threshold; }
  uint8_t* BytesOf(uint32_t slot);
  bool Store(Bytes frame, uint32_t& slot);
  Instant DueTime(size_t size, Instant now);
  void Enqueue(uint32_t slot, Instant due);
  void LetOvertake(Instant due);
  void ReleaseHeldBack(Instant now);

  FaultRates rates_;
  bool active_;
  Random dice_;  // four numbers per frame, whatever the rates: changing one rate leaves the other
                 // faults where they are
  Random details_;  // which bit, how much jitter
  size_t held_bytes_max_;
  size_t held_bytes_ = 0;
  uint64_t next_number_ = 0;
  Instant line_free_at_ = Instant::min();
  std::unique_ptr<uint8_t[]>
      storage_;  // kFrameBytesMax for each slot, touched only as far as it is used
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> waiting_;    // by due time
  std::vector<uint32_t> held_back_;  // for reordering; `due` is when they come at last
  FaultCounts counts_;
};

}  // namespace aether::device
