#include "stack/wire/dhcp.h"

#include <cstring>

#include "stack/base/check.h"

namespace aether {
namespace {

using Op = Field<uint8_t, 0>;
using HardwareType = Field<uint8_t, 1>;
using HardwareLength = Field<uint8_t, 2>;
using Xid = Field<uint32_t, 4>;
using Secs = Field<uint16_t, 8>;
using Flags = Field<uint16_t, 10>;
using ClientAddress = Field<uint32_t, 12>;
using YourAddress = Field<uint32_t, 16>;
using NextServer = Field<uint32_t, 20>;
using RelayAddress = Field<uint32_t, 24>;
inline constexpr size_t kClientMacOffset = 28;
inline constexpr size_t kSnameOffset = 44;
inline constexpr size_t kSnameSize = 64;
inline constexpr size_t kFileOffset = 108;
inline constexpr size_t kFileSize = 128;
using Cookie = Field<uint32_t, DhcpView::kFixedSize>;
static_assert(kFileOffset + kFileSize == DhcpView::kFixedSize);

inline constexpr uint16_t kBroadcastFlag = 0x8000;
inline constexpr uint8_t kEthernet = 1;

constexpr uint8_t Code(DhcpOptionCode code) { return static_cast<uint8_t>(code); }

bool ReadWord(Bytes data, std::optional<uint32_t>& into) {
  if (data.size() != 4) return false;
  if (!into) into = LoadBe<uint32_t>(data.data());
  return true;
}

bool ReadAddress(Bytes data, std::optional<Ipv4Address>& into) {
  if (data.size() != 4) return false;
  if (!into) into = Ipv4Address{LoadBe<uint32_t>(data.data())};
  return true;
}

// [RFC 2132 3.5] a list of addresses has at least one, and its length is a multiple of 4.
bool ReadAddresses(Bytes data, DhcpAddressList& into) {
  if (data.empty() || data.size() % 4 != 0) return false;
  if (into.count != 0) return true;
  for (size_t at = 0; at < data.size() && into.count < kDhcpAddressesMax; at += 4) {
    into.addresses[into.count++] = {LoadBe<uint32_t>(data.data() + at)};
  }
  return true;
}

// Writes options behind the cookie.
class OptionWriter {
 public:
  explicit OptionWriter(uint8_t* at) : at_(at) {}

  void Byte(DhcpOptionCode code, uint8_t value) {
    *at_++ = Code(code);
    *at_++ = 1;
    *at_++ = value;
  }
  void Word(DhcpOptionCode code, std::optional<uint32_t> value) {
    if (!value) return;
    *at_++ = Code(code);
    *at_++ = 4;
    StoreBe<uint32_t>(at_, *value);
    at_ += 4;
  }
  void Address(DhcpOptionCode code, std::optional<Ipv4Address> address) {
    if (address) Word(code, address->value);
  }
  void Addresses(DhcpOptionCode code, const DhcpAddressList& list) {
    if (list.count == 0) return;
    AETHER_CHECK(list.count <= kDhcpAddressesMax);
    *at_++ = Code(code);
    *at_++ = static_cast<uint8_t>(list.count * 4);
    for (size_t i = 0; i < list.count; ++i, at_ += 4)
      StoreBe<uint32_t>(at_, list.addresses[i].value);
  }
  // [RFC 2132 9.14] hardware type and address are what a client without another name is called by.
  void ClientId(const MacAddress& mac) {
    *at_++ = Code(DhcpOptionCode::kClientId);
    *at_++ = 1 + MacAddress::kSize;
    *at_++ = kEthernet;
    mac.Store(at_);
    at_ += MacAddress::kSize;
  }
  void ParameterList() {
    static constexpr DhcpOptionCode kWanted[] = {
        DhcpOptionCode::kSubnetMask, DhcpOptionCode::kRouter,      DhcpOptionCode::kDns,
        DhcpOptionCode::kLeaseTime,  DhcpOptionCode::kRenewalTime, DhcpOptionCode::kRebindingTime};
    *at_++ = Code(DhcpOptionCode::kParameterList);
    *at_++ = static_cast<uint8_t>(std::size(kWanted));
    for (DhcpOptionCode code : kWanted) *at_++ = Code(code);
  }
  uint8_t* End() {
    *at_++ = Code(DhcpOptionCode::kEnd);
    return at_;
  }

 private:
  uint8_t* at_;
};

}  // namespace

bool DhcpOptionIterator::Next(uint8_t& code, Bytes& data) {
  while (!rest_.empty() && rest_[0] == Code(DhcpOptionCode::kPad)) rest_ = rest_.subspan(1);
  if (rest_.empty() || rest_[0] == Code(DhcpOptionCode::kEnd)) return false;
  // [RFC 2132 section 2] the length octet does not count the code and itself.
  if (rest_.size() < 2 || size_t{rest_[1]} + 2 > rest_.size()) {
    malformed_ = true;
    rest_ = {};
    return false;
  }
  code = rest_[0];
  data = rest_.subspan(2, rest_[1]);
  rest_ = rest_.subspan(size_t{rest_[1]} + 2);
  return true;
}

std::expected<DhcpView::Fields, Drop> DhcpView::FindFields(Bytes payload) {
  Fields fields;
  fields.at[fields.count++] = payload.subspan(kSizeMin);
  uint8_t overload = 0;
  DhcpOptionIterator walk(fields.at[0]);
  uint8_t code;
  Bytes data;
  while (walk.Next(code, data)) {
    if (code != Code(DhcpOptionCode::kOverload) || overload != 0) continue;
    // [RFC 2132 9.3] 1: file holds options, 2: sname, 3: both.
    if (data.size() != 1 || data[0] < 1 || data[0] > 3)
      return std::unexpected(Drop::kDhcpBadOption);
    overload = data[0];
  }
  if (walk.malformed()) return std::unexpected(Drop::kDhcpBadOption);
  // [RFC 2131 4.1] the options field is read first, then file, then sname.
  if ((overload & 1) != 0) fields.at[fields.count++] = payload.subspan(kFileOffset, kFileSize);
  if ((overload & 2) != 0) fields.at[fields.count++] = payload.subspan(kSnameOffset, kSnameSize);
  return fields;
}

bool DhcpView::ReadOption(uint8_t code, Bytes data, DhcpMessage& message, bool& has_type) {
  switch (static_cast<DhcpOptionCode>(code)) {
    case DhcpOptionCode::kMessageType:
      if (data.size() != 1) return false;
      if (!has_type) message.type = static_cast<DhcpType>(data[0]);
      has_type = true;
      return true;
    case DhcpOptionCode::kSubnetMask:
      return ReadWord(data, message.subnet_mask);
    case DhcpOptionCode::kLeaseTime:
      return ReadWord(data, message.lease_seconds);
    case DhcpOptionCode::kRenewalTime:
      return ReadWord(data, message.renewal_seconds);
    case DhcpOptionCode::kRebindingTime:
      return ReadWord(data, message.rebinding_seconds);
    case DhcpOptionCode::kRequestedAddress:
      return ReadAddress(data, message.requested_address);
    case DhcpOptionCode::kServerId:
      return ReadAddress(data, message.server_id);
    case DhcpOptionCode::kRouter:
      return ReadAddresses(data, message.routers);
    case DhcpOptionCode::kDns:
      return ReadAddresses(data, message.dns_servers);
    default:
      return true;  // [RFC 2132 section 2] options that are not known are skipped by their length
  }
}

std::expected<DhcpView, Drop> DhcpView::Parse(Bytes payload) {
  if (payload.size() < kSizeMin) return std::unexpected(Drop::kDhcpTooShort);
  const uint8_t* at = payload.data();
  if (Op::Load(at) < 1 || Op::Load(at) > 2 || HardwareType::Load(at) != kEthernet ||
      HardwareLength::Load(at) != MacAddress::kSize) {
    return std::unexpected(Drop::kDhcpBadFormat);
  }
  // [RFC 2131 section 3] the options begin with the magic cookie 99.130.83.99.
  if (Cookie::Load(at) != kMagicCookie) return std::unexpected(Drop::kDhcpBadCookie);

  const std::expected<Fields, Drop> fields = FindFields(payload);
  if (!fields) return std::unexpected(fields.error());

  DhcpMessage message;
  message.xid = Xid::Load(at);
  message.secs = Secs::Load(at);
  message.broadcast = (Flags::Load(at) & kBroadcastFlag) != 0;
  message.client_address = {ClientAddress::Load(at)};
  message.your_address = {YourAddress::Load(at)};
  message.next_server = {NextServer::Load(at)};
  message.relay_address = {RelayAddress::Load(at)};
  message.client_mac = MacAddress::Load(at + kClientMacOffset);
  bool has_type = false;
  for (size_t i = 0; i < fields->count; ++i) {
    DhcpOptionIterator walk(fields->at[i]);
    uint8_t code;
    Bytes data;
    while (walk.Next(code, data)) {
      if (!ReadOption(code, data, message, has_type)) return std::unexpected(Drop::kDhcpBadOption);
    }
    if (walk.malformed()) return std::unexpected(Drop::kDhcpBadOption);
  }
  // [RFC 2131 section 3] a message without a type is BOOTP, not DHCP; and op and type must agree on
  // who speaks.
  if (!has_type || message.type < DhcpType::kDiscover || message.type > DhcpType::kInform ||
      DhcpMessage::IsFromClient(message.type) != (Op::Load(at) == 1)) {
    return std::unexpected(Drop::kDhcpBadMessageType);
  }
  return DhcpView(payload, message, *fields);
}

Bytes DhcpView::Option(DhcpOptionCode wanted) const {
  for (size_t i = 0; i < fields_.count; ++i) {
    DhcpOptionIterator walk(fields_.at[i]);
    uint8_t code;
    Bytes data;
    while (walk.Next(code, data)) {
      if (code == Code(wanted)) return data;
    }
  }
  return {};
}

size_t DhcpMessage::Emit(MutableBytes out) const {
  AETHER_CHECK(out.size() >= kSizeMax);
  uint8_t* at = out.data();
  std::memset(at, 0, kSizeMax);
  Op::Store(at, IsFromClient(type) ? 1 : 2);
  HardwareType::Store(at, kEthernet);
  HardwareLength::Store(at, MacAddress::kSize);
  Xid::Store(at, xid);
  Secs::Store(at, secs);
  Flags::Store(at, broadcast ? kBroadcastFlag : 0);
  ClientAddress::Store(at, client_address.value);
  YourAddress::Store(at, your_address.value);
  NextServer::Store(at, next_server.value);
  RelayAddress::Store(at, relay_address.value);
  client_mac.Store(at + kClientMacOffset);
  Cookie::Store(at, DhcpView::kMagicCookie);

  OptionWriter options(at + DhcpView::kSizeMin);
  options.Byte(DhcpOptionCode::kMessageType, static_cast<uint8_t>(type));
  if (with_client_id) options.ClientId(client_mac);
  options.Address(DhcpOptionCode::kRequestedAddress, requested_address);
  options.Address(DhcpOptionCode::kServerId, server_id);
  options.Word(DhcpOptionCode::kLeaseTime, lease_seconds);
  options.Word(DhcpOptionCode::kRenewalTime, renewal_seconds);
  options.Word(DhcpOptionCode::kRebindingTime, rebinding_seconds);
  options.Word(DhcpOptionCode::kSubnetMask, subnet_mask);
  options.Addresses(DhcpOptionCode::kRouter, routers);
  options.Addresses(DhcpOptionCode::kDns, dns_servers);
  if (with_parameter_list) options.ParameterList();
  const size_t size = static_cast<size_t>(options.End() - at);
  AETHER_CHECK(size <= kSizeMax);
  return size < kSizeMin ? kSizeMin : size;
}

}  // namespace aether
