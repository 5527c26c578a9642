#include "stack/runtime/stack_flags.h"

#include <cstring>
#include <expected>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "stack/base/siphash.h"
#include "stack/runtime/entropy.h"
#include "stack/runtime/flag_values.h"
#include "stack/runtime/tap.h"
#include "stack/tcp/profile_text.h"

// Each text says what the flag takes; a malformed value is answered with it.
ABSL_FLAG(std::string, tap, "aether0",
          "the name of a TAP device, created when missing and permitted");
ABSL_FLAG(std::string, address, "dhcp",
          "dhcp, or an address with its prefix length, as 10.0.0.2/24");
ABSL_FLAG(std::string, gateway, "", "the address of a router in the network of --address");
ABSL_FLAG(std::string, mac, "",
          "our link address, as 02:00:00:00:00:02; empty: made from the name of the TAP");
ABSL_FLAG(std::string, profile, "full",
          "the set of TCP mechanisms: full or classic, and any of them switched after it, as in "
          "full,sack=off: congestion=none|newreno|cubic, "
          "syn_cookies=never|under-pressure|always, initial_window=N, or another=on|off");
ABSL_FLAG(std::string, capture, "", "the name of a pcap file for all frames in and out");
ABSL_FLAG(std::string, fault, "",
          "faults to inject, as drop=0.01,dup=0.01,reorder=0.01,delay=5ms,corrupt=0.01,seed=1");
ABSL_FLAG(std::string, seed, "",
          "a whole number from which everything random is drawn; empty: the kernel's entropy");

namespace aether::runtime {
namespace {

absl::Status ReadNetworkFlags(StackFlags& options) {
  const std::string address = absl::GetFlag(FLAGS_address);
  const std::string gateway = absl::GetFlag(FLAGS_gateway);
  if (address != "dhcp") {
    options.address = ParseNetwork(address);
    // An address is the one value whose error is a fault of the world: it tends to come from
    // elsewhere.
    if (!options.address) {
      return absl::FailedPreconditionError(
          absl::StrCat("--address=", address,
                       " is no address: give dhcp, or one with its prefix length, as 10.0.0.2/24"));
    }
    const Ipv4Network& own = *options.address;
    if (!own.address.IsUnicast() || own.prefix_length == 0 || own.IsNetworkAddress(own.address) ||
        own.IsDirectedBroadcast(own.address)) {
      return absl::FailedPreconditionError(
          absl::StrCat("--address=", address,
                       " cannot be a host's: it names a network, a broadcast, a group or a "
                       "reserved range; give another"));
    }
  }
  if (!gateway.empty()) {
    options.gateway = ParseAddress(gateway);
    if (!options.gateway) return Malformed("gateway", gateway, "an address, as 10.0.0.1");
    if (!options.address) {
      return absl::InvalidArgumentError(
          "--gateway goes with a fixed --address: DHCP brings its own gateway");
    }
    const Ipv4Network& own = *options.address;
    if (!own.Contains(*options.gateway) || *options.gateway == own.address ||
        own.IsNetworkAddress(*options.gateway) || own.IsDirectedBroadcast(*options.gateway)) {
      return absl::FailedPreconditionError(absl::StrCat("--gateway=", gateway,
                                                        " is no other host of the network of ",
                                                        address, ": give a router that is"));
    }
  }
  if (const std::string mac = absl::GetFlag(FLAGS_mac); !mac.empty()) {
    options.mac = ParseMac(mac);
    if (!options.mac) return Malformed("mac", mac, "six octets, as 02:00:00:00:00:02");
    if (options.mac->IsGroup() || options.mac->IsZero()) {
      return absl::FailedPreconditionError(
          absl::StrCat("--mac=", mac, " cannot be a host's: give one with an even first octet"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadBehaviourFlags(StackFlags& options) {
  options.profile_name = absl::GetFlag(FLAGS_profile);
  const std::optional<tcp::Profile> profile = tcp::ProfileOfText(options.profile_name);
  if (!profile)
    return Malformed("profile", options.profile_name,
                     absl::StrCat("full or classic, and after a comma ", tcp::ProfileSwitchHelp()));
  options.profile = *profile;
  if (const std::string seed = absl::GetFlag(FLAGS_seed); !seed.empty()) {
    uint64_t number = 0;
    if (!ParseNumber(seed, number)) return Malformed("seed", seed, "a whole number");
    options.seed = number;
  }
  if (const std::string fault = absl::GetFlag(FLAGS_fault); !fault.empty()) {
    std::expected<device::FaultOptions, std::string> faults = device::FaultOptions::Parse(fault);
    if (!faults)
      return absl::InvalidArgumentError(
          absl::StrCat("--fault=", fault, " is malformed: ", faults.error()));
    options.faults = *faults;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadStackFlags(StackFlags& options) {
  options.tap = absl::GetFlag(FLAGS_tap);
  options.capture = absl::GetFlag(FLAGS_capture);
  if (!IsTapName(options.tap)) return Malformed("tap", options.tap, kTapNameRule);
  absl::Status status = ReadBehaviourFlags(options);
  status.Update(ReadNetworkFlags(options));
  return status;
}

void StackFlags::Apply(std::string_view machine, Config& config) const {
  config.mac = mac.value_or(DefaultMac(tap, machine));
  config.profile = profile;
  // Without reassembly, as the original; it comes with the complete profile.
  if (profile == tcp::kClassic) config.net.reassembly_datagrams_max = 0;
  config.seed = seed ? Seed{*seed, 0} : EntropySeed();
}

MacAddress DefaultMac(std::string_view tap, std::string_view machine) {
  std::string name(tap);
  name.append("\n").append(machine);
  const uint64_t hash =
      SipHash24Bytes(SipKey{}, {reinterpret_cast<const uint8_t*>(name.data()), name.size()});
  MacAddress mac;
  std::memcpy(mac.octets.data(), &hash, mac.octets.size());
  mac.octets[0] = 0x02;
  return mac;
}

}  // namespace aether::runtime
