// One direction of aether-link: frames from one device, through injected faults, to another. Both
// devices and the time are given; it makes no system call and, once made, allocates nothing.
//
// What leaves it: frames that are due. What the far device has no room for stays here and keeps its
// order. How much may wait is bounded; what comes beyond is lost and counted, as in a router.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "stack/base/bytes.h"
#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/device/device.h"
#include "stack/device/fault_line.h"
#include "stack/device/fault_options.h"

namespace aether::runtime {

struct LinkCounts {
  uint64_t frames_in = 0;
  uint64_t frames_out = 0;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

template <device::Device From, device::Device To>
class LinkDirection {
 public:
  // Frames of one turn: enough to share a wake-up, few enough that the other direction is not kept
  // waiting.
  static constexpr int kFramesPerTurnMax = 64;

  // `from` and `to` outlive it. Without faults frames just pass, and none waits but one that met a
  // full device.
  LinkDirection(From& from, To& to, const device::FaultRates& rates, Seed seed, size_t frames_max,
                size_t bytes_max)
      : from_(from),
        to_(to),
        line_(rates, seed, frames_max, bytes_max),
        arriving_(std::make_unique_for_overwrite<uint8_t[]>(device::kFrameBytesMax)) {}
  LinkDirection(const LinkDirection&) = delete;
  LinkDirection& operator=(const LinkDirection&) = delete;

  // Takes in what is there, up to the cap, and hands over what is due. True when there may be more
  // to take in.
  bool Turn(Instant now) {
    blocked_ = !(line_.active() ? SendDue(now) : SendKept());
    for (int reads = 0; reads < kFramesPerTurnMax; ++reads) {
      if (!WantsFrames()) return false;
      const size_t size = from_.Receive({arriving_.get(), device::kFrameBytesMax});
      if (size == 0) return false;
      ++counts_.frames_in;
      counts_.bytes_in += size;
      if (line_.active()) {
        line_.Offer(Bytes(arriving_.get(), size), now);
        blocked_ = !SendDue(now);
      } else {
        kept_bytes_ = size;
        blocked_ = !SendKept();
      }
    }
    return true;
  }

  // When the next frame is due; kNever while only room at the far end helps.
  Instant NextDeadline() const { return blocked_ ? kNever : line_.NextDeadline(); }
  // A frame that is due waits for room at the far end.
  bool blocked() const { return blocked_; }
  // A line with faults always reads, and loses what is too much; without faults there is no place
  // for a second frame.
  bool WantsFrames() const { return line_.active() || kept_bytes_ == 0; }

  const LinkCounts& counts() const { return counts_; }
  const device::FaultCounts& faults() const { return line_.counts(); }
  // Frames that are still on the way.
  size_t held_frames() const { return line_.held_frames() + (kept_bytes_ > 0 ? 1 : 0); }

 private:
  bool Send(Bytes frame) {
    if (!to_.Send(frame)) return false;
    ++counts_.frames_out;
    counts_.bytes_out += frame.size();
    return true;
  }

  // False when the far device is full.
  bool SendDue(Instant now) {
    for (Bytes frame = line_.Front(now); !frame.empty(); frame = line_.Front(now)) {
      if (!Send(frame)) return false;
      line_.PopFront();
    }
    return true;
  }

  bool SendKept() {
    if (kept_bytes_ > 0 && !Send(Bytes(arriving_.get(), kept_bytes_))) return false;
    kept_bytes_ = 0;
    return true;
  }

  From& from_;
  To& to_;
  device::FaultLine line_;
  std::unique_ptr<uint8_t[]> arriving_;
  size_t kept_bytes_ = 0;  // without faults: in arriving_, a frame that the far device refused
  bool blocked_ = false;
  LinkCounts counts_;
};

}  // namespace aether::runtime
