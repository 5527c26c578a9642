// What one stack has counted since it was made. Every frame given to Stack::Receive adds one to
// frames_in and one to exactly one of `delivered` and `drops[reason]`. Plain integers: a stack has
// one owner, and whoever wants a sum over workers adds snapshots.
//
// Fragments: the frame of one is delivered when it was stored, and so is the frame that completes a
// datagram; what becomes of the datagram later is not said of frames any more, because its frames
// are accounted for already. It has counters of its own: put together, and then perhaps refused by
// its layer; or given up because of a contradiction, its age, or for room. So every datagram that
// was begun is in ipv4_reassembled, ipv4_reassembly_abandoned, ipv4_reassembly_timeouts or
// ipv4_reassembly_evicted once it is gone (unless the address changed).
#pragma once

#include <array>
#include <cstdint>

#include "stack/base/drop.h"

namespace aether {

// X(member, "what it counts")
#define AETHER_COUNTERS(X)                                                        \
  X(frames_in, "frames given to Receive")                                         \
  X(bytes_in, "bytes of those frames")                                            \
  X(frames_out, "frames handed out by Transmit")                                  \
  X(bytes_out, "bytes of those frames")                                           \
  X(delivered, "frames accepted by the layer that they were for")                 \
  X(arp_requests_in, "ARP requests for our address")                              \
  X(arp_replies_in, "ARP replies that we had asked for")                          \
  X(arp_requests_out, "ARP requests sent, announcements included")                \
  X(arp_replies_out, "ARP replies sent")                                          \
  X(neighbor_unreachable, "packets given up because no ARP answer came")          \
  X(neighbor_queue_full, "packets given up because too many waited for ARP")      \
  X(no_route, "packets given up because no route leads to their destination")     \
  X(output_queue_full, "datagrams given up because the output queue was full")    \
  X(ipv4_fragments_in, "fragments stored, each of a delivered frame")             \
  X(ipv4_reassembled, "datagrams put together from fragments")                    \
  X(ipv4_reassembled_refused, "of those, the ones that their layer then dropped") \
  X(ipv4_reassembly_abandoned, "datagrams given up: fragments contradicted")      \
  X(ipv4_reassembly_timeouts, "datagrams given up: fragments missing in time")    \
  X(ipv4_reassembly_evicted, "datagrams given up: room needed for others")        \
  X(ipv4_datagrams_split, "datagrams sent as fragments")                          \
  X(ipv4_fragments_out, "fragments made of those")                                \
  X(icmp_echo_replies_out, "echo replies sent")                                   \
  X(icmp_unreachable_out, "destination unreachable messages sent")                \
  X(icmp_time_exceeded_out, "time exceeded messages sent")                        \
  X(icmp_rate_limited, "ICMP errors suppressed by the rate limit")                \
  X(udp_in, "datagrams put into a socket's queue")                                \
  X(udp_out, "datagrams sent by sockets")                                         \
  X(tcp_segments_in, "segments that passed header and checksum")                  \
  X(tcp_segments_out, "segments sent")                                            \
  X(tcp_data_bytes_in, "payload bytes put into receive queues")                   \
  X(tcp_data_bytes_out, "payload bytes sent")                                     \
  X(tcp_pure_acks_out, "segments sent that carry nothing but an acknowledgement") \
  X(tcp_rsts_in, "resets that ended a connection")                                \
  X(tcp_rsts_out, "resets sent")                                                  \
  X(tcp_cookies_sent, "SYN-ACKs sent with a SYN cookie")                          \
  X(tcp_cookies_accepted, "connections made from a valid cookie")                 \
  X(tcp_accepted, "connections that reached ESTABLISHED")                         \
  X(tcp_challenge_acks, "challenge ACKs sent (RFC 5961)")                         \
  X(tcp_time_wait_entered, "connections that went into TIME-WAIT")                \
  X(tcp_time_wait_reused, "TIME-WAIT records ended early by a new SYN")           \
  X(tcp_time_wait_evicted, "TIME-WAIT records ended early for room")              \
  X(tcp_timeouts, "connections given up because a closing state took too long")   \
  X(tcp_half_open_timeouts, "half-open connections given up")                     \
  X(tcp_connects, "connections opened by us")                                     \
  X(tcp_retransmissions, "segments sent again")                                   \
  X(tcp_retransmit_timeouts, "expiries of the retransmission timer")              \
  X(tcp_fast_recoveries, "fast recoveries entered")                               \
  X(tcp_spurious_recoveries, "reductions taken back: nothing had been lost")      \
  X(tcp_loss_probes, "tail loss probes sent")                                     \
  X(tcp_window_probes, "probes of a closed window sent")                          \
  X(tcp_keepalives, "keepalive probes sent")                                      \
  X(tcp_delayed_acks, "acknowledgements sent by the delayed-ACK timer")           \
  X(tcp_held_segments, "segments kept although they came ahead of a gap")         \
  X(tcp_held_refused, "segments ahead of a gap that found no place")              \
  X(tcp_dsacks_in, "duplicates that peers reported")                              \
  X(tcp_ecn_reductions, "window reductions because of ECN echoes")                \
  X(tcp_icmp_mtu, "path MTU reductions believed")

struct Counters {
#define AETHER_COUNTER_MEMBER(member, text) uint64_t member = 0;
  AETHER_COUNTERS(AETHER_COUNTER_MEMBER)
#undef AETHER_COUNTER_MEMBER
  std::array<uint64_t, kDropCount> drops{};

  uint64_t TotalDrops() const {
    uint64_t total = 0;
    for (uint64_t count : drops) total += count;
    return total;
  }

  void Add(const Counters& other) {
#define AETHER_COUNTER_ADD(member, text) member += other.member;
    AETHER_COUNTERS(AETHER_COUNTER_ADD)
#undef AETHER_COUNTER_ADD
    for (size_t i = 0; i < kDropCount; ++i) drops[i] += other.drops[i];
  }
};

}  // namespace aether
