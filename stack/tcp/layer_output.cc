// Segments that leave: stateless replies first, then the connections with something due, in turn.
#include <array>

#include "stack/base/check.h"
#include "stack/tcp/layer.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {

Layer::Outgoing Layer::EmitReply(const Reply& reply, MutableBytes out) {
  std::array<uint8_t, 4> option;
  TcpHeader header{.source_port = reply.flow.local_port,
                   .destination_port = reply.flow.remote_port,
                   .sequence = reply.seq,
                   .acknowledgment = reply.ack,
                   .flags = reply.flags,
                   .window = reply.window,
                   .urgent_pointer = 0,
                   .options = {}};
  if (reply.mss_bytes != 0) {
    TcpOptions options;
    options.mss = reply.mss_bytes;
    header.options = Bytes(option).first(options.Emit(option));
  }
  const size_t size = header.Emit(out, reply.flow.local, reply.flow.remote, 0, 0);
  if (reply.flags == tcp_flags::kAck) ++counters_.tcp_pure_acks_out;
  return {reply.flow.local, reply.flow.remote, size};
}

Layer::Outgoing Layer::EmitSegment(Connection& connection, const SegmentPlan& plan,
                                   MutableBytes out) {
  std::array<uint8_t, 4> option;
  TcpHeader header{
      .source_port = connection.flow.local_port,
      .destination_port = connection.flow.remote_port,
      .sequence = plan.seq,
      .acknowledgment = connection.rcv_.nxt,
      .flags = plan.flags,
      .window = connection.rcv_.Advertise(limits_.receive_buffer_bytes, connection.mss_bytes),
      .urgent_pointer = 0,
      .options = {}};
  if ((plan.flags & tcp_flags::kSyn) != 0) {
    TcpOptions options;
    options.mss = mss_max_bytes_;
    header.options = Bytes(option).first(options.Emit(option));
  }
  uint16_t sum = 0;
  if (plan.payload_bytes > 0) {
    sum = connection.snd_.queue.TakeNext(buffers_, out.data() + header.Size(), plan.payload_bytes);
    counters_.tcp_data_bytes_out += plan.payload_bytes;
  }
  const size_t size =
      header.Emit(out, connection.flow.local, connection.flow.remote, plan.payload_bytes, sum);
  if (plan.flags == tcp_flags::kAck && plan.payload_bytes == 0) ++counters_.tcp_pure_acks_out;
  connection.OnSent(plan);
  return {connection.flow.local, connection.flow.remote, size};
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
    const std::optional<SegmentPlan> plan = connection.Plan();
    if (!plan) continue;
    ++counters_.tcp_segments_out;
    const Outgoing outgoing = EmitSegment(connection, *plan, out);
    // More of the same connection waits its turn.
    if (connection.Plan()) QueueOutput(index);
    return outgoing;
  }
  return std::nullopt;
}

}  // namespace aether::tcp
