#include "stack/tcp/time_wait.h"

#include <algorithm>

#include "stack/base/check.h"

namespace aether::tcp {

TimeWaitTable::TimeWaitTable(uint32_t records_max, Duration duration)
    : duration_(duration), pool_(records_max) {
  AETHER_CHECK(records_max > 0 && records_max <= kRecordsMax);
  AETHER_CHECK(duration > Duration::zero() && duration <= std::chrono::minutes(15));
}

void TimeWaitTable::Append(uint32_t index, Instant now) {
  last_tick_ = std::max(last_tick_, TickAt(now));
  // Rounded up: never shorter than it should be.
  const uint16_t expiry = static_cast<uint16_t>(TickAt(now + duration_) + 1);
  SetLinks(pool_[index], kNone, newest_ == kNoIndex ? kNone : newest_, expiry);
  if (newest_ == kNoIndex) {
    oldest_ = index;
  } else {
    TimeWaitRecord& before = pool_[newest_];
    SetLinks(before, index, OlderOf(before), ExpiryOf(before));
  }
  newest_ = index;
}

void TimeWaitTable::Unlink(uint32_t index) {
  const uint32_t newer = NewerOf(pool_[index]);
  const uint32_t older = OlderOf(pool_[index]);
  if (older == kNone) {
    oldest_ = newer == kNone ? kNoIndex : newer;
  } else {
    SetLinks(pool_[older], newer, OlderOf(pool_[older]), ExpiryOf(pool_[older]));
  }
  if (newer == kNone) {
    newest_ = older == kNone ? kNoIndex : older;
  } else {
    SetLinks(pool_[newer], NewerOf(pool_[newer]), older, ExpiryOf(pool_[newer]));
  }
}

uint32_t TimeWaitTable::Add(const TimeWaitRecord& record, Instant now) {
  const uint32_t index = pool_.Allocate();
  AETHER_CHECK(index != kNoIndex);
  pool_[index] = record;
  Append(index, now);
  return index;
}

void TimeWaitTable::Restart(uint32_t index, Instant now) {
  Unlink(index);
  Append(index, now);
}

void TimeWaitTable::Remove(uint32_t index) {
  Unlink(index);
  pool_.Free(index);
}

bool TimeWaitTable::OldestIsDue(Instant now) const {
  return oldest_ != kNoIndex && now >= NextDeadline();
}

Instant TimeWaitTable::NextDeadline() const {
  if (oldest_ == kNoIndex) return kNever;
  // The expiry of the oldest lies less than half a turn of the 16-bit clock before or after the
  // last tick that was seen.
  const int16_t ahead =
      static_cast<int16_t>(ExpiryOf(pool_[oldest_]) - static_cast<uint16_t>(last_tick_));
  const int64_t tick = static_cast<int64_t>(last_tick_) + ahead;
  return Instant{Duration{tick << kTickShift}};
}

}  // namespace aether::tcp
