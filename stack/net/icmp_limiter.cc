#include "stack/net/icmp_limiter.h"

#include <algorithm>

namespace aether::net {

IcmpLimiter::IcmpLimiter(uint32_t per_second, uint32_t per_destination, Seed seed, Instant)
    : per_second_(per_second),
      per_destination_(per_destination),
      random_(seed),
      key_(random_.NextKey()) {}

bool IcmpLimiter::Take(Window& window, uint32_t limit, Instant now) {
  if (now >= window.ends) {
    window.ends = now + std::chrono::seconds(1);
    // Between three quarters of the limit and all of it: what is left says nothing exact about what
    // others took.
    window.left = limit - random_.Below(limit / 4 + 1);
  }
  if (window.left == 0) return false;
  --window.left;
  return true;
}

bool IcmpLimiter::Allow(Ipv4Address destination, Instant now) {
  Window& one = destinations_[SipHash13(key_, destination.value) % kDestinations];
  // One destination's flood must not use up the tokens of all: its own window is asked first.
  return Take(one, per_destination_, now) && Take(all_, per_second_, now);
}

}  // namespace aether::net
