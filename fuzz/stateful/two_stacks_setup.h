// From head bytes to the configurations of the two hosts.
#pragma once

#include <array>

#include "fuzz/stateful/two_stacks_script.h"
#include "fuzz/stateful/world.h"
#include "stack/stack.h"

namespace aether::fuzz::two_stacks {

inline constexpr std::array<Ipv4Address, 2> kIps = {kStackIp, kPeerIp};

// When and with which secrets the two begin.
struct Origin {
  Seed seed{0x0123456789abcdefu, 0xfedcba9876543210u};
  Duration shift{};
};

Config HostConfig(const Choices& choices, int host, const Origin& origin);

}  // namespace aether::fuzz::two_stacks
