// Segments that leave: stateless replies first, then the connections with something due, in turn.
#include <array>

#include "stack/base/check.h"
#include "stack/base/inline.h"
#include "stack/tcp/layer.h"
#include "stack/tcp/sending.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {
namespace {

// So much text has room in a segment that carries any, whatever else it says.
constexpr size_t kTextBytesMin = 8;

// [RFC 7323 appendix A] the timestamps option, aligned.
constexpr size_t kTimestampsBytes = 12;
void EmitTimestamps(uint8_t* to, uint32_t value, uint32_t echo) {
  StoreBe<uint32_t>(to, 0x0101080a);
  StoreBe<uint32_t>(to + 4, value);
  StoreBe<uint32_t>(to + 8, echo);
}

}  // namespace

Layer::Outgoing Layer::EmitReply(const Reply& reply, MutableBytes out) {
  std::array<uint8_t, 40> bytes;
  TcpHeader header{.source_port = reply.flow.local_port,
                   .destination_port = reply.flow.remote_port,
                   .sequence = reply.seq,
                   .acknowledgment = reply.ack,
                   .flags = reply.flags,
                   .window = reply.window,
                   .urgent_pointer = 0,
                   .options = {}};
  if (reply.mss_bytes != 0 || reply.has_timestamps) {
    TcpOptions options;
    if (reply.mss_bytes != 0) options.mss = reply.mss_bytes;
    options.sack_permitted = reply.sack_permitted;
    if (reply.has_timestamps) options.timestamps = TcpTimestamps{reply.ts_value, reply.ts_echo};
    if (reply.window_scale != Reply::kNoScale) options.window_scale = reply.window_scale;
    header.options = Bytes(bytes).first(options.Emit(bytes));
  }
  const size_t size = header.Emit(out, reply.flow.local, reply.flow.remote, 0, 0);
  if (reply.flags == tcp_flags::kAck) ++counters_.tcp_pure_acks_out;
  return {.source = reply.flow.local,
          .destination = reply.flow.remote,
          .size_bytes = size,
          .dscp = reply.dscp};
}

// Writes the options of `plan` when they are more than timestamps, and cuts its payload where it
// must make room for them.
size_t Layer::EmitOptions(const Connection& connection, Control& control, const Env& env,
                          SegmentPlan& plan, std::array<uint8_t, 40>& bytes, bool& has_left_out,
                          SackBlock& duplicate) const {
  const bool is_syn = plan.kind == SegmentPlan::Kind::kSyn;
  TcpOptions options = connection.OptionsFor(plan, control, env);
  size_t option_bytes = options.Emit(bytes);
  // [RFC 6691] the peer's MSS and the path's know of no options: blocks of a SACK take their room
  // from the payload. What is sent again has its size already, and takes it from the blocks; so
  // does what would find no room at all for text, and an acknowledgement on a link of the smallest
  // MTU.
  const size_t room_max =
      connection.mss_bytes + (connection.Has(Connection::kTimestamps) ? size_t{12} : size_t{0});
  const bool is_again = plan.kind == SegmentPlan::Kind::kRetransmit;
  const size_t text_bytes_min =
      is_again ? plan.payload_bytes : std::min<size_t>(plan.payload_bytes, kTextBytesMin);
  while (!is_syn && options.sack_block_count > 0 && text_bytes_min + option_bytes > room_max) {
    --options.sack_block_count;
    option_bytes = options.Emit(bytes);
    if (!is_again) continue;
    has_left_out = connection.Has(Connection::kAckNow);
    duplicate = buffers_.out_of_orders[control.out_of_order].duplicate;
  }
  AETHER_CHECK(is_syn || option_bytes <= room_max);
  const size_t room = is_syn ? 0 : room_max - option_bytes;
  if (plan.payload_bytes > room) {
    plan.payload_bytes = static_cast<uint32_t>(room);
    plan.flags = static_cast<uint8_t>(plan.flags & ~(tcp_flags::kFin | tcp_flags::kPsh));
  }
  return option_bytes;
}

AETHER_INLINE Layer::Outgoing Layer::EmitSegment(Connection& connection, Control& control,
                                                 SegmentPlan& plan, MutableBytes out,
                                                 const Env& env) {
  const bool is_syn = plan.kind == SegmentPlan::Kind::kSyn;
  TcpHeader header{
      .source_port = connection.flow.local_port,
      .destination_port = connection.flow.remote_port,
      .sequence = plan.seq,
      .acknowledgment = (plan.flags & tcp_flags::kAck) != 0 ? connection.rcv_.nxt : Seq(),
      .flags = plan.flags,
      .window = 0,
      .urgent_pointer = 0,
      .options = {}};
  const uint32_t buffer_bytes = control.ReceiveBufferBytes(limits_);
  // [RFC 7323 2.2] the window of a SYN is not scaled.
  header.window =
      is_syn ? static_cast<uint16_t>(std::min<uint32_t>(buffer_bytes, 0xffff))
             : connection.rcv_.Advertise(buffer_bytes, connection.mss_bytes, connection.rcv_scale);
  std::array<uint8_t, 40> bytes;
  // Blocks of a SACK for which there was no room.
  bool has_left_out = false;
  SackBlock duplicate;
  if (!is_syn && control.out_of_order == kNoIndex) [[likely]] {
    // All that an ordinary segment has, written where it belongs: its room is reserved.
    if (connection.Has(Connection::kTimestamps)) {
      const MutableBytes place = out.subspan(TcpHeader::kSizeMin, kTimestampsBytes);
      EmitTimestamps(place.data(), connection.TimestampNow(control, env), control.ts_recent);
      header.options = place;
    }
  } else {
    SegmentPlan cut = plan;
    const size_t option_bytes =
        EmitOptions(connection, control, env, cut, bytes, has_left_out, duplicate);
    header.options = Bytes(bytes).first(option_bytes);
    header.flags = cut.flags;
    plan = cut;
  }
  uint16_t sum = 0;
  if (plan.payload_bytes > 0) {
    uint8_t* const to = out.data() + header.Size();
    if (plan.kind == SegmentPlan::Kind::kData) {
      sum = connection.snd_.queue.TakeNext(buffers_, to, plan.payload_bytes);
    } else {
      sum = connection.snd_.queue.CopyAgain(buffers_, plan.seq.DistanceFrom(connection.snd_.una),
                                            to, plan.payload_bytes);
    }
    counters_.tcp_data_bytes_out += plan.payload_bytes;
  }
  const size_t size =
      header.Emit(out, connection.flow.local, connection.flow.remote, plan.payload_bytes, sum);
  if (plan.flags == tcp_flags::kAck && plan.payload_bytes == 0) ++counters_.tcp_pure_acks_out;
  connection.OnSent(plan, control, env);
  if (has_left_out) [[unlikely]] {
    // The next one says it again.
    connection.Set(Connection::kAckNow);
    if (duplicate.start != duplicate.end) connection.ReportDuplicate(duplicate, control, env);
  }
  Outgoing outgoing{
      .source = connection.flow.local, .destination = connection.flow.remote, .size_bytes = size};
  outgoing.dont_fragment = config_.profile.path_mtu_discovery;
  outgoing.dscp = connection.dscp;
  // [RFC 3168 6.1.5] only new data is marked as capable, never what is sent again.
  if (connection.Has(Connection::kEcn) && plan.kind == SegmentPlan::Kind::kData &&
      plan.payload_bytes > 0) {
    outgoing.ecn = Ecn::kCapable0;
  }
  return outgoing;
}

// `plan` leaves now; more of the same connection waits its turn.
AETHER_INLINE Layer::Outgoing Layer::Leave(uint32_t index, SegmentPlan plan, MutableBytes out,
                                           const Env& env) {
  Connection& connection = connections_[index];
  Control& control = controls_[index];
  ++counters_.tcp_segments_out;
  const Outgoing outgoing = EmitSegment(connection, control, plan, out, env);
  if (probe_ != nullptr) [[unlikely]]
    ProbeSent(outgoing, out, index, plan.kind == SegmentPlan::Kind::kRetransmit, env.now);
  Reschedule(index);
  if (connection.Plan(control, env)) {
    QueueOutput(index);
  } else if (connection.snd_.queue.unsent() > 0) {
    connection.ArmSendTimer(/*restart=*/false, control, env);
    Reschedule(index);
  }
  return outgoing;
}

Layer::Outgoing Layer::LeaveAny(uint32_t index, const SegmentPlan& plan, MutableBytes out,
                                const Env& env) {
  return Leave(index, plan, out, env);
}

std::optional<Layer::Outgoing> Layer::Transmit(MutableBytes out, Instant now) {
  SetNow(now);
  if (!replies_.empty()) {
    ++counters_.tcp_segments_out;
    const Outgoing outgoing = EmitReply(replies_.Pop(), out);
    if (probe_ != nullptr) [[unlikely]]
      ProbeSent(outgoing, out, kNoIndex, /*again=*/false, now);
    return outgoing;
  }
  const Env env = MakeEnv(now);
  while (output_.head != kNoIndex) {
    const uint32_t index = output_.head;
    Connection& connection = connections_[index];
    Control& control = controls_[index];
    output_.head = connection.next_output;
    if (output_.head == kNoIndex) output_.tail = kNoIndex;
    connection.Unset(Connection::kInOutputList);
    if (connection.Has(Connection::kFreeWhenUnlisted)) {
      if (!connection.Has(Connection::kInReadyList)) connections_.Free(index);
      continue;
    }
    // What PlanHere comes to when nothing but new data can be due; compiled for that alone.
    if (connection.SendsDataAlone(control)) {
      if (SegmentPlan data; connection.PlanNewData(control, env, data)) [[likely]]
        return Leave(index, data, out, env);
    }
    const std::optional<SegmentPlan> plan = connection.PlanHere(control, env);
    if (plan) return LeaveAny(index, *plan, out, env);
    // What waits for a window needs a timer.
    connection.ArmSendTimer(/*restart=*/false, control, env);
    Reschedule(index);
  }
  return std::nullopt;
}

}  // namespace aether::tcp
