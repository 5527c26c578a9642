// The inside of a Stack: its layers, and what hands a frame from one to the next. Seen by stack.cc
// and stack_calls.cc alone.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "stack/base/check.h"
#include "stack/net/interface.h"
#include "stack/stack.h"
#include "stack/tcp/layer.h"
#include "stack/udp/layer.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"

namespace aether {

// A frame between the two stages of Receive.
struct Prepared {
  enum class Kind : uint8_t { kDropped, kArp, kTcp, kOther };
  Kind kind = Kind::kDropped;
  Drop drop = Drop::kNone;
  bool link_group = false;
  Bytes payload;         // of the Ethernet frame
  tcp::Segment segment;  // kTcp only
};

class Stack::Impl {
 public:
  Impl(const Config& config, Instant now)
      : config_(config),
        random_(config.seed),
        interface_(config_, random_, counters_, now),
        udp_(config_, random_, counters_),
        tcp_(config_, random_, counters_, now),
        now_(now),
        frame_bytes_max_(EthernetHeader::kSize +
                         std::max(config.mtu, config.receive_packet_bytes_max)) {
    AETHER_CHECK(!config.mac.IsGroup() && config.time_to_live != 0);
    if (config.sharded) reassembled_.reserve(config.net.reassembly_datagrams_max);
  }

  void Receive(std::span<const Bytes> frames, Instant now);
  size_t Transmit(MutableBytes out, Instant now);
  void Observe(std::span<const Bytes> frames, Instant now);
  std::optional<Bytes> TakeReassembled();
  void ReceiveReassembled(Bytes packet, Instant now);
  size_t PollEvents(std::span<Event> out);
  void OnAddressChange();
  std::expected<void, Error> UdpSend(UdpSocketId socket, Ipv4Endpoint to, Bytes payload,
                                     bool from_unspecified);
  size_t frame_size_max() const { return size_t{config_.mtu} + EthernetHeader::kSize; }

  const Config config_;
  Counters counters_;
  Random random_;
  net::Interface interface_;
  udp::Layer udp_;
  tcp::Layer tcp_;
  Instant now_;

 private:
  void Advance(Instant now);
  void Prepare(Bytes frame, Prepared& out);
  Drop PrepareTcp(const Ipv4View& packet, bool link_group, Prepared& out);
  Drop Process(const Prepared& prepared);
  Drop ProcessArp(const Prepared& prepared);
  Drop ProcessIp(const Prepared& prepared);
  void ReleaseReassembled();
  Drop ProcessFragment(const Ipv4View& fragment, bool link_group);
  Drop ProcessDatagram(const Ipv4View& packet, bool link_group);
  Drop ProcessIcmp(const Ipv4View& packet);
  Drop ProcessIcmpError(const Ipv4View& packet, const IcmpView& message);
  Drop ProcessUdp(const Ipv4View& packet, bool link_group);
  bool IsForUs(MacAddress destination) const {
    return destination == config_.mac || IsForGroupOfOurs(destination);
  }
  bool IsForGroupOfOurs(MacAddress destination) const;

  const size_t frame_bytes_max_;  // of those that are taken in
  std::array<Prepared, kBatchMax> prepared_;
  // Whole datagrams for TakeReassembled, and how many of them were taken.
  std::vector<uint32_t> reassembled_;
  size_t reassembled_taken_ = 0;
};

}  // namespace aether
