// The two ends of a connection, whichever of them is named first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "stack/wire/address.h"

namespace aether::replay {

struct FlowKey {
  Ipv4Endpoint low;
  Ipv4Endpoint high;

  static FlowKey Of(Ipv4Endpoint a, Ipv4Endpoint b) {
    if (b < a) std::swap(a, b);
    return {a, b};
  }
  constexpr bool operator==(const FlowKey&) const = default;
};

struct FlowKeyHash {
  static constexpr uint64_t Mix(uint64_t value) {
    value ^= value >> 31;
    value *= 0x9e3779b97f4a7c15u;
    return value ^ value >> 29;
  }
  size_t operator()(const Ipv4Endpoint& end) const {
    return Mix(uint64_t{end.address.value} << 16 | end.port);
  }
  size_t operator()(const FlowKey& key) const {
    return Mix((*this)(key.low) * 31 + (*this)(key.high));
  }
};

}  // namespace aether::replay
