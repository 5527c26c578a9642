#include "stack/testing/sim/oracles.h"

#include <utility>

#include "stack/testing/naive_parser.h"
#include "stack/testing/sim/forger.h"

namespace aether::testing::sim {

Oracles::Oracles(const Scenario& scenario)
    : flows_(scenario.profile.syn_cookies != tcp::SynCookies::kNever) {
  for (const NodeSpec& spec : scenario.nodes) {
    const tcp::Profile& profile = spec.profile ? *spec.profile : scenario.profile;
    nodes_.push_back({.spec = spec,
                      .has_congestion_control =
                          profile.congestion != tcp::CongestionAlgorithm::kNone || !spec.is_stack});
  }
}

void Oracles::Fail(std::string oracle, std::string text, Instant now) {
  if (!violation_) violation_ = Violation{std::move(oracle), std::move(text), now};
}

bool Oracles::OnFrame(uint32_t node, Bytes bytes, Instant now) {
  const NodeSpec& spec = nodes_[node].spec;
  const std::string who = "node " + std::to_string(node);
  const std::expected<NaiveFrame, std::string> frame = NaiveParse(bytes);
  if (!frame) {
    Fail("P12", who + " sent a frame that does not parse: " + frame.error(), now);
    return false;
  }
  if (frame->source != spec.mac.octets) Fail("P12", who + " sent from another link address", now);
  if (bytes.size() > size_t{spec.mtu} + 14) Fail("P12", who + " sent more than its MTU", now);
  if (!frame->ip) return false;
  if (frame->ip->source != spec.address.address.value) {
    Fail("P12", who + " sent from another IPv4 address", now);
  }
  if (!frame->tcp) return frame->ip->protocol == 17;
  if (IsNobody({frame->ip->destination})) {
    ++replies_to_nobody_;
    if (!frame->tcp->payload.empty()) Fail("P7", who + " sends data to nobody", now);
    if (replies_to_nobody_ > forged_ * limits_.replies_to_nobody_max) {
      Fail("P7",
           who + " answers " + std::to_string(forged_) + " forged frames with " +
               std::to_string(replies_to_nobody_),
           now);
    }
    return false;
  }
  if (std::optional<Violation> violation = flows_.OnSegment(*frame->ip, *frame->tcp, now)) {
    Fail(violation->oracle, who + ": " + violation->text, now);
  }
  return !frame->tcp->payload.empty();
}

void Oracles::OnAddressChange(uint32_t node, Ipv4Network address) {
  nodes_[node].spec.address = address;
}

void Oracles::OnStep(uint32_t node, const StepCount& count, size_t connections, Instant now) {
  NodeState& state = nodes_[node];
  const std::string who = "node " + std::to_string(node);
  const uint64_t inputs = count.frames_in + count.calls;
  if (inputs > 0) {
    const uint64_t control_max = inputs * limits_.control_per_input_max +
                                 count.arp_in * (connections + limits_.arp_queue_max);
    if (count.control_out > control_max || count.data_out > inputs * limits_.data_per_input_max) {
      Fail("P7",
           who + " answered " + std::to_string(count.frames_in) + " frames and " +
               std::to_string(count.calls) + " calls with " + std::to_string(count.data_out) +
               " data frames and " + std::to_string(count.control_out) + " others",
           now);
    }
    state.quiet_since = now;
    state.quiet_frames = state.idle_wakes = 0;
    return;
  }
  const uint64_t seconds =
      static_cast<uint64_t>((now - state.quiet_since) / std::chrono::seconds(1));
  const uint64_t sources = connections + 1;
  state.quiet_frames += count.data_out + count.control_out;
  const uint64_t burst_max = limits_.quiet_burst_max +
                             (state.has_congestion_control ? 0 : limits_.quiet_window_frames_max);
  if (state.quiet_frames > sources * (burst_max + limits_.quiet_per_second_max * seconds)) {
    Fail("P7",
         who + " sent " + std::to_string(state.quiet_frames) + " frames in " +
             std::to_string(seconds) + " quiet seconds",
         now);
  }
  if (count.data_out + count.control_out + count.events > 0) return;
  ++state.idle_wakes;
  if (state.idle_wakes >
      sources * (limits_.idle_wakes_burst_max + limits_.idle_wakes_per_second_max * seconds)) {
    Fail("P8",
         who + " woke up " + std::to_string(state.idle_wakes) + " times for nothing in " +
             std::to_string(seconds) + " quiet seconds",
         now);
  }
}

void Oracles::OnSilence(uint32_t node, const TcpHost& host, Instant now) {
  const std::string residue = host.Residue();
  if (residue.empty()) return;
  Fail("P5", "node " + std::to_string(node) + " still holds " + residue, now);
}

}  // namespace aether::testing::sim
