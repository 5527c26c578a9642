// A scenario: nodes, links and transfers as plain values. The name says what it is about, the
// details are drawn from the seed; the same name, seed and profile are the same scenario for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/config.h"
#include "stack/tcp/profile.h"
#include "stack/testing/sim/link.h"
#include "stack/testing/sim/plan.h"
#include "stack/testing/sim/profiles.h"
#include "stack/wire/address.h"

namespace aether::testing::sim {

inline constexpr uint16_t kServerPort = 80;

struct NodeSpec {
  bool is_stack = true;  // or the simulator's own TCP
  MacAddress mac;
  Ipv4Network address;
  uint16_t mtu = 1500;
  uint16_t receive_buffer_bytes = 65535;
  uint32_t send_buffer_bytes = 65536;
  uint32_t buffer_max_bytes = 65536;  // what a stack's buffers may grow to
  uint16_t ports = 20000;             // that its connections come from
  Duration clock_offset{0};
  int32_t clock_skew_ppm = 0;
  Seed seed{};
  std::optional<tcp::Profile> profile;  // the scenario's, if none
  std::optional<Ipv4Address> gateway;
  // Limits of a stack.
  uint32_t half_open_max = 128;
  uint32_t connections_max = 256;
  uint32_t time_wait_max = 256;
  uint32_t accept_queue_max = 256;
  BufferLimits buffers{};
};

struct Scenario {
  std::string name;
  uint64_t seed = 0;
  std::string profile_name;
  tcp::Profile profile;
  bool is_reliable = false;  // see NamedProfile
  // Lost or reordered frames make no difference to a profile that repeats them.
  bool needs_reliable = false;
  // All graceful transfers finish in time.
  bool expects_completion = true;
  std::vector<NodeSpec> nodes;
  // links[i] leads to node i, whoever sends.
  std::vector<LinkSpec> links;
  std::vector<TransferPlan> transfers;
  std::vector<DatagramPlan> datagrams;
  std::vector<ForgeryPlan> forgeries;
  std::vector<AddressChange> address_changes;
  // Frames that arrive at the same time are handed over in batches of up to this.
  uint32_t batch_frames_max = 1;
  Duration time_max = std::chrono::hours(2);
  Seed run_seed{};
};

// All names, in the order of the catalogue.
std::vector<std::string_view> ScenarioNames();
// Whether the scenario is meant for profiles that retransmit only; nothing for an unknown name.
std::optional<bool> NeedsReliable(std::string_view name);
// Draws the details; nothing for an unknown name.
std::optional<Scenario> DrawScenario(std::string_view name, uint64_t seed,
                                     std::string_view profile_name);

}  // namespace aether::testing::sim
