// How many ICMP errors leave (RFC 1812 4.3.2.8): a bucket over all of them, whose refill is
// jittered so that a prober cannot count on it (CVE-2020-25705), and one per destination, hashed
// with a secret key.
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/wire/address.h"

namespace aether::net {

class IcmpLimiter {
 public:
  IcmpLimiter(uint32_t per_second, uint32_t per_destination, Seed seed, Instant now);

  // True when an error to `destination` may be sent now; takes its token.
  bool Allow(Ipv4Address destination, Instant now);

 private:
  static constexpr size_t kDestinations = 256;
  struct Window {
    Instant ends{};
    uint32_t left = 0;
  };
  bool Take(Window& window, uint32_t limit, Instant now);

  uint32_t per_second_;
  uint32_t per_destination_;
  Random random_;
  SipKey key_;
  Window all_;
  std::array<Window, kDestinations> destinations_{};
};

}  // namespace aether::net
