// One host of the simulation with its clock and its applications.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "stack/testing/sim/app.h"
#include "stack/testing/sim/scenario.h"
#include "stack/testing/sim/skewed_clock.h"
#include "stack/testing/sim/tcp_host.h"

namespace aether::testing::sim {

// Makes the host of a node; the simulator's own tests put faulty ones here. `now` is the node's
// time.
using HostFactory =
    std::function<std::unique_ptr<TcpHost>(const Scenario&, const NodeSpec&, Instant now)>;
std::unique_ptr<TcpHost> MakeHost(const Scenario& scenario, const NodeSpec& spec, Instant now);
// The configuration that MakeHost gives a stack: small tables.
Config MakeConfig(const Scenario& scenario, const NodeSpec& spec);

class Node {
 public:
  struct Slot {
    std::unique_ptr<App> app;
    uint32_t transfer = 0;
    bool is_client = false;
    bool is_extra = false;  // a connection that a duplicate conjured up
  };

  Node(const NodeSpec& spec, std::unique_ptr<TcpHost> host)
      : spec_(spec), clock_(spec.clock_offset, spec.clock_skew_ppm), host_(std::move(host)) {}

  const NodeSpec& spec() const { return spec_; }
  TcpHost& host() { return *host_; }
  const TcpHost& host() const { return *host_; }
  void SetAddress(Ipv4Network address) {
    spec_.address = address;
    host_->SetAddress(address, spec_.gateway);
  }
  Instant Local(Instant global) const { return clock_.Local(global); }

  // Adds an application and makes its place in the list the user value of its connection.
  uint32_t Attach(Slot slot, ConnectionId id, Instant global_now);
  Slot& slot(uint32_t index) { return slots_[index]; }
  const std::vector<Slot>& slots() const { return slots_; }

  // Lets all applications do what they can; returns their calls.
  uint64_t StepApps(Instant global_now);
  // When host or applications want to be called, as global time.
  Instant NextDeadline() const;
  // Whether the host's deadline has come.
  bool HostIsDue(Instant global_now) const {
    return host_->NextDeadline() <= clock_.Local(global_now);
  }

 private:
  NodeSpec spec_;
  SkewedClock clock_;
  std::unique_ptr<TcpHost> host_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> live_;  // of slots_, not over yet
};

}  // namespace aether::testing::sim
