#include "stack/testing/sim/datagrams.h"

#include <algorithm>

#include "stack/testing/sim/stream.h"

namespace aether::testing::sim {

DatagramTraffic::DatagramTraffic(const Scenario& scenario, Seed seed) : dice_(seed) {
  for (const DatagramPlan& plan : scenario.datagrams) {
    // A link copies a frame once at most, so the pieces of a datagram make two at most.
    const uint8_t copies = scenario.links[plan.to].duplicate_ppm != 0 ? 2 : 1;
    flows_.push_back({.plan = plan,
                      .sizes = {},
                      .deliveries = {},
                      .refused = {},
                      .sent = 0,
                      .deliveries_max = copies});
  }
}

Instant DatagramTraffic::NextSend() const {
  Instant next = kNever;
  for (const Flow& flow : flows_) {
    if (flow.sent < flow.plan.count) {
      next = std::min(next, flow.plan.start + flow.plan.interval * flow.sent);
    }
  }
  return next;
}

std::vector<uint8_t> DatagramTraffic::Payload(const Flow& flow, size_t index, uint32_t number) {
  std::vector<uint8_t> payload(flow.sizes[number]);
  StoreBe<uint16_t>(payload.data(), static_cast<uint16_t>(index));
  StoreBe<uint32_t>(payload.data() + 2, number);
  StoreBe<uint32_t>(payload.data() + 6, flow.sizes[number]);
  Stream(flow.plan.stream + number).Fill(0, MutableBytes(payload).subspan(kHeaderBytes));
  return payload;
}

std::optional<DatagramTraffic::Due> DatagramTraffic::TakeDue(Instant now) {
  for (size_t i = 0; i < flows_.size(); ++i) {
    Flow& flow = flows_[i];
    if (flow.sent == flow.plan.count || flow.plan.start + flow.plan.interval * flow.sent > now) {
      continue;
    }
    flow.sizes.push_back(static_cast<uint32_t>(dice_.Scaled(
        std::max(flow.plan.bytes_min, kHeaderBytes), std::max(flow.plan.bytes_max, kHeaderBytes))));
    flow.deliveries.push_back(0);
    flow.refused.push_back(false);
    return Due{flow.plan.from, flow.plan.to, Payload(flow, i, flow.sent++)};
  }
  return std::nullopt;
}

void DatagramTraffic::Refused(const Due& datagram) {
  const uint16_t index = LoadBe<uint16_t>(datagram.payload.data());
  flows_[index].refused[LoadBe<uint32_t>(datagram.payload.data() + 2)] = true;
}

std::string DatagramTraffic::OnDelivered(uint32_t node, Bytes payload) {
  ++delivered_;
  const std::string what = "a datagram of " + std::to_string(payload.size()) + " bytes ";
  if (payload.size() < kHeaderBytes) return what + "was delivered; none so short was sent";
  const uint16_t index = LoadBe<uint16_t>(payload.data());
  const uint32_t number = LoadBe<uint32_t>(payload.data() + 2);
  if (index >= flows_.size() || number >= flows_[index].sent) {
    return what + "was delivered that nobody sent";
  }
  Flow& flow = flows_[index];
  if (flow.plan.to != node) return what + "was delivered to another node than it was sent to";
  if (!std::ranges::equal(Payload(flow, index, number), payload)) {
    return what + "was delivered; number " + std::to_string(number) + " was sent with " +
           std::to_string(flow.sizes[number]) + " bytes, and with others";
  }
  if (flow.refused[number]) return what + "was delivered although it was refused";
  if (++flow.deliveries[number] > flow.deliveries_max) {
    return what + "was delivered " + std::to_string(flow.deliveries[number]) + " times";
  }
  return "";
}

std::string DatagramTraffic::FindMissing() const {
  for (const Flow& flow : flows_) {
    for (uint32_t i = 0; i < flow.sent; ++i) {
      if (flow.deliveries[i] == 0 && !flow.refused[i]) {
        return "datagram " + std::to_string(i) + " of node " + std::to_string(flow.plan.from) +
               ", " + std::to_string(flow.sizes[i]) + " bytes, was lost although nothing is";
      }
    }
  }
  return "";
}

}  // namespace aether::testing::sim
