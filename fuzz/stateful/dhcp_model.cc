#include "fuzz/stateful/dhcp_model.h"

#include <algorithm>

#include "fuzz/target.h"
#include "fuzz/uncounted.h"

namespace aether::fuzz {
namespace {

// [RFC 1122 3.2.1.3] what one host on a network can have as its address.
bool IsHost(uint32_t address) {
  const uint32_t first = address >> 24;
  return first != 0 && first != 127 && first < 224;
}
bool IsHostWithin(uint32_t address, uint32_t mask) {
  if (!IsHost(address)) return false;
  const uint32_t host = address & ~mask;
  // In networks of one or two addresses all of them are hosts (RFC 3021).
  return mask >= 0xfffffffe || (host != 0 && host != ~mask);
}

uint32_t Long(const NaiveDhcp& options, unsigned code) {
  return NaiveLong(options.options[code], 0);
}

}  // namespace

AETHER_UNCOUNTED std::optional<DhcpModel::Address> DhcpModel::Sound(
    Bytes payload, const NaiveDhcp& options) const {
  if (!options.has[54] || !options.has[51]) return std::nullopt;
  const uint32_t server = Long(options, 54);
  if (!IsHost(server) || Long(options, 51) == 0) return std::nullopt;
  const uint32_t address = NaiveLong(payload, 16);
  uint32_t mask = 0xffffff00;
  if (address < 0x80000000u) {
    mask = 0xff000000;
  } else if (address < 0xc0000000u) {
    mask = 0xffff0000;
  }
  if (lease_) mask = lease_->mask;
  if (options.has[1]) mask = Long(options, 1);
  // Ones, then zeros.
  if (mask == 0) return std::nullopt;
  for (uint32_t bit = 0x80000000u, ended = 0; bit != 0; bit >>= 1) {
    if ((mask & bit) == 0) ended = 1;
    if (ended == 1 && (mask & bit) != 0) return std::nullopt;
  }
  if (!IsHostWithin(address, mask) || address == server) return std::nullopt;
  return Address{address, mask};
}

AETHER_UNCOUNTED DhcpModel::Verdict DhcpModel::Judge(State state, Bytes payload,
                                                     const MacAddress& mac, bool to_us) const {
  const NaiveDhcp options = NaiveParseDhcp(payload);
  if (!to_us || !options.is_valid || payload[0] != 2 || !xid_ || NaiveLong(payload, 4) != *xid_)
    return Verdict::kIgnored;
  if (!std::equal(mac.octets.begin(), mac.octets.end(), payload.begin() + 28))
    return Verdict::kIgnored;
  const unsigned type = options.options[53][0];
  if (type == 2) {
    return state == State::kSelecting && Sound(payload, options) ? Verdict::kOffer
                                                                 : Verdict::kIgnored;
  }
  // [RFC 2131 4.4] who may answer: whom the request named, or in REBINDING anybody.
  if (!options.has[54]) return Verdict::kIgnored;
  const uint32_t server = Long(options, 54);
  uint32_t address = 0;
  if (state == State::kRequesting) {
    if (server != offer_server_) return Verdict::kIgnored;
    address = offered_.address;
  } else if (state == State::kRenewing || state == State::kRebinding) {
    if (state == State::kRenewing && server != lease_server_) return Verdict::kIgnored;
    address = lease_ ? lease_->address : 0;
  } else {
    return Verdict::kIgnored;
  }
  if (type == 6) return Verdict::kNak;
  const auto sound = Sound(payload, options);
  return type == 5 && sound && sound->address == address ? Verdict::kAck : Verdict::kIgnored;
}

AETHER_UNCOUNTED void DhcpModel::OnTaken(Verdict verdict, Bytes payload, Instant now) {
  const NaiveDhcp options = NaiveParseDhcp(payload);
  switch (verdict) {
    case Verdict::kIgnored:
      return;
    case Verdict::kOffer:
      offered_ = *Sound(payload, options);
      offer_server_ = Long(options, 54);
      requested_at_ = now;
      return;
    case Verdict::kAck: {
      lease_ = Sound(payload, options);
      lease_server_ = Long(options, 54);
      const uint32_t seconds = Long(options, 51);
      // [RFC 2131 3.3] all ones: for ever. [RFC 2131 4.4.1] counted from the request.
      expires_at_ = seconds == 0xffffffff ? kNever : requested_at_ + std::chrono::seconds(seconds);
      return;
    }
    case Verdict::kNak:
      lease_.reset();
      ForgetNumber();
      return;
  }
}

AETHER_UNCOUNTED void DhcpModel::OnSent(State state, Bytes payload, bool is_broadcast,
                                        Instant now) {
  const NaiveDhcp options = NaiveParseDhcp(payload);
  FUZZ_CHECK(P12, options.is_valid && payload[0] == 1);
  xid_ = last_xid_ = NaiveLong(payload, 4);
  const unsigned type = options.options[53][0];
  const uint32_t client = NaiveLong(payload, 12);
  if (type == 1) {
    FUZZ_CHECK(P2, client == 0 && is_broadcast && !options.has[54]);
  } else if (type == 3 && options.has[54]) {
    // [RFC 2131 4.3.2] of what was offered.
    FUZZ_CHECK(P2, client == 0 && is_broadcast && options.has[50]);
    FUZZ_CHECK(P2, Long(options, 54) == offer_server_ && Long(options, 50) == offered_.address);
  } else if (type == 3) {
    // [RFC 2131 4.3.2] of what is held.
    FUZZ_CHECK(P2, lease_ && client == lease_->address && !options.has[50]);
    FUZZ_CHECK(P2, is_broadcast == (state == State::kRebinding));
    requested_at_ = now;
  } else {
    FUZZ_CHECK(P2, type == 7 && options.has[54]);
  }
}

}  // namespace aether::fuzz
