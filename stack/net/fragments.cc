#include "stack/net/fragments.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "stack/base/check.h"

namespace aether::net {
namespace {

// Fields that change when fragment zero's header becomes that of the datagram.
using TotalLength = Field<uint16_t, 2>;
using FragmentWord = Field<uint16_t, 6>;
using HeaderChecksum = Field<uint16_t, 10>;
constexpr size_t kTypeOfServiceAt = 1;

// The codepoints of the ECN field (RFC 3168 section 5).
constexpr uint8_t kEcnMask = 3;
constexpr uint8_t kNotEct = 0;
constexpr uint8_t kCongestionExperienced = 3;

constexpr size_t RegionBytes(const NetLimits& limits, size_t header_room) {
  return (header_room + limits.reassembly_datagram_bytes_max + 63) / 64 * 64;
}

}  // namespace

Fragments::Fragments(const NetLimits& limits, SipKey key)
    : limits_(limits),
      key_(key),
      region_bytes_(RegionBytes(limits, kHeaderRoom)),
      entries_(limits.reassembly_datagrams_max),
      buckets_(std::bit_ceil(std::max(limits.reassembly_datagrams_max * 2, 16u)), kNoIndex),
      pieces_(std::make_unique_for_overwrite<Piece[]>(
          size_t{limits.reassembly_datagrams_max} * limits.reassembly_fragments_per_datagram_max)),
      memory_(std::make_unique_for_overwrite<uint8_t[]>(size_t{limits.reassembly_datagrams_max} *
                                                        region_bytes_)) {
  // [RFC 1122 3.3.2] a host can put together datagrams of at least 576 bytes.
  AETHER_CHECK(limits.reassembly_datagram_bytes_max >= 576);
  AETHER_CHECK(limits.reassembly_bytes_max >= limits.reassembly_datagram_bytes_max);
  AETHER_CHECK(limits.reassembly_fragments_per_datagram_max >= 2);
}

// --- The table ---

uint32_t& Fragments::BucketOf(const Key& key) {
  const uint64_t hash = SipHash13(key_, uint64_t{key.source.value} << 32 | key.destination.value,
                                  uint64_t{key.protocol} << 16 | key.identification);
  return buckets_[hash & (buckets_.size() - 1)];
}

uint32_t Fragments::Find(const Key& key) {
  uint32_t index = BucketOf(key);
  while (index != kNoIndex && entries_[index].key != key) {
    index = entries_[index].next_in_bucket;
    ++steps_;
  }
  return index;
}

uint32_t Fragments::Create(const Key& key, Instant now, Counters& counters) {
  uint32_t index = entries_.Allocate();
  if (index == kNoIndex) {
    Evict(oldest_, counters);
    index = entries_.Allocate();
    AETHER_CHECK(index != kNoIndex);
  }
  Entry& entry = entries_[index];
  entry.key = key;
  // [RFC 1122 3.3.2] one time for all datagrams, set by the first fragment that arrives; the rest
  // does not prolong it.
  entry.deadline = now + limits_.reassembly_timeout;
  uint32_t& bucket = BucketOf(key);
  entry.next_in_bucket = bucket;
  bucket = index;
  entry.older = newest_;
  (newest_ == kNoIndex ? oldest_ : entries_[newest_].newer) = index;
  newest_ = index;
  return index;
}

// Out of the table and the list: nothing finds it any more.
void Fragments::TakeOut(uint32_t index) {
  Entry& entry = entries_[index];
  (entry.older == kNoIndex ? oldest_ : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNoIndex ? newest_ : entries_[entry.newer].older) = entry.older;
  uint32_t* link = &BucketOf(entry.key);
  while (*link != index) {
    link = &entries_[*link].next_in_bucket;
    ++steps_;
  }
  *link = entry.next_in_bucket;
  entry.taken = true;
  ++taken_;
}

void Fragments::Release(uint32_t index) {
  AETHER_CHECK(entries_[index].taken);
  bytes_ -= entries_[index].received_bytes;
  --taken_;
  entries_.Free(index);
}

void Fragments::Evict(uint32_t index, Counters& counters) {
  if (!entries_[index].abandoned) ++counters.ipv4_reassembly_evicted;
  ++steps_;
  TakeOut(index);
  Release(index);
}

// Pushes out the oldest datagrams, `keep` excepted, until `bytes` more may be held. False when the
// few that one fragment may push out were not enough.
bool Fragments::MakeRoom(size_t bytes, uint32_t keep, Counters& counters) {
  for (int i = 0; bytes_ + bytes > limits_.reassembly_bytes_max; ++i) {
    const uint32_t victim = oldest_ != keep ? oldest_ : entries_[keep].newer;
    if (i == kEvictionsMax || victim == kNoIndex) return false;
    Evict(victim, counters);
  }
  return true;
}

void Fragments::Clear() {
  while (oldest_ != kNoIndex) {
    const uint32_t index = oldest_;
    TakeOut(index);
    Release(index);
  }
}

uint32_t Fragments::TakeExpired(Instant now) {
  const uint32_t index = oldest_;
  if (index == kNoIndex || now < entries_[index].deadline) return kNoIndex;
  TakeOut(index);
  return index;
}

Bytes Fragments::Packet(uint32_t index) const {
  const Entry& entry = entries_[index];
  AETHER_CHECK(entry.taken);
  if (entry.header_bytes == 0) return {};
  const uint8_t* header = PayloadOf(index) - entry.header_bytes;
  return {header, TotalLength::Load(header)};
}

// --- One fragment ---

// What can be said about a fragment without knowing others.
Drop Fragments::CheckShape(const Ipv4View& fragment) const {
  const size_t size = fragment.payload().size();
  // Nobody sends these: a fragment exists to carry bytes. Accepting them would make entries for
  // nothing.
  if (size == 0) return Drop::kIpv4FragmentEmpty;
  // [RFC 791 3.1] offsets count units of 8 bytes, so only the last fragment may end between two.
  if (fragment.more_fragments() && size % 8 != 0) return Drop::kIpv4FragmentBadLength;
  // [RFC 791 3.1] a datagram, its header included, has at most 65,535 bytes.
  if (fragment.header_size() + fragment.fragment_offset_bytes() + size >
      limits_.reassembly_datagram_bytes_max) {
    return Drop::kIpv4FragmentTooLong;
  }
  return Drop::kNone;
}

uint32_t Fragments::HighestEnd(uint32_t index) const {
  const Entry& entry = entries_[index];
  if (entry.pieces == 0) return 0;
  const Piece& last = PiecesOf(index)[entry.pieces - 1];
  return uint32_t{last.offset} + last.size;
}

// Whether the fragment agrees with what the datagram has. Sets `place`, where its piece belongs in
// the list.
Drop Fragments::CheckAgainst(uint32_t index, const Ipv4View& fragment, uint32_t& place) {
  const Entry& entry = entries_[index];
  const uint32_t offset = fragment.fragment_offset_bytes();
  const uint32_t size = static_cast<uint32_t>(fragment.payload().size());
  const uint32_t end = offset + size;
  const bool is_last = !fragment.more_fragments();
  const uint32_t highest_end = HighestEnd(index);
  const Piece* const pieces = PiecesOf(index);
  const Piece* const pieces_end = pieces + entry.pieces;
  // In order is the common case: behind all that is there.
  const Piece* at = pieces_end;
  if (offset < highest_end) {
    steps_ += static_cast<uint64_t>(std::bit_width(entry.pieces));
    at = std::partition_point(pieces, pieces_end,
                              [offset](const Piece& piece) { return piece.offset < offset; });
    if (at != pieces_end && at->offset == offset && at->size == size) {
      // [RFC 8200 4.5] the network may duplicate a fragment; a copy that is exact changes nothing.
      // One with other bytes, or that ends the datagram where the first did not, is no copy.
      const bool was_last = end == entry.end_bytes;
      const bool same_bytes =
          std::memcmp(PayloadOf(index) + offset, fragment.payload().data(), size) == 0;
      return was_last == is_last && same_bytes ? Drop::kIpv4FragmentDuplicate
                                               : Drop::kIpv4FragmentOverlap;
    }
    // [RFC 5722 section 3] a datagram with overlapping fragments is dropped whole.
    if (at != pieces_end && at->offset < end) return Drop::kIpv4FragmentOverlap;
    if (at != pieces && uint32_t{at[-1].offset} + at[-1].size > offset) {
      return Drop::kIpv4FragmentOverlap;
    }
  }
  // The end of a datagram is where its last fragment ends, and nowhere else.
  if (entry.end_bytes == kUnknown ? is_last && end < highest_end
                                  : is_last || end >= entry.end_bytes) {
    return Drop::kIpv4FragmentBadEnd;
  }
  // [RFC 791 3.2] the header of the datagram is that of fragment zero: with its options the whole
  // may turn out too long although no fragment was.
  const size_t header_bytes = offset == 0 ? fragment.header_size() : entry.header_bytes;
  if (header_bytes + std::max(end, highest_end) > limits_.reassembly_datagram_bytes_max) {
    return Drop::kIpv4FragmentTooLong;
  }
  if (entry.pieces == limits_.reassembly_fragments_per_datagram_max) {
    return Drop::kIpv4FragmentTooMany;
  }
  place = static_cast<uint32_t>(at - pieces);
  return Drop::kNone;
}

void Fragments::Store(uint32_t index, uint32_t place, const Ipv4View& fragment, bool link_group) {
  Entry& entry = entries_[index];
  const Bytes payload = fragment.payload();
  const uint32_t offset = fragment.fragment_offset_bytes();
  const uint32_t size = static_cast<uint32_t>(payload.size());
  Piece* const pieces = PiecesOf(index);
  std::copy_backward(pieces + place, pieces + entry.pieces, pieces + entry.pieces + 1);
  steps_ += entry.pieces - place + 1;
  pieces[place] = {static_cast<uint16_t>(offset), static_cast<uint16_t>(size)};
  ++entry.pieces;
  std::memcpy(PayloadOf(index) + offset, payload.data(), size);
  entry.received_bytes += size;
  bytes_ += size;
  if (!fragment.more_fragments()) entry.end_bytes = offset + size;
  if (offset == 0) {
    entry.header_bytes = static_cast<uint8_t>(fragment.header_size());
    std::memcpy(PayloadOf(index) - entry.header_bytes, fragment.packet().data(),
                entry.header_bytes);
  }
  entry.ecn_seen =
      static_cast<uint8_t>(entry.ecn_seen | 1u << (fragment.type_of_service() & kEcnMask));
  entry.link_group |= link_group;
}

// Makes the header of fragment zero that of the datagram. False when the fragments disagree about
// ECN.
bool Fragments::Finish(uint32_t index) {
  const Entry& entry = entries_[index];
  uint8_t* const header = PayloadOf(index) - entry.header_bytes;
  if ((entry.ecn_seen & 1u << kCongestionExperienced) != 0) {
    // [RFC 3168 5.3] congestion that one fragment met, the datagram met; but not if another one
    // says that its sender does not speak ECN.
    if ((entry.ecn_seen & 1u << kNotEct) != 0) return false;
    header[kTypeOfServiceAt] = header[kTypeOfServiceAt] | kCongestionExperienced;
  }
  TotalLength::Store(header, static_cast<uint16_t>(entry.header_bytes + entry.end_bytes));
  FragmentWord::Store(header, 0);
  HeaderChecksum::Store(header, 0);
  HeaderChecksum::Store(header, ChecksumOf(SumHeader(header, entry.header_bytes)));
  return true;
}

// [RFC 5722 section 3] the whole datagram goes, and what of it is still to come.
void Fragments::Abandon(uint32_t index, Counters& counters) {
  Entry& entry = entries_[index];
  bytes_ -= entry.received_bytes;
  entry.received_bytes = 0;
  entry.pieces = 0;
  entry.header_bytes = 0;
  entry.abandoned = true;
  ++counters.ipv4_reassembly_abandoned;
}

Fragments::Verdict Fragments::Add(const Ipv4View& fragment, bool link_group, Instant now,
                                  Counters& counters) {
  if (limits_.reassembly_datagrams_max == 0) return {.drop = Drop::kIpv4Fragment};
  const Drop misshapen = CheckShape(fragment);
  if (misshapen != Drop::kNone) return {.drop = misshapen};
  // [RFC 791 3.2] what belongs together agrees in these four.
  const Key key{fragment.source(), fragment.destination(), fragment.identification(),
                fragment.protocol()};
  uint32_t index = Find(key);
  uint32_t place = 0;
  if (index != kNoIndex) {
    if (entries_[index].abandoned) return {.drop = Drop::kIpv4FragmentAbandoned};
    const Drop drop = CheckAgainst(index, fragment, place);
    if (drop != Drop::kNone) {
      if (drop != Drop::kIpv4FragmentDuplicate) Abandon(index, counters);
      return {.drop = drop};
    }
  }
  if (!MakeRoom(fragment.payload().size(), index, counters)) {
    return {.drop = Drop::kIpv4FragmentNoMemory};
  }
  if (index == kNoIndex) index = Create(key, now, counters);
  Store(index, place, fragment, link_group);
  ++counters.ipv4_fragments_in;
  // Pieces are disjoint and none reaches beyond the end: all bytes are there when their number is
  // right.
  const Entry& entry = entries_[index];
  if (entry.received_bytes != entry.end_bytes) return {};
  if (!Finish(index)) {
    Abandon(index, counters);
    return {.drop = Drop::kIpv4FragmentBadEcn};
  }
  TakeOut(index);
  ++counters.ipv4_reassembled;
  return {.whole = index};
}

void Fragments::CheckInvariants() const {
  uint32_t entries = 0;
  uint64_t bytes = 0;
  Instant deadline{};
  for (uint32_t index = oldest_; index != kNoIndex; index = entries_[index].newer) {
    const Entry& entry = entries_[index];
    AETHER_CHECK(!entry.taken && (entries == 0 || entry.deadline >= deadline));
    AETHER_CHECK(entry.pieces <= limits_.reassembly_fragments_per_datagram_max);
    AETHER_CHECK(entry.abandoned == (entry.pieces == 0));
    deadline = entry.deadline;
    uint32_t end = 0;
    uint32_t received = 0;
    for (uint32_t i = 0; i < entry.pieces; ++i) {
      const Piece& piece = PiecesOf(index)[i];
      AETHER_CHECK(piece.offset >= end && piece.size > 0);
      end = uint32_t{piece.offset} + piece.size;
      received += piece.size;
    }
    AETHER_CHECK(received == entry.received_bytes && end <= entry.end_bytes);
    AETHER_CHECK(received != entry.end_bytes);  // or it would have been handed out
    AETHER_CHECK(entry.header_bytes + end <= limits_.reassembly_datagram_bytes_max);
    bytes += received;
    ++entries;
  }
  AETHER_CHECK(entries + taken_ == entries_.used());
  AETHER_CHECK(entries_.used() <= limits_.reassembly_datagrams_max);
  AETHER_CHECK((taken_ > 0 ? bytes <= bytes_ : bytes == bytes_));
  AETHER_CHECK(bytes_ <= limits_.reassembly_bytes_max);
}

}  // namespace aether::net
