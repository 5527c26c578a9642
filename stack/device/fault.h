// A wrapper that injects faults in both directions: see fault_options.h for which, fault_line.h for
// how.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/device.h"
#include "stack/device/fault_line.h"
#include "stack/device/fault_options.h"
#include "stack/device/memory_pair.h"

namespace aether::device {

template <Device Inner, Clock C>
class FaultDevice {
 public:
  // Frames that one Receive takes from the inner device; when all of them are held back, the
  // deadline is now.
  static constexpr int kReadsPerCallMax = 64;

  // `inner` and `clock` outlive the wrapper. Without faults frames just pass.
  FaultDevice(Inner& inner, const C& clock, const FaultOptions& options)
      : inner_(&inner),
        clock_(&clock),
        in_(options.in, Seed{options.seed, 1}, options.held_frames_max, options.held_bytes_max),
        out_(options.out, Seed{options.seed, 2}, options.held_frames_max, options.held_bytes_max),
        arriving_(in_.active() ? std::make_unique_for_overwrite<uint8_t[]>(kFrameBytesMax)
                               : nullptr) {}
  FaultDevice(const FaultDevice&) = delete;
  FaultDevice& operator=(const FaultDevice&) = delete;

  size_t Receive(MutableBytes into) {
    const Instant now = clock_->Now();
    SendDue(now);
    read_again_at_ = kNever;
    if (!in_.active()) return inner_->Receive(into);
    for (int reads = 0; reads < kReadsPerCallMax; ++reads) {
      if (const size_t size = TakeDue(into, now)) return size;
      const size_t size = inner_->Receive(MutableBytes(arriving_.get(), kFrameBytesMax));
      if (size == 0) return 0;
      in_.Offer(Bytes(arriving_.get(), size), now);
    }
    read_again_at_ = now;
    return TakeDue(into, now);
  }

  // With faults on the way out every frame is taken: what cannot be held is lost and counted.
  bool Send(Bytes frame) {
    if (!out_.active()) return inner_->Send(frame);
    const Instant now = clock_->Now();
    // What was due earlier leaves first.
    SendDue(now);
    out_.Offer(frame, now);
    SendDue(now);
    return true;
  }

  // Receive also sends what is due.
  Instant NextDeadline() const {
    return std::min(
        {inner_->NextDeadline(), in_.NextDeadline(), out_.NextDeadline(), read_again_at_});
  }

  const FaultCounts& counts_in() const { return in_.counts(); }
  const FaultCounts& counts_out() const { return out_.counts(); }

 private:
  void SendDue(Instant now) {
    if (!out_.active()) return;
    for (Bytes frame = out_.Front(now); !frame.empty(); frame = out_.Front(now)) {
      if (!inner_->Send(frame)) return;
      out_.PopFront();
    }
  }

  // A frame larger than `into` is discarded.
  size_t TakeDue(MutableBytes into, Instant now) {
    for (Bytes frame = in_.Front(now); !frame.empty(); frame = in_.Front(now)) {
      const size_t size = frame.size();
      if (size <= into.size()) std::memcpy(into.data(), frame.data(), size);
      in_.PopFront();
      if (size <= into.size()) return size;
    }
    return 0;
  }

  Inner* inner_;
  const C* clock_;
  FaultLine in_;
  FaultLine out_;
  std::unique_ptr<uint8_t[]> arriving_;
  Instant read_again_at_ = kNever;
};
static_assert(Device<FaultDevice<MemoryDevice, ManualClock>>);

}  // namespace aether::device
