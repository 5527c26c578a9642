// What a simulation does beside its transfers: datagrams, forged frames, changes of address; and
// what it has seen in the end.
#include <algorithm>

#include "stack/testing/sim/simulation.h"

namespace aether::testing::sim {

void Simulation::RunExtras(Instant now) {
  ChangeAddresses(now);
  SendDatagrams(now);
  while (std::optional<Forger::Forged> forged = forger_.Take(now)) {
    if (forged->frame.empty()) continue;
    oracles_.OnForged();
    links_[forged->target].Send(forged->frame, now);
  }
}

void Simulation::SendDatagrams(Instant now) {
  while (!oracles_.violation()) {
    const std::optional<DatagramTraffic::Due> due = datagrams_.TakeDue(now);
    if (!due) return;
    Node& node = nodes_[due->from];
    node.host().Receive({}, node.Local(now));
    const Ipv4Endpoint to{nodes_[due->to].spec().address.address, kDatagramPort};
    if (!node.host().SendDatagram(to, due->payload)) datagrams_.Refused(*due);
    Settle(due->from, {}, now, /*calls=*/1);
  }
}

void Simulation::TakeDatagrams(uint32_t node, Instant now) {
  while (const std::optional<std::vector<uint8_t>> payload = nodes_[node].host().TakeDatagram()) {
    const std::string complaint = datagrams_.OnDelivered(node, *payload);
    if (!complaint.empty()) {
      oracles_.Fail("P3", "node " + std::to_string(node) + ": " + complaint, now);
    }
  }
}

void Simulation::ChangeAddresses(Instant now) {
  const std::vector<AddressChange>& changes = scenario_.address_changes;
  for (; address_changes_ < changes.size() && changes[address_changes_].when <= now;
       ++address_changes_) {
    const AddressChange& change = changes[address_changes_];
    Node& node = nodes_[change.node];
    const Ipv4Network address{change.address, node.spec().address.prefix_length};
    node.host().Receive({}, node.Local(now));
    oracles_.OnAddressChange(change.node, address);
    node.SetAddress(address);
    Settle(change.node, {}, now, /*calls=*/1);
  }
}

bool Simulation::ExtrasAreOver() const {
  return datagrams_.NextSend() == kNever && forger_.NextFrame() == kNever &&
         address_changes_ == scenario_.address_changes.size();
}

bool Simulation::CanLose() const {
  return std::ranges::any_of(scenario_.links, &LinkSpec::IsLossy);
}

void Simulation::CheckDatagrams() {
  const std::string missing = datagrams_.FindMissing();
  if (!missing.empty()) oracles_.Fail("liveness", missing, now_);
}

void Simulation::CountReached() {
  const auto add = [&](std::string_view name, uint64_t count) {
    if (count != 0) result_.reached[std::string(name)] += count;
  };
  Counters counters;
  for (const Node& node : nodes_) node.host().AddCounters(counters);
#define AETHER_ADD(member, text) add(#member, counters.member);
  AETHER_COUNTERS(AETHER_ADD)
#undef AETHER_ADD
  for (size_t i = 0; i < kDropCount; ++i) {
    if (counters.drops[i] != 0) add("drop_" + std::string(kDropNames[i]), counters.drops[i]);
  }
  for (const Link& link : links_) {
    const LinkCounters& seen = link.counters();
    add("link_lost", seen.lost);
    add("link_lost_in_burst", seen.lost_in_burst);
    add("link_lost_syn", seen.lost_syn);
    add("link_lost_arp", seen.lost_arp);
    add("link_blacked_out", seen.blacked_out);
    add("link_queue_full", seen.queue_full);
    add("link_too_long", seen.too_long);
    add("link_duplicated", seen.duplicated);
    add("link_reordered", seen.reordered);
    add("link_flipped", seen.flipped);
    add("link_truncated", seen.truncated);
    add("link_marked", seen.marked);
  }
  const FlowSightings& seen = oracles_.flows().sightings();
  add("flow_simultaneous_opens", seen.simultaneous_opens);
  add("flow_simultaneous_closes", seen.simultaneous_closes);
  add("flow_zero_windows", seen.zero_windows);
  add("flow_resets", seen.resets);
  add("flow_congestion_echoes", seen.congestion_echoes);
  add("flow_window_reduced", seen.window_reduced);
  add("datagrams_delivered", datagrams_.delivered());
  add("extra_connections", result_.extra_connections);
}

}  // namespace aether::testing::sim
