// A stack as the tests of fragments through the whole stack see it: frames in, frames out, and a
// slow reassembly of what it sends.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "stack/stack.h"
#include "stack/testing/frame_builder.h"
#include "stack/testing/naive_parser.h"

namespace aether::testing {

inline Config HostConfig(uint16_t mtu = 1500) {
  Config config;
  config.mac = kOurMac;
  config.mtu = mtu;
  config.seed = {11, 12};
  config.announce = false;
  // Small, because many stacks are made.
  config.tcp.connections_max = 64;
  config.tcp.time_wait_max = 64;
  config.buffers.chunks_max = 1024;
  return config;
}

// [RFC 792 Time Exceeded] type 11, code 1, and a quote after four bytes of zero; the naive parser
// leaves these to the tests of reassembly. Lengths and checksums are checked here.
inline bool IsTimeExceeded(const Frame& frame) {
  if (frame.size() < kIpv4PayloadAt + 8 || frame[12] != 8 || frame[13] != 0 ||
      frame[kIpv4At] != 0x45 || frame[kIpv4At + 9] != 1 || frame[kIpv4PayloadAt] != 11) {
    return false;
  }
  const Bytes packet = Bytes(frame).subspan(kIpv4At);
  EXPECT_EQ(size_t{packet[2]} * 256 + packet[3], packet.size());
  EXPECT_EQ(NaiveChecksum(packet.first(20)), 0);
  EXPECT_EQ(NaiveChecksum(packet.subspan(20)), 0);
  EXPECT_EQ(packet[21], 1);
  for (size_t i = 24; i < 28; ++i) EXPECT_EQ(packet[i], 0);
  return true;
}

class Host {
 public:
  explicit Host(const Config& config = HostConfig()) : stack(config, Instant{}) {
    stack.SetAddress(kOurNetwork, std::nullopt);
  }
  ~Host() { stack.CheckInvariants(); }

  // The stack knows the peer's link address from now on.
  void Meet(const ArpSpec& spec = {}) {
    Feed(BuildArp(spec));
    EXPECT_EQ(Drain().size(), 1u);
  }
  void Feed(const Frame& frame) {
    const Bytes bytes(frame);
    stack.Receive({&bytes, 1}, now);
  }
  void Feed(const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) Feed(frame);
  }
  void Wait(Duration time) {
    now += time;
    stack.Receive({}, now);
  }
  // All frames that are due; each passes the naive parser.
  std::vector<Frame> Drain() {
    std::vector<Frame> frames;
    Frame buffer(stack.frame_size_max());
    while (const size_t size = stack.Transmit(buffer, now)) {
      frames.emplace_back(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size));
      if (IsTimeExceeded(frames.back())) continue;
      const auto parsed = NaiveParse(frames.back());
      EXPECT_TRUE(parsed.has_value()) << parsed.error();
    }
    return frames;
  }
  const Counters& counters() const { return stack.counters(); }
  uint64_t Drops(Drop drop) const { return stack.counters().drops[DropIndex(drop)]; }
  size_t PollCount() {
    std::vector<Event> events(16);
    return stack.PollEvents(events);
  }

  Stack stack;
  Instant now{};
};

// The fragments of the packet in `frame`, which has no options, with `bytes_max` bytes each.
inline std::vector<Frame> Cut(const Frame& frame, size_t bytes_max) {
  std::vector<Frame> fragments;
  const size_t size = frame.size() - kIpv4PayloadAt;
  for (size_t offset = 0; offset < size; offset += bytes_max) {
    const size_t piece = std::min(bytes_max, size - offset);
    Frame fragment(frame.begin(), frame.begin() + kIpv4PayloadAt);
    const auto from = frame.begin() + static_cast<ptrdiff_t>(kIpv4PayloadAt + offset);
    fragment.insert(fragment.end(), from, from + static_cast<ptrdiff_t>(piece));
    const size_t total = 20 + piece;
    const size_t word = offset / 8 + (offset + piece < size ? 0x2000 : 0);
    fragment[kIpv4At + 2] = static_cast<uint8_t>(total >> 8);
    fragment[kIpv4At + 3] = static_cast<uint8_t>(total);
    fragment[kIpv4At + 6] = static_cast<uint8_t>(word >> 8);
    fragment[kIpv4At + 7] = static_cast<uint8_t>(word);
    fragments.push_back(WithIpv4Checksum(std::move(fragment)));
  }
  return fragments;
}

// The IP payload of the one datagram that `frames` carry. [RFC 791 3.2] checks the fragments: one
// header, one identification, in order, no DF, units of 8 bytes, within the MTU.
inline Frame Rejoin(const std::vector<Frame>& frames, uint16_t mtu) {
  Frame payload;
  std::optional<NaiveIpv4> first;
  for (const Frame& frame : frames) {
    EXPECT_LE(frame.size(), mtu + 14u);
    const auto parsed = NaiveParse(frame);
    if (!parsed || !parsed->ip) {
      ADD_FAILURE() << "no IPv4";
      return {};
    }
    const NaiveIpv4& ip = *parsed->ip;
    if (!first) first = ip;
    EXPECT_EQ(ip.identification, first->identification);
    EXPECT_EQ(ip.source, first->source);
    EXPECT_EQ(ip.destination, first->destination);
    EXPECT_EQ(ip.protocol, first->protocol);
    EXPECT_FALSE(ip.dont_fragment);
    EXPECT_EQ(ip.fragment_offset_bytes, payload.size());
    const bool is_last = &frame == &frames.back();
    EXPECT_EQ(ip.more_fragments, !is_last);
    EXPECT_GT(frame.size(), kIpv4PayloadAt);
    if (!is_last) {
      EXPECT_EQ((frame.size() - kIpv4PayloadAt) % 8, 0u);
      EXPECT_GT(frame.size() + 8, mtu + 14u);  // no smaller than it must be
    }
    payload.insert(payload.end(), frame.begin() + kIpv4PayloadAt, frame.end());
  }
  return payload;
}

}  // namespace aether::testing
