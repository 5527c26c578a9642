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
  uint32_t arp_queue_per_neighbor_max = 4;
  uint32_t arp_queue_max = 256;
  uint32_t multicast_groups_max = 16;
  // Complete frames that wait for Transmit (ARP, ICMP, UDP).
  uint32_t output_frames_max = 1024;
  // ICMP errors per second, in all and to one destination; the refill is jittered.
  uint32_t icmp_errors_per_second = 200;
  uint32_t icmp_errors_per_destination = 10;
};

struct UdpLimits {
  uint32_t sockets_max = 64;
  uint32_t queued_datagrams_max = 256;  // per socket
  uint32_t datagrams_max = 1024;        // in all sockets
};

struct TcpLimits {
  uint32_t connections_max = 131072;
  uint32_t time_wait_max = 131072;
  uint32_t listeners_max = 64;
  uint32_t accept_queue_max = 4096;  // per listener, a larger backlog is cut
  uint32_t half_open_max = 1024;     // only without SYN cookies
  uint32_t replies_max =
      4096;  // SYN-ACKs, resets and other stateless segments that wait for Transmit
  uint16_t receive_buffer_bytes = 65535;
  uint32_t send_buffer_bytes = 65536;
  uint16_t mss_min =
      88;  // what a peer's MSS option is raised to: no more than 7 frames where one of 536 would do
  // [RFC 9293 3.4.1] 2 MSL of TIME-WAIT.
  Duration time_wait = std::chrono::seconds(60);
  Duration half_open_timeout = std::chrono::seconds(30);
  // FIN-WAIT-1, CLOSING and LAST-ACK, and FIN-WAIT-2 after the application let go: given up after
  // this.
  Duration closing_timeout = std::chrono::seconds(60);
};

// Memory that queues share, taken while data is in flight: chunks of 2 KiB and references to them.
struct BufferLimits {
  uint32_t chunks_max = 32768;
  uint32_t send_items_max = 65536;
};

struct Config {
  MacAddress mac;
  // Largest IP packet, bytes: [68, 65535] (RFC 791 3.1 for the lower bound).
  uint16_t mtu = 1500;
  // Everything unpredictable is drawn from it. Whoever faces a network passes 128 bits of entropy.
  Seed seed{};
  // Announce the address by ARP when it is set (RFC 5227 2.3). One stack per link address does it.
  bool announce = true;
  tcp::Profile profile = tcp::kClassic;
  NetLimits net;
  UdpLimits udp;
  TcpLimits tcp;
  BufferLimits buffers;
};

}  // namespace aether
