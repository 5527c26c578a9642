#include "stack/runtime/run_options.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "stack/base/siphash.h"
#include "stack/runtime/tap.h"

// Each text says what the flag takes; a malformed value is answered with it.
ABSL_FLAG(std::string, tap, "aether0",
          "the name of a TAP device, created when missing and permitted");
ABSL_FLAG(std::string, address, "dhcp",
          "dhcp, or an address with its prefix length, as 10.0.0.2/24");
ABSL_FLAG(std::string, gateway, "", "the address of a router in the network of --address");
ABSL_FLAG(std::string, mac, "",
          "our link address, as 02:00:00:00:00:02; empty: made from the name of the TAP");
ABSL_FLAG(std::string, workers, "auto",
          "auto, or a number of threads from 1 to 64; auto leaves one CPU to the clients");
ABSL_FLAG(std::string, profile, "full", "the set of TCP mechanisms: full or classic");
ABSL_FLAG(int32_t, http_port, 80, "the TCP port of the HTTP server, from 0 (no server) to 65535");
ABSL_FLAG(std::string, http_root, "",
          "a directory whose files are served; empty: the built-in page alone");
ABSL_FLAG(int32_t, echo_port, 7,
          "the TCP and UDP port of the echo server, from 0 (no server) to 65535");
ABSL_FLAG(bool, original_echo, false,
          "true or false: answer what is not HTTP on the HTTP port as the original did");
ABSL_FLAG(std::string, backoff, "adaptive",
          "adaptive, spin or poll: what to do when there is nothing to do");
ABSL_FLAG(std::string, capture, "", "the name of a pcap file for all frames in and out");
ABSL_FLAG(std::string, fault, "",
          "faults to inject, as drop=0.01,dup=0.01,reorder=0.01,delay=5ms,corrupt=0.01,seed=1");
ABSL_FLAG(double, duration, 0, "the seconds to run for; 0: until a signal");
ABSL_FLAG(double, stats, 0, "the seconds between two lines of statistics; 0: none");
ABSL_FLAG(std::string, seed, "",
          "a whole number from which everything random is drawn; empty: the kernel's entropy");

namespace aether::runtime {
namespace {

constexpr double kSecondsMax = 1e9;

absl::Status Malformed(std::string_view flag, std::string_view value, std::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("--", absl::string_view(flag.data(), flag.size()),
                                                 "=", absl::string_view(value.data(), value.size()),
                                                 " is malformed: give ",
                                                 absl::string_view(wanted.data(), wanted.size())));
}

template <typename T>
bool ParseNumber(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() &&
         text[0] != '-';
}

absl::Status ReadNetworkFlags(RunOptions& options) {
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

absl::Status ReadEngineFlags(RunOptions& options) {
  const std::string workers = absl::GetFlag(FLAGS_workers);
  if (workers != "auto" && (!ParseNumber(workers, options.workers) || options.workers == 0 ||
                            options.workers > kWorkersMax)) {
    return Malformed("workers", workers, "auto or a number from 1 to 64");
  }
  options.backoff_name = absl::GetFlag(FLAGS_backoff);
  if (options.backoff_name == "adaptive") {
    options.backoff = BackoffMode::kAdaptive;
  } else if (options.backoff_name == "spin") {
    options.backoff = BackoffMode::kSpin;
  } else if (options.backoff_name == "poll") {
    options.backoff = BackoffMode::kPoll;
  } else {
    return Malformed("backoff", options.backoff_name, "adaptive, spin or poll");
  }
  options.profile_name = absl::GetFlag(FLAGS_profile);
  const std::optional<tcp::Profile> profile = tcp::ProfileOfName(options.profile_name);
  if (!profile) return Malformed("profile", options.profile_name, "full or classic");
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

absl::Status ReadSeconds(std::string_view name, double seconds, Duration& duration) {
  if (!(seconds >= 0) || seconds > kSecondsMax) {
    return Malformed(name, absl::StrCat(seconds), "seconds, from 0 to a billion");
  }
  duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  return absl::OkStatus();
}

absl::Status ReadPort(std::string_view name, int32_t value, uint16_t& port) {
  if (value < 0 || value > 65535)
    return Malformed(name, absl::StrCat(value), "a port from 0 to 65535");
  port = static_cast<uint16_t>(value);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunOptions> RunOptionsFromFlags() {
  RunOptions options;
  options.tap = absl::GetFlag(FLAGS_tap);
  options.http_root = absl::GetFlag(FLAGS_http_root);
  options.original_echo = absl::GetFlag(FLAGS_original_echo);
  options.capture = absl::GetFlag(FLAGS_capture);
  if (!IsTapName(options.tap)) return Malformed("tap", options.tap, kTapNameRule);
  absl::Status status = ReadPort("http_port", absl::GetFlag(FLAGS_http_port), options.http_port);
  status.Update(ReadPort("echo_port", absl::GetFlag(FLAGS_echo_port), options.echo_port));
  status.Update(ReadSeconds("duration", absl::GetFlag(FLAGS_duration), options.duration));
  status.Update(ReadSeconds("stats", absl::GetFlag(FLAGS_stats), options.stats_every));
  status.Update(ReadEngineFlags(options));
  status.Update(ReadNetworkFlags(options));
  if (!status.ok()) return status;
  if (options.http_port != 0 && options.http_port == options.echo_port) {
    return absl::FailedPreconditionError(
        absl::StrCat("port ", options.http_port,
                     " is taken twice: give --http_port and --echo_port different values"));
  }
  return options;
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

uint32_t AutoWorkers(uint32_t usable_cpus) {
  constexpr uint32_t kAutoMax = 8;
  return usable_cpus <= 2 ? 1 : std::min(usable_cpus - 1, kAutoMax);
}

}  // namespace aether::runtime
