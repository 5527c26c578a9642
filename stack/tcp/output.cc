// What of sending is rare: retransmissions, options beyond timestamps, limits. The rest of it is
// sending.h.
#include <algorithm>

#include "stack/base/check.h"
#include "stack/tcp/connection.h"
#include "stack/tcp/sending.h"

namespace aether::tcp {
namespace {

constexpr uint8_t kFin = tcp_flags::kFin;
constexpr uint8_t kPsh = tcp_flags::kPsh;
constexpr uint8_t kAck = tcp_flags::kAck;

}  // namespace

// Something is in flight.
std::optional<SegmentPlan> Connection::PlanRetransmission(const Control& control,
                                                          const Env& env) const {
  const Recovery& recovery = env.buffers.recoveries[control.recovery];
  uint32_t record = recovery.NextLost(env.buffers.segments);
  if (record == kNoIndex && Has(kLossProbeDue)) {
    // [RFC 8985 7.3] new data if there is any, else the last segment once more.
    if (SegmentPlan next; PlanNewData(control, env, next)) return std::nullopt;
    record = recovery.flight.tail();
    if (env.buffers.segments[record].Has(SentSegment::kSacked)) return std::nullopt;
  } else if (record == kNoIndex) {
    return std::nullopt;
  } else if (record != recovery.flight.head() && AdmittedByCongestion(control, env) == 0) {
    // The first one always leaves: [RFC 6675 5 (4.3)] it is what recovery waits for.
    return std::nullopt;
  }
  // [RFC 9293 3.8.6 SHLD-16, MAY-7] also beyond a window that shrank, [RFC 9293 3.8.6 MUST-35]
  // which is its probe.
  const SentSegment& segment = env.buffers.segments[record];
  const bool ends_with_fin = Has(kFinSent) && segment.end == snd_.nxt;
  const uint32_t text = segment.bytes() - (ends_with_fin ? 1 : 0);
  SegmentPlan plan{.kind = SegmentPlan::Kind::kRetransmit,
                   .seq = segment.start,
                   .payload_bytes = std::min<uint32_t>(text, mss_bytes),
                   .flags = kAck,
                   .record = record};
  if (plan.payload_bytes == text) {
    if (text > 0 && segment.Has(SentSegment::kPushed)) plan.flags |= kPsh;
    if (ends_with_fin) plan.flags |= kFin;
  }
  return plan;
}

std::optional<SegmentPlan> Connection::PlanDue(const Control& control, const Env& env) const {
  return PlanHere(control, env);
}

// The options of a segment, in the order that Linux uses.
TcpOptions Connection::OptionsFor(const SegmentPlan& plan, Control& control, const Env& env) const {
  TcpOptions options;
  if (plan.kind == SegmentPlan::Kind::kSyn) {
    // [RFC 9293 3.7.1 MUST-14, SHLD-5, MAY-3, MUST-67] our own MSS is offered with every SYN, and
    // [RFC 9293 3.2 MUST-65] with nothing else: what a packet of the MTU has room for.
    options.mss = static_cast<uint16_t>(env.config.mtu - 40);
    const bool answers = (plan.flags & kAck) != 0;
    const Profile& profile = env.profile();
    options.sack_permitted = answers ? Has(kSack) : profile.sack;
    if (answers ? Has(kScaling) : profile.window_scaling)
      options.window_scale = env.limits().receive_scale;
    if (answers ? Has(kTimestamps) : profile.timestamps) {
      options.timestamps =
          TcpTimestamps{TimestampNow(control, env), answers ? control.ts_recent : 0};
    }
    return options;
  }
  if (Has(kTimestamps))
    options.timestamps = TcpTimestamps{TimestampNow(control, env), control.ts_recent};
  if (!Has(kSack)) return options;
  const size_t room = Has(kTimestamps) ? 3 : 4;
  if (control.out_of_order == kNoIndex) return options;
  const OutOfOrder& out_of_order = env.buffers.out_of_orders[control.out_of_order];
  if (out_of_order.HasDuplicate()) {
    // [RFC 2883 4] the duplicate comes first.
    options.sack_blocks[0] = out_of_order.duplicate;
    options.sack_block_count = 1;
  }
  if (!out_of_order.held.empty()) {
    options.sack_block_count += out_of_order.held.SackBlocks(
        env.buffers.ranges,
        std::span(options.sack_blocks)
            .subspan(options.sack_block_count, room - options.sack_block_count));
  }
  return options;
}

uint32_t Connection::SendLimit(const Control& control, const Env& env) const {
  const TcpLimits& limits = env.limits();
  if (!env.profile().buffer_growth) return limits.send_buffer_bytes;
  // Twice the congestion window keeps the pipe full while the application catches up.
  const uint32_t wanted =
      2 * std::min(control.congestion.cwnd_bytes(), limits.send_buffer_max_bytes);
  return std::clamp(wanted, limits.send_buffer_bytes, limits.send_buffer_max_bytes);
}

void Connection::OnPathMtu(uint16_t mss, Control& control, const Env& env) {
  if (mss >= mss_bytes) return;
  mss_bytes = mss;
  control.congestion.OnMssChange(mss);
  if (!HasFlight(control)) return;
  // [RFC 1191 6.4] what was too large is lost, but not to congestion: it leaves again, cut to the
  // new size.
  Recovery& recovery = env.buffers.recoveries[control.recovery];
  recovery.OnPathMtu(RecoveryContext(control, env));
  ArmSendTimer(/*restart=*/true, control, env);
}

}  // namespace aether::tcp
