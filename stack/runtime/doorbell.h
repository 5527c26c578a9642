// Wakes one sleeping thread. Ringing costs a system call only when the thread really sleeps.
//
// No ring is lost: the sleeper raises its flag, then looks once more for work, then sleeps; the
// ringer puts the work down, then looks at the flag. Both do so by read-modify-write on the same
// atomic. If the ringer's comes second it sees the flag and wakes; if it comes first the sleeper's
// reads from it, hence sees the work.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "stack/base/check.h"
#include "stack/runtime/file_descriptor.h"

namespace aether::runtime {

class Doorbell {
 public:
  Doorbell() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { AETHER_CHECK(event_.IsOpen()); }

  // Any thread, after it put down the work.
  void Ring() {
    if (asleep_.fetch_or(0, std::memory_order_acq_rel) == 0) return;
    // Only the first of many ringers writes.
    if (asleep_.exchange(0, std::memory_order_acq_rel) == 0) return;
    const uint64_t one = 1;
    // The counter cannot be full; nothing else makes this fail.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
    rings_.fetch_add(1, std::memory_order_relaxed);
  }

  // The sleeper: sleep(fd) waits until `fd` is readable, or for whatever else it likes; it is not
  // called when `quiet()`, asked after the flag is up, denies.
  template <typename Quiet, typename Sleep>
  void SleepIf(Quiet&& quiet, Sleep&& sleep) {
    asleep_.exchange(1, std::memory_order_acq_rel);
    if (quiet()) sleep(event_.get());
    if (asleep_.exchange(0, std::memory_order_acq_rel) != 0) return;
    // Somebody rang: take the write back, which may still be on its way.
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(event_.get(), &count, sizeof count);
  }

  // System calls made to wake.
  uint64_t rings() const { return rings_.load(std::memory_order_relaxed); }

 private:
  FileDescriptor event_;
  alignas(64) std::atomic<uint32_t> asleep_{0};
  std::atomic<uint64_t> rings_{0};
};

}  // namespace aether::runtime
