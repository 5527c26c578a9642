#include "bench/stack/wait_count.h"

#include <dlfcn.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <ctime>

namespace aether::bench {
namespace {

std::atomic<uint64_t> waits{0};

// Counts, and calls the function that would have been called without us.
template <typename Function, typename... Arguments>
auto Pass(Function*, const char* name, Arguments... arguments) {
  waits.fetch_add(1, std::memory_order_relaxed);
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  return reinterpret_cast<Function*>(found)(arguments...);
}

}  // namespace

uint64_t WaitCount() { return waits.load(std::memory_order_relaxed); }

}  // namespace aether::bench

extern "C" {
unsigned sleep(unsigned seconds) { return aether::bench::Pass(&sleep, "sleep", seconds); }
int usleep(useconds_t us) { return aether::bench::Pass(&usleep, "usleep", us); }
int nanosleep(const timespec* time, timespec* left) {
  return aether::bench::Pass(&nanosleep, "nanosleep", time, left);
}
int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  return aether::bench::Pass(&clock_nanosleep, "clock_nanosleep", clock, flags, time, left);
}
int sched_yield() noexcept { return aether::bench::Pass(&sched_yield, "sched_yield"); }
int poll(pollfd* files, nfds_t count, int timeout_ms) {
  return aether::bench::Pass(&poll, "poll", files, count, timeout_ms);
}
int ppoll(pollfd* files, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  return aether::bench::Pass(&ppoll, "ppoll", files, count, timeout, mask);
}
}
