// What the kernel says about a network interface, asked through sockets, so that the answer is that
// of the network namespace we are in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace aether::runtime {

struct LinkState {
  uint32_t mtu_bytes = 0;
  bool up = false;
};
absl::StatusOr<LinkState> ReadLinkState(const std::string& name);

// How many queues of a TAP are attached, by any program; nothing when the kernel does not say.
std::optional<uint32_t> AttachedQueues(const std::string& name);

// "tap" or "tun" for a device of that driver, otherwise the driver's name; empty when it cannot be
// told.
std::string LinkDriver(const std::string& name);

absl::Status BringLinkUp(const std::string& name);

}  // namespace aether::runtime
