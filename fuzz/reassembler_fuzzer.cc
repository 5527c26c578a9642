// What a TCP receiver holds ahead of a gap against a map of single bytes: the stream that comes out
// is the one that went in, the sack blocks tell the truth, newest first (RFC 2018 4), duplicates
// are reported as what they are (RFC 2883), and nothing is refused while there is memory.
#include <algorithm>
#include <array>
#include <bit>

#include "fuzz/pattern.h"
#include "fuzz/records.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/tcp/reassembler.h"

namespace aether::fuzz {
namespace {

// All of it is the model: what there is to explore is behind its calls.
AETHER_UNCOUNTED_BEGIN

constexpr uint32_t kWindow = 4500;
constexpr size_t kInputBytesMax = 512;

// The bytes from `nxt` on: a bit for each that is held.
class ByteMap {
 public:
  bool Has(uint32_t offset) const {
    return offset < kWindow && (bits_[offset / 64] >> (offset % 64) & 1) != 0;
  }
  // [from, end) is held.
  void Set(uint32_t from, uint32_t end) {
    while (from < end) {
      const uint32_t bits = std::min(end - from, 64 - from % 64);
      bits_[from / 64] |= (~uint64_t{0} >> (64 - bits)) << (from % 64);
      from += bits;
    }
  }
  // One past the last byte of the run that holds `offset`.
  uint32_t EndOfRun(uint32_t offset) const {
    while (Has(offset)) {
      const uint64_t gaps = ~bits_[offset / 64] >> (offset % 64);
      if (gaps != 0) return offset + static_cast<uint32_t>(std::countr_zero(gaps));
      offset += 64 - offset % 64;
    }
    return offset;
  }
  // The first byte from `offset` on that is held, or kWindow.
  uint32_t NextHeld(uint32_t offset) const {
    while (offset < kWindow) {
      const uint64_t held = bits_[offset / 64] >> (offset % 64);
      if (held != 0) return offset + static_cast<uint32_t>(std::countr_zero(held));
      offset += 64 - offset % 64;
    }
    return kWindow;
  }
  uint32_t Runs() const {
    uint32_t runs = 0;
    uint64_t last = 0;  // the bit before this word
    for (const uint64_t word : bits_) {
      runs += static_cast<uint32_t>(std::popcount(word & ~(word << 1 | last)));
      last = word >> 63;
    }
    return runs;
  }
  // The window moves on.
  void Drop(uint32_t count) {
    count = std::min(count, kWindow);
    const uint32_t words = count / 64;
    const uint32_t shift = count % 64;
    for (uint32_t i = 0; i < kWords; ++i) {
      const uint64_t low = i + words < kWords ? bits_[i + words] : 0;
      const uint64_t high = i + words + 1 < kWords ? bits_[i + words + 1] : 0;
      bits_[i] = shift == 0 ? low : low >> shift | high << (64 - shift);
    }
  }
  uint32_t held() const {
    uint32_t held = 0;
    for (const uint64_t word : bits_) held += static_cast<uint32_t>(std::popcount(word));
    return held;
  }

 private:
  static constexpr uint32_t kWords = (kWindow + 63) / 64;

  std::array<uint64_t, kWords> bits_{};
};

// Which insertion touched what, in offsets of the stream.
class History {
 public:
  void Add(uint64_t from, uint64_t end) { insertions_[count_++] = {from, end}; }
  void Clear() { count_ = 0; }
  // The number of the last insertion that touched [from, end); 0 when none did.
  size_t Latest(uint64_t from, uint64_t end) const {
    size_t number = count_;
    while (number > 0 &&
           (insertions_[number - 1].end <= from || insertions_[number - 1].from >= end))
      --number;
    return number;
  }

 private:
  struct Insertion {
    uint64_t from;
    uint64_t end;
  };
  std::array<Insertion, kInputBytesMax> insertions_;  // one takes a byte of the input at least
  size_t count_ = 0;
};

class Run {
 public:
  Run(Seq start, uint32_t chunks, uint32_t ranges, uint32_t ranges_max)
      : chunks_(chunks), ranges_(ranges), ranges_max_(ranges_max), nxt_(start) {}

  void Step(Records& records) {
    const uint8_t op = records.Byte();
    switch (op % 8) {
      case 0:
      case 1:
      case 2: {  // small numbers that meet each other often
        const uint32_t at = 1 + records.Below(64) * 8;
        Insert(at, 1 + records.Below(16) * 8);
        break;
      }
      case 3: {
        const uint32_t at = 1 + records.Below(kWindow - 1);
        Insert(at, records.Size(kWindow));
        break;
      }
      case 4:
        InOrder(records.Below(64) * 8 + 1);
        break;
      case 5:
        InOrder(records.Size(kWindow));
        break;
      case 6:  // the application reads
        Read(records.Size(0xffffffffu));
        break;
      default:
        if (records.Byte() % 8 == 0) Clear();
        break;
    }
    reassembler_.CheckInvariants(ranges_, nxt_);
    FUZZ_CHECK(P4, reassembler_.held_bytes() == map_.held());
    FUZZ_CHECK(P4, reassembler_.empty() == (reassembler_.held_bytes() == 0));
    FUZZ_CHECK(P4, reassembler_.range_count() <= ranges_max_);
    FUZZ_CHECK(P4, ranges_.used() == reassembler_.range_count());
    CheckBlocks(records.Below(TcpOptions::kSackBlocksMax + 1));
    CurrentTrace().Add(reassembler_.held_bytes());
  }

  void Finish() {
    Clear();
    Read(0xffffffffu);
    FUZZ_CHECK(P5, chunks_.used() == 0 && ranges_.used() == 0);
  }

 private:
  tcp::ReassemblyPools Pools() { return {chunks_, ranges_}; }
  uint32_t Offset(Seq seq) const { return seq.DistanceFrom(nxt_); }

  void Insert(uint32_t at, uint32_t size) {
    at = std::min(at, kWindow - 1);
    size = std::min(size, kWindow - at);
    const uint32_t held_before = reassembler_.held_bytes();
    const SackBlock untouched{Seq(1), Seq(1)};
    SackBlock duplicate = untouched;
    const bool is_all = reassembler_.Insert(Pools(), nxt_ + at, Pattern::At(stream_end_ + at, size),
                                            ranges_max_, &duplicate);
    const uint32_t added = reassembler_.held_bytes() - held_before;
    CheckDuplicate(at, size, is_all, duplicate, duplicate != untouched);
    // What is kept of a text that is not kept whole is its beginning.
    const uint32_t end = Mark(at, size, added);
    FUZZ_CHECK(P1, !is_all || end == at + size);
    last_at_ = size > 0 && is_all ? at : 0;
    if (is_all) return;
    is_order_known_ = false;  // whether the rest touched the range after it is not said
    // Nothing is thrown away while there is memory.
    const uint32_t chunks_free = chunks_.capacity() - chunks_.used();
    FUZZ_CHECK(P14, reassembler_.range_count() == ranges_max_ ||
                        ranges_.used() == ranges_.capacity() || chunks_free * Chunk::kBytes < size);
  }

  // The first `added` bytes of these that were not held are held now. Returns where they end.
  uint32_t Mark(uint32_t at, uint32_t size, uint32_t added) {
    const uint32_t from = at;
    const uint32_t end = at + size;
    while (at < end) {
      if (map_.Has(at)) {
        at = std::min(map_.EndOfRun(at), end);
        continue;
      }
      const uint32_t gap = std::min({map_.NextHeld(at), end, at + added}) - at;
      if (gap == 0) break;
      map_.Set(at, at + gap);
      added -= gap;
      at += gap;
    }
    FUZZ_CHECK(P1, added == 0);
    if (at > from) history_.Add(stream_end_ + from, stream_end_ + at);
    return at;
  }

  void CheckDuplicate(uint32_t at, uint32_t size, bool is_all, const SackBlock& duplicate,
                      bool is_reported) const {
    const uint32_t first = map_.NextHeld(at);
    const bool is_duplicate = first < at + size;
    if (is_all) FUZZ_CHECK(P2, is_reported == is_duplicate);
    if (!is_reported) return;
    FUZZ_CHECK(P2, is_duplicate && Offset(duplicate.start) == first);
    const uint32_t end = Offset(duplicate.end);
    FUZZ_CHECK(P2, end > first && end <= std::min(map_.EndOfRun(first), at + size));
  }

  // `size` bytes arrive where they are expected, as far as the stream has room for them.
  void InOrder(uint32_t size) {
    if (!stream_.Append(chunks_, Pattern::At(stream_end_, size))) return;
    Advance(size);
    const uint32_t expected = map_.EndOfRun(0);
    const uint32_t taken = reassembler_.TakeInOrder(Pools(), nxt_, stream_);
    FUZZ_CHECK(P1, taken <= expected);
    if (taken < expected) {
      FUZZ_CHECK(P14, chunks_.used() == chunks_.capacity() || chunks_.capacity() == 0);
      is_order_known_ = false;  // a range that was cut keeps the time of what it lost
    }
    Advance(taken);
  }

  void Advance(uint32_t count) {
    // A range of which a part was taken keeps the time of all of it.
    if (count > 0 && map_.Has(count)) is_order_known_ = false;
    map_.Drop(count);
    nxt_ += count;
    stream_end_ += count;
    last_at_ = 0;
  }

  void Read(uint32_t most) {
    size_t left = std::min<size_t>(most, stream_.size());
    while (left > 0) {
      const Bytes front = stream_.Front(chunks_, 0);
      const size_t size = std::min(front.size(), left);
      FUZZ_CHECK(P1, size > 0 && Pattern::Matches(front.first(size), stream_end_ - stream_.size()));
      stream_.Consume(chunks_, size);
      left -= size;
    }
  }

  void Clear() {
    reassembler_.Clear(Pools());
    map_ = ByteMap();
    history_.Clear();
    is_order_known_ = true;
    last_at_ = 0;
  }

  void CheckBlocks(uint32_t wanted) {
    std::array<SackBlock, TcpOptions::kSackBlocksMax> blocks;
    const size_t count = reassembler_.SackBlocks(ranges_, std::span(blocks).first(wanted));
    FUZZ_CHECK(P2, count == std::min(map_.Runs(), wanted));
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < count; ++i) {
      // [RFC 2018 3] a block is contiguous, and the bytes just below and above it are not held.
      const uint32_t start = Offset(blocks[i].start);
      const uint32_t end = Offset(blocks[i].end);
      FUZZ_CHECK(P2, start < kWindow && map_.Has(start) && (start == 0 || !map_.Has(start - 1)));
      FUZZ_CHECK(P2, map_.EndOfRun(start) == end);
      for (size_t j = 0; j < i; ++j) FUZZ_CHECK(P2, blocks[j].start != blocks[i].start);
      const size_t latest = history_.Latest(stream_end_ + start, stream_end_ + end);
      FUZZ_CHECK(P2, latest > 0);
      if (is_order_known_) FUZZ_CHECK(P2, latest <= before);
      before = latest;
      // [RFC 2018 4] the first block is the one that what came last belongs to.
      if (i == 0 && last_at_ > 0) FUZZ_CHECK(P2, start <= last_at_ && last_at_ < end);
    }
  }

  ChunkPool chunks_;
  Pool<tcp::HeldRange> ranges_;
  const uint32_t ranges_max_;
  tcp::Reassembler reassembler_;
  ChunkQueue stream_;
  Seq nxt_;
  uint64_t stream_end_ = 0;  // where nxt_ is in the stream
  ByteMap map_;
  History history_;
  uint32_t last_at_ = 0;        // where the text that came last starts; 0: none did
  bool is_order_known_ = true;  // the history says when each range was touched last
};

AETHER_UNCOUNTED_END

}  // namespace
}  // namespace aether::fuzz

extern "C" AETHER_UNCOUNTED int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > aether::fuzz::kInputBytesMax) return -1;
  aether::fuzz::Records records({data, size});
  // Most runs go over the end of the sequence space.
  const aether::Seq start(uint32_t{records.Byte()} * 0x01010101u - 64);
  const uint32_t chunks = records.Below(16);
  const uint32_t ranges = records.Below(12);
  aether::fuzz::Run run(start, chunks, ranges, records.Below(12));
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
