// Segments that leave: stateless replies first, then the connections with something due, in turn.
#include <array>

#include "stack/base/check.h"
#include "stack/tcp/layer.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {
namespace {

// [RFC 6691] the peer's MSS and the path's know of no options: blocks of a SACK take their room
// from the payload. What is sent again has its size already, and takes it from the blocks.
size_t EmitOptions(TcpOptions options, const SegmentPlan& plan, size_t room_max, MutableBytes out,
                   bool& has_left_out) {
  size_t size = options.Emit(out);
  while (plan.kind == SegmentPlan::Kind::kRetransmit && options.sack_block_count > 0 &&
         plan.payload_bytes + size > room_max) {
    --options.sack_block_count;
    size = options.Emit(out);
    has_left_out = true;
  }
  return size;
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
  return {.source = reply.flow.local, .destination = reply.flow.remote, .size_bytes = size};
}

Layer::Outgoing Layer::EmitSegment(uint32_t index, const SegmentPlan& planned, MutableBytes out,
                                   Instant now) {
  Connection& connection = connections_[index];
  Control& control = controls_[index];
  const Env env = MakeEnv(now);
  SegmentPlan plan = planned;
  const bool is_syn = plan.kind == SegmentPlan::Kind::kSyn;
  std::array<uint8_t, 40> bytes;
  TcpHeader header{
      .source_port = connection.flow.local_port,
      .destination_port = connection.flow.remote_port,
      .sequence = plan.seq,
      .acknowledgment = (plan.flags & tcp_flags::kAck) != 0 ? connection.rcv_.nxt : Seq(),
      .flags = plan.flags,
      .window = 0,
      .urgent_pointer = 0,
      .options = {}};
  // [RFC 7323 2.2] the window of a SYN is not scaled.
  header.window =
      is_syn ? static_cast<uint16_t>(std::min<uint32_t>(control.receive_buffer_bytes, 0xffff))
             : connection.rcv_.Advertise(control.receive_buffer_bytes, connection.mss_bytes,
                                         connection.rcv_scale);
  // What is said with this segment, to be said again with the next one if it finds no room.
  const SackBlock duplicate = control.duplicate;
  const bool had_ack_due = connection.Has(Connection::kAckNow);
  bool has_left_out = false;
  if (is_syn || connection.Has(Connection::kTimestamps) || connection.Has(Connection::kSack)) {
    const size_t room_max =
        connection.mss_bytes + (connection.Has(Connection::kTimestamps) ? size_t{12} : size_t{0});
    const size_t option_bytes =
        EmitOptions(connection.OptionsFor(plan, control, env), plan, room_max, bytes, has_left_out);
    header.options = Bytes(bytes).first(option_bytes);
    const size_t room = is_syn ? 0 : room_max - option_bytes;
    if (plan.payload_bytes > room) {
      plan.payload_bytes = static_cast<uint32_t>(room);
      plan.flags = static_cast<uint8_t>(plan.flags & ~(tcp_flags::kFin | tcp_flags::kPsh));
      header.flags = plan.flags;
    }
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
  if (has_left_out && had_ack_due) {
    connection.Set(Connection::kAckNow);
    control.duplicate = duplicate;
  }
  Outgoing outgoing{
      .source = connection.flow.local, .destination = connection.flow.remote, .size_bytes = size};
  outgoing.dont_fragment = config_.profile.path_mtu_discovery;
  // [RFC 3168 6.1.5] only new data is marked as capable, never what is sent again.
  if (connection.Has(Connection::kEcn) && plan.kind == SegmentPlan::Kind::kData &&
      plan.payload_bytes > 0) {
    outgoing.ecn = Ecn::kCapable0;
  }
  return outgoing;
}

std::optional<Layer::Outgoing> Layer::Transmit(MutableBytes out, Instant now) {
  now_ = now;
  if (!replies_.empty()) {
    ++counters_.tcp_segments_out;
    return EmitReply(replies_.Pop(), out);
  }
  while (output_.head != kNoIndex) {
    const uint32_t index = output_.head;
    Connection& connection = connections_[index];
    output_.head = connection.next_output;
    if (output_.head == kNoIndex) output_.tail = kNoIndex;
    connection.Unset(Connection::kInOutputList);
    if (connection.Has(Connection::kFreeWhenUnlisted)) {
      if (!connection.Has(Connection::kInReadyList)) connections_.Free(index);
      continue;
    }
    const Env env = MakeEnv(now);
    const std::optional<SegmentPlan> plan = connection.Plan(controls_[index], env);
    if (!plan) {
      // What waits for a window needs a timer.
      connection.ArmSendTimer(/*restart=*/false, controls_[index], env);
      Reschedule(index);
      continue;
    }
    ++counters_.tcp_segments_out;
    const Outgoing outgoing = EmitSegment(index, *plan, out, now);
    Reschedule(index);
    // More of the same connection waits its turn.
    if (connection.Plan(controls_[index], env)) {
      QueueOutput(index);
    } else if (connection.snd_.queue.unsent() > 0) {
      connection.ArmSendTimer(/*restart=*/false, controls_[index], env);
      Reschedule(index);
    }
    return outgoing;
  }
  return std::nullopt;
}

}  // namespace aether::tcp
