// Why a frame went no further. Every reason to reject has its own name, which is also the name of
// its counter. A frame that the stack took in is accounted for exactly once: delivered (kNone), or
// dropped with one reason.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aether {

// X(identifier, "counter name")
#define AETHER_DROPS(X)                                        \
  X(kNone, "none")                                             \
  X(kEthernetTooShort, "ethernet_too_short")                   \
  X(kEthernetTooLong, "ethernet_too_long")                     \
  X(kEthernetNotForUs, "ethernet_not_for_us")                  \
  X(kEthernetBadSource, "ethernet_bad_source")                 \
  X(kEthernetUnknownType, "ethernet_unknown_type")             \
  X(kArpTooShort, "arp_too_short")                             \
  X(kArpBadFormat, "arp_bad_format")                           \
  X(kArpBadOperation, "arp_bad_operation")                     \
  X(kArpBadSender, "arp_bad_sender")                           \
  X(kArpNotForUs, "arp_not_for_us")                            \
  X(kArpUnsolicited, "arp_unsolicited")                        \
  X(kIpv4TooShort, "ipv4_too_short")                           \
  X(kIpv4BadVersion, "ipv4_bad_version")                       \
  X(kIpv4BadHeaderLength, "ipv4_bad_header_length")            \
  X(kIpv4BadTotalLength, "ipv4_bad_total_length")              \
  X(kIpv4BadChecksum, "ipv4_bad_checksum")                     \
  X(kIpv4BadOptions, "ipv4_bad_options")                       \
  X(kIpv4SourceRoute, "ipv4_source_route")                     \
  X(kIpv4MartianSource, "ipv4_martian_source")                 \
  X(kIpv4MartianDestination, "ipv4_martian_destination")       \
  X(kIpv4NotForUs, "ipv4_not_for_us")                          \
  X(kIpv4UnicastInBroadcast, "ipv4_unicast_in_link_broadcast") \
  X(kIpv4Fragment, "ipv4_fragment")                            \
  X(kIpv4FragmentEmpty, "ipv4_fragment_empty")                 \
  X(kIpv4FragmentBadLength, "ipv4_fragment_bad_length")        \
  X(kIpv4FragmentTooLong, "ipv4_fragment_too_long")            \
  X(kIpv4FragmentDuplicate, "ipv4_fragment_duplicate")         \
  X(kIpv4FragmentOverlap, "ipv4_fragment_overlap")             \
  X(kIpv4FragmentBadEnd, "ipv4_fragment_bad_end")              \
  X(kIpv4FragmentTooMany, "ipv4_fragment_too_many")            \
  X(kIpv4FragmentBadEcn, "ipv4_fragment_bad_ecn")              \
  X(kIpv4FragmentNoMemory, "ipv4_fragment_no_memory")          \
  X(kIpv4FragmentAbandoned, "ipv4_fragment_abandoned")         \
  X(kIpv4UnknownProtocol, "ipv4_unknown_protocol")             \
  X(kIcmpTooShort, "icmp_too_short")                           \
  X(kIcmpBadChecksum, "icmp_bad_checksum")                     \
  X(kIcmpBadCode, "icmp_bad_code")                             \
  X(kIcmpBadQuote, "icmp_bad_quote")                           \
  X(kIcmpUnhandledType, "icmp_unhandled_type")                 \
  X(kIcmpBroadcast, "icmp_broadcast")                          \
  X(kUdpTooShort, "udp_too_short")                             \
  X(kUdpBadLength, "udp_bad_length")                           \
  X(kUdpBadChecksum, "udp_bad_checksum")                       \
  X(kUdpBadPort, "udp_bad_port")                               \
  X(kUdpPortUnreachable, "udp_port_unreachable")               \
  X(kUdpQueueFull, "udp_queue_full")                           \
  X(kTcpTooShort, "tcp_too_short")                             \
  X(kTcpBadDataOffset, "tcp_bad_data_offset")                  \
  X(kTcpBadChecksum, "tcp_bad_checksum")                       \
  X(kTcpBadOptions, "tcp_bad_options")                         \
  X(kTcpBadFlags, "tcp_bad_flags")                             \
  X(kTcpBadPort, "tcp_bad_port")                               \
  X(kTcpBroadcast, "tcp_broadcast")                            \
  X(kTcpPortClosed, "tcp_port_closed")                         \
  X(kTcpBadCookie, "tcp_bad_cookie")                           \
  X(kTcpListenerRst, "tcp_listener_rst")                       \
  X(kTcpListenerJunk, "tcp_listener_junk")                     \
  X(kTcpAcceptQueueFull, "tcp_accept_queue_full")              \
  X(kTcpNoConnection, "tcp_no_free_connection")                \
  X(kTcpHalfOpenFull, "tcp_half_open_full")                    \
  X(kTcpReplyQueueFull, "tcp_reply_queue_full")                \
  X(kTcpOutOfWindow, "tcp_out_of_window")                      \
  X(kTcpOutOfOrder, "tcp_out_of_order")                        \
  X(kTcpDuplicate, "tcp_duplicate")                            \
  X(kTcpBadRst, "tcp_bad_rst")                                 \
  X(kTcpUnexpectedSyn, "tcp_unexpected_syn")                   \
  X(kTcpMissingAck, "tcp_missing_ack")                         \
  X(kTcpBadAck, "tcp_bad_ack")                                 \
  X(kTcpNoBuffer, "tcp_no_buffer")                             \
  X(kTcpPaws, "tcp_paws")                                      \
  X(kTcpMissingTimestamp, "tcp_missing_timestamp")             \
  X(kTcpDataAfterClose, "tcp_data_after_close")                \
  X(kTcpTimeWait, "tcp_time_wait")                             \
  X(kDhcpTooShort, "dhcp_too_short")                           \
  X(kDhcpBadFormat, "dhcp_bad_format")                         \
  X(kDhcpBadCookie, "dhcp_bad_cookie")                         \
  X(kDhcpBadOption, "dhcp_bad_option")                         \
  X(kDhcpBadMessageType, "dhcp_bad_message_type")              \
  X(kDnsTooShort, "dns_too_short")                             \
  X(kDnsBadName, "dns_bad_name")                               \
  X(kDnsBadPointer, "dns_bad_pointer")                         \
  X(kDnsBadLabel, "dns_bad_label")                             \
  X(kDnsBadQuestion, "dns_bad_question")                       \
  X(kDnsBadRecord, "dns_bad_record")                           \
  X(kHttpTooShort, "http_too_short")                           \
  X(kHttpBadRequest, "http_bad_request")                       \
  X(kHttpUriTooLong, "http_uri_too_long")                      \
  X(kHttpHeadersTooLarge, "http_headers_too_large")            \
  X(kHttpBadVersion, "http_bad_version")                       \
  X(kHttpBadLength, "http_bad_length")                         \
  X(kHttpBadResponse, "http_bad_response")                     \
  X(kHttpBadCoding, "http_bad_coding")                         \
  X(kHttpBadChunk, "http_bad_chunk")                           \
  X(kHttpBodyTooLong, "http_body_too_long")                    \
  X(kHttpBodyTooShort, "http_body_too_short")

enum class Drop : uint8_t {
#define AETHER_DROP_ENUM(identifier, name) identifier,
  AETHER_DROPS(AETHER_DROP_ENUM)
#undef AETHER_DROP_ENUM
};

inline constexpr auto kDropNames = std::to_array<std::string_view>({
#define AETHER_DROP_NAME(identifier, name) name,
    AETHER_DROPS(AETHER_DROP_NAME)
#undef AETHER_DROP_NAME
});

inline constexpr size_t kDropCount = kDropNames.size();

constexpr size_t DropIndex(Drop drop) { return static_cast<size_t>(drop); }
constexpr std::string_view DropName(Drop drop) { return kDropNames[DropIndex(drop)]; }

}  // namespace aether
