// What arrived ahead of a gap (RFC 9293 3.10.7.4 MAY-13, RFC 2018): disjoint ranges in order, each
// with its bytes. Bounded in ranges; bytes are bounded by the receive window. Memory only while
// there is a gap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "stack/base/check.h"
#include "stack/base/chunk_queue.h"
#include "stack/base/pool.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {

// Bytes that arrived together or one after the other, and have not been joined to the stream yet.
struct HeldRange {
  Seq start;
  ChunkQueue bytes;
  uint32_t next = kNoIndex;
  uint32_t stamp = 0;  // the larger the later something was added
  Seq end() const { return start + static_cast<uint32_t>(bytes.size()); }
};

struct ReassemblyPools {
  ChunkPool& chunks;
  Pool<HeldRange>& ranges;
};

class Reassembler {
 public:
  bool empty() const { return head_ == kNoIndex; }
  // Whether `seq` is what the first range begins with.
  bool StartsAt(const Pool<HeldRange>& pool, Seq seq) const {
    return !empty() && pool[head_].start == seq;
  }
  uint32_t range_count() const { return ranges_; }
  uint32_t held_bytes() const { return held_bytes_; }

  // Keeps the bytes of `text`, which starts at `seq` > RCV.NXT, that are not held yet. False when
  // some could not be kept (too many ranges, no memory); then the peer sends them again.
  // `*duplicate` is set to the first part that was held already, if any (RFC 2883).
  bool Insert(ReassemblyPools pools, Seq seq, Bytes text, uint32_t ranges_max,
              SackBlock* duplicate);

  // Moves what has become contiguous with `nxt` to the end of `stream`; returns how many bytes, or
  // stops when the pool is exhausted. What lies before `nxt` is thrown away.
  uint32_t TakeInOrder(ReassemblyPools pools, Seq nxt, ChunkQueue& stream);

  // [RFC 2018 4] up to `blocks.size()` blocks, the one that changed last first. Returns how many.
  size_t SackBlocks(const Pool<HeldRange>& pool, std::span<SackBlock> blocks) const;

  void Clear(ReassemblyPools pools);
  AETHER_INVARIANTS void CheckInvariants(const Pool<HeldRange>& pool, Seq nxt) const;

 private:
  uint32_t head_ = kNoIndex;
  uint32_t tail_ = kNoIndex;
  uint32_t ranges_ = 0;
  uint32_t held_bytes_ = 0;
  uint32_t stamp_ = 0;
};

}  // namespace aether::tcp
