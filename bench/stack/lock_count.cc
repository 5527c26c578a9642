#include "bench/stack/lock_count.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>

namespace aether::bench {
namespace {

std::atomic<uint64_t> locks{0};

// The function that would have been called without us.
template <typename Function>
Function* Next(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  return reinterpret_cast<Function*>(found);
}

template <typename Lock>
int Count(std::atomic<int (*)(Lock*)>& next, const char* name, Lock* lock) {
  locks.fetch_add(1, std::memory_order_relaxed);
  auto* function = next.load(std::memory_order_relaxed);
  if (function == nullptr) {
    function = Next<int(Lock*)>(name);
    next.store(function, std::memory_order_relaxed);
  }
  return function(lock);
}

constinit std::atomic<int (*)(pthread_mutex_t*)> mutex_lock{nullptr};
constinit std::atomic<int (*)(pthread_mutex_t*)> mutex_trylock{nullptr};
constinit std::atomic<int (*)(pthread_rwlock_t*)> rwlock_rdlock{nullptr};
constinit std::atomic<int (*)(pthread_rwlock_t*)> rwlock_wrlock{nullptr};

}  // namespace

uint64_t LockCount() { return locks.load(std::memory_order_relaxed); }

}  // namespace aether::bench

extern "C" {
int pthread_mutex_lock(pthread_mutex_t* lock) noexcept {
  return aether::bench::Count(aether::bench::mutex_lock, "pthread_mutex_lock", lock);
}
int pthread_mutex_trylock(pthread_mutex_t* lock) noexcept {
  return aether::bench::Count(aether::bench::mutex_trylock, "pthread_mutex_trylock", lock);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  return aether::bench::Count(aether::bench::rwlock_rdlock, "pthread_rwlock_rdlock", lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  return aether::bench::Count(aether::bench::rwlock_wrlock, "pthread_rwlock_wrlock", lock);
}
}
