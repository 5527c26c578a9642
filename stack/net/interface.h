// The link and the network layer of one host: what it answers to, its neighbours, and the frames
// that wait to leave. Everything that is not a TCP segment leaves through its queue; TCP segments
// are wrapped in place by Wrap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "stack/base/check.h"
#include "stack/base/counters.h"
#include "stack/base/memory_use.h"
#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/config.h"
#include "stack/net/addressing.h"
#include "stack/net/fragments.h"
#include "stack/net/frame_store.h"
#include "stack/net/icmp_limiter.h"
#include "stack/net/identification.h"
#include "stack/net/neighbors.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"

namespace aether::net {

class Interface {
 public:
  // Where the payload of an IPv4 packet starts in a frame of ours.
  static constexpr size_t kPayloadOffset = EthernetHeader::kSize + Ipv4Header::kSize;

  Interface(const Config& config, Random& random, Counters& counters, Instant now);

  Addressing& addressing() { return addressing_; }
  const Addressing& addressing() const { return addressing_; }
  // After the address changed: forgets neighbours and waiting frames, and announces the new address
  // if that is our part.
  void OnAddressChange(Instant now);

  // An ARP packet that passed Parse. `answer` is false for packets that another stack of this host
  // answers.
  Drop OnArp(const ArpPacket& packet, bool answer, Instant now);

  // Fragments that wait for the rest of their datagram.
  Fragments& fragments() { return fragments_; }
  const Fragments& fragments() const { return fragments_; }

  // A datagram that is being written: `payload` is where what follows its IPv4 header goes.
  struct Draft {
    uint32_t slot = kNoIndex;
    MutableBytes payload;
  };
  // What a datagram carries at most (NetLimits::output_datagram_bytes_max).
  size_t payload_bytes_max() const;
  // A draft of up to that much, nothing when the queue has no room. It is Sent before the next one
  // is asked for.
  std::optional<Draft> NewDraft(size_t payload_bytes);
  // Wraps the datagram, in fragments if it is larger than the MTU, and queues it, now or once its
  // next hop is known. False when there is no route.
  bool Send(const Draft& draft, Ipv4Header header, Instant now);

  // Writes the Ethernet and IPv4 headers before a payload that stands at frame[kPayloadOffset..].
  // Returns the size of the frame, or 0 when the frame was put aside until its next hop is known,
  // or given up and counted.
  size_t Wrap(MutableBytes frame, Ipv4Header header, Instant now);

  // Somebody's packets to `destination` stay without an answer: the next hop is asked whether it is
  // still there.
  void Doubt(Ipv4Address destination, Instant now);

  // An echo request that was for us: queues the answer.
  void SendEchoReply(const Ipv4View& request, const IcmpView& message, Instant now);
  // Reports that `packet` could not be delivered, if that may be reported and the rate allows it.
  void SendUnreachable(const Ipv4View& packet, bool link_group, UnreachableCode code, Instant now);

  // The next queued frame, copied to `out`; 0 when there is none.
  size_t Transmit(MutableBytes out) { return ready_.empty() ? 0 : TransmitReady(out); }

  void Advance(Instant now);
  Instant NextDeadline() const;
  uint16_t NextIdentification();
  void AddMemoryUse(MemoryUse& use) const;
  AETHER_INVARIANTS void CheckInvariants() const;

 private:
  // [RFC 5227 2.3] ANNOUNCE_NUM and ANNOUNCE_INTERVAL.
  static constexpr int kAnnouncements = 2;
  static constexpr Duration kAnnounceInterval = std::chrono::seconds(2);

  struct Route {
    Ipv4Address next_hop;
    const MacAddress* mac = nullptr;  // null: to be resolved
    MacAddress group;                 // what `mac` points to for broadcast and multicast
  };
  // A free slot for a frame; kNoIndex when the queue is full.
  uint32_t NewFrame();
  size_t FragmentBytesMax() const;
  void Split(const Draft& draft, Ipv4Header header);
  // Queues the packet or the fragments in `slot`, whose IPv4 headers are written.
  bool Queue(uint32_t slot, Ipv4Address destination, Instant now);
  bool SendError(const Ipv4View& packet, bool link_group, IcmpType type, uint8_t code, Instant now);
  void ExpireFragments(Instant now);
  bool FindRoute(Ipv4Address destination, Instant now, Route& route);
  void SendQuestions() {
    if (!neighbors_.questions().empty()) [[unlikely]]
      SendOpenQuestions();
  }
  void SendOpenQuestions();
  size_t TransmitReady(MutableBytes out);
  void PutAside(Bytes frame, const Ipv4Header& header, Instant now);
  void SendArp(const ArpPacket& packet, MacAddress destination);

  const Config& config_;
  Random& random_;
  Counters& counters_;
  FrameStore store_;
  FrameQueue ready_;
  Addressing addressing_;
  Neighbors neighbors_;
  IcmpLimiter icmp_limiter_;
  Fragments fragments_;
  IdentificationDeck datagram_identifications_;
  // Where a datagram that is larger than the MTU is written before it is split; touched as used.
  std::unique_ptr<uint8_t[]> large_payload_;
  uint32_t followers_max_;
  int announcements_left_ = 0;
  Instant next_announcement_ = kNever;
  uint64_t identifications_ = 0;  // 16 bits each, drawn four at a time
  int identifications_left_ = 0;
};

// Finds where a packet goes. False when no route leads there; `mac` null when the next hop is not
// known yet.
inline bool Interface::FindRoute(Ipv4Address destination, Instant now, Route& route) {
  if (addressing_.IsBroadcast(destination)) {
    route.group = MacAddress::Broadcast();
    route.mac = &route.group;
    return true;
  }
  if (destination.IsMulticast()) {
    route.group = Addressing::GroupMac(destination);
    route.mac = &route.group;
    return true;
  }
  const std::optional<Ipv4Address> next_hop = addressing_.NextHop(destination);
  if (!next_hop || !addressing_.IsNeighbor(*next_hop)) {
    ++counters_.no_route;
    return false;
  }
  route.next_hop = *next_hop;
  route.mac = neighbors_.Resolve(*next_hop, now, store_);
  SendQuestions();
  return true;
}

inline size_t Interface::Wrap(MutableBytes frame, Ipv4Header header, Instant now) {
  Route route;
  if (!FindRoute(header.destination, now, route)) return 0;
  // [RFC 6864 4.1] what is never split needs no identification of its own.
  if (!header.dont_fragment) header.identification = NextIdentification();
  header.time_to_live = config_.time_to_live;
  if (route.mac == nullptr) [[unlikely]] {
    PutAside(frame, header, now);
    return 0;
  }
  EthernetHeader{*route.mac, config_.mac, static_cast<uint16_t>(EtherType::kIpv4)}.Emit(frame);
  header.Emit(frame.subspan(EthernetHeader::kSize));
  return kPayloadOffset + header.payload_length;
}

}  // namespace aether::net
