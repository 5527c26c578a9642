// From head bytes to a configuration, and from operands to the few addresses, groups and ports that
// calls are made with.
#pragma once

#include <cstdint>

#include "fuzz/stateful/api_script.h"
#include "stack/stack.h"

namespace aether::fuzz::stack_api {

inline constexpr Ipv4Address kOtherIp = Ipv4Address::Of(10, 0, 0, 77);
inline constexpr Ipv4Address kFarIp = Ipv4Address::Of(192, 0, 2, 1);

Config StackConfig(const Choices& choices);

Ipv4Address AddressOf(uint8_t choice);
// Every fifth is none.
Ipv4Address GroupOf(uint8_t choice);
// Few, so that they meet; 0 too.
uint16_t PortOf(uint8_t choice);

}  // namespace aether::fuzz::stack_api
