// A DHCP client (RFC 2131 section 4.4): obtains, renews, rebinds and gives back the address of a
// stack. It takes decisions from events and times alone.
//
// Departures, each for a reason: the first DISCOVER goes out at once and is repeated after 1, 2, 4
// ... 64 s instead of 4, 8 ... 64 s, because after 5 s without a lease the stack gets a fixed
// address (as the original's did) while the search goes on; the first acceptable offer is taken.
// Left out: INIT-REBOOT, and probing the address by ARP before it is used (the stack has no such
// call), hence DECLINE. While the fixed address is in use, broadcasts carry it as their source.
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>

#include "stack/base/random.h"
#include "stack/stack.h"
#include "stack/wire/dhcp.h"

namespace aether::app {

struct DhcpLimits {
  Duration fallback_after = std::chrono::seconds(5);
  Ipv4Network fallback{Ipv4Address::Of(192, 168, 1, 2), 24};
  // Doubled each time, with a random part of up to a quarter and 1 s either way.
  Duration retry_first = std::chrono::seconds(1);
  Duration retry_max = std::chrono::seconds(64);
  // Requests for one offer before the search starts anew.
  uint32_t requests_max = 4;
  // [RFC 2131 4.4.5] renewals are repeated after half the time that is left, but not more often
  // than this.
  Duration renewal_retry_min = std::chrono::seconds(60);
  // An offer of a shorter lease is refused: nobody can make the client renew all the time.
  uint32_t lease_seconds_min = 1;
};

struct DhcpOptions {
  uint16_t owner = 0;
  Seed seed{};
  DhcpLimits limits;
};

struct DhcpCounters {
  uint64_t discovers = 0;
  uint64_t requests = 0;  // renewals included
  uint64_t releases = 0;
  uint64_t unsent = 0;     // messages that the stack could not send
  uint64_t offers = 0;     // accepted
  uint64_t acks = 0;       // accepted
  uint64_t naks = 0;       // accepted
  uint64_t malformed = 0;  // datagrams that are no DHCP message
  uint64_t ignored = 0;    // not ours, not expected now, or not from whom it must be
  uint64_t refused = 0;    // ours, but with an address, mask, lease or server that cannot be
  uint64_t expiries = 0;
  uint64_t fallbacks = 0;
};

enum class DhcpState : uint8_t { kStopped, kSelecting, kRequesting, kBound, kRenewing, kRebinding };
std::string_view DhcpStateName(DhcpState state);

struct DhcpLease {
  Ipv4Network network;  // the address that was leased, and its mask
  std::optional<Ipv4Address> gateway;
  DhcpAddressList dns_servers;
  Ipv4Address server;
  // kNever for a lease without end.
  Instant renew_at = kNever;   // T1
  Instant rebind_at = kNever;  // T2
  Instant expires_at = kNever;
};

class DhcpClient {
 public:
  // Binds the client port and starts the search; the stack outlives the client.
  static std::expected<std::unique_ptr<DhcpClient>, Error> Create(Stack& stack,
                                                                  const DhcpOptions& options,
                                                                  Instant now);
  DhcpClient(const DhcpClient&) = delete;
  DhcpClient& operator=(const DhcpClient&) = delete;

  // An event of the client's socket.
  void OnEvent(const Event& event, Instant now);
  void Advance(Instant now);
  Instant NextDeadline() const { return std::min(wake_, fallback_at_); }

  // For a clean end: gives the lease back and stops. The address stays so that what is queued can
  // leave: Transmit afterwards. [RFC 2131 4.4.6]
  void Release(Instant now);

  DhcpState state() const { return state_; }
  // In kBound, kRenewing and kRebinding.
  const std::optional<DhcpLease>& lease() const { return lease_; }
  // The fixed address is in use.
  bool on_fallback() const { return on_fallback_; }
  const DhcpCounters& counters() const { return counters_; }

 private:
  struct Offer {
    Ipv4Address address;
    Ipv4Address server;
  };

  DhcpClient(Stack& stack, UdpSocketId socket, const DhcpOptions& options, Instant now);

  void StartSearch(Instant now);
  void RestartAfterNak(Instant now);
  void OnWake(Instant now);

  void OnDatagram(const Datagram& datagram, Instant now);
  void OnOffer(const DhcpView& view, Instant now);
  void OnAck(const DhcpView& view, Instant now);
  void OnNak(const DhcpView& view, Instant now);
  bool IsFromExpectedServer(const DhcpView& view) const;
  std::optional<DhcpLease> LeaseFrom(const DhcpView& view) const;
  void SetTimes(const DhcpView& view, DhcpLease& lease) const;
  void LoseLease();

  void SendDiscover(Instant now);
  void SendRequest(Instant now);
  void SendRenewal(Instant now);
  DhcpMessage NewMessage(DhcpType type, Instant now) const;
  void Send(const DhcpMessage& message, Ipv4Address to);
  Duration Backoff(uint32_t attempt);
  bool HasLease() const { return lease_.has_value(); }

  Stack& stack_;
  const UdpSocketId socket_;
  const DhcpOptions options_;
  Random random_;

  DhcpState state_ = DhcpState::kStopped;
  uint32_t xid_ = 0;
  Instant started_;       // of this search or renewal, for the secs field
  Instant request_sent_;  // leases count from the first request of an exchange
  uint16_t secs_ = 0;     // of the last DISCOVER
  uint32_t attempts_ = 0;
  uint32_t requests_ = 0;
  uint32_t naks_in_a_row_ = 0;
  Offer offer_;
  std::optional<DhcpLease> lease_;
  Instant wake_ = kNever;  // the next retransmission or change of state
  Instant fallback_at_ = kNever;
  bool on_fallback_ = false;
  DhcpCounters counters_;
};

}  // namespace aether::app
