// What an acknowledgement does to the sending side: the queue, the round-trip time, loss recovery,
// the congestion window.
#include <algorithm>

#include "stack/base/check.h"
#include "stack/tcp/connection.h"
#include "stack/tcp/predicted.h"

namespace aether::tcp {
namespace {

// The blocks of a segment that can be true, sorted, and whether the first reports a duplicate.
struct Blocks {
  std::array<SackBlock, TcpOptions::kSackBlocksMax> valid;
  size_t count = 0;
  bool dsack = false;
};

// [RFC 2018 5] [RFC 2883 4] [RFC 6675 5] only what lies between SND.UNA and SND.NXT is taken; both
// edges are checked against both ends, because two numbers half the space apart compare either way.
Blocks Filter(const SegmentOptions& options, Seq una, Seq nxt) {
  Blocks blocks;
  for (size_t i = 0; i < options.sack_count; ++i) {
    const SackBlock block = options.sack_blocks[i];
    if (!block.start.Before(block.end)) continue;
    if (i == 0) {
      const bool is_below = block.end.BeforeOrAt(una);
      const bool is_inside = options.sack_count > 1 &&
                             block.start.AfterOrAt(options.sack_blocks[1].start) &&
                             block.end.BeforeOrAt(options.sack_blocks[1].end) &&
                             options.sack_blocks[1].start.Before(options.sack_blocks[1].end);
      if (is_below || is_inside) {
        blocks.dsack = true;
        continue;
      }
    }
    const uint32_t span = nxt.DistanceFrom(una);
    const uint32_t start = block.start.DistanceFrom(una);
    const uint32_t end = block.end.DistanceFrom(una);
    if (start >= span || end > span || start >= end) continue;
    size_t place = blocks.count++;
    for (; place > 0 && block.start.Before(blocks.valid[place - 1].start); --place) {
      blocks.valid[place] = blocks.valid[place - 1];
    }
    blocks.valid[place] = block;
  }
  return blocks;
}

}  // namespace

void Connection::AcceptAck(const Segment& segment, const SegmentOptions& options,
                           bool window_changed, Control& control, const Env& env,
                           Arrival& arrival) {
  const bool advanced = segment.ack.After(snd_.una);
  const uint32_t flight_before = snd_.flight_bytes();
  const bool has_new_text =
      !segment.payload.empty() || segment.Has(tcp_flags::kFin) || segment.Has(tcp_flags::kSyn);
  // [RFC 5681 2] what counts as a duplicate acknowledgement.
  const bool duplicate = !advanced && flight_before > 0 && !has_new_text && !window_changed;
  if (Has(kEcn)) TakeEcnEcho(segment, flight_before, control, env);
  if (advanced) AcknowledgeQueue(segment.ack, control, env, arrival);
  if (control.recovery != kNoIndex && flight_before > 0) {
    RunRecovery(segment, options, advanced, duplicate, flight_before, control, env);
  }
  RearmAfterAck(advanced, control, env);
}

void Connection::RunRecovery(const Segment& segment, const SegmentOptions& options, bool advanced,
                             bool duplicate, uint32_t flight_before, Control& control,
                             const Env& env) {
  Recovery& recovery = env.buffers.recoveries[control.recovery];
  const Blocks blocks =
      Has(kSack) && options.sack_count > 0 ? Filter(options, snd_.una, snd_.nxt) : Blocks{};
  if (blocks.dsack) ++env.counters.tcp_dsacks_in;
  Recovery::Ack ack{.una = snd_.una,
                    .nxt = snd_.nxt,
                    .advanced = advanced,
                    .is_duplicate = duplicate,
                    .dsack = blocks.dsack,
                    .blocks = {blocks.valid.data(), blocks.count},
                    .ts_echo = std::nullopt};
  if (Has(kTimestamps) && options.has_timestamps) ack.ts_echo = options.ts_echo;
  const Recovery::Phase phase_before = recovery.phase();
  const Recovery::Verdict verdict = recovery.OnAck(RecoveryContext(control, env), ack);
  SampleRtt(verdict.summary, options, advanced, control, env);
  const Congestion::Context congestion = CongestionContext(recovery, env);
  if (verdict.spurious) {
    ++env.counters.tcp_spurious_recoveries;
    control.congestion.Undo(congestion, recovery.before());
    control.rtt.ClearBackoff();
  }
  // [RFC 3168 6.1.2] one reduction per window, whatever asked for it.
  const bool already_reduced = Has(kCwrWindow) && segment.ack.Before(recovery.cwr_end);
  if (verdict.entered_recovery || verdict.probe_masked_loss) {
    ++env.counters.tcp_fast_recoveries;
    recovery.Remember(control.congestion);
    if (!already_reduced) control.congestion.OnCongestion(congestion, flight_before);
  } else if (verdict.summary.acked_bytes > 0 && phase_before != Recovery::Phase::kRecovery &&
             !already_reduced) {
    control.congestion.OnAck(congestion, verdict.summary.acked_bytes, control.rtt.srtt_us(),
                             env.now);
  }
  if (!recovery.flight.empty() && verdict.reorder_timeout) {
    send_timer = SendTimer::kReorder;
    control.send_deadline = env.now + *verdict.reorder_timeout;
  } else {
    StopReorderTimer(recovery.flight.empty(), control);
  }
}

// [RFC 3168 6.1.2] an ECN echo is treated like a loss, once per window, and nothing is sent again.
void Connection::TakeEcnEcho(const Segment& segment, uint32_t flight_bytes, Control& control,
                             const Env& env) {
  // Without anything in flight there was nothing to mark.
  if (control.recovery == kNoIndex || flight_bytes == 0) return;
  Recovery& recovery = env.buffers.recoveries[control.recovery];
  if (Has(kCwrWindow) && segment.ack.AfterOrAt(recovery.cwr_end)) Unset(kCwrWindow);
  if (!segment.Has(tcp_flags::kEce) || Has(kCwrWindow)) return;
  Set(kCwrDue);
  Set(kCwrWindow);
  recovery.cwr_end = snd_.nxt;
  if (recovery.phase() != Recovery::Phase::kOpen) return;
  ++env.counters.tcp_ecn_reductions;
  control.congestion.OnCongestion(CongestionContext(recovery, env), flight_bytes);
}

}  // namespace aether::tcp
