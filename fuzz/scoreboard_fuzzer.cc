// The flight and what recovery concludes from it, against a plain model: one entry per byte that is
// in flight, with when it left, how often, and whether it is sacked or lost. The sums, the summary
// of an acknowledgement and the marks have to be what the bytes say; what is marked lost has to be
// so by the rule that is in force (RFC 8985, 6675, 5681).
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <span>

#include "fuzz/records.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/tcp/flight.h"
#include "stack/tcp/recovery.h"

namespace aether::fuzz {
namespace {

// All of it is the model: what there is to explore is behind its calls.
AETHER_UNCOUNTED_BEGIN

using tcp::Recovery;
using tcp::SentSegment;
using Phase = Recovery::Phase;

constexpr uint32_t kBytesMax = 512;
constexpr uint32_t kSegmentsMax = 64;
constexpr uint32_t kMssBytes = 12;

// In 64 bits without a gap: hundreds of them are compared after every step.
struct Byte {
  uint8_t transmissions : 8 = 1;
  bool is_sacked : 1 = false;
  bool is_lost : 1 = false;
  int64_t sent_ns : 54 = 0;

  static constexpr int64_t kSentNsMax = (int64_t{1} << 53) - 1;  // 104 days
  Instant sent_at() const { return Instant(Duration(sent_ns)); }
  void SetSentAt(Instant at) { sent_ns = at.time_since_epoch().count() & kSentNsMax; }
  bool operator==(const Byte& other) const {
    return std::bit_cast<uint64_t>(*this) == std::bit_cast<uint64_t>(other);
  }
};
static_assert(sizeof(Byte) == 8);

// What was delivered by one acknowledgement, as the bytes tell it.
struct Delivered {
  bool is_any = false;
  bool has_original = false;
  bool has_retransmitted = false;
  bool is_reordered = false;      // surely
  bool may_be_reordered = false;  // as far as bytes can tell
  uint32_t sacked_bytes = 0;
  Instant newest{};           // of all
  Instant newest_original{};  // of those sent once
  Seq highest_end;

  void Add(const Byte& byte, Seq end) {
    if (!is_any || byte.sent_at() > newest) newest = byte.sent_at();
    if (!is_any || end.After(highest_end)) highest_end = end;
    is_any = true;
    if (byte.transmissions > 1) {
      has_retransmitted = true;
      return;
    }
    if (!has_original || byte.sent_at() > newest_original) newest_original = byte.sent_at();
    has_original = true;
  }
};

class Run {
 public:
  explicit Run(Records& records)
      : una_(uint32_t{records.Byte()} * 0x01010101u - 100),
        nxt_(una_),
        pool_(1 + records.Below(kSegmentsMax)) {
    const uint8_t profile = records.Byte();
    sack_ = (profile & 1) == 0;
    profile_.rack_tlp = (profile & 2) == 0;
    profile_.fast_retransmit = (profile & 4) == 0;
    profile_.undo = (profile & 8) == 0;
    profile_.limited_transmit = (profile & 16) == 0;
    segments_max_ = 1 + records.Below(kSegmentsMax);
    srtt_us_ = 1u << records.Below(24);
  }

  void Step(Records& records) {
    switch (records.Byte() % 10) {
      case 0:
      case 1:
        Send(1 + records.Below(mss_bytes_));
        break;
      case 2:  // a burst
        for (uint32_t left = records.Below(16); left > 0; --left) Send(mss_bytes_);
        break;
      case 3:
      case 4:
        Acknowledge(records);
        break;
      case 5:
        Retransmit(Context(), recovery_.NextLost(pool_), records);
        break;
      case 6:
        now_ += records.Time(std::chrono::hours(1));
        break;
      case 7:
        Timeout();
        break;
      case 8:
        ReorderTimeout();
        break;
      default:
        Rarely(records);
        break;
    }
    CheckBytes();
  }

  void Finish() {
    recovery_.flight.Clear(pool_);
    FUZZ_CHECK(P5, pool_.used() == 0 && recovery_.flight.empty());
  }

 private:
  Recovery::Context Context() {
    return {pool_, profile_, path_, segments_max_, sack_, mss_bytes_, srtt_us_, now_};
  }
  const tcp::Flight& flight() const { return recovery_.flight; }
  uint32_t Size() const { return nxt_.DistanceFrom(una_); }
  Byte& At(Seq seq) { return bytes_[seq.DistanceFrom(una_)]; }
  const Byte& At(Seq seq) const { return bytes_[seq.DistanceFrom(una_)]; }

  template <typename Do>
  void ForEachRecord(Do&& visit) const {
    for (uint32_t index = flight().head(); index != kNoIndex; index = pool_[index].next)
      visit(pool_[index]);
  }

  void Send(uint32_t size) {
    if (!tcp::Flight::CanAdd(pool_) || flight().segments() >= segments_max_) return;
    if (Size() + size > kBytesMax) return;
    recovery_.OnSent(Context(), nxt_, nxt_ + size);
    Byte byte;
    byte.SetSentAt(now_);
    std::ranges::fill(std::span(bytes_).subspan(Size(), size), byte);
    nxt_ += size;
  }

  void Retransmit(const Recovery::Context& context, uint32_t record, Records& records) {
    if (record == kNoIndex) return;
    std::optional<uint32_t> ts_value;
    if (records.Flag()) ts_value = records.Byte();
    recovery_.OnRetransmitted(context, record, ts_value);
    for (Seq at = pool_[record].start; at != pool_[record].end; at += 1) {
      Byte& byte = At(at);
      byte.is_lost = false;
      byte.SetSentAt(now_);
      if (byte.transmissions < 255) ++byte.transmissions;
    }
  }

  void Timeout() {
    if (flight().empty()) return;
    const bool is_reneged = At(una_).is_sacked;
    recovery_.OnTimeout(Context(), una_, nxt_);
    for (uint32_t i = 0; i < Size(); ++i) {
      // [RFC 2018 8] a mark on the first byte, which was not acknowledged, says that none is true.
      if (is_reneged) bytes_[i].is_sacked = false;
      bytes_[i].is_lost = !bytes_[i].is_sacked;
    }
    FUZZ_CHECK(P2, recovery_.phase() == Phase::kLoss);
    Entered();
  }

  void ReorderTimeout() {
    if (!reorder_at_) return;
    now_ = std::max(now_, *reorder_at_);
    reorder_at_.reset();
    const Phase before = recovery_.phase();
    std::optional<Duration> again;
    const bool has_entered = recovery_.OnReorderTimeout(Context(), nxt_, again);
    // It was set to the last of those in doubt, so none is left.
    FUZZ_CHECK(P8, !again.has_value());
    TakeLosses(true);
    FUZZ_CHECK(P2, !has_entered || before == Phase::kOpen);
    if (has_entered) Entered();
  }

  void Rarely(Records& records) {
    const uint8_t what = records.Byte();
    if (what % 4 == 0) {  // a probe
      const uint32_t tail = flight().tail();
      if (tail == kNoIndex || pool_[tail].Has(SentSegment::kSacked)) return;
      Retransmit(Context(), tail, records);
      recovery_.OnProbe(nxt_, true);
    } else if (what % 4 == 1) {
      Resegment(1 + records.Below(mss_bytes_));
    } else if (what % 4 == 2 && !flight().empty()) {
      // A tick of the clock later.
      now_ += Duration(1);
    }
  }

  // The path became narrower.
  void Resegment(uint32_t mss_bytes) {
    mss_bytes_ = mss_bytes;
    ForEachRecord([&](const SentSegment& segment) {
      if (segment.bytes() <= mss_bytes || segment.Has(SentSegment::kSacked)) return;
      for (Seq at = segment.start; at != segment.end; at += 1) At(at).is_lost = true;
    });
    recovery_.flight.Resegment(pool_, mss_bytes, segments_max_);
    const bool has_room = tcp::Flight::CanAdd(pool_) && flight().segments() < segments_max_;
    ForEachRecord([&](const SentSegment& segment) {
      FUZZ_CHECK(P4,
                 !has_room || segment.bytes() <= mss_bytes || segment.Has(SentSegment::kSacked));
    });
  }

  // --- An acknowledgement ---

  std::span<const SackBlock> ReadBlocks(Records& records, Seq una) {
    const uint32_t size = nxt_.DistanceFrom(una);
    uint32_t count = records.Below(4);
    if (!sack_ || size == 0) count = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t start = records.Below(size);
      const uint32_t end = start + 1 + records.Below(size - start);
      blocks_[i] = {una + start, una + end};
    }
    const auto blocks = std::span(blocks_).first(count);
    std::ranges::sort(
        blocks, [](const SackBlock& a, const SackBlock& b) { return a.start.Before(b.start); });
    return blocks;
  }

  void Acknowledge(Records& records) {
    const uint8_t how = records.Byte();
    // Half of them advance; some to the edge of a record.
    uint32_t advance = (how & 1) == 0 ? 0 : records.Below(Size() + 1);
    if ((how & 2) != 0 && !flight().empty()) advance = pool_[flight().head()].bytes();
    const Seq una = una_ + advance;
    Recovery::Ack ack;
    ack.una = una;
    ack.nxt = nxt_;
    ack.advanced = advance > 0;
    ack.blocks = ReadBlocks(records, una);
    ack.is_duplicate = advance == 0 && !flight().empty();
    ack.dsack = sack_ && (how & 0x1c) == 0x1c;
    if ((how & 0x20) != 0) ack.ts_echo = records.Byte();
    duplicates_ = advance > 0 ? 0 : duplicates_ + (ack.is_duplicate ? 1 : 0);

    const Delivered delivered = Deliver(una, ack.blocks);
    // Splitting needs two records for each block.
    const uint32_t needed = static_cast<uint32_t>(ack.blocks.size()) * 2;
    const bool is_exact =
        flight().segments() + needed <= segments_max_ && pool_.used() + needed <= pool_.capacity();
    const Phase before = recovery_.phase();
    const Recovery::Verdict verdict = recovery_.OnAck(Context(), ack);
    std::memmove(bytes_.data(), bytes_.data() + advance, (Size() - advance) * sizeof(Byte));
    una_ = una;
    FUZZ_CHECK(P2, verdict.summary.acked_bytes == advance);
    if (is_exact) {
      CheckSummary(verdict.summary, delivered);
    } else {
      FUZZ_CHECK(P2, verdict.summary.sacked_bytes <= delivered.sacked_bytes);
    }
    TakeSacks(ack.blocks, is_exact);
    CheckVerdict(verdict, ack, before);
  }

  // What the acknowledgement delivers, before it is processed.
  Delivered Deliver(Seq una, std::span<const SackBlock> blocks) {
    Delivered delivered;
    ForEachRecord([&](const SentSegment& segment) {
      // A record that is acknowledged in part has not arrived yet.
      if (!segment.end.BeforeOrAt(una) || segment.Has(SentSegment::kSacked)) return;
      delivered.Add(At(segment.start), segment.end);
      if (At(segment.start).transmissions > 1 || !is_fack_valid_) return;
      delivered.is_reordered |= segment.end.BeforeOrAt(fack_);
      delivered.may_be_reordered |= segment.start.Before(fack_);
    });
    for (const SackBlock& block : blocks) {
      for (Seq at = block.start; at != block.end; at += 1) {
        Byte& byte = At(at);
        if (byte.is_sacked) continue;
        // Marked here and unmarked below, so that overlapping blocks count a byte once.
        byte.is_sacked = true;
        ++delivered.sacked_bytes;
        delivered.Add(byte, at + 1);
        if (byte.transmissions == 1 && is_fack_valid_)
          delivered.may_be_reordered |= at.Before(fack_);
      }
    }
    ForEachRecord([&](const SentSegment& segment) {
      for (Seq at = segment.start; at != segment.end; at += 1)
        At(at).is_sacked = segment.Has(SentSegment::kSacked);
    });
    return delivered;
  }

  void CheckSummary(const tcp::AckSummary& summary, const Delivered& delivered) {
    FUZZ_CHECK(P2, summary.sacked_bytes == delivered.sacked_bytes);
    FUZZ_CHECK(P2, summary.delivered == delivered.is_any);
    // [RFC 6298 3] only what was sent once tells a round trip.
    FUZZ_CHECK(P2, summary.rtt_valid == delivered.has_original);
    FUZZ_CHECK(P2, summary.original_acked == delivered.has_original);
    FUZZ_CHECK(P2, summary.retransmitted_acked == delivered.has_retransmitted);
    if (delivered.has_original) FUZZ_CHECK(P2, summary.rtt_sent_at == delivered.newest_original);
    if (!delivered.is_any) return;
    FUZZ_CHECK(P2, summary.newest_sent_at == delivered.newest);
    FUZZ_CHECK(P2, summary.highest_end == delivered.highest_end);
    FUZZ_CHECK(P2, !delivered.is_reordered || summary.reordered);
    FUZZ_CHECK(P2, !summary.reordered || delivered.may_be_reordered);
  }

  // Marks what the blocks say; when there was no room for the records, what has really been marked.
  void TakeSacks(std::span<const SackBlock> blocks, bool is_exact) {
    for (const SackBlock& block : blocks) {
      for (Seq at = block.start; at != block.end; at += 1) At(at).is_sacked = true;
    }
    ForEachRecord([&](const SentSegment& segment) {
      const bool is_marked = segment.Has(SentSegment::kSacked);
      for (Seq at = segment.start; at != segment.end; at += 1) {
        Byte& byte = At(at);
        FUZZ_CHECK(P2, is_exact ? is_marked == byte.is_sacked : !is_marked || byte.is_sacked);
        byte.is_sacked = is_marked;
        if (is_marked) byte.is_lost = false;
      }
    });
  }

  void CheckVerdict(const Recovery::Verdict& verdict, const Recovery::Ack& ack, Phase before) {
    const tcp::AckSummary& summary = verdict.summary;
    if (summary.delivered) {
      if (!is_fack_valid_ || summary.highest_end.After(fack_)) fack_ = summary.highest_end;
      is_fack_valid_ = true;
      newest_delivered_ = std::max(newest_delivered_, summary.newest_sent_at);
    }
    FUZZ_CHECK(P2, !verdict.spurious || profile_.undo);
    // A mistake is taken back: then no mark is kept but those made anew.
    if (verdict.spurious) {
      for (uint32_t i = 0; i < Size(); ++i) bytes_[i].is_lost = false;
    }
    is_partial_ = before == Phase::kRecovery && ack.advanced;
    const bool is_marked = TakeLosses(false);
    // [RFC 6582 3.2] [RFC 6675 5] an episode ends when all that was sent before it has arrived.
    if (verdict.left_recovery) FUZZ_CHECK(P2, before != Phase::kOpen && una_.AfterOrAt(recover_));
    if (verdict.entered_recovery) {
      FUZZ_CHECK(P2, is_marked && recovery_.phase() == Phase::kRecovery);
      FUZZ_CHECK(P2, before == Phase::kOpen || verdict.left_recovery || verdict.spurious);
      Entered();
    } else if (recovery_.phase() != Phase::kOpen) {
      FUZZ_CHECK(P2, before == recovery_.phase() && (!ack.advanced || una_.Before(recover_)));
    } else {
      FUZZ_CHECK(P2, !is_marked);
    }
    reorder_at_.reset();
    if (!verdict.reorder_timeout) return;
    FUZZ_CHECK(P8, sack_ && profile_.rack_tlp && *verdict.reorder_timeout > Duration::zero());
    reorder_at_ = now_ + *verdict.reorder_timeout;
  }

  void Entered() { recover_ = nxt_; }

  // --- What is lost ---

  // Takes over what recovery has marked lost, if it had a reason; true when it marked anything.
  bool TakeLosses(bool by_timer) {
    bool is_marked = false;
    ForEachRecord([&](const SentSegment& segment) {
      const Byte& first = At(segment.start);
      const bool is_lost = segment.Has(SentSegment::kLost);
      if (is_lost && !first.is_lost) {
        is_marked = true;
        FUZZ_CHECK(P2, MayBeLost(segment, by_timer));
        for (Seq at = segment.start; at != segment.end; at += 1) At(at).is_lost = true;
      }
      if (!is_lost && !by_timer) FUZZ_CHECK(P2, !MustBeLost(segment));
    });
    return is_marked;
  }

  bool MayBeLost(const SentSegment& segment, bool by_timer) const {
    if (sack_ && profile_.rack_tlp) {
      // [RFC 8985 6.2 step 5] something that was sent later, or at once, has arrived, and it has
      // been under way for longer than that.
      return segment.sent_at <= newest_delivered_ &&
             now_ - segment.sent_at + std::chrono::microseconds(1) >=
                 std::chrono::microseconds(path_.min_rtt_us);
    }
    if (by_timer || !profile_.fast_retransmit) return false;
    if (!sack_) {
      // [RFC 5681 3.2] the third duplicate, [RFC 6582 3.2 step 3] or a partial acknowledgement.
      return segment.start == una_ && (duplicates_ == Recovery::kDupThresh || is_partial_);
    }
    // [RFC 6675 4] enough above it has arrived.
    return SackedBytesAbove(segment.end) > 2 * mss_bytes_ ||
           SackedRecordsAbove(segment.end) >= Recovery::kDupThresh;
  }
  bool MustBeLost(const SentSegment& segment) const {
    if (!sack_ || profile_.rack_tlp || !profile_.fast_retransmit) return false;
    if (segment.Has(SentSegment::kSacked) || segment.transmissions > 1) return false;
    return SackedBytesAbove(segment.end) > 2 * mss_bytes_;
  }
  uint32_t SackedBytesAbove(Seq seq) const {
    uint32_t count = 0;
    for (; seq != nxt_; seq += 1) count += At(seq).is_sacked;
    return count;
  }
  uint32_t SackedRecordsAbove(Seq seq) const {
    uint32_t count = 0;
    ForEachRecord([&](const SentSegment& segment) {
      count += segment.Has(SentSegment::kSacked) && segment.start.AfterOrAt(seq);
    });
    return count;
  }

  void CheckBytes() {
    flight().CheckInvariants(pool_, una_, nxt_);
    // The records hold every byte from una_ to nxt_ once (CheckInvariants), in their order.
    uint32_t sacked = 0;
    uint32_t lost = 0;
    std::optional<uint32_t> first_lost;
    ForEachRecord([&](const SentSegment& segment) {
      FUZZ_CHECK(P4, segment.Has(SentSegment::kRetransmitted) == (segment.transmissions > 1));
      const uint32_t first = segment.start.DistanceFrom(una_);
      const uint32_t size = segment.end.DistanceFrom(segment.start);
      FUZZ_CHECK(P4, segment.sent_at.time_since_epoch().count() <= Byte::kSentNsMax);
      Byte expected{.transmissions = segment.transmissions,
                    .is_sacked = segment.Has(SentSegment::kSacked),
                    .is_lost = segment.Has(SentSegment::kLost)};
      expected.SetSentAt(segment.sent_at);
      for (const Byte& byte : std::span(bytes_).subspan(first, size))
        FUZZ_CHECK(P2, byte == expected);
      if (expected.is_sacked) sacked += size;
      if (expected.is_lost) lost += size;
      if (expected.is_lost && !first_lost) first_lost = first;
    });
    // However the blocks lie: pieces are limited (CVE-2019-11478).
    FUZZ_CHECK(P7, flight().segments() <= segments_max_);
    FUZZ_CHECK(P4, flight().total_bytes() == Size());
    FUZZ_CHECK(P4, flight().pipe_bytes() == Size() - sacked - lost);
    FUZZ_CHECK(P4, recovery_.PipeBytes(Context()) <= Size());
    FUZZ_CHECK(P4, flight().segments() == pool_.used());
    const uint32_t next = recovery_.NextLost(pool_);
    FUZZ_CHECK(P8, (next == kNoIndex) == !first_lost.has_value());
    if (first_lost) FUZZ_CHECK(P8, pool_[next].start == una_ + *first_lost);
    CurrentTrace().Add(uint64_t{sacked} << 40 | uint64_t{lost} << 20 |
                       static_cast<uint64_t>(recovery_.phase()));
  }

  Seq una_;
  Seq nxt_;
  Pool<SentSegment> pool_;
  tcp::Profile profile_;
  tcp::PathMemory path_;
  bool sack_ = true;
  uint32_t segments_max_ = 0;
  uint32_t srtt_us_ = 0;
  uint32_t mss_bytes_ = kMssBytes;
  Recovery recovery_;
  Instant now_{};
  std::array<Byte, kBytesMax> bytes_;  // from una_ to nxt_
  std::array<SackBlock, 4> blocks_;
  // What the model knows of the past.
  Seq recover_;
  Seq fack_;
  bool is_fack_valid_ = false;
  bool is_partial_ = false;
  uint32_t duplicates_ = 0;
  Instant newest_delivered_ = Instant::min();
  std::optional<Instant> reorder_at_;
};

AETHER_UNCOUNTED_END

}  // namespace
}  // namespace aether::fuzz

extern "C" AETHER_UNCOUNTED int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2048) return -1;
  aether::fuzz::Records records({data, size});
  aether::fuzz::Run run(records);
  while (!records.empty()) run.Step(records);
  run.Finish();
  return 0;
}
