// The states of a DHCP client (RFC 2131 4.4, figure 5) with a look at the wire only: what the
// client has sent, what it was sent, and so where it must be. Written from the RFC; of stack/app it
// knows the names of the states.
#pragma once

#include <cstdint>
#include <optional>

#include "fuzz/naive_dhcp.h"
#include "stack/app/dhcp_client.h"
#include "stack/base/bytes.h"
#include "stack/base/time.h"

namespace aether::fuzz {

class DhcpModel {
 public:
  using State = app::DhcpState;
  enum class Verdict : uint8_t { kIgnored, kOffer, kAck, kNak };

  struct Address {
    uint32_t address = 0;
    uint32_t mask = 0;
    bool operator==(const Address&) const = default;
  };

  // What the message has to lead to in `state`. `to_us`: from the server's port to the client's.
  Verdict Judge(State state, Bytes payload, const MacAddress& mac, bool to_us) const;
  // It led to that.
  void OnTaken(Verdict verdict, Bytes payload, Instant now);
  // The client has sent this.
  void OnSent(State state, Bytes payload, bool is_broadcast, Instant now);
  // It has begun anew, or it has changed its number and nothing was sent.
  void ForgetNumber() { xid_.reset(); }

  std::optional<uint32_t> xid() const { return xid_; }
  uint32_t last_xid() const { return last_xid_; }
  uint32_t offered() const { return offered_.address; }
  uint32_t offer_server() const { return offer_server_; }
  const std::optional<Address>& lease() const { return lease_; }
  uint32_t lease_server() const { return lease_server_; }
  Instant expires_at() const { return expires_at_; }
  void OnLost() { lease_.reset(); }

 private:
  // Address and mask, when everything in an OFFER or ACK can be true.
  std::optional<Address> Sound(Bytes payload, const NaiveDhcp& options) const;

  std::optional<uint32_t> xid_;
  uint32_t last_xid_ = 0;
  Address offered_;
  uint32_t offer_server_ = 0;
  Instant requested_at_;
  std::optional<Address> lease_;
  uint32_t lease_server_ = 0;
  Instant expires_at_ = kNever;
};

}  // namespace aether::fuzz
