#include "replay/packetdrill/clock.h"

#include <algorithm>

namespace aether::packetdrill {
namespace {

// Any date will do; far enough from 0 that the scripts of a year do not reach it backwards.
constexpr int64_t kVirtualStartUs = 1'000'000'000'000'000;

}  // namespace

Clock::Clock(ClockKind kind)
    : kind_(kind), virtual_us_(kVirtualStartUs), steady_start_(std::chrono::steady_clock::now()) {
  if (kind == ClockKind::kReal) {
    virtual_us_ = std::chrono::duration_cast<std::chrono::microseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  }
}

int64_t Clock::NowUs() const {
  if (is_virtual()) return virtual_us_;
  // Steady: the date of the machine may be set while a script runs.
  return virtual_us_ + std::chrono::duration_cast<std::chrono::microseconds>(
                           std::chrono::steady_clock::now() - steady_start_)
                           .count();
}

void Clock::MoveTo(int64_t time_us) { virtual_us_ = std::max(virtual_us_, time_us); }

std::chrono::steady_clock::time_point Clock::SteadyAt(int64_t time_us) const {
  return steady_start_ + std::chrono::microseconds(time_us - virtual_us_);
}

}  // namespace aether::packetdrill
