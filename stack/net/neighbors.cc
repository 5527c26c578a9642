#include "stack/net/neighbors.h"

#include <algorithm>
#include <bit>

#include "stack/base/check.h"
#include "stack/wire/ethernet.h"

namespace aether::net {

Neighbors::Neighbors(const NetLimits& limits, SipKey key, Instant now)
    : limits_(limits),
      key_(key),
      entries_(limits.neighbors_max),
      buckets_(std::bit_ceil(std::max(limits.neighbors_max, 16u)), kNoIndex),
      timers_(limits.neighbors_max, now) {
  AETHER_CHECK(limits.neighbors_max > 0 && limits.arp_queue_per_neighbor_max > 0);
  questions_.reserve(64);
}

uint32_t Neighbors::BucketOf(Ipv4Address ip) const {
  return static_cast<uint32_t>(SipHash13(key_, ip.value)) &
         static_cast<uint32_t>(buckets_.size() - 1);
}

uint32_t Neighbors::Find(Ipv4Address ip) const {
  if (last_ != kNoIndex && entries_[last_].ip == ip) return last_;
  for (uint32_t index = buckets_[BucketOf(ip)]; index != kNoIndex;
       index = entries_[index].next_in_bucket) {
    if (entries_[index].ip == ip) return index;
  }
  return kNoIndex;
}

void Neighbors::Append(uint32_t index) {
  Entry& entry = entries_[index];
  AgeList& list = ListOf(entry.state);
  entry.older = list.newest;
  entry.newer = kNoIndex;
  (list.newest == kNoIndex ? list.oldest : entries_[list.newest].newer) = index;
  list.newest = index;
}

void Neighbors::Unlink(uint32_t index) {
  Entry& entry = entries_[index];
  AgeList& list = ListOf(entry.state);
  (entry.older == kNoIndex ? list.oldest : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNoIndex ? list.newest : entries_[entry.newer].older) = entry.older;
}

// When the cache is full the oldest unanswered entry gives way, and only then the one confirmed
// longest ago: a flood of questions for hosts that do not exist cannot push out those that do.
uint32_t Neighbors::Create(Ipv4Address ip, FrameStore& store) {
  uint32_t index = entries_.Allocate();
  if (index == kNoIndex) {
    const uint32_t asking = ListOf(EntryState::kAsking).oldest;
    Remove(asking != kNoIndex ? asking : ListOf(EntryState::kKnown).oldest, store);
    index = entries_.Allocate();
    AETHER_CHECK(index != kNoIndex);
  }
  Entry& entry = entries_[index];
  entry.ip = ip;
  uint32_t& bucket = buckets_[BucketOf(ip)];
  entry.next_in_bucket = bucket;
  bucket = index;
  Append(index);
  return index;
}

void Neighbors::DropWaiting(Entry& entry, FrameStore& store) {
  while (!entry.waiting.empty()) {
    store.Free(entry.waiting.Pop(store));
    --waiting_;
  }
}

void Neighbors::Remove(uint32_t index, FrameStore& store) {
  Entry& entry = entries_[index];
  DropWaiting(entry, store);
  Unlink(index);
  timers_.Cancel(index);
  uint32_t* link = &buckets_[BucketOf(entry.ip)];
  while (*link != index) link = &entries_[*link].next_in_bucket;
  *link = entry.next_in_bucket;
  if (last_ == index) last_ = kNoIndex;
  entries_.Free(index);
}

// [RFC 1122 2.3.2.1] one address is asked for at most once per arp_retry, however many packets want
// it.
void Neighbors::Ask(uint32_t index, Instant now) {
  Entry& entry = entries_[index];
  entry.question_open = true;
  entry.asked = now;
  if (entry.tries < 255) ++entry.tries;
  // [RFC 1122 2.3.2.1 (2)] a known mapping is confirmed by asking the neighbour itself, the last
  // time everybody.
  const bool to_itself = entry.state == EntryState::kKnown && entry.tries < limits_.arp_tries_max;
  questions_.push_back({entry.ip, to_itself ? entry.mac : MacAddress::Broadcast()});
  timers_.Schedule(index, now + limits_.arp_retry);
}

void Neighbors::Doubt(Ipv4Address ip, Instant now) {
  const uint32_t index = Find(ip);
  if (index == kNoIndex) return;
  Entry& entry = entries_[index];
  if (entry.question_open || now < entry.asked + limits_.arp_retry) return;
  entry.tries = 0;
  Ask(index, now);
}

const MacAddress* Neighbors::LookUp(Ipv4Address ip, Instant now, FrameStore& store) {
  uint32_t index = Find(ip);
  if (index == kNoIndex) {
    index = Create(ip, store);
    Ask(index, now);
    return nullptr;
  }
  last_ = index;
  Entry& entry = entries_[index];
  if (entry.state == EntryState::kAsking) return nullptr;
  if (now >= entry.expires - limits_.neighbor_refresh && !entry.question_open) [[unlikely]] {
    entry.tries = 0;
    Ask(index, now);
  }
  return &entry.mac;
}

bool Neighbors::Wait(Ipv4Address ip, uint32_t slot, FrameStore& store, Counters& counters) {
  const uint32_t index = Find(ip);
  AETHER_CHECK(index != kNoIndex && entries_[index].state == EntryState::kAsking);
  Entry& entry = entries_[index];
  if (entry.waiting.size() >= limits_.arp_queue_per_neighbor_max) {
    // [RFC 1122 2.3.2.2] at least the latest packet is kept.
    store.Free(entry.waiting.Pop(store));
    --waiting_;
    ++counters.neighbor_queue_full;
  } else if (waiting_ >= limits_.arp_queue_max) {
    ++counters.neighbor_queue_full;
    return false;
  }
  entry.waiting.Push(store, slot);
  ++waiting_;
  return true;
}

void Neighbors::Learn(uint32_t index, MacAddress mac, Instant now, FrameStore& store,
                      FrameQueue& ready) {
  Entry& entry = entries_[index];
  Unlink(index);
  entry.state = EntryState::kKnown;
  Append(index);
  entry.mac = mac;
  entry.question_open = false;
  entry.tries = 0;
  entry.expires = now + limits_.neighbor_lifetime;
  timers_.Cancel(index);
  timers_.Schedule(index, entry.expires);
  while (!entry.waiting.empty()) {
    const uint32_t slot = entry.waiting.Pop(store);
    --waiting_;
    mac.Store(store.Frame(slot).data());
    ready.Push(store, slot);
  }
}

Drop Neighbors::OnReply(Ipv4Address ip, MacAddress mac, Instant now, FrameStore& store,
                        FrameQueue& ready) {
  const uint32_t index = Find(ip);
  if (index == kNoIndex || !entries_[index].question_open) return Drop::kArpUnsolicited;
  Learn(index, mac, now, store, ready);
  return Drop::kNone;
}

void Neighbors::OnRequest(Ipv4Address ip, MacAddress mac, Instant now, FrameStore& store,
                          FrameQueue& ready) {
  uint32_t index = Find(ip);
  if (index == kNoIndex) index = Create(ip, store);
  Entry& entry = entries_[index];
  // [RFC 826 Packet Reception] the target of a request takes the sender into its table; we do when
  // it contradicts nothing.
  if (entry.state == EntryState::kAsking || entry.mac == mac) {
    Learn(index, mac, now, store, ready);
  } else if (!entry.question_open) {
    entry.tries = 0;
    Ask(index, now);
  }
}

void Neighbors::OnTimer(uint32_t index, Instant now, FrameStore& store, Counters& counters) {
  Entry& entry = entries_[index];
  if (entry.state == EntryState::kKnown && now >= entry.expires) {
    Remove(index, store);
    return;
  }
  if (entry.tries < limits_.arp_tries_max) {
    Ask(index, now);
  } else if (entry.state == EntryState::kAsking) {
    counters.neighbor_unreachable += entry.waiting.size();
    Remove(index, store);
  } else {
    // Nobody confirmed it: it lives until it expires.
    entry.question_open = false;
    timers_.Schedule(index, entry.expires);
  }
}

void Neighbors::Advance(Instant now, FrameStore& store, Counters& counters) {
  timers_.Advance(now, [&](uint32_t index) { OnTimer(index, now, store, counters); });
}

void Neighbors::Clear(FrameStore& store) {
  for (EntryState state : {EntryState::kAsking, EntryState::kKnown}) {
    while (ListOf(state).oldest != kNoIndex) Remove(ListOf(state).oldest, store);
  }
  questions_.clear();
}

void Neighbors::CheckInvariants() const {
  uint32_t entries = 0;
  uint32_t waiting = 0;
  for (const AgeList& list : ages_) {
    for (uint32_t index = list.oldest; index != kNoIndex; index = entries_[index].newer) {
      const Entry& entry = entries_[index];
      AETHER_CHECK(Find(entry.ip) == index && timers_.IsArmed(index));
      AETHER_CHECK(entry.waiting.empty() || entry.state == EntryState::kAsking);
      AETHER_CHECK(entry.waiting.size() <= limits_.arp_queue_per_neighbor_max);
      waiting += entry.waiting.size();
      ++entries;
    }
  }
  AETHER_CHECK(entries == entries_.used() && entries <= limits_.neighbors_max);
  AETHER_CHECK(waiting == waiting_ && waiting <= limits_.arp_queue_max);
}

}  // namespace aether::net
