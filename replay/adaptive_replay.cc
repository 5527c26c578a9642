#include "replay/adaptive_replay.h"

#include <algorithm>

#include "replay/packet_rewrite.h"
#include "stack/device/describe.h"
#include "stack/wire/tcp.h"

namespace aether::replay {
namespace {

std::string FlowName(Ipv4Endpoint client, Ipv4Endpoint server) {
  return device::ToString(client.address) + "." + std::to_string(client.port) + " > " +
         device::ToString(server.address) + "." + std::to_string(server.port);
}

}  // namespace

AdaptiveReplay::AdaptiveReplay(const ReplaySetup& setup, Survey& survey,
                               const ReplayHostOptions& host, SpeedLog* log)
    : setup_(setup),
      survey_(survey),
      host_options_(host),
      log_(log),
      table_(host.address, host.stack.mac) {
  result_.mode = "adaptive";
  for (const Service& service : host.tcp) services_[service.port] = service.kind;
}

ServiceKind AdaptiveReplay::ServiceAt(uint16_t port) const {
  const auto found = services_.find(port);
  return found == services_.end() ? ServiceKind::kSink : found->second;
}

Instant AdaptiveReplay::VirtualOf(Instant captured) const {
  return kReplayBegin + (captured - *first_);
}

std::expected<ReplayResult, std::string> AdaptiveReplay::Run() {
  auto reader = CaptureReader::Open(setup_.path, setup_.filter);
  if (!reader) return std::unexpected(reader.error());
  auto host = ReplayHost::Create(host_options_, Instant{});
  if (!host) return std::unexpected(host.error());
  driver_ = std::make_unique<HostDriver>(std::move(*host), setup_.out, log_);

  std::optional<CapturedFrame> captured = reader->Next();
  if (captured) first_ = captured->at;
  Instant end = kNever;
  while (true) {
    while (captured && VirtualOf(captured->at) <= now_) {
      Dispatch(*captured);
      captured = reader->Next();
    }
    if (!captured && end == kNever) {
      EndCapture();
      end = now_ + kDrain;
    }
    Settle();
    if (!captured && (now_ >= end || AllIdle())) break;
    Instant next = std::min(table_.NextDeadline(), driver_->NextDeadline());
    next = std::min(next, captured ? VirtualOf(captured->at) : end);
    // What was due is done; were it not, time would go on nevertheless.
    now_ = std::max(now_ + Duration(1), next);
    if (setup_.pace) setup_.pace(now_ - kReplayBegin, reader->bytes_read(), reader->file_bytes());
  }
  Collect(*reader);
  return std::move(result_);
}

void AdaptiveReplay::Collect(const CaptureReader& reader) {
  for (uint32_t index = 0; index < table_.slot_count(); ++index) {
    if (table_.at(index).flow != nullptr) EndFlow(index);
  }
  driver_->AddTo(result_);
  result_.packets = reader.frames();
  result_.skipped.filtered = reader.filtered();
  result_.skipped.unreadable = reader.unreadable();
  result_.damage = reader.error();
  result_.virtual_time = now_ - kReplayBegin;
}

void AdaptiveReplay::Dispatch(const CapturedFrame& captured) {
  const Packet packet = ParsePacket(captured.frame);
  switch (packet.kind) {
    case Packet::Kind::kTcp:
      OnTcp(packet);
      break;
    case Packet::Kind::kUdp:
    case Packet::Kind::kIcmp:
    case Packet::Kind::kFragment:
      OnDatagram(packet);
      break;
    case Packet::Kind::kArp:
      ++result_.skipped.arp;
      break;
    case Packet::Kind::kIpv6:
      ++result_.skipped.ipv6;
      break;
    case Packet::Kind::kOther:
      ++result_.skipped.other;
      break;
    case Packet::Kind::kMalformed:
      ++result_.skipped.malformed;
      break;
  }
}

// kNone and kOver as FlowTable has them, counted.
uint32_t AdaptiveReplay::FlowOf(const Packet& packet, bool& from_client) {
  const FlowKey key = FlowKey::Of(packet.source, packet.destination);
  const bool opens = packet.Has(tcp_flags::kSyn) && !packet.Has(tcp_flags::kAck);
  uint32_t index = table_.FindCaptured(key);
  if (index != FlowTable::kNone && index != FlowTable::kOver) {
    FlowTable::Slot& slot = table_.at(index);
    from_client = packet.source == slot.captured_client;
    if (!opens || (from_client && !slot.flow->IsAnotherOne(packet))) return index;
    // A new one between the same ends; what the old one still had to do is not done.
    EndFlow(index);
  } else if (index == FlowTable::kOver && !opens) {
    ++result_.skipped.late;
    return FlowTable::kOver;
  } else if (!opens && packet.payload_bytes == 0 && !packet.Has(tcp_flags::kSyn)) {
    ++result_.skipped.late;
    return FlowTable::kNone;
  }
  from_client = survey_.SourceIsClient(packet);
  const Ipv4Endpoint client = from_client ? packet.source : packet.destination;
  const Ipv4Endpoint server = from_client ? packet.destination : packet.source;
  index = table_.Make(client, server, ServiceAt(server.port));
  if (index == FlowTable::kNone) ++result_.skipped.no_room;
  return index;
}

void AdaptiveReplay::OnTcp(const Packet& packet) {
  // Nobody can be reached there.
  if (packet.source.port == 0 || packet.destination.port == 0) {
    ++result_.skipped.malformed;
    return;
  }
  const FlowKey key = FlowKey::Of(packet.source, packet.destination);
  if (setup_.shares > 1 && FlowKeyHash{}(key) % setup_.shares != setup_.share) return;
  bool from_client = false;
  const uint32_t index = FlowOf(packet, from_client);
  if (index == FlowTable::kNone || index == FlowTable::kOver) return;
  Flow& flow = *table_.at(index).flow;
  const size_t before = flow.held_bytes();
  flow.OnCaptured(packet, from_client, now_);
  held_bytes_ += flow.held_bytes() - before;
  if (held_bytes_ > kHeldBytesMax) {
    const size_t full = flow.held_bytes();
    flow.Break();
    held_bytes_ -= full - flow.held_bytes();
  }
  table_.Touch(index);
}

void AdaptiveReplay::OnDatagram(const Packet& packet) {
  if (setup_.share != 0) return;
  const bool is_request = packet.kind == Packet::Kind::kUdp    ? survey_.IsUdpRequest(packet)
                          : packet.kind == Packet::Kind::kIcmp ? packet.payload[0] == 8
                                                               : true;
  const Ipv4Address server = packet.destination.address;
  if (!is_request || server.IsMulticast() || server.IsBroadcast()) {
    ++result_.skipped.other;
    return;
  }
  LiveEnds ends{.client_mac = {},
                .server_mac = host_options_.stack.mac,
                .client = {table_.LiveAddress(packet.source.address), 0},
                .server = {host_options_.address.address, 0}};
  ends.client_mac.octets = MadeUpMac(ends.client.address.value);
  if (AddRewritten(packet, ends, to_host_)) {
    ++result_.datagrams;
  } else {
    ++(packet.kind == Packet::Kind::kFragment ? result_.skipped.fragments
                                              : result_.skipped.malformed);
  }
}

// Everything that happens at this instant, until nothing does.
void AdaptiveReplay::Settle() {
  for (uint32_t round = 0;; ++round) {
    table_.Expire(now_);
    RunFlows();
    if (to_host_.empty() && driver_->NextDeadline() > now_) return;
    if (round > 0 && round % kRoundsMax == 0) now_ += std::chrono::microseconds(1);
    if (round == kStormRounds) EndStorm();
    if (round > kStormRounds + kRoundsMax) return;
    from_host_.Clear();
    driver_->Deliver(to_host_, now_, from_host_);
    to_host_.Clear();
    for (size_t i = 0; i < from_host_.size(); ++i) OnAnswer(from_host_[i]);
  }
}

void AdaptiveReplay::EndStorm() {
  for (size_t i = 0; i < from_host_.size(); ++i) {
    const Packet packet = ParsePacket(from_host_[i]);
    if (packet.kind != Packet::Kind::kTcp) continue;
    const uint32_t index = table_.FindLive(FlowKey::Of(packet.source, packet.destination));
    if (index == FlowTable::kNone) continue;
    Flow& flow = *table_.at(index).flow;
    const size_t before = flow.held_bytes();
    flow.EndStorm();
    held_bytes_ += flow.held_bytes() - before;
    table_.Touch(index);
  }
}

void AdaptiveReplay::RunFlows() {
  std::vector<uint32_t>& touched = table_.touched();
  for (size_t i = 0; i < touched.size(); ++i) {
    const uint32_t index = touched[i];
    FlowTable::Slot& slot = table_.at(index);
    slot.touched = false;
    if (slot.flow == nullptr) continue;
    const size_t before = slot.flow->held_bytes();
    slot.flow->Run(now_, to_host_);
    held_bytes_ += slot.flow->held_bytes() - before;
    if (slot.flow->Finished(now_)) {
      EndFlow(index);
    } else {
      table_.Schedule(index);
    }
  }
  touched.clear();
}

void AdaptiveReplay::OnAnswer(Bytes frame) {
  if (AnswerArp(frame, to_host_)) return;
  const Packet packet = ParsePacket(frame);
  if (packet.kind != Packet::Kind::kTcp) return;
  const uint32_t index = table_.FindLive(FlowKey::Of(packet.source, packet.destination));
  if (index == FlowTable::kNone) return;
  Flow& flow = *table_.at(index).flow;
  const size_t before = flow.held_bytes();
  flow.OnLive(packet, now_);
  held_bytes_ += flow.held_bytes() - before;
  table_.Touch(index);
}

void AdaptiveReplay::EndFlow(uint32_t index) {
  FlowTable::Slot& slot = table_.at(index);
  Flow& flow = *slot.flow;
  result_.flows.Add(flow.Finish());
  result_.latency.Add(flow.latency());
  for (size_t i = 0; i < result_.responses_by_class.size(); ++i)
    result_.responses_by_class[i] += flow.responses_by_class()[i];
  const auto note = [&](const std::optional<Difference>& difference) {
    if (!difference) return;
    ++result_.differences_by_kind[static_cast<size_t>(difference->kind)];
    if (result_.differences.size() < ReplayResult::kDifferencesShown)
      result_.differences.push_back(
          {FlowName(slot.captured_client, slot.captured_server), *difference});
  };
  note(flow.diff().first());
  note(flow.diff().first_window());
  held_bytes_ -= flow.held_bytes();
  table_.Remove(index, now_);
}

void AdaptiveReplay::EndCapture() {
  capture_ended_ = true;
  for (uint32_t index = 0; index < table_.slot_count(); ++index) {
    FlowTable::Slot& slot = table_.at(index);
    if (slot.flow == nullptr) continue;
    const size_t before = slot.flow->held_bytes();
    slot.flow->OnCaptureEnd(now_);
    held_bytes_ += slot.flow->held_bytes() - before;
    table_.Touch(index);
  }
}

bool AdaptiveReplay::AllIdle() {
  if (driver_->NextDeadline() <= now_) return false;
  for (uint32_t index = 0; index < table_.slot_count(); ++index) {
    const FlowTable::Slot& slot = table_.at(index);
    if (slot.flow != nullptr && !slot.flow->Idle()) return false;
  }
  return true;
}

}  // namespace aether::replay
