// What a loop is given beside the stack: something that frames come from and go to, and something
// that knows the time. Small concepts, with real, manual and recorded versions. No virtual
// functions: a loop is compiled for what it drives.
#pragma once

#include <concepts>
#include <cstddef>

#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::device {

// The largest Ethernet frame that any device here carries, bytes.
inline constexpr size_t kFrameBytesMax = 65535 + 14;

template <typename D>
concept Device = requires(D device, MutableBytes into, Bytes frame) {
  // Copies the next frame that is there into `into`; its size, or 0 when there is none now. Never
  // waits.
  { device.Receive(into) } -> std::same_as<size_t>;
  // Takes a copy of `frame`; false when it has no room now, and the caller keeps it.
  { device.Send(frame) } -> std::same_as<bool>;
  // When a frame that the device holds back (a delay) is due; kNever when there is none.
  { device.NextDeadline() } -> std::same_as<Instant>;
};

template <typename C>
concept Clock = requires(C clock) {
  { clock.Now() } -> std::same_as<Instant>;
};

// A clock that stands still until told otherwise.
class ManualClock {
 public:
  explicit ManualClock(Instant now = Instant{}) : now_(now) {}
  Instant Now() const { return now_; }
  void Advance(Duration by) { now_ += by; }
  void Set(Instant now) { now_ = now; }

 private:
  Instant now_;
};

}  // namespace aether::device
