// One run: the stack, its wire, the time, and the two threads that call in.
//
// The main thread injects and takes packets and lets time pass; a second one sits in blocking
// calls. Both come in under one lock, which a blocking call gives away while it waits in a
// condition variable: the host goes on when it sees that thread asleep.
//
// With virtual time the main thread moves it, from one deadline to the next, and whoever calls
// gettimeofday by a microsecond, since the host spins on that. When something happens that a
// waiting call waited for, time stands still until that thread has returned from its call and asked
// for the time: so the host learns exactly when it ended. With real time everybody who waits runs
// the stack's timers.
#pragma once

#include <sys/time.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "replay/packetdrill/clock.h"
#include "replay/packetdrill/link.h"
#include "replay/packetdrill/options.h"
#include "stack/stack.h"

namespace aether::packetdrill {

class Context {
 public:
  using Lock = std::unique_lock<std::mutex>;
  using Condition = std::function<bool()>;
  using EventSink = std::function<void(const Event&)>;

  explicit Context(const Options& options);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Who is told what happened to sockets; before anything can happen.
  void SetEventSink(EventSink sink) { on_event_ = std::move(sink); }

  // --- Hooks of the host ---

  int GetTimeOfDay(timeval* time);
  int Sleep(int64_t duration_us);
  int NetdevSend(const void* packet, size_t size);
  int NetdevReceive(void* buffer, size_t* size, long long* time_us);

  // --- For the sockets ---

  // Every call begins with Enter: the stack has lived up to now. After a call of the stack, Settle
  // takes what it sends and tells.
  [[nodiscard]] Lock Enter();
  void Settle(Lock& lock);
  // Gives the lock away until `ready` or the time has come; false when it was not ready by then. On
  // the main thread virtual time moves instead, as far as there are timers.
  bool WaitUntil(Lock& lock, const Condition& ready, int64_t deadline_us);

  int64_t NowUs() const { return clock_.NowUs(); }
  Stack& stack() { return stack_; }
  Link& link() { return link_; }
  const Options& options() const { return options_; }

 private:
  struct Waiter {
    const Condition* ready;
    int64_t deadline_us;
    std::thread::id thread;
    bool woken = false;
  };

  void RunStack();
  void TakeEvents();
  bool WakeWaiters(Lock& lock);
  int64_t NextDeadlineUs() const;
  void MoveTo(Lock& lock, int64_t target_us);
  void StepTo(Lock& lock, int64_t time_us);
  void Park(Lock& lock, const Condition& ready, int64_t deadline_us);
  void SleepReal(Lock& lock, int64_t target_us);
  void ReturnedFromCall();
  bool IsMain() const { return std::this_thread::get_id() == main_; }

  const Options options_;
  Clock clock_;
  Stack stack_;
  Link link_;
  EventSink on_event_;
  const std::thread::id main_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiter*> waiters_;
  std::vector<std::thread::id> returning_;  // woken, and have not asked for the time yet
};

}  // namespace aether::packetdrill
