// The neighbour cache (RFC 826, RFC 1122 2.3.2): which link address a next hop has, and the packets
// that wait to know.
//
// What is believed: an answer to a request of ours, and the sender of a request for our address
// when nothing is known about it. What is never believed: an answer that nobody asked for, or
// another address for a neighbour that is known; the latter makes us ask, and the answer to that
// counts. Bounded: entries, tries, packets waiting.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "stack/base/check.h"
#include "stack/base/counters.h"
#include "stack/base/drop.h"
#include "stack/base/pool.h"
#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/base/timer_wheel.h"
#include "stack/config.h"
#include "stack/net/frame_store.h"
#include "stack/wire/address.h"

namespace aether::net {

// A request to send: broadcast, or to the address that is being confirmed.
struct ArpQuestion {
  Ipv4Address target;
  MacAddress destination = MacAddress::Broadcast();
};

class Neighbors {
 public:
  Neighbors(const NetLimits& limits, SipKey key, Instant now);

  // The link address of `ip` if it is known, null otherwise. In both cases a question may fall due;
  // see questions().
  const MacAddress* Resolve(Ipv4Address ip, Instant now, FrameStore& store) {
    // Nearly every packet goes to the neighbour of the one before it, and nothing is asked.
    if (last_ != kNoIndex) [[likely]] {
      const Entry& entry = entries_[last_];
      if (entry.ip == ip && entry.state == EntryState::kKnown &&
          now < entry.expires - limits_.neighbor_refresh) {
        return &entry.mac;
      }
    }
    return LookUp(ip, now, store);
  }
  // What is known of `ip` may be wrong: it is asked again, unless it is being asked.
  void Doubt(Ipv4Address ip, Instant now);
  // Lets the frame in `slot` wait for the answer about `ip`, which Resolve has just not known. The
  // oldest frame of a full queue gives way and is freed. False when nothing may wait any more; the
  // caller keeps the slot.
  bool Wait(Ipv4Address ip, uint32_t slot, FrameStore& store, Counters& counters);

  // A reply. Moves the frames that waited to `ready`, their destination filled in.
  Drop OnReply(Ipv4Address ip, MacAddress mac, Instant now, FrameStore& store, FrameQueue& ready);
  // The sender of a request for our address.
  void OnRequest(Ipv4Address ip, MacAddress mac, Instant now, FrameStore& store, FrameQueue& ready);

  void Advance(Instant now, FrameStore& store, Counters& counters);
  Instant NextDeadline() const { return timers_.NextDeadline(); }

  // Questions that fell due since the last ClearQuestions.
  const std::vector<ArpQuestion>& questions() const { return questions_; }
  void ClearQuestions() { questions_.clear(); }

  // Forgets everything; waiting frames are freed.
  void Clear(FrameStore& store);

  uint32_t size() const { return entries_.used(); }
  uint32_t waiting() const { return waiting_; }
  AETHER_INVARIANTS void CheckInvariants() const;

 private:
  enum class EntryState : uint8_t { kAsking, kKnown };
  struct Entry {
    Ipv4Address ip;
    MacAddress mac;
    EntryState state = EntryState::kAsking;
    bool question_open = false;  // an answer is expected
    uint8_t tries = 0;
    uint32_t next_in_bucket = kNoIndex;
    uint32_t newer =
        kNoIndex;  // towards the most recently asked or confirmed, within the same state
    uint32_t older = kNoIndex;
    Instant asked{};
    Instant expires{};
    FrameQueue waiting;
  };
  struct AgeList {
    uint32_t oldest = kNoIndex;
    uint32_t newest = kNoIndex;
  };

  AgeList& ListOf(EntryState state) { return ages_[static_cast<size_t>(state)]; }
  uint32_t BucketOf(Ipv4Address ip) const;
  uint32_t Find(Ipv4Address ip) const;
  const MacAddress* LookUp(Ipv4Address ip, Instant now, FrameStore& store);
  uint32_t Create(Ipv4Address ip, FrameStore& store);
  void Remove(uint32_t index, FrameStore& store);
  void DropWaiting(Entry& entry, FrameStore& store);
  void Learn(uint32_t index, MacAddress mac, Instant now, FrameStore& store, FrameQueue& ready);
  void Ask(uint32_t index, Instant now);
  void Append(uint32_t index);
  void Unlink(uint32_t index);
  void OnTimer(uint32_t index, Instant now, FrameStore& store, Counters& counters);

  NetLimits limits_;
  SipKey key_;
  Pool<Entry> entries_;
  std::vector<uint32_t> buckets_;
  TimerWheel timers_;
  std::array<AgeList, 2> ages_;
  uint32_t waiting_ = 0;
  uint32_t last_ = kNoIndex;  // the entry that Resolve found last
  std::vector<ArpQuestion> questions_;
};

}  // namespace aether::net
