// Segments that leave: stateless replies first, then the connections with something due, in turn.
#include <array>

#include "stack/base/check.h"
#include "stack/tcp/layer.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {

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
  const uint32_t buffer_bytes = control.ReceiveBufferBytes(limits_);
  // [RFC 7323 2.2] the window of a SYN is not scaled.
  header.window =
      is_syn ? static_cast<uint16_t>(std::min<uint32_t>(buffer_bytes, 0xffff))
             : connection.rcv_.Advertise(buffer_bytes, connection.mss_bytes, connection.rcv_scale);
  if (is_syn || connection.Has(Connection::kTimestamps) || connection.Has(Connection::kSack)) {
    const TcpOptions options = connection.OptionsFor(plan, control, env);
    header.options = Bytes(bytes).first(options.Emit(bytes));
    // [RFC 6691] blocks of a SACK take their room from the payload.
    const size_t room = mss_max_bytes_ - header.options.size();
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

std::optional<Layer::Outgoing> Layer::Transmit(MutableBytes out, Instant now) {
  SetNow(now);
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
