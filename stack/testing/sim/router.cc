#include "stack/testing/sim/router.h"

#include <algorithm>

namespace aether::testing::sim {
namespace {

constexpr size_t kFlagsAt = kIpv4At + 6;
constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint16_t kOffsetMask = 0x1fff;
// [RFC 792] the header and the first eight bytes that follow it.
constexpr size_t kQuoteAfterHeader = 8;

bool IsIpv4(Bytes frame) {
  return frame.size() >= kIpv4PayloadAt && LoadBe<uint16_t>(frame.data() + 12) == 0x0800;
}

}  // namespace

bool IsDontFragment(Bytes frame) {
  return IsIpv4(frame) && (LoadBe<uint16_t>(frame.data() + kFlagsAt) & kDontFragment) != 0;
}

Frame TooLongReport(Bytes frame, uint16_t mtu) {
  IcmpSpec report;
  report.ip.ethernet = {
      .destination = MacAddress::Load(frame.data() + 6), .source = kRouterMac, .type = 0x0800};
  report.ip.source = kRouterIp;
  report.ip.destination = {LoadBe<uint32_t>(frame.data() + kIpv4At + 12)};
  report.type = 3;
  report.code = 4;
  report.rest_of_header = mtu;
  const Bytes quote =
      frame.subspan(kIpv4At, std::min<size_t>(frame.size() - kIpv4At, 20 + kQuoteAfterHeader));
  report.payload.assign(quote.begin(), quote.end());
  return BuildIcmp(report);
}

std::vector<Frame> SplitFrame(Bytes frame, uint16_t mtu) {
  std::vector<Frame> parts;
  const uint16_t total = LoadBe<uint16_t>(frame.data() + kIpv4At + 2);
  const size_t end = std::min<size_t>(frame.size(), kIpv4At + total);
  const uint16_t flags = LoadBe<uint16_t>(frame.data() + kFlagsAt);
  const size_t piece_max = (mtu - 20u) / 8 * 8;
  for (size_t at = kIpv4PayloadAt; at < end; at += piece_max) {
    const size_t size = std::min(piece_max, end - at);
    Frame part(frame.begin(), frame.begin() + kIpv4PayloadAt);
    const bool is_last = at + size == end;
    const uint32_t offset = (flags & kOffsetMask) + static_cast<uint32_t>(at - kIpv4PayloadAt) / 8;
    const uint32_t more = is_last ? flags & kMoreFragments : kMoreFragments;
    StoreBe<uint16_t>(part.data() + kIpv4At + 2, static_cast<uint16_t>(20 + size));
    StoreBe<uint16_t>(part.data() + kFlagsAt, static_cast<uint16_t>(more | offset));
    part.insert(part.end(), frame.begin() + static_cast<std::ptrdiff_t>(at),
                frame.begin() + static_cast<std::ptrdiff_t>(at + size));
    parts.push_back(WithIpv4Checksum(std::move(part)));
  }
  return parts;
}

}  // namespace aether::testing::sim
