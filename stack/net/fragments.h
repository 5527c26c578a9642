// Reassembly of IPv4 datagrams (RFC 791 3.2, RFC 1122 3.3.2), with the overlap rule of RFC 5722
// taken over to IPv4.
//
// Every datagram in reassembly has a region of memory in which fragments are put where they belong,
// and a sorted list of the pieces that it has. Pieces never overlap, so the datagram is whole when
// their sizes add up to its end, and there are no holes to keep. Everything is bounded: datagrams,
// pieces of one, bytes of all, and the work for one fragment. Memory is reserved once and touched
// only as it is used.
//
// A datagram whose fragments contradict each other is given up at once; what it held is let go, but
// its entry stays until its time is over, so that the rest of it is refused, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/counters.h"
#include "stack/base/drop.h"
#include "stack/base/pool.h"
#include "stack/base/siphash.h"
#include "stack/base/time.h"
#include "stack/config.h"
#include "stack/wire/address.h"
#include "stack/wire/ipv4.h"

namespace aether::net {

class Fragments {
 public:
  // Datagrams that one fragment may push out to make room for its bytes.
  static constexpr int kEvictionsMax = 8;

  Fragments(const NetLimits& limits, SipKey key);

  struct Verdict {
    Drop drop = Drop::kNone;    // kNone: the fragment was stored
    uint32_t whole = kNoIndex;  // the datagram that it completed: read it, then Release it
  };
  // `fragment` passed Parse, IsFragment() is true, and it is for us. `link_group`: it came as a
  // link-layer broadcast or multicast.
  Verdict Add(const Ipv4View& fragment, bool link_group, Instant now, Counters& counters);

  // Takes out the oldest datagram whose time is over; kNoIndex when there is none. Release it.
  uint32_t TakeExpired(Instant now);

  // The packet at the start of a datagram that was taken out: all of a whole one; of an expired one
  // fragment zero as it arrived, empty if that never came or the datagram had been given up.
  Bytes Packet(uint32_t index) const;
  // One of its fragments came as a link-layer broadcast or multicast.
  bool link_group(uint32_t index) const { return entries_[index].link_group; }
  bool was_abandoned(uint32_t index) const { return entries_[index].abandoned; }
  void Release(uint32_t index);

  // When the oldest datagram expires.
  Instant NextDeadline() const { return oldest_ == kNoIndex ? kNever : entries_[oldest_].deadline; }
  void Clear();

  uint32_t datagrams() const { return entries_.used(); }
  uint64_t bytes() const { return bytes_; }
  // Steps taken so far: entries and pieces looked at or moved. Tests hold it to a constant per
  // fragment.
  uint64_t steps() const { return steps_; }
  AETHER_INVARIANTS void CheckInvariants() const;

 private:
  // Room for the largest header before the payload, which so starts on a cache line.
  static constexpr size_t kHeaderRoom = 64;
  static constexpr uint32_t kUnknown = 0xffffffffu;

  struct Key {
    Ipv4Address source;
    Ipv4Address destination;
    uint16_t identification = 0;
    uint8_t protocol = 0;
    constexpr bool operator==(const Key&) const = default;
  };
  struct Entry {
    Key key;
    uint8_t header_bytes = 0;  // of fragment zero; 0 until it comes
    uint8_t ecn_seen = 0;      // a bit per codepoint
    bool link_group = false;
    bool abandoned = false;
    bool taken = false;  // whole or expired, not yet released
    uint32_t pieces = 0;
    uint32_t received_bytes = 0;
    uint32_t end_bytes = kUnknown;  // size of the payload, once the last fragment has come
    uint32_t next_in_bucket = kNoIndex;
    uint32_t newer = kNoIndex;
    uint32_t older = kNoIndex;
    Instant deadline{};
  };
  struct Piece {
    uint16_t offset = 0;
    uint16_t size = 0;
  };

  Drop CheckShape(const Ipv4View& fragment) const;
  Drop CheckAgainst(uint32_t index, const Ipv4View& fragment, uint32_t& place);
  void Store(uint32_t index, uint32_t place, const Ipv4View& fragment, bool link_group);
  bool Finish(uint32_t index);
  void Abandon(uint32_t index, Counters& counters);

  uint32_t& BucketOf(const Key& key);
  uint32_t Find(const Key& key);
  uint32_t Create(const Key& key, Instant now, Counters& counters);
  bool MakeRoom(size_t bytes, uint32_t keep, Counters& counters);
  void Evict(uint32_t index, Counters& counters);
  void TakeOut(uint32_t index);
  uint32_t HighestEnd(uint32_t index) const;

  // These index into unique_ptr arrays, whose elements are not const through a const object.
  Piece* PiecesOf(uint32_t index) const {
    return pieces_.get() + size_t{index} * limits_.reassembly_fragments_per_datagram_max;
  }
  uint8_t* PayloadOf(uint32_t index) const {
    return memory_.get() + size_t{index} * region_bytes_ + kHeaderRoom;
  }

  const NetLimits limits_;
  SipKey key_;
  size_t region_bytes_;
  Pool<Entry> entries_;
  std::vector<uint32_t> buckets_;
  std::unique_ptr<Piece[]> pieces_;
  std::unique_ptr<uint8_t[]> memory_;
  // All entries live equally long, so the order of their making is that of their deadlines.
  uint32_t oldest_ = kNoIndex;
  uint32_t newest_ = kNoIndex;
  uint32_t taken_ = 0;  // datagrams that were taken out and not yet released
  uint64_t bytes_ = 0;  // payload held, all datagrams together
  uint64_t steps_ = 0;
};

}  // namespace aether::net
