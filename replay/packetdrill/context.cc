#include "replay/packetdrill/context.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace aether::packetdrill {
namespace {

// How long netdev_receive looks for a packet that does not come, and how long a call that nobody
// can end blocks the main thread.
constexpr int64_t kPatienceUs = 300'000'000;
// In real time nobody waits that long for nothing.
constexpr int64_t kRealPatienceUs = 10'000'000;
// A thread that was woken asks for the time at once; one that does not is not waited for.
constexpr std::chrono::seconds kReturnMax{1};

int64_t Later(int64_t time_us, int64_t duration_us) {
  return time_us > Clock::kNeverUs - duration_us ? Clock::kNeverUs : time_us + duration_us;
}

}  // namespace

Context::Context(const Options& options)
    : options_(options),
      clock_(options.clock),
      stack_(options.config, Clock::InstantOf(clock_.NowUs())),
      link_(stack_),
      main_(std::this_thread::get_id()) {
  if (options.local) link_.SetAddress(*options.local);
}

Context::Lock Context::Enter() {
  Lock lock(mutex_);
  RunStack();
  return lock;
}

// Lets the stack live up to now; what its timers send leaves now.
void Context::RunStack() {
  const int64_t now_us = clock_.NowUs();
  stack_.Receive({}, Clock::InstantOf(now_us));
  link_.Drain(now_us);
  TakeEvents();
}

void Context::TakeEvents() {
  std::array<Event, 16> events;
  while (const size_t count = stack_.PollEvents(events)) {
    for (size_t i = 0; i < count; ++i) on_event_(events[i]);
  }
}

void Context::Settle(Lock& lock) {
  link_.Drain(clock_.NowUs());
  TakeEvents();
  if (clock_.is_virtual()) {
    WakeWaiters(lock);
  } else {
    changed_.notify_all();
  }
}

int64_t Context::NextDeadlineUs() const {
  int64_t next = Clock::MicrosecondsOf(stack_.NextDeadline());
  for (const Waiter* waiter : waiters_) next = std::min(next, waiter->deadline_us);
  return next;
}

// Virtual time: wakes every call that has what it waited for, and stands still until it has
// returned.
bool Context::WakeWaiters(Lock& lock) {
  bool any = false;
  for (Waiter* waiter : waiters_) {
    if (waiter->woken || (!(*waiter->ready)() && clock_.NowUs() < waiter->deadline_us)) continue;
    waiter->woken = any = true;
    returning_.push_back(waiter->thread);
  }
  if (!any) return false;
  changed_.notify_all();
  if (!changed_.wait_for(lock, kReturnMax, [this] { return returning_.empty(); }))
    returning_.clear();
  return true;
}

void Context::ReturnedFromCall() {
  if (std::erase(returning_, std::this_thread::get_id()) > 0) changed_.notify_all();
}

void Context::StepTo(Lock& lock, int64_t time_us) {
  clock_.MoveTo(time_us);
  RunStack();
  WakeWaiters(lock);
}

// Virtual time: what is due on the way happens when it is due, in order.
void Context::MoveTo(Lock& lock, int64_t target_us) {
  for (;;) {
    // A deadline that has passed was early; it is looked at again a little later.
    const int64_t next_us = std::max(NextDeadlineUs(), clock_.NowUs() + 1);
    if (next_us > target_us) break;
    StepTo(lock, next_us);
  }
  clock_.MoveTo(target_us);
}

void Context::Park(Lock& lock, const Condition& ready, int64_t deadline_us) {
  Waiter self{&ready, deadline_us, std::this_thread::get_id()};
  // Asleep again before the call is over: nobody needs to wait for us any more.
  ReturnedFromCall();
  waiters_.push_back(&self);
  changed_.wait(lock, [&self] { return self.woken; });
  std::erase(waiters_, &self);
}

bool Context::WaitUntil(Lock& lock, const Condition& ready, int64_t deadline_us) {
  const int64_t give_up_us = Later(clock_.NowUs(), kPatienceUs);
  while (!ready()) {
    const int64_t now_us = clock_.NowUs();
    if (now_us >= deadline_us) return false;
    if (!clock_.is_virtual()) {
      const int64_t next_us = std::min({deadline_us, NextDeadlineUs(), now_us + 1'000'000});
      changed_.wait_until(lock, clock_.SteadyAt(std::max(next_us, now_us + 50)));
      RunStack();
      continue;
    }
    if (!IsMain()) {
      Park(lock, ready, deadline_us);
      continue;
    }
    const int64_t next_us = std::min(deadline_us, NextDeadlineUs());
    if (next_us >= give_up_us) {
      std::fputs("aether: a call that blocks on the main thread would never end\n", stderr);
      return false;
    }
    StepTo(lock, std::max(next_us, now_us + 1));
  }
  return true;
}

void Context::SleepReal(Lock& lock, int64_t target_us) {
  for (;;) {
    const int64_t now_us = clock_.NowUs();
    if (now_us >= target_us) return;
    const int64_t next_us = std::min(target_us, NextDeadlineUs());
    if (next_us > now_us) changed_.wait_until(lock, clock_.SteadyAt(next_us));
    if (clock_.NowUs() < next_us) continue;
    RunStack();
    changed_.notify_all();
    if (NextDeadlineUs() <= clock_.NowUs() && target_us > clock_.NowUs()) {
      // An early deadline: the timers need a little more time.
      changed_.wait_until(lock, clock_.SteadyAt(clock_.NowUs() + 50));
    }
  }
}

int Context::GetTimeOfDay(timeval* time) {
  Lock lock(mutex_);
  if (clock_.is_virtual()) {
    MoveTo(lock, clock_.NowUs() + 1);
  } else if (NextDeadlineUs() <= clock_.NowUs()) {
    RunStack();
    changed_.notify_all();
  }
  const int64_t now_us = clock_.NowUs();
  ReturnedFromCall();
  if (time != nullptr) *time = {.tv_sec = now_us / 1'000'000, .tv_usec = now_us % 1'000'000};
  return 0;
}

int Context::Sleep(int64_t duration_us) {
  Lock lock(mutex_);
  const int64_t target_us = Later(clock_.NowUs(), duration_us);
  clock_.is_virtual() ? MoveTo(lock, target_us) : SleepReal(lock, target_us);
  return 0;
}

int Context::NetdevSend(const void* packet, size_t size) {
  Lock lock = Enter();
  if (!link_.Inject({static_cast<const uint8_t*>(packet), size}, clock_.NowUs())) {
    std::fprintf(stderr, "aether: a packet of %zu bytes is not an IPv4 datagram\n", size);
    return -1;
  }
  Settle(lock);
  return 0;
}

int Context::NetdevReceive(void* buffer, size_t* size, long long* time_us) {
  Lock lock = Enter();
  const int64_t patience_us = clock_.is_virtual() ? kPatienceUs : kRealPatienceUs;
  const int64_t give_up_us = Later(clock_.NowUs(), patience_us);
  while (link_.empty()) {
    const int64_t next_us = NextDeadlineUs();
    const int64_t now_us = clock_.NowUs();
    if (now_us >= give_up_us || (clock_.is_virtual() && next_us > give_up_us)) {
      // Nothing will come: a packet of no bytes makes the host fail instead of asking for ever.
      *size = 0;
      *time_us = now_us;
      return 0;
    }
    if (clock_.is_virtual()) {
      StepTo(lock, std::max(next_us, now_us + 1));
    } else {
      SleepReal(lock, std::min({std::max(next_us, now_us + 50), give_up_us, now_us + 20'000}));
    }
  }
  const Link::Packet packet = link_.Pop();
  if (packet.bytes.size() > *size) return -1;
  std::memcpy(buffer, packet.bytes.data(), packet.bytes.size());
  *size = packet.bytes.size();
  *time_us = packet.time_us;
  return 0;
}

}  // namespace aether::packetdrill
