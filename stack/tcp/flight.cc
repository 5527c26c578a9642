#include "stack/tcp/flight.h"

#include "stack/base/check.h"

namespace aether::tcp {

void Flight::OnRetransmitted(Pool<SentSegment>& pool, uint32_t index, Instant now) {
  SentSegment& segment = pool[index];
  if (segment.Has(SentSegment::kLost)) lost_bytes_ -= segment.bytes();
  segment.flags =
      static_cast<uint8_t>((segment.flags & ~SentSegment::kLost) | SentSegment::kRetransmitted);
  segment.sent_at = now;
  if (segment.transmissions < 255) ++segment.transmissions;
}

// Cuts a record in two at `at`, which lies inside of it.
bool Flight::Split(Pool<SentSegment>& pool, uint32_t index, Seq at) {
  const uint32_t second = pool.Allocate();
  if (second == kNoIndex) return false;
  SentSegment& first = pool[index];
  pool[second] = first;
  pool[second].start = at;
  first.end = at;
  first.flags = static_cast<uint8_t>(first.flags & ~SentSegment::kPushed);
  first.next = second;
  if (tail_ == index) tail_ = second;
  ++segments_;
  if (first.Has(SentSegment::kSacked)) ++sacked_segments_;
  return true;
}

void Flight::Sack(Pool<SentSegment>& pool, std::span<const SackBlock> blocks, uint32_t segments_max,
                  AckSummary& summary) {
  uint32_t index = head_;
  for (const SackBlock& block : blocks) {
    // Blocks are sorted, so one walk serves all of them.
    while (index != kNoIndex && pool[index].end.BeforeOrAt(block.start)) index = pool[index].next;
    while (index != kNoIndex && pool[index].start.Before(block.end)) {
      SentSegment& segment = pool[index];
      if (!segment.Has(SentSegment::kSacked)) {
        if (segment.start.Before(block.start)) {
          if (segments_ >= segments_max || !Split(pool, index, block.start)) break;
          index = pool[index].next;
          continue;
        }
        if (segment.end.After(block.end) &&
            (segments_ >= segments_max || !Split(pool, index, block.end)))
          break;
        Deliver(segment, summary);
        if (segment.Has(SentSegment::kLost)) lost_bytes_ -= segment.bytes();
        segment.flags =
            static_cast<uint8_t>((segment.flags & ~SentSegment::kLost) | SentSegment::kSacked);
        sacked_bytes_ += segment.bytes();
        summary.sacked_bytes += segment.bytes();
        ++sacked_segments_;
      }
      index = pool[index].next;
    }
  }
}

void Flight::MarkLost(Pool<SentSegment>& pool, uint32_t index) {
  SentSegment& segment = pool[index];
  if (segment.Has(SentSegment::kSacked) || segment.Has(SentSegment::kLost)) return;
  segment.flags |= SentSegment::kLost;
  lost_bytes_ += segment.bytes();
}

void Flight::MarkAllLost(Pool<SentSegment>& pool) {
  for (uint32_t index = head_; index != kNoIndex; index = pool[index].next) MarkLost(pool, index);
}

void Flight::UnmarkLost(Pool<SentSegment>& pool) {
  for (uint32_t index = head_; index != kNoIndex; index = pool[index].next) {
    pool[index].flags = static_cast<uint8_t>(pool[index].flags & ~SentSegment::kLost);
  }
  lost_bytes_ = 0;
}

void Flight::ForgetSacks(Pool<SentSegment>& pool) {
  for (uint32_t index = head_; index != kNoIndex; index = pool[index].next) {
    pool[index].flags = static_cast<uint8_t>(pool[index].flags & ~SentSegment::kSacked);
  }
  sacked_bytes_ = 0;
  sacked_segments_ = 0;
}

void Flight::Resegment(Pool<SentSegment>& pool, uint32_t mss_bytes, uint32_t segments_max) {
  for (uint32_t index = head_; index != kNoIndex; index = pool[index].next) {
    if (pool[index].bytes() <= mss_bytes || pool[index].Has(SentSegment::kSacked)) continue;
    MarkLost(pool, index);
    if (segments_ < segments_max) Split(pool, index, pool[index].start + mss_bytes);
  }
}

uint32_t Flight::FirstLost(const Pool<SentSegment>& pool) const {
  if (lost_bytes_ == 0) return kNoIndex;
  uint32_t index = head_;
  while (index != kNoIndex && !pool[index].Has(SentSegment::kLost)) index = pool[index].next;
  return index;
}

void Flight::Clear(Pool<SentSegment>& pool) {
  while (head_ != kNoIndex) PopHead(pool);
  *this = Flight{};
}

void Flight::CheckInvariants(const Pool<SentSegment>& pool, Seq una, Seq nxt) const {
  Flight sums;
  Seq at = una;
  for (uint32_t index = head_; index != kNoIndex; index = pool[index].next) {
    const SentSegment& segment = pool[index];
    AETHER_CHECK(segment.start == at && segment.start.Before(segment.end));
    AETHER_CHECK(!(segment.Has(SentSegment::kSacked) && segment.Has(SentSegment::kLost)));
    AETHER_CHECK(segment.next != kNoIndex || index == tail_);
    at = segment.end;
    ++sums.segments_;
    sums.total_bytes_ += segment.bytes();
    if (segment.Has(SentSegment::kSacked)) {
      sums.sacked_bytes_ += segment.bytes();
      ++sums.sacked_segments_;
    }
    if (segment.Has(SentSegment::kLost)) sums.lost_bytes_ += segment.bytes();
  }
  AETHER_CHECK(at == nxt);
  AETHER_CHECK(sums.segments_ == segments_ && sums.total_bytes_ == total_bytes_);
  AETHER_CHECK(sums.sacked_bytes_ == sacked_bytes_ && sums.sacked_segments_ == sacked_segments_);
  AETHER_CHECK(sums.lost_bytes_ == lost_bytes_);
}

}  // namespace aether::tcp
