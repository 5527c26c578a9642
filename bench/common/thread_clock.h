// The time that this thread had a processor: what others on the machine take does not count.
#pragma once

#include <time.h>

namespace aether::bench {

inline double ThreadNs() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

}  // namespace aether::bench
