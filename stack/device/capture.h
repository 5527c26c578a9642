// A wrapper that gives a copy of every frame, in and out, to a CaptureSink.
#pragma once

#include <cstddef>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/device/capture_sink.h"
#include "stack/device/device.h"
#include "stack/device/memory_pair.h"

namespace aether::device {

template <Device Inner, Clock C>
class CaptureDevice {
 public:
  // All of them outlive the wrapper. Without a sink frames just pass.
  CaptureDevice(Inner& inner, const C& clock, CaptureSink* sink)
      : inner_(&inner), clock_(&clock), sink_(sink) {}
  ~CaptureDevice() { Flush(); }
  CaptureDevice(const CaptureDevice&) = delete;
  CaptureDevice& operator=(const CaptureDevice&) = delete;

  size_t Receive(MutableBytes into) {
    const size_t size = inner_->Receive(into);
    if (size != 0 && sink_ != nullptr) sink_->Write(clock_->Now(), into.first(size));
    return size;
  }

  // A frame is captured once, when the device takes it.
  bool Send(Bytes frame) {
    if (!inner_->Send(frame)) return false;
    if (sink_ != nullptr) sink_->Write(clock_->Now(), frame);
    return true;
  }

  Instant NextDeadline() const { return inner_->NextDeadline(); }

  void Flush() {
    if (sink_ != nullptr) sink_->Flush();
  }

 private:
  Inner* inner_;
  const C* clock_;
  CaptureSink* sink_;
};
static_assert(Device<CaptureDevice<MemoryDevice, ManualClock>>);

}  // namespace aether::device
