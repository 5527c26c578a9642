// How workers share a TAP that does not steer: worker 0 reads all frames, keeps its own and puts
// the others into the rings of their owners; every worker sends by itself. Both ends are Devices.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/device.h"
#include "stack/runtime/inbox.h"
#include "stack/runtime/steering.h"

namespace aether::runtime {

// Worker 0's end. `inboxes[i]` is that of worker i + 1; all outlive the device.
template <device::Device Inner>
class DispatchDevice {
 public:
  // Frames of others that one Receive hands on before it says "none", so that worker 0 gets to its
  // own work.
  static constexpr int kHandedOnMax = 64;

  DispatchDevice(Inner& inner, SteeringKey key, std::span<Inbox* const> inboxes)
      : inner_(inner), key_(key), inboxes_(inboxes) {}

  size_t Receive(MutableBytes into) {
    for (int i = 0; i < kHandedOnMax; ++i) {
      const size_t size = inner_.Receive(into);
      if (size == 0) return 0;
      const uint32_t owner =
          SteerFrame(key_, static_cast<uint32_t>(inboxes_.size()) + 1, into.first(size));
      if (owner == 0) return size;
      inboxes_[owner - 1]->PutFrame(into.first(size));  // or it is lost, and counted there
    }
    return 0;
  }
  bool Send(Bytes frame) { return inner_.Send(frame); }
  Instant NextDeadline() const { return inner_.NextDeadline(); }

 private:
  Inner& inner_;
  SteeringKey key_;
  std::span<Inbox* const> inboxes_;
};

// The other workers' end: frames come from the ring and go straight to the device.
template <device::Device Inner>
class RingDevice {
 public:
  RingDevice(Inner& inner, Inbox& inbox) : inner_(inner), inbox_(inbox) {}

  size_t Receive(MutableBytes into) {
    const RingFrame* frame = inbox_.frames().Front();
    if (frame == nullptr) return 0;
    const size_t size = std::min(frame->bytes.size(), into.size());
    std::memcpy(into.data(), frame->bytes.data(), size);
    inbox_.frames().Pop();
    return size;
  }
  bool Send(Bytes frame) { return inner_.Send(frame); }
  Instant NextDeadline() const { return inner_.NextDeadline(); }

 private:
  Inner& inner_;
  Inbox& inbox_;
};

}  // namespace aether::runtime
