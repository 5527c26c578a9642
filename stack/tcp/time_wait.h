// TIME-WAIT (RFC 9293 3.6.1, 3.10.7.4): what is left of a connection for 2 MSL, 32 bytes each. All
// wait equally long, so the records stand in one list by age, and the oldest gives way when there
// are too many.
#pragma once

#include <cstdint>

#include "stack/base/pool.h"
#include "stack/base/time.h"
#include "stack/tcp/segment.h"

namespace aether::tcp {

class TimeWaitRecord {
 public:
  FlowKey flow;
  Seq snd_nxt;
  Seq rcv_nxt;
  uint32_t ts_recent = 0;  // the peer's last timestamp, when timestamps are in use

 private:
  friend class TimeWaitTable;
  // Two indices of 24 bits and the time of expiry in 16, packed: newer | older << 24 | expiry
  // << 48.
  uint64_t links_ = 0;
};
static_assert(sizeof(TimeWaitRecord) == 32);

class TimeWaitTable {
 public:
  static constexpr uint32_t kRecordsMax = 0xfffffe;

  // `duration` is 2 MSL, at most 15 minutes.
  TimeWaitTable(uint32_t records_max, Duration duration);

  bool IsFull() const { return pool_.used() == pool_.capacity(); }
  uint32_t size() const { return pool_.used(); }
  uint32_t oldest() const { return oldest_; }

  // The table must not be full.
  uint32_t Add(const TimeWaitRecord& record, Instant now);
  // Starts 2 MSL anew.
  void Restart(uint32_t index, Instant now);
  void Remove(uint32_t index);
  TimeWaitRecord& operator[](uint32_t index) { return pool_[index]; }
  const TimeWaitRecord& operator[](uint32_t index) const { return pool_[index]; }
  void Prefetch(uint32_t index) const { pool_.Prefetch(index); }

  // True while oldest() is due at `now`.
  bool OldestIsDue(Instant now) const;
  Instant NextDeadline() const;

 private:
  static constexpr uint32_t kNone = 0xffffff;
  // Expiry is kept in ticks of 2^25 ns (33.6 ms), modulo 2^16 (36 minutes).
  static constexpr int kTickShift = 25;

  static uint64_t TickAt(Instant when) {
    return static_cast<uint64_t>(when.time_since_epoch().count()) >> kTickShift;
  }
  static uint32_t NewerOf(const TimeWaitRecord& record) {
    return static_cast<uint32_t>(record.links_) & kNone;
  }
  static uint32_t OlderOf(const TimeWaitRecord& record) {
    return static_cast<uint32_t>(record.links_ >> 24) & kNone;
  }
  static uint16_t ExpiryOf(const TimeWaitRecord& record) {
    return static_cast<uint16_t>(record.links_ >> 48);
  }
  static void SetLinks(TimeWaitRecord& record, uint32_t newer, uint32_t older, uint16_t expiry) {
    record.links_ = uint64_t{newer} | uint64_t{older} << 24 | uint64_t{expiry} << 48;
  }
  void Append(uint32_t index, Instant now);
  void Unlink(uint32_t index);

  Duration duration_;
  Pool<TimeWaitRecord> pool_;
  uint32_t oldest_ = kNoIndex;
  uint32_t newest_ = kNoIndex;
  uint64_t last_tick_ = 0;  // the tick of the last call that told the time
};

}  // namespace aether::tcp
