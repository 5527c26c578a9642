// What has been sent and not been acknowledged: one record per segment, in sequence order, with
// when it left and what is known of it. This is the scoreboard of RFC 6675, the retransmission
// queue, and what RACK (RFC 8985) looks at. Records come from a shared pool and exist only while
// data is in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "stack/base/check.h"
#include "stack/base/pool.h"
#include "stack/base/time.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {

struct SentSegment {
  enum Flag : uint8_t {
    kSacked = 0x01,         // reported by a SACK block
    kLost = 0x02,           // believed lost and not sent again since
    kRetransmitted = 0x04,  // the last transmission was not the first
    kPushed = 0x08,         // left with PSH, and does so again
  };
  Seq start;
  Seq end;  // one past the last number, FIN and SYN included
  Instant sent_at{};
  uint32_t next = kNoIndex;
  uint8_t flags = 0;
  uint8_t transmissions = 1;

  uint32_t bytes() const { return end.DistanceFrom(start); }
  bool Has(Flag flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(SentSegment) == 24 || sizeof(SentSegment) == 32);

// What an acknowledgement said about the flight.
struct AckSummary {
  uint32_t acked_bytes = 0;   // cumulatively
  uint32_t sacked_bytes = 0;  // newly
  bool rtt_valid = false;     // Karn: a segment sent once was acknowledged
  Instant rtt_sent_at{};      // when the newest such segment left
  bool delivered = false;     // any segment was newly acknowledged or sacked
  Instant newest_sent_at{};   // the latest transmission among them (RACK.xmit_ts)
  Seq newest_end;
  bool newest_was_retransmitted = false;
  bool original_acked = false;  // a segment that was never sent twice
  bool retransmitted_acked =
      false;                // then the others may have waited for it, and tell no round trip
  Seq highest_end;          // of what was delivered
  bool fack_valid = false;  // in: the highest number known to have arrived before
  Seq fack;
  bool reordered = false;  // a segment sent once arrived after higher ones
};

class Flight {
 public:
  bool empty() const { return head_ == kNoIndex; }
  uint32_t segments() const { return segments_; }
  uint32_t sacked_bytes() const { return sacked_bytes_; }
  uint32_t lost_bytes() const { return lost_bytes_; }
  uint32_t sacked_segments() const { return sacked_segments_; }
  // [RFC 6675 4] bytes that are believed to be in the network.
  uint32_t pipe_bytes() const { return total_bytes_ - sacked_bytes_ - lost_bytes_; }
  uint32_t total_bytes() const { return total_bytes_; }

  // A new segment left. False when no record is free: then it must not leave.
  static bool CanAdd(const Pool<SentSegment>& pool) { return pool.used() < pool.capacity(); }
  void Add(Pool<SentSegment>& pool, Seq start, Seq end, Instant now);
  // `index` left again, now.
  void OnRetransmitted(Pool<SentSegment>& pool, uint32_t index, Instant now);

  // Removes what lies before `una`; a record that is cut in two keeps its later part.
  void Acknowledge(Pool<SentSegment>& pool, Seq una, AckSummary& summary);
  // Marks what the blocks cover; blocks are sorted and lie within (una, nxt]. Splits records at the
  // edges of blocks while the pool has room and there are fewer than `segments_max`.
  void Sack(Pool<SentSegment>& pool, std::span<const SackBlock> blocks, uint32_t segments_max,
            AckSummary& summary);

  // Everything not sacked is lost: the retransmission timer ran out.
  void MarkAllLost(Pool<SentSegment>& pool);
  // Forgets all sacks: the receiver may have thrown the data away (RFC 2018 section 8).
  void ForgetSacks(Pool<SentSegment>& pool);
  void MarkLost(Pool<SentSegment>& pool, uint32_t index);
  // Takes back all kLost marks; for a timeout that turned out to be spurious.
  void UnmarkLost(Pool<SentSegment>& pool);
  // Cuts records to at most `mss_bytes`, and marks those that were larger as lost.
  void Resegment(Pool<SentSegment>& pool, uint32_t mss_bytes, uint32_t segments_max);
  // The first record that is lost and to be sent again; kNoIndex when there is none.
  uint32_t FirstLost(const Pool<SentSegment>& pool) const;
  uint32_t head() const { return head_; }
  uint32_t tail() const { return tail_; }

  void Clear(Pool<SentSegment>& pool);
  AETHER_INVARIANTS void CheckInvariants(const Pool<SentSegment>& pool, Seq una, Seq nxt) const;

 private:
  void Forget(SentSegment& segment);
  void PopHead(Pool<SentSegment>& pool);
  bool Split(Pool<SentSegment>& pool, uint32_t index, Seq at);
  static void Deliver(const SentSegment& segment, AckSummary& summary);

  uint32_t head_ = kNoIndex;
  uint32_t tail_ = kNoIndex;
  uint32_t segments_ = 0;
  uint32_t total_bytes_ = 0;
  uint32_t sacked_bytes_ = 0;
  uint32_t sacked_segments_ = 0;
  uint32_t lost_bytes_ = 0;
};

// What every segment and every acknowledgement goes through.

inline void Flight::Add(Pool<SentSegment>& pool, Seq start, Seq end, Instant now) {
  const uint32_t index = pool.Allocate();
  AETHER_CHECK(index != kNoIndex);
  SentSegment& segment = pool[index];
  segment.start = start;
  segment.end = end;
  segment.sent_at = now;
  (tail_ == kNoIndex ? head_ : pool[tail_].next) = index;
  tail_ = index;
  ++segments_;
  total_bytes_ += segment.bytes();
}

// Takes a record's bytes out of the sums that its marks put them into.
inline void Flight::Forget(SentSegment& segment) {
  if (segment.Has(SentSegment::kSacked)) {
    sacked_bytes_ -= segment.bytes();
    --sacked_segments_;
  }
  if (segment.Has(SentSegment::kLost)) lost_bytes_ -= segment.bytes();
}

inline void Flight::PopHead(Pool<SentSegment>& pool) {
  const uint32_t index = head_;
  SentSegment& segment = pool[index];
  Forget(segment);
  total_bytes_ -= segment.bytes();
  head_ = segment.next;
  if (head_ == kNoIndex) tail_ = kNoIndex;
  --segments_;
  pool.Free(index);
}

inline void Flight::Deliver(const SentSegment& segment, AckSummary& summary) {
  // [RFC 6298 3] Karn: a segment that was sent twice says nothing about the round trip.
  if (segment.transmissions == 1) {
    summary.original_acked = true;
    // [RFC 8985 6.2 step 3] it was overtaken by something sent later.
    if (summary.fack_valid && segment.end.BeforeOrAt(summary.fack)) summary.reordered = true;
    if (!summary.rtt_valid || segment.sent_at > summary.rtt_sent_at) {
      summary.rtt_valid = true;
      summary.rtt_sent_at = segment.sent_at;
    }
  }
  if (segment.transmissions > 1) summary.retransmitted_acked = true;
  // [RFC 8985 6.2 step 2] the most recently sent segment that has arrived; by sequence when sent at
  // once.
  if (!summary.delivered || segment.sent_at > summary.newest_sent_at ||
      (segment.sent_at == summary.newest_sent_at && segment.end.After(summary.newest_end))) {
    summary.newest_sent_at = segment.sent_at;
    summary.newest_end = segment.end;
    summary.newest_was_retransmitted = segment.transmissions > 1;
  }
  if (!summary.delivered || segment.end.After(summary.highest_end))
    summary.highest_end = segment.end;
  summary.delivered = true;
}

inline void Flight::Acknowledge(Pool<SentSegment>& pool, Seq una, AckSummary& summary) {
  while (head_ != kNoIndex && pool[head_].end.BeforeOrAt(una)) {
    summary.acked_bytes += pool[head_].bytes();
    if (!pool[head_].Has(SentSegment::kSacked)) Deliver(pool[head_], summary);
    PopHead(pool);
  }
  if (head_ == kNoIndex || !pool[head_].start.Before(una)) return;
  SentSegment& segment = pool[head_];
  const uint32_t cut = una.DistanceFrom(segment.start);
  summary.acked_bytes += cut;
  total_bytes_ -= cut;
  if (segment.Has(SentSegment::kSacked)) sacked_bytes_ -= cut;
  if (segment.Has(SentSegment::kLost)) lost_bytes_ -= cut;
  segment.start = una;
}

}  // namespace aether::tcp
