// One capture file for several workers: a lock around another sink. Only who asks for a capture
// pays for it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "stack/device/capture_sink.h"

namespace aether::runtime {

class LockedCapture final : public device::CaptureSink {
 public:
  // `sink` outlives it.
  explicit LockedCapture(device::CaptureSink& sink) : sink_(sink) {}
  void Write(Instant when, Bytes frame) override {
    const std::lock_guard lock(mutex_);
    sink_.Write(when, frame);
  }
  void Flush() override {
    const std::lock_guard lock(mutex_);
    sink_.Flush();
  }

 private:
  std::mutex mutex_;
  device::CaptureSink& sink_;
};

}  // namespace aether::runtime
