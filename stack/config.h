// Every limit and setting of a stack, in one place. Plain values: the rooms below read their own
// part of it. All limits are enforced, and tested at the limit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/base/random.h"
#include "stack/base/time.h"
#include "stack/tcp/profile.h"
#include "stack/wire/address.h"

namespace aether {

struct NetLimits {
  // Neighbour cache (RFC 826, RFC 1122 2.3.2).
  uint32_t neighbors_max = 512;
  Duration neighbor_lifetime = std::chrono::seconds(60);
  // A mapping in use is asked for again when this much of its life is left.
  Duration neighbor_refresh = std::chrono::seconds(15);
  // [RFC 1122 2.3.2.1] requests for one address: at most one per second.
  Duration arp_retry = std::chrono::seconds(1);
  uint32_t arp_tries_max = 3;
  // Packets that wait for an ARP answer: per neighbour, and in all.
  uint32_t arp_queue_per_neighbor_max = 16;
  uint32_t arp_queue_max = 256;
  uint32_t multicast_groups_max = 16;
  // Complete frames that wait for Transmit (ARP, ICMP, UDP).
  uint32_t output_frames_max = 1024;
  // Largest datagram sent, its header included; raised to the largest one put together, so that
  // every echo can be answered, and to the MTU.
  uint16_t output_datagram_bytes_max = 65535;
  // Frames that fragments of our own may take up beyond that, one per datagram not counted; raised
  // to what one datagram of the largest size needs. 1024 are 23 of them at an MTU of 1500.
  uint32_t output_fragments_max = 1024;
  // Identifications that datagrams get in turn, two bytes of memory each; a power of two, no value
  // comes again within half as many [RFC 6864 4.2].
  uint32_t identifications_max = 65536;
  // Reassembly (RFC 791 3.2). Datagrams at once; 0 drops all fragments. Each has an address range
  // of reassembly_datagram_bytes_max, of which only what is used is ever touched.
  uint32_t reassembly_datagrams_max = 128;
  // 64 KiB that crossed a link with an MTU of 576 after one with 1500 arrive in 133 pieces.
  uint32_t reassembly_fragments_per_datagram_max = 256;
  // Payload held, all datagrams together; at least one datagram.
  uint32_t reassembly_bytes_max = 4u << 20;
  // Largest datagram put together, its header included: [576, 65535] ([RFC 1122 3.3.2] EMTU_R).
  uint16_t reassembly_datagram_bytes_max = 65535;
  // [RFC 1122 3.3.2] between 60 and 120 seconds, from the first fragment that arrives.
  Duration reassembly_timeout = std::chrono::seconds(60);
  // ICMP errors per second, in all and to one destination; the refill is jittered.
  uint32_t icmp_errors_per_second = 200;
  uint32_t icmp_errors_per_destination = 10;
};

struct UdpLimits {
  uint32_t sockets_max = 64;
  uint32_t queued_datagrams_max = 256;  // per socket
  uint32_t datagrams_max = 1024;        // in all sockets
  // Of those, the ones that are larger than the MTU: 64 KiB of address range each, touched as used.
  uint32_t large_datagrams_max = 64;
};

struct TcpLimits {
  uint32_t connections_max = 131072;
  uint32_t time_wait_max = 131072;
  uint32_t listeners_max = 64;
  uint32_t accept_queue_max = 4096;  // per listener, a larger backlog is cut
  uint32_t half_open_max = 1024;     // beyond it, cookies or nothing
  // SYN-ACKs, resets and other stateless segments that wait for Transmit.
  uint32_t replies_max = 4096;
  // Buffers begin like this and grow up to the maximum while they are the limit.
  uint32_t receive_buffer_bytes = 65535;
  uint32_t receive_buffer_max_bytes = 4 * 1024 * 1024;
  uint32_t send_buffer_bytes = 65536;
  uint32_t send_buffer_max_bytes = 4 * 1024 * 1024;
  // [RFC 7323 2.3] shift of the windows that we send: receive_buffer_max_bytes must fit.
  uint8_t receive_scale = 7;
  // What a peer's MSS option is raised to: no more than 7 frames where one of 536 would do.
  uint16_t mss_min = 88;
  uint32_t held_ranges_max = 128;       // per connection, of text ahead of gaps
  uint32_t flight_segments_max = 4096;  // per connection
  // [RFC 9293 3.6.1 MUST-13] 2 MSL of TIME-WAIT.
  Duration time_wait = std::chrono::seconds(60);
  // [RFC 6298 2.4] rounds up to a second; 200 ms is what the field uses.
  Duration rto_min = std::chrono::milliseconds(200);
  Duration rto_max = std::chrono::seconds(120);
  // [RFC 9293 3.8.6.3 MUST-40] less than half a second.
  Duration delayed_ack = std::chrono::milliseconds(40);
  // [RFC 9293 3.8.3 MUST-23] our SYN is sent after 0, 1, 3, 7, 15, 31, 63 and 127 seconds, and
  // given up after 247: more than three minutes.
  uint8_t syn_tries_max = 8;
  uint8_t syn_ack_tries_max = 5;
  // Without retransmission there is no count of tries to end a half-open connection.
  Duration half_open_timeout = std::chrono::seconds(30);
  // [RFC 9293 3.8.3 R2] data that nobody acknowledges for so long ends a connection.
  Duration user_timeout = std::chrono::minutes(5);
  // FIN-WAIT-2 after the application let go; and, without retransmission, the states that wait for
  // the peer's answer.
  Duration closing_timeout = std::chrono::seconds(60);
  // [RFC 1191 3] the smallest path MTU that an ICMP error is believed about.
  uint16_t path_mtu_min = 552;
  uint32_t port_tries_max = 4096;  // for a free port of a connection that we open
  // [RFC 9293 3.8.6.1] a peer that keeps its window shut: how long a connection that nobody owns
  // any more probes it.
  Duration orphan_timeout = std::chrono::seconds(60);
};

// Memory that queues share, taken while data is in flight: chunks of 2 KiB and references to them.
struct BufferLimits {
  uint32_t chunks_max = 32768;
  uint32_t send_items_max = 65536;
  uint32_t sent_segments_max = 262144;
  uint32_t held_ranges_max = 65536;
};

struct Config {
  MacAddress mac;
  // Largest IP packet, bytes: [68, 65535] (RFC 791 3.1 for the lower bound).
  uint16_t mtu = 1500;
  // Larger packets than the MTU are taken in up to this: from a device that joins segments before
  // it hands them in (receive offload). 0: none.
  uint16_t receive_packet_bytes_max = 0;
  // Everything unpredictable is drawn from it. Whoever faces a network passes 128 bits of entropy.
  Seed seed{};
  // [RFC 9293 3.9.2 MUST-49] [RFC 1122 3.2.1.7] of every packet that we send; 64 is what the
  // Internet's assigned numbers recommend. Not zero.
  uint8_t time_to_live = 64;
  // Announce the address by ARP when it is set (RFC 5227 2.3). One stack per link address does it.
  bool announce = true;
  // Other stacks own some of the flows of our address: what cannot be told to be ours is handed out
  // by TakeReassembled.
  bool sharded = false;
  tcp::Profile profile = tcp::kFull;
  NetLimits net;
  UdpLimits udp;
  TcpLimits tcp;
  BufferLimits buffers;
};

}  // namespace aether
