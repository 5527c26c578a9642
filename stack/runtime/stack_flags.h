// The flags that every program with a stack on a TAP has: where it is attached, who it is, which
// TCP it speaks, and what is done to its frames.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "stack/config.h"
#include "stack/device/fault_options.h"
#include "stack/tcp/profile.h"
#include "stack/wire/address.h"
#include "stack/wire/address_text.h"

namespace aether::runtime {

struct StackFlags {
  std::string tap;
  // Nothing: by DHCP.
  std::optional<Ipv4Network> address;
  std::optional<Ipv4Address> gateway;
  // Nothing: made from the name of the TAP, see DefaultMac.
  std::optional<MacAddress> mac;
  std::string profile_name;
  tcp::Profile profile;
  std::string capture;
  std::optional<device::FaultOptions> faults;
  // Nothing: from the kernel's entropy.
  std::optional<uint64_t> seed;

  // What a stack is told of them; `machine` names the machine, for DefaultMac.
  void Apply(std::string_view machine, Config& config) const;
};

// From the flags as they are set. kInvalidArgument: a value is malformed (usage).
// kFailedPrecondition: it is well formed but cannot be used.
absl::Status ReadStackFlags(StackFlags& options);

// A locally administered unicast address from the name of the TAP and of the machine: the same at
// every start, so that clients need not learn a new one, and another one on the next machine.
MacAddress DefaultMac(std::string_view tap, std::string_view machine);

}  // namespace aether::runtime
