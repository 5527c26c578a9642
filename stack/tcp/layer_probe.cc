// What a probe is told.
#include "stack/base/check.h"
#include "stack/tcp/layer.h"
#include "stack/wire/tcp.h"

namespace aether::tcp {

std::optional<Snapshot> Layer::SnapshotOf(uint32_t index) const {
  if (index == kNoIndex || (index & Demux::kTimeWaitBit) != 0) return std::nullopt;
  const Env env{config_, const_cast<Buffers&>(buffers_), const_cast<Counters&>(counters_), now_,
                now_ms_};
  return connections_[index].TakeSnapshot(controls_[index], env);
}

Drop Layer::ReceiveProbed(const Segment& segment, Instant now) {
  if (!probe_->Wants(segment.flow.remote_port)) return ReceivePlain(segment, now);
  ProbeRecord record{.kind = ProbeRecord::Kind::kReceived,
                     .at = now,
                     .connection = {},
                     .local = {segment.flow.local, segment.flow.local_port},
                     .remote = {segment.flow.remote, segment.flow.remote_port},
                     .seq = segment.seq,
                     .ack = segment.ack,
                     .flags = segment.flags,
                     .window = segment.window,
                     .payload_bytes = static_cast<uint32_t>(segment.payload.size()),
                     .drop = Drop::kNone,
                     .after = std::nullopt};
  const auto name = [&](uint32_t index) {
    if (index != kNoIndex && (index & Demux::kTimeWaitBit) == 0)
      record.connection = {index, connections_[index].generation};
  };
  name(FindFlow(segment.flow, segment.hash));
  record.drop = ReceivePlain(segment, now);
  // It may have begun with this segment, or ended.
  const uint32_t after = FindFlow(segment.flow, segment.hash);
  name(after);
  record.after = SnapshotOf(after);
  probe_->Add(record);
  return record.drop;
}

void Layer::ProbeSent(const Outgoing& outgoing, Bytes out, uint32_t index, bool again,
                      Instant now) {
  const std::expected<TcpView, Drop> view = TcpView::Parse(out.first(outgoing.size_bytes));
  AETHER_CHECK(view.has_value());
  if (!probe_->Wants(view->destination_port())) return;
  ProbeRecord record{.kind = again ? ProbeRecord::Kind::kRetransmitted : ProbeRecord::Kind::kSent,
                     .at = now,
                     .connection = {},
                     .local = {outgoing.source, view->source_port()},
                     .remote = {outgoing.destination, view->destination_port()},
                     .seq = view->sequence(),
                     .ack = view->acknowledgment(),
                     .flags = view->flags(),
                     .window = view->window(),
                     .payload_bytes = static_cast<uint32_t>(view->payload().size()),
                     .drop = Drop::kNone,
                     .after = SnapshotOf(index)};
  if (index != kNoIndex) record.connection = {index, connections_[index].generation};
  probe_->Add(record);
}

}  // namespace aether::tcp
