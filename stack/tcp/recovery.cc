#include "stack/tcp/recovery.h"

#include <algorithm>
#include <utility>

#include "stack/base/check.h"

namespace aether::tcp {
namespace {

// [RFC 8985 6.2 step 2] sent later, or at the same time with a higher number.
bool SentAfter(Instant a, Seq a_end, Instant b, Seq b_end) {
  return a > b || (a == b && a_end.After(b_end));
}

}  // namespace

void Recovery::Enter(const Context& context, Phase phase, Seq nxt) {
  phase_ = phase;
  recover_ = nxt;
  sent_again_ = false;
  dsack_in_round_ = false;
  // [RFC 3522 3.2 step 2] the timestamp of the first retransmission is not overwritten by those
  // that follow: an echo of any of them would look like one of the original.
  undo_open_ = flight.empty() || context.segments[flight.head()].transmissions == 1;
  if (undo_open_) undo_armed_ = false;
}

// What was believed lost has arrived before any of it was sent again: it had only been overtaken.
// Happens when a batch of acknowledgements holds both the doubt and what dispels it.
bool Recovery::WasOnlyReordering(const Context& context) const {
  return context.profile.undo && phase_ == Phase::kRecovery && !sent_again_ &&
         flight.lost_bytes() == 0;
}

// [RFC 8985 6.2 steps 1-3]
void Recovery::UpdateRack(const Context& context, const Ack& ack, const AckSummary& summary) {
  if (!summary.delivered) return;
  const Duration rtt = context.now - summary.newest_sent_at;
  const uint32_t rtt_us =
      static_cast<uint32_t>(std::clamp<int64_t>(rtt.count() / 1000, 1, 0x7fffffff));
  if (summary.newest_was_retransmitted) {
    // An answer faster than any before, or with the older timestamp, is one to the first
    // transmission.
    if (context.path.min_rtt_us != 0 && rtt_us < context.path.min_rtt_us) return;
    if (ack.ts_echo && undo_armed_ && static_cast<int32_t>(*ack.ts_echo - undo_ts_) < 0) return;
  } else if (context.path.min_rtt_us == 0 || rtt_us < context.path.min_rtt_us) {
    context.path.min_rtt_us = rtt_us;
  }
  if (summary.reordered) context.path.reordering_seen = true;
  rack_rtt_ = rtt;
  if (!rack_valid_ ||
      SentAfter(summary.newest_sent_at, summary.newest_end, rack_sent_at_, rack_end_)) {
    rack_valid_ = true;
    rack_sent_at_ = summary.newest_sent_at;
    rack_end_ = summary.newest_end;
  }
  if (ack.dsack && !dsack_in_round_) {
    // [RFC 8985 6.2 step 4] a retransmission was not needed: wait longer for what is late.
    dsack_in_round_ = true;
    if (context.path.reorder_multiplier < 255) ++context.path.reorder_multiplier;
    context.path.reorder_persist = 16;
  }
}

// What the acknowledgement says has arrived.
void Recovery::Deliver(const Context& context, const Ack& ack, AckSummary& summary) {
  summary.fack_valid = fack_valid_;
  summary.fack = fack_;
  flight.Acknowledge(context.segments, ack.una, summary);
  if (!ack.blocks.empty()) flight.Sack(context.segments, ack.blocks, context.segments_max, summary);
  if (summary.delivered && (!fack_valid_ || summary.highest_end.After(fack_))) {
    fack_ = summary.highest_end;
    fack_valid_ = true;
  }
  UpdateRack(context, ack, summary);
}

void Recovery::OnPlainAck(const Context& context, const Ack& ack, AckSummary& summary) {
  Deliver(context, ack, summary);
  duplicates_ = 0;
}

Recovery::Verdict Recovery::OnAck(const Context& context, const Ack& ack) {
  Verdict verdict;
  AckSummary& summary = verdict.summary;
  Deliver(context, ack, summary);
  if (summary.delivered && WasOnlyReordering(context)) {
    verdict.spurious = true;
    phase_ = Phase::kOpen;
  }
  if (ack.advanced) {
    duplicates_ = 0;
    if (std::exchange(undo_armed_, false) && phase_ != Phase::kOpen) {
      // [RFC 3522 3.2] the first acknowledgement after a retransmission echoes an older timestamp:
      // it is of the original.
      if (ack.ts_echo && static_cast<int32_t>(*ack.ts_echo - undo_ts_) < 0) {
        verdict.spurious = true;
        flight.UnmarkLost(context.segments);
        phase_ = Phase::kOpen;
      }
    }
    if (phase_ != Phase::kOpen && ack.una.AfterOrAt(recover_)) {
      phase_ = Phase::kOpen;
      verdict.left_recovery = true;
      // [RFC 8985 6.2 step 4] what duplicates taught is forgotten after 16 recoveries without one.
      if (context.path.reorder_persist > 0) {
        --context.path.reorder_persist;
        if (context.path.reorder_persist == 0) context.path.reorder_multiplier = 1;
      }
    }
  } else if (ack.is_duplicate && duplicates_ < std::max(flight.segments(), kDupThresh + 1)) {
    // [RFC 5681 3.2] no more than segments are outstanding: a receiver that makes duplicates up
    // would set free as much as it likes. The third is the third only once.
    ++duplicates_;
  }
  CheckProbe(ack, verdict);
  bool lost = false;
  if (context.sack && context.profile.rack_tlp) {
    lost = DetectByTime(context, verdict.reorder_timeout);
  } else if (context.sack && context.profile.fast_retransmit) {
    lost = DetectByCount(context);
  } else if (!context.sack && context.profile.fast_retransmit) {
    lost = DetectByDuplicates(context, ack);
  }
  if (lost && phase_ == Phase::kOpen) {
    Enter(context, Phase::kRecovery, ack.nxt);
    verdict.entered_recovery = true;
  }
  return verdict;
}

// [RFC 8985 6.2 step 5] what was sent more than a reordering window before something that has
// arrived is lost.
bool Recovery::DetectByTime(const Context& context, std::optional<Duration>& timeout) {
  if (!rack_valid_ || flight.empty()) return false;
  Duration window{};
  if (context.path.reordering_seen ||
      (phase_ == Phase::kOpen && flight.sacked_segments() < kDupThresh)) {
    // [RFC 8985 6.2 step 4] a quarter of the shortest round trip, more after duplicates, at most a
    // smoothed one.
    const uint64_t us = std::min<uint64_t>(
        uint64_t{context.path.min_rtt_us} / 4 * context.path.reorder_multiplier, context.srtt_us);
    window = std::chrono::microseconds(us);
  }
  // Without a sack or a retransmission everything that was sent before has arrived in order.
  if (flight.sacked_segments() == 0 && phase_ == Phase::kOpen) return false;
  bool lost = false;
  for (uint32_t index = flight.head(); index != kNoIndex; index = context.segments[index].next) {
    const SentSegment& segment = context.segments[index];
    if (segment.Has(SentSegment::kSacked) || segment.Has(SentSegment::kLost)) continue;
    if (!SentAfter(rack_sent_at_, rack_end_, segment.sent_at, segment.end)) continue;
    const Duration left = segment.sent_at + rack_rtt_ + window - context.now;
    if (left <= Duration::zero()) {
      flight.MarkLost(context.segments, index);
      lost = true;
    } else if (!timeout || left > *timeout) {
      timeout = left;
    }
  }
  return lost;
}

// [RFC 6675 4] IsLost: three discontiguous sacked segments, or more than two segments' worth of
// sacked bytes, above it.
bool Recovery::DetectByCount(const Context& context) {
  if (flight.sacked_segments() == 0) return false;
  uint32_t segments_above = flight.sacked_segments();
  uint32_t bytes_above = flight.sacked_bytes();
  bool lost = false;
  for (uint32_t index = flight.head(); index != kNoIndex && segments_above > 0;
       index = context.segments[index].next) {
    const SentSegment& segment = context.segments[index];
    if (segment.Has(SentSegment::kSacked)) {
      --segments_above;
      bytes_above -= segment.bytes();
      continue;
    }
    // What was sent again waits for the timer.
    if (segment.Has(SentSegment::kLost) || segment.Has(SentSegment::kRetransmitted)) continue;
    if (segments_above >= kDupThresh || bytes_above > (kDupThresh - 1) * context.mss_bytes) {
      flight.MarkLost(context.segments, index);
      lost = true;
    }
  }
  return lost;
}

// [RFC 5681 3.2] the third duplicate, and [RFC 6582 3.2 step 3] each partial acknowledgement, says
// that the first segment is lost.
bool Recovery::DetectByDuplicates(const Context& context, const Ack& ack) {
  if (flight.empty()) return false;
  const SentSegment& first = context.segments[flight.head()];
  const bool third = phase_ == Phase::kOpen && duplicates_ == kDupThresh;
  const bool partial = phase_ == Phase::kRecovery && ack.advanced;
  if (!third && !partial) return false;
  if (first.Has(SentSegment::kLost) || (partial && first.Has(SentSegment::kRetransmitted)))
    return false;
  flight.MarkLost(context.segments, flight.head());
  return true;
}

bool Recovery::OnReorderTimeout(const Context& context, Seq nxt, std::optional<Duration>& again) {
  if (!DetectByTime(context, again) || phase_ != Phase::kOpen) return false;
  Enter(context, Phase::kRecovery, nxt);
  return true;
}

bool Recovery::OnTimeout(const Context& context, Seq una, Seq nxt) {
  AETHER_CHECK(!flight.empty());
  const SentSegment& first = context.segments[flight.head()];
  // [RFC 2018 8] a receiver may throw away what it sacked: when even the first segment is marked,
  // no mark is believed.
  if (first.Has(SentSegment::kSacked)) flight.ForgetSacks(context.segments);
  // [RFC 5681 3.1] the threshold is kept only while one segment is lost again and again; when
  // something came through in between, this is another loss, and the window was too large for it.
  const bool is_first = phase_ != Phase::kLoss || una != timeout_una_ || first.transmissions == 1;
  timeout_una_ = una;
  flight.MarkAllLost(context.segments);
  Enter(context, Phase::kLoss, nxt);
  duplicates_ = 0;
  probe_out_ = false;
  return is_first;
}

void Recovery::OnPathMtu(const Context& context) {
  const uint32_t lost_before = flight.lost_bytes();
  flight.Resegment(context.segments, context.mss_bytes, context.segments_max);
  // What is lost has left the network; the duplicates do not say so a second time.
  if (flight.lost_bytes() != lost_before) duplicates_ = 0;
}

void Recovery::OnProbe(Seq nxt, bool retransmits) {
  probe_out_ = true;
  probe_retransmits_ = retransmits;
  probe_end_ = nxt;
}

// [RFC 8985 7.4.2] what became of the loss probe.
void Recovery::CheckProbe(const Ack& ack, Verdict& verdict) {
  if (!probe_out_ || !ack.una.AfterOrAt(probe_end_)) return;
  probe_out_ = false;
  // A probe with new data, or one that arrived twice, repaired nothing.
  if (!probe_retransmits_ || ack.dsack) return;
  // The last segment was acknowledged once only: either the original or the probe was lost.
  if (verdict.summary.newest_was_retransmitted && phase_ == Phase::kOpen)
    verdict.probe_masked_loss = true;
}

void Recovery::OnRetransmitted(const Context& context, uint32_t record,
                               std::optional<uint32_t> ts_value) {
  const bool is_first = context.segments[record].transmissions == 1;
  flight.OnRetransmitted(context.segments, record, context.now);
  sent_again_ = true;
  // A loss probe counts as well: the timeout that may follow it is not the first to send that
  // again.
  const bool counts =
      phase_ == Phase::kOpen || (undo_open_ && context.segments[record].start.Before(recover_));
  undo_open_ = false;
  if (!counts || !is_first || record != flight.head() || !ts_value || !context.profile.undo) return;
  undo_armed_ = true;
  undo_ts_ = *ts_value;
}

}  // namespace aether::tcp
