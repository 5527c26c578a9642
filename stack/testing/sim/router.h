// What a router does with a packet that is too long for the next link: in fragments if the packet
// admits it (RFC 791 3.2), with a report to its sender otherwise (RFC 1191 4). Written without
// stack/wire's emitters.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/testing/frame_builder.h"

namespace aether::testing::sim {

inline constexpr MacAddress kRouterMac{{2, 0, 0, 0, 9, 9}};
inline constexpr Ipv4Address kRouterIp = Ipv4Address::Of(10, 0, 0, 254);

// True for a frame with an IPv4 packet that must not be fragmented.
bool IsDontFragment(Bytes frame);
// The report about `frame` for its sender, with the MTU that it may try.
Frame TooLongReport(Bytes frame, uint16_t mtu);
// The packet of `frame` in fragments of up to `mtu` bytes each; [68, 65535].
std::vector<Frame> SplitFrame(Bytes frame, uint16_t mtu);

}  // namespace aether::testing::sim
