// What aether-run is asked to do: its flags, checked. Everything that can be seen to be wrong
// without touching the world is refused here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "stack/base/time.h"
#include "stack/device/fault_options.h"
#include "stack/runtime/backoff.h"
#include "stack/tcp/profile.h"
#include "stack/wire/address.h"

namespace aether::runtime {

struct RunOptions {
  std::string tap;
  // Nothing: by DHCP.
  std::optional<Ipv4Network> address;
  std::optional<Ipv4Address> gateway;
  // Nothing: made from the name of the TAP, see DefaultMac.
  std::optional<MacAddress> mac;
  // 0: auto, see AutoWorkers.
  uint32_t workers = 0;
  std::string profile_name;
  tcp::Profile profile;
  uint16_t http_port = 0;
  std::string http_root;
  uint16_t echo_port = 0;
  bool original_echo = false;
  BackoffMode backoff = BackoffMode::kAdaptive;
  std::string backoff_name;
  std::string capture;
  std::optional<device::FaultOptions> faults;
  // Zero: for ever, and never.
  Duration duration{0};
  Duration stats_every{0};
  // Nothing: from the kernel's entropy.
  std::optional<uint64_t> seed;
};

inline constexpr uint32_t kWorkersMax = 64;

// From the flags as they are set. kInvalidArgument: a value is malformed (usage).
// kFailedPrecondition: it is well formed but cannot be used.
absl::StatusOr<RunOptions> RunOptionsFromFlags();

// "A.B.C.D", "A.B.C.D/N" and "aa:bb:cc:dd:ee:ff", strictly; nothing for anything else.
std::optional<Ipv4Address> ParseAddress(std::string_view text);
std::optional<Ipv4Network> ParseNetwork(std::string_view text);
std::optional<MacAddress> ParseMac(std::string_view text);

// A locally administered unicast address from the name of the TAP and of the machine: the same at
// every start, so that clients need not learn a new one, and another one on the next machine.
MacAddress DefaultMac(std::string_view tap, std::string_view machine);

// The number of workers for `--workers=auto`: one CPU is left to the clients, which on a TAP share
// the machine (our writes run their kernel's receive path), and never more than 8. One or two CPUs:
// one thread.
uint32_t AutoWorkers(uint32_t usable_cpus);

}  // namespace aether::runtime
