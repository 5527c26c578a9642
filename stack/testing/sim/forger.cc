#include "stack/testing/sim/forger.h"

#include <algorithm>
#include <array>
#include <utility>

namespace aether::testing::sim {
namespace {

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kAck = 0x10;
constexpr std::array<uint8_t, 8> kFlags = {kRst,        kRst | kAck, kSyn,        kSyn | kAck,
                                           kPsh | kAck, kAck,        kFin | kAck, kRst};
// Host, protocol and port unreachable, too long, source route failed.
constexpr std::array<uint8_t, 5> kCodes = {1, 2, 3, 4, 5};

}  // namespace

Forger::Forger(const Scenario& scenario, Seed seed) : nodes_(scenario.nodes), dice_(seed) {
  for (const ForgeryPlan& plan : scenario.forgeries) attacks_.push_back({plan, 0});
}

Instant Forger::NextFrame() const {
  Instant next = kNever;
  for (const Attack& attack : attacks_) {
    if (attack.sent < attack.plan.count) {
      next = std::min(next, attack.plan.start + attack.plan.interval * attack.sent);
    }
  }
  return next;
}

std::optional<Forger::Forged> Forger::Take(Instant now) {
  for (Attack& attack : attacks_) {
    if (attack.sent == attack.plan.count ||
        attack.plan.start + attack.plan.interval * attack.sent > now) {
      continue;
    }
    ++attack.sent;
    return Forged{attack.plan.target, Make(attack.plan)};
  }
  return std::nullopt;
}

Frame Forger::Make(const ForgeryPlan& plan) {
  if (plan.kind == ForgeryPlan::Kind::kSyn) return Syn(plan);
  const Ipv4Address own = nodes_[plan.target].address.address;
  std::vector<std::pair<Ipv4Endpoint, Ipv4Endpoint>> known;  // the peer, and the victim's end
  for (const FlowKey& flow : flows_) {
    if (flow.server.address == own) known.emplace_back(flow.client, flow.server);
    if (flow.client.address == own) known.emplace_back(flow.server, flow.client);
  }
  if (known.empty()) return {};
  const auto& [peer, victim] =
      known[static_cast<size_t>(dice_.Between(0, static_cast<int64_t>(known.size()) - 1))];
  return plan.kind == ForgeryPlan::Kind::kSegment ? SegmentOf(plan, peer, victim)
                                                  : ReportOf(plan, peer, victim);
}

Frame Forger::Syn(const ForgeryPlan& plan) {
  TcpSpec spec;
  spec.ip.ethernet = {
      .destination = nodes_[plan.target].mac, .source = nodes_[plan.via].mac, .type = 0x0800};
  spec.ip.source = {0xc6120000u | (dice_.Next32() & 0x1ffffu)};
  spec.ip.destination = nodes_[plan.target].address.address;
  spec.source_port = static_cast<uint16_t>(dice_.Between(1024, 65535));
  spec.destination_port = kServerPort;
  spec.sequence = dice_.Next32();
  spec.flags = kSyn;
  if (dice_.Chance(kCertain / 2)) spec.options = MssOption(1460);
  return BuildTcp(spec);
}

Frame Forger::SegmentOf(const ForgeryPlan& plan, Ipv4Endpoint peer, Ipv4Endpoint victim) {
  TcpSpec spec;
  spec.ip.ethernet = {
      .destination = nodes_[plan.target].mac, .source = nodes_[plan.via].mac, .type = 0x0800};
  spec.ip.source = peer.address;
  spec.ip.destination = victim.address;
  spec.source_port = peer.port;
  spec.destination_port = victim.port;
  spec.sequence = dice_.Next32();
  spec.flags = dice_.Pick(kFlags);
  // A SYN at the moment that a client waits for the server's is a simultaneous open, and ends the
  // connection: no rule is against that ([RFC 9293 3.10.7.3]).
  if (spec.flags == kSyn && victim.port != kServerPort) spec.flags = kRst;
  if ((spec.flags & kAck) != 0) spec.acknowledgment = dice_.Next32();
  spec.window = static_cast<uint16_t>(dice_.Next32());
  if ((spec.flags & kPsh) != 0) {
    spec.payload = Pattern(static_cast<size_t>(dice_.Between(1, 1000)), 99);
  }
  return BuildTcp(spec);
}

Frame Forger::ReportOf(const ForgeryPlan& plan, Ipv4Endpoint peer, Ipv4Endpoint victim) {
  TcpSpec quoted;
  quoted.ip.source = victim.address;
  quoted.ip.destination = peer.address;
  quoted.ip.dont_fragment = true;
  quoted.source_port = victim.port;
  quoted.destination_port = peer.port;
  quoted.sequence = dice_.Next32();
  const Frame segment = BuildTcp(quoted);
  IcmpSpec spec;
  spec.ip.ethernet = {
      .destination = nodes_[plan.target].mac, .source = nodes_[plan.via].mac, .type = 0x0800};
  spec.ip.source = nodes_[plan.via].address.address;
  spec.ip.destination = victim.address;
  spec.type = 3;
  spec.code = dice_.Pick(kCodes);
  spec.rest_of_header = spec.code == 4 ? dice_.Between32(0, 1500) : 0;
  spec.payload.assign(segment.begin() + kIpv4At, segment.begin() + kIpv4PayloadAt + 8);
  return BuildIcmp(spec);
}

}  // namespace aether::testing::sim
