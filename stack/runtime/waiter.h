// How a worker waits: busy, by yielding, by sleeping, or blocked until a frame, a ring of its
// doorbell or a deadline.
#pragma once

#include <poll.h>
#include <sched.h>

#include <cerrno>
#include <ctime>
#include <optional>

#include "stack/base/time.h"
#include "stack/runtime/doorbell.h"

namespace aether::runtime {

class Waiter {
 public:
  // `frames_fd`: readable when frames are there; -1 when frames come by the doorbell alone.
  // `send_fd`: writable when there is room to send.
  Waiter(int frames_fd, int send_fd, Doorbell& doorbell)
      : frames_fd_(frames_fd), send_fd_(send_fd), doorbell_(doorbell) {}

  // About this long, without a system call.
  template <typename Clock>
  void Spin(Clock& clock, Instant until) {
    while (clock.Now() < until) {
      for (int i = 0; i < 4; ++i) Relax();
    }
  }

  void Yield() { ::sched_yield(); }

  void Sleep(Duration duration) {
    const timespec time = TimespecOf(duration);
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
  }

  // Until a frame, room (when `for_room`), a ring, or `timeout` (none: however long it takes).
  // Returns at once when `quiet()` is false.
  template <typename Quiet>
  void Block(std::optional<Duration> timeout, bool for_room, Quiet&& quiet) {
    const timespec time = TimespecOf(timeout.value_or(Duration(0)));
    doorbell_.SleepIf(quiet, [&](int bell_fd) {
      pollfd fds[3] = {
          {bell_fd, POLLIN, 0}, {frames_fd_, POLLIN, 0}, {for_room ? send_fd_ : -1, POLLOUT, 0}};
      ::ppoll(fds, 3, timeout ? &time : nullptr, nullptr);
    });
  }

 private:
  static void Relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
  static timespec TimespecOf(Duration duration) {
    if (duration < Duration(0)) duration = Duration(0);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    return {static_cast<time_t>(seconds.count()), static_cast<long>((duration - seconds).count())};
  }

  int frames_fd_;
  int send_fd_;
  Doorbell& doorbell_;
};

}  // namespace aether::runtime
