#include "fuzz/stateful/api_setup.h"

#include <array>

#include "fuzz/stateful/world.h"
#include "stack/tcp/profile.h"

namespace aether::fuzz::stack_api {

namespace {

// P14 for one pool after the other: the allocation after the first `k` fails, until something is
// given back.
void LimitPool(const Choices& choices, uint32_t k, Config& config) {
  config.buffers.sent_segments_max = 128;
  config.buffers.held_ranges_max = 32;
  if (k == 0) return;
  switch (choices.scarce_pool()) {
    case ScarcePool::kRecords:
      config.buffers.sent_segments_max = config.buffers.held_ranges_max = k;
      break;
    case ScarcePool::kSegments:
      config.buffers.sent_segments_max = k;
      break;
    case ScarcePool::kRanges:
      config.buffers.held_ranges_max = k;
      break;
    case ScarcePool::kConnections:
      config.tcp.connections_max = k;
      break;
    case ScarcePool::kTimeWait:
      config.tcp.time_wait_max = k;
      break;
    case ScarcePool::kReplies:
      config.tcp.replies_max = k;
      break;
    case ScarcePool::kFrames:
      config.net.output_frames_max = k;
      break;
    case ScarcePool::kDatagrams:
      config.udp.datagrams_max = k;
      break;
  }
}

}  // namespace

Config StackConfig(const Choices& choices) {
  Config config = SmallConfig();
  config.announce = false;
  const auto few = [](uint8_t byte, uint32_t enough) {
    return byte == 0 ? enough : 1u + (byte - 1u) % 16;
  };
  // Of fewer chunks than 5 text ahead of a gap could take all, and the gap would stay.
  config.buffers.chunks_max = few(choices.head[2], 60) + 4;
  config.buffers.send_items_max = few(choices.head[3], 128);
  LimitPool(choices, few(choices.head[4], 0), config);
  if (choices.Has(kClassic)) config.profile = tcp::kClassic;
  if (choices.Has(kCookies)) config.profile.syn_cookies = tcp::SynCookies::kAlways;
  if (choices.Has(kSmallMtu)) config.mtu = 68;
  if (choices.Has(kSmallBuffers)) {
    config.tcp.receive_buffer_bytes = config.tcp.receive_buffer_max_bytes = 2000;
    config.tcp.send_buffer_bytes = config.tcp.send_buffer_max_bytes = 3000;
    config.tcp.receive_scale = 0;
  }
  return config;
}

Ipv4Address AddressOf(uint8_t choice) {
  static constexpr std::array<Ipv4Address, 8> kAddresses = {kPeerIp,
                                                            kOtherIp,
                                                            kFarIp,
                                                            kStackIp,
                                                            Ipv4Address::Of(10, 0, 0, 255),
                                                            Ipv4Address::Of(224, 0, 0, 5),
                                                            Ipv4Address{},
                                                            Ipv4Address::Of(127, 0, 0, 1)};
  return kAddresses[choice % kAddresses.size()];
}

Ipv4Address GroupOf(uint8_t choice) {
  return choice % 5 == 4 ? kPeerIp
                         : Ipv4Address::Of(224, 0, 0, static_cast<uint8_t>(choice % 5 + 1));
}

uint16_t PortOf(uint8_t choice) {
  return static_cast<uint16_t>(choice % 5 == 4 ? 0 : 80 + choice % 5);
}

}  // namespace aether::fuzz::stack_api
