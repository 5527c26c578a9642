#include "replay/flow_table.h"

#include <algorithm>
#include <utility>

#include "replay/capture_reader.h"

namespace aether::replay {
namespace {

constexpr uint32_t kPortTriesMax = 64;
constexpr uint16_t kPortMin = 1024;
// Where clients live whose address no host can have (RFC 2544).
constexpr uint32_t kElsewhere = 198u << 24 | 19u << 16;

}  // namespace

Ipv4Address FlowTable::LiveAddress(Ipv4Address captured) const {
  if (captured.IsUnicast() && captured != own_.address && !own_.IsNetworkAddress(captured) &&
      !own_.IsDirectedBroadcast(captured))
    return captured;
  const uint32_t low = captured.value ^ captured.value >> 16;
  return {kElsewhere | (low & 0xffff)};
}

uint32_t FlowTable::FindCaptured(const FlowKey& key) const {
  const auto found = captured_.find(key);
  return found == captured_.end() ? kNone : found->second;
}

uint32_t FlowTable::FindLive(const FlowKey& key) const {
  const auto found = live_.find(key);
  return found == live_.end() ? kNone : found->second;
}

std::optional<LiveEnds> FlowTable::FindEnds(Ipv4Endpoint client, Ipv4Endpoint server) const {
  LiveEnds ends{.client_mac = {},
                .server_mac = mac_,
                .client = {LiveAddress(client.address), client.port},
                .server = {own_.address, server.port}};
  ends.client_mac.octets = MadeUpMac(ends.client.address.value);
  // Two servers of the capture may have known one client by the same port.
  for (uint32_t i = 0; i < kPortTriesMax; ++i) {
    if (ends.client.port != 0 && !live_.contains(FlowKey::Of(ends.client, ends.server)))
      return ends;
    const uint32_t span = 65536u - kPortMin;
    ends.client.port =
        static_cast<uint16_t>(kPortMin + (ends.client.port + 7919u * (i + 1)) % span);
  }
  return std::nullopt;
}

uint32_t FlowTable::Make(Ipv4Endpoint client, Ipv4Endpoint server, ServiceKind service) {
  if (size_ >= kFlowsMax) return kNone;
  const std::optional<LiveEnds> ends = FindEnds(client, server);
  if (!ends) return kNone;
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.flow = std::make_unique<Flow>(*ends, service);
  slot.captured = FlowKey::Of(client, server);
  slot.live = FlowKey::Of(ends->client, ends->server);
  slot.captured_client = client;
  slot.captured_server = server;
  slot.scheduled = kNever;
  captured_[slot.captured] = index;
  live_[slot.live] = index;
  ++size_;
  return index;
}

void FlowTable::Remove(uint32_t index, Instant now) {
  Slot& slot = slots_[index];
  live_.erase(slot.live);
  captured_[slot.captured] = kOver;
  over_.emplace_back(now, slot.captured);
  slot.flow.reset();
  free_.push_back(index);
  --size_;
  while (!over_.empty() &&
         (over_.front().first + kRemembered < now || over_.size() > kRememberedMax)) {
    const auto found = captured_.find(over_.front().second);
    if (found != captured_.end() && found->second == kOver) captured_.erase(found);
    over_.pop_front();
  }
}

void FlowTable::Touch(uint32_t index) {
  if (std::exchange(slots_[index].touched, true)) return;
  touched_.push_back(index);
}

void FlowTable::Schedule(uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.flow == nullptr) return;
  const Instant when = slot.flow->NextDeadline();
  if (when >= slot.scheduled) return;
  slot.scheduled = when;
  deadlines_.emplace(when, index);
}

void FlowTable::Expire(Instant now) {
  while (!deadlines_.empty() && deadlines_.top().first <= now) {
    const auto [when, index] = deadlines_.top();
    deadlines_.pop();
    Slot& slot = slots_[index];
    if (slot.scheduled == when) slot.scheduled = kNever;
    if (slot.flow == nullptr) continue;
    if (slot.flow->NextDeadline() <= now) {
      Touch(index);
    } else {
      Schedule(index);
    }
  }
}

}  // namespace aether::replay
