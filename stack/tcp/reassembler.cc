#include "stack/tcp/reassembler.h"

#include <algorithm>

#include "stack/base/check.h"

namespace aether::tcp {

bool Reassembler::Insert(ReassemblyPools pools, Seq seq, Bytes text, uint32_t ranges_max,
                         SackBlock* duplicate) {
  Pool<HeldRange>& ranges = pools.ranges;
  bool has_duplicate = false;
  const auto note_duplicate = [&](Seq start, Seq end) {
    if (has_duplicate || !start.Before(end)) return;
    has_duplicate = true;
    *duplicate = {start, end};
  };
  ++stamp_;
  // Most often the text continues the last range.
  uint32_t before = kNoIndex;
  uint32_t at = head_;
  if (tail_ != kNoIndex && !seq.Before(ranges[tail_].start)) {
    before = tail_;
    at = kNoIndex;
  } else {
    while (at != kNoIndex && ranges[at].start.BeforeOrAt(seq)) {
      before = at;
      at = ranges[at].next;
    }
  }
  // From here on: `before` starts at or before seq, `at` after it.
  while (!text.empty()) {
    if (before != kNoIndex) {
      HeldRange& range = ranges[before];
      if (range.end().After(seq)) {
        const size_t held = std::min<size_t>(range.end().DistanceFrom(seq), text.size());
        note_duplicate(seq, seq + static_cast<uint32_t>(held));
        range.stamp = stamp_;
        seq += static_cast<uint32_t>(held);
        text = text.subspan(held);
        if (text.empty()) break;
      }
    }
    const size_t gap = at == kNoIndex
                           ? text.size()
                           : std::min<size_t>(ranges[at].start.DistanceFrom(seq), text.size());
    if (gap > 0) {
      const Bytes piece = text.first(gap);
      if (before != kNoIndex && ranges[before].end() == seq) {
        if (!ranges[before].bytes.Append(pools.chunks, piece)) return false;
        ranges[before].stamp = stamp_;
      } else {
        if (ranges_ >= ranges_max) return false;
        const uint32_t index = ranges.Allocate();
        if (index == kNoIndex) return false;
        HeldRange& range = ranges[index];
        range.start = seq;
        if (!range.bytes.Append(pools.chunks, piece)) {
          ranges.Free(index);
          return false;
        }
        range.stamp = stamp_;
        range.next = at;
        (before == kNoIndex ? head_ : ranges[before].next) = index;
        if (at == kNoIndex) tail_ = index;
        before = index;
        ++ranges_;
      }
      held_bytes_ += static_cast<uint32_t>(gap);
      seq += static_cast<uint32_t>(gap);
      text = text.subspan(gap);
    }
    if (text.empty() || at == kNoIndex) break;
    before = at;
    at = ranges[at].next;
  }
  return true;
}

uint32_t Reassembler::TakeInOrder(ReassemblyPools pools, Seq nxt, ChunkQueue& stream) {
  uint32_t taken = 0;
  while (head_ != kNoIndex && pools.ranges[head_].start.BeforeOrAt(nxt)) {
    HeldRange& range = pools.ranges[head_];
    const uint32_t size = static_cast<uint32_t>(range.bytes.size());
    const uint32_t old_bytes = std::min(nxt.DistanceFrom(range.start), size);
    range.bytes.Consume(pools.chunks, old_bytes);
    range.start += old_bytes;
    held_bytes_ -= old_bytes;
    while (!range.bytes.empty()) {
      const Bytes piece = range.bytes.Front(pools.chunks, 0);
      if (!stream.Append(pools.chunks, piece)) return taken;
      const uint32_t moved = static_cast<uint32_t>(piece.size());
      nxt += moved;
      taken += moved;
      held_bytes_ -= moved;
      range.start += moved;
      range.bytes.Consume(pools.chunks, moved);
    }
    const uint32_t next = range.next;
    pools.ranges.Free(head_);
    head_ = next;
    --ranges_;
    if (head_ == kNoIndex) tail_ = kNoIndex;
  }
  return taken;
}

size_t Reassembler::SackBlocks(const Pool<HeldRange>& pool, std::span<SackBlock> blocks) const {
  struct Candidate {
    SackBlock block;
    uint32_t age = 0;
  };
  std::array<Candidate, TcpOptions::kSackBlocksMax> best;
  const size_t wanted = std::min(blocks.size(), best.size());
  size_t count = 0;
  for (uint32_t index = head_; index != kNoIndex;) {
    // Ranges that touch are one block.
    Candidate candidate{{pool[index].start, pool[index].end()}, stamp_ - pool[index].stamp};
    index = pool[index].next;
    while (index != kNoIndex && pool[index].start == candidate.block.end) {
      candidate.block.end = pool[index].end();
      candidate.age = std::min(candidate.age, stamp_ - pool[index].stamp);
      index = pool[index].next;
    }
    size_t place = count;
    while (place > 0 && best[place - 1].age > candidate.age) --place;
    if (place >= wanted) continue;
    count = std::min(count + 1, wanted);
    for (size_t i = count - 1; i > place; --i) best[i] = best[i - 1];
    best[place] = candidate;
  }
  for (size_t i = 0; i < count; ++i) blocks[i] = best[i].block;
  return count;
}

void Reassembler::Clear(ReassemblyPools pools) {
  while (head_ != kNoIndex) {
    const uint32_t next = pools.ranges[head_].next;
    pools.ranges[head_].bytes.Clear(pools.chunks);
    pools.ranges.Free(head_);
    head_ = next;
  }
  *this = Reassembler{};
}

void Reassembler::CheckInvariants(const Pool<HeldRange>& pool, Seq nxt) const {
  Seq at = nxt;
  uint32_t ranges = 0;
  uint32_t bytes = 0;
  for (uint32_t index = head_; index != kNoIndex; index = pool[index].next) {
    AETHER_CHECK(pool[index].start.AfterOrAt(at) && !pool[index].bytes.empty());
    AETHER_CHECK(pool[index].next != kNoIndex || index == tail_);
    at = pool[index].end();
    ++ranges;
    bytes += static_cast<uint32_t>(pool[index].bytes.size());
  }
  AETHER_CHECK(ranges == ranges_ && bytes == held_bytes_);
}

}  // namespace aether::tcp
