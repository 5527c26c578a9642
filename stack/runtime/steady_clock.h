// The clock of the real world: CLOCK_MONOTONIC as an Instant. Reading it is a function call, not a
// system call.
#pragma once

#include <ctime>

#include "stack/base/time.h"

namespace aether::runtime {

class SteadyClock {
 public:
  Instant Now() const {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return Instant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
};

}  // namespace aether::runtime
