// Loss recovery of one connection while data is in flight: which segments are lost (RACK of RFC
// 8985, RFC 6675, or duplicate ACKs of RFC 6582), which phase that puts the sender into, and
// whether it was a mistake (RFC 3522). It decides; cwnd belongs to congestion.h, the timer to
// timers.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "stack/base/pool.h"
#include "stack/base/time.h"
#include "stack/tcp/congestion.h"
#include "stack/tcp/flight.h"
#include "stack/tcp/profile.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

// What recovery keeps across flights: an idle connection has only this. 8 bytes.
struct PathMemory {
  uint32_t min_rtt_us = 0;         // 0: none yet
  bool reordering_seen = false;    // [RFC 8985 6.2 step 3]
  uint8_t reorder_multiplier = 1;  // RACK.reo_wnd_mult
  uint8_t reorder_persist = 0;     // recoveries until it is forgotten
};

class Recovery {
 public:
  enum class Phase : uint8_t {
    kOpen,      // nothing is known to be lost
    kRecovery,  // fast recovery, until `recover_` is acknowledged
    kLoss,      // after a timeout, until `recover_` is acknowledged
  };
  static constexpr uint32_t kDupThresh = 3;

  struct Context {
    Pool<SentSegment>& segments;
    const Profile& profile;
    PathMemory& path;
    uint32_t segments_max;
    bool sack;  // negotiated
    uint32_t mss_bytes;
    uint32_t srtt_us;
    Instant now;
  };
  struct Ack {
    Seq una;  // after the acknowledgement
    Seq nxt;
    bool advanced = false;              // it acknowledges something new
    bool is_duplicate = false;          // [RFC 5681 2] a duplicate acknowledgement
    bool dsack = false;                 // it reports a duplicate
    std::span<const SackBlock> blocks;  // sorted, within (una, nxt]
    std::optional<uint32_t> ts_echo;
  };
  struct Verdict {
    AckSummary summary;
    bool entered_recovery = false;
    bool left_recovery = false;
    bool spurious = false;                    // the last reduction was a mistake
    bool probe_masked_loss = false;           // [RFC 8985 7.4.2] a loss probe repaired a loss
    std::optional<Duration> reorder_timeout;  // look again after this
  };

  Verdict OnAck(const Context& context, const Ack& ack);
  // Nothing is in doubt: an acknowledgement of something new without SACK blocks delivers, and
  // OnAck would find nothing else to do. No segment is sacked or lost, no recovery runs, no probe
  // is out; the detections look at sacks, at duplicates, which end here, and at recovery.
  bool IsPlain() const {
    return phase_ == Phase::kOpen && !probe_out_ && flight.sacked_segments() == 0 &&
           flight.lost_bytes() == 0;
  }
  // OnAck then.
  void OnPlainAck(const Context& context, const Ack& ack, AckSummary& summary);
  // The reordering timer ran out: true when something is lost now and recovery has been entered.
  bool OnReorderTimeout(const Context& context, Seq nxt, std::optional<Duration>& again);
  // [RFC 6298 5.4-5.6] the retransmission timer ran out. True when it is the first time for this
  // data.
  bool OnTimeout(const Context& context, Seq una, Seq nxt);
  // [RFC 1191 6.4] segments are smaller now: what is larger was lost.
  void OnPathMtu(const Context& context);
  // A loss probe is about to leave; `retransmits` when it is the last segment again.
  void OnProbe(Seq nxt, bool retransmits);
  bool HasProbeOut() const { return probe_out_; }

  void OnSent(const Context& context, Seq start, Seq end) {
    flight.Add(context.segments, start, end, context.now);
  }
  void OnRetransmitted(const Context& context, uint32_t record, std::optional<uint32_t> ts_value);

  Phase phase() const { return phase_; }
  // [RFC 6675 4] what is in the network; what duplicates say has left it counts only when
  // `limited_transmit` allows.
  uint32_t PipeBytes(const Context& context) const {
    // [RFC 3042 2] without limited transmit, the first duplicates release nothing.
    if (phase_ == Phase::kOpen && !context.profile.limited_transmit)
      return flight.total_bytes() - flight.lost_bytes();
    uint32_t pipe = flight.pipe_bytes();
    if (!context.sack) pipe -= std::min(pipe, duplicates_ * context.mss_bytes);
    return pipe;
  }
  // The record to send again next; kNoIndex when none is due.
  uint32_t NextLost(const Pool<SentSegment>& pool) const { return flight.FirstLost(pool); }

  // Before the last reduction.
  void Remember(const Congestion& before) { before_ = before; }
  const Congestion& before() const { return before_; }

  Flight flight;
  Congestion::Epoch epoch;
  Seq cwr_end;  // [RFC 3168 6.1.2] ECN reduces once per window: until this is acknowledged

 private:
  void Deliver(const Context& context, const Ack& ack, AckSummary& summary);
  void UpdateRack(const Context& context, const Ack& ack, const AckSummary& summary);
  bool DetectByTime(const Context& context, std::optional<Duration>& timeout);
  bool DetectByCount(const Context& context);
  bool DetectByDuplicates(const Context& context, const Ack& ack);
  void Enter(const Context& context, Phase phase, Seq nxt);
  bool WasOnlyReordering(const Context& context) const;
  void CheckProbe(const Ack& ack, Verdict& verdict);

  Phase phase_ = Phase::kOpen;
  bool probe_out_ = false;
  bool probe_retransmits_ = false;
  bool dsack_in_round_ = false;
  bool undo_armed_ = false;  // the first segment's first retransmission left with undo_ts_
  bool undo_open_ = false;   // nothing was sent again in this episode, nor its first segment before
  bool sent_again_ = false;  // anything, in this episode
  bool rack_valid_ = false;
  uint32_t duplicates_ = 0;  // without SACK
  uint32_t undo_ts_ = 0;
  Seq recover_;
  Seq probe_end_;
  Seq timeout_una_;  // at the last timeout
  Seq fack_;         // the highest number known to have arrived
  bool fack_valid_ = false;
  Seq rack_end_;
  Instant rack_sent_at_{};
  Duration rack_rtt_{};
  Congestion before_;
};

}  // namespace aether::tcp
