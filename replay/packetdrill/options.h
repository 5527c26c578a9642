// What --so_flags may say: comma-separated key=value. Turned into a Config of the stack, sized so
// that all of it may be resident (the host locks its memory).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "stack/config.h"
#include "stack/wire/address.h"

namespace aether::packetdrill {

enum class ClockKind : uint8_t { kVirtual, kReal };

struct Options {
  ClockKind clock = ClockKind::kVirtual;
  // Without it the first bind() or injected packet tells.
  std::optional<Ipv4Address> local;
  bool no_delay = false;
  bool quick_ack = false;
  Config config = FullConfig();

  static Config FullConfig() {
    Config full;
    full.profile = tcp::kFull;
    return full;
  }
};

// The keys:
//   clock=virtual|real   local=A.B.C.D   mtu=68..65535   mss=88..65495 (an MTU of 40 more)
//   wscale=0..14|off     ts=0|1          sack=0|1        ecn=0|1|2 (off, asked for, answered)
//   iw=1..255            rcvbuf=BYTES    sndbuf=BYTES    min_rto_ms=1..120000
//   delack_ms=0..499     nodelay=0|1     quickack=0|1    msl_ms=1..450000
//   cc=cubic|newreno|reno|none           seed=N
// Without a key: virtual clock, the full profile, but ECN only answered, as hosts do by default.
// An error is a sentence about the first key that is wrong.
std::expected<Options, std::string> ParseOptions(std::string_view text);

// A dotted quad; nothing else.
std::optional<Ipv4Address> ParseAddress(std::string_view text);

}  // namespace aether::packetdrill
