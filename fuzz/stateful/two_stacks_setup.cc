#include "fuzz/stateful/two_stacks_setup.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "stack/tcp/profile.h"

namespace aether::fuzz::two_stacks {
namespace {

constexpr std::array<MacAddress, 2> kMacs = {kStackMac, kPeerMac};

}  // namespace

Config HostConfig(const Choices& choices, int host, const Origin& origin) {
  Config config = SmallConfig();
  config.mac = kMacs[static_cast<size_t>(host)];
  config.seed = origin.seed;
  config.seed[0] ^= static_cast<uint64_t>(host) << 32;
  config.announce = false;
  if (choices.Has(kSmallMtu)) config.mtu = 300;
  if (choices.Has(kFewChunks)) config.buffers = {5, 12, 12, 6};
  if (choices.Has(kSmallBuffers)) {
    config.tcp.receive_buffer_bytes = config.tcp.receive_buffer_max_bytes = 2000;
    config.tcp.send_buffer_bytes = config.tcp.send_buffer_max_bytes = 3000;
    config.tcp.receive_scale = 0;
  }
  switch (choices.profile % 8) {
    case 1:
      config.profile.sack = false;
      break;
    case 2:
      config.profile.timestamps = false;
      break;
    case 3:
      config.profile.window_scaling = false;
      break;
    case 4:
      config.profile.sack = host == 0;
      config.profile.timestamps = host == 1;
      config.profile.nagle = host == 0;
      break;
    case 5:
      config.profile.congestion = tcp::CongestionAlgorithm::kNewReno;
      config.profile.rack_tlp = false;
      break;
    case 6:
      config.profile.syn_cookies = tcp::SynCookies::kAlways;
      break;
    case 7:
      if (host == 1) config.profile = tcp::kClassic;
      break;
    default:
      break;
  }
  return config;
}

}  // namespace aether::fuzz::two_stacks
