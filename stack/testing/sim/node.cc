#include "stack/testing/sim/node.h"

#include <algorithm>

#include "stack/testing/sim/sim_client.h"
#include "stack/testing/sim/stack_host.h"

namespace aether::testing::sim {

Config MakeConfig(const Scenario& scenario, const NodeSpec& spec) {
  Config config;
  config.mac = spec.mac;
  config.mtu = spec.mtu;
  config.seed = spec.seed;
  config.profile = spec.profile.value_or(scenario.profile);
  config.net.neighbors_max = 32;
  // What finds no place here is lost for good to datagrams, and to a profile that does not
  // retransmit.
  config.net.output_frames_max = 256;
  config.net.output_fragments_max = 4096;
  config.net.arp_queue_max = 256;
  config.net.arp_queue_per_neighbor_max = 256;
  config.net.reassembly_datagrams_max = 4;
  config.net.reassembly_bytes_max = 1u << 17;
  config.tcp.connections_max = spec.connections_max;
  config.tcp.time_wait_max = spec.time_wait_max;
  config.tcp.listeners_max = 4;
  config.tcp.accept_queue_max = spec.accept_queue_max;
  config.tcp.half_open_max = spec.half_open_max;
  config.tcp.replies_max = 256;
  config.tcp.receive_buffer_bytes = spec.receive_buffer_bytes;
  config.tcp.receive_buffer_max_bytes =
      std::max<uint32_t>(spec.receive_buffer_bytes, spec.buffer_max_bytes);
  config.tcp.send_buffer_bytes = spec.send_buffer_bytes;
  config.tcp.send_buffer_max_bytes = std::max(spec.send_buffer_bytes, spec.buffer_max_bytes);
  config.buffers = spec.buffers;
  return config;
}

std::unique_ptr<TcpHost> MakeHost(const Scenario& scenario, const NodeSpec& spec, Instant now) {
  if (spec.is_stack) {
    return std::make_unique<StackHost>(MakeConfig(scenario, spec), spec.address, spec.gateway, now);
  }
  SimClientSpec client;
  client.mac = spec.mac;
  client.address = spec.address.address;
  client.mtu = spec.mtu;
  client.ports = spec.ports;
  client.tcp.receive_buffer_bytes = spec.receive_buffer_bytes;
  client.tcp.send_buffer_bytes = spec.send_buffer_bytes;
  client.seed = spec.seed;
  return std::make_unique<SimClient>(client, now);
}

uint32_t Node::Attach(Slot slot, ConnectionId id, Instant global_now) {
  const uint32_t index = static_cast<uint32_t>(slots_.size());
  slot.app->Attach(id, Local(global_now));
  host_->SetUser(id, index);
  slots_.push_back(std::move(slot));
  live_.push_back(index);
  return index;
}

uint64_t Node::StepApps(Instant global_now) {
  const Instant now = Local(global_now);
  uint64_t calls = 0;
  bool any_over = false;
  for (const uint32_t index : live_) {
    App& app = *slots_[index].app;
    calls += app.Step(*host_, now);
    any_over |= app.IsOver();
  }
  if (any_over) std::erase_if(live_, [&](uint32_t index) { return slots_[index].app->IsOver(); });
  return calls;
}

Instant Node::NextDeadline() const {
  Instant next = host_->NextDeadline();
  for (const uint32_t index : live_) next = std::min(next, slots_[index].app->NextDeadline());
  return clock_.Global(next);
}

}  // namespace aether::testing::sim
