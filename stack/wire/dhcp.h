// DHCP messages (RFC 2131 section 2, options of RFC 2132). A view is born only from Parse, which
// walks every option field once, bounded; a host-order struct with Emit writes what clients and
// servers say. Ethernet only. Left out: joining options that were split over several instances (RFC
// 3396): of an option that stands twice the first counts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"
#include "stack/wire/address.h"

namespace aether {

inline constexpr uint16_t kDhcpServerPort = 67;
inline constexpr uint16_t kDhcpClientPort = 68;

enum class DhcpType : uint8_t {
  kDiscover = 1,
  kOffer = 2,
  kRequest = 3,
  kDecline = 4,
  kAck = 5,
  kNak = 6,
  kRelease = 7,
  kInform = 8,
};

enum class DhcpOptionCode : uint8_t {
  kPad = 0,
  kSubnetMask = 1,
  kRouter = 3,
  kDns = 6,
  kRequestedAddress = 50,
  kLeaseTime = 51,
  kOverload = 52,
  kMessageType = 53,
  kServerId = 54,
  kParameterList = 55,
  kRenewalTime = 58,
  kRebindingTime = 59,
  kClientId = 61,
  kEnd = 255,
};

// Walks one option field. It always advances or ends.
class DhcpOptionIterator {
 public:
  explicit DhcpOptionIterator(Bytes field) : rest_(field) {}

  // The next option's code and data. False at the end option, at the end of the field, and on a
  // length that leads out of it.
  bool Next(uint8_t& code, Bytes& data);
  bool malformed() const { return malformed_; }

 private:
  Bytes rest_;
  bool malformed_ = false;
};

// Up to so many addresses of a list option are kept; the rest are ignored.
inline constexpr size_t kDhcpAddressesMax = 4;

// IPv4 addresses of a list option (routers, DNS servers), most preferred first.
struct DhcpAddressList {
  std::array<Ipv4Address, kDhcpAddressesMax> addresses{};
  uint8_t count = 0;
  constexpr bool operator==(const DhcpAddressList&) const = default;
};

// What a message says, host order.
struct DhcpMessage {
  DhcpType type = DhcpType::kDiscover;
  uint32_t xid = 0;
  uint16_t secs = 0;
  bool broadcast = false;
  Ipv4Address client_address;  // ciaddr
  Ipv4Address your_address;    // yiaddr
  Ipv4Address next_server;     // siaddr
  Ipv4Address relay_address;   // giaddr
  MacAddress client_mac;       // chaddr
  std::optional<Ipv4Address> requested_address;
  std::optional<Ipv4Address> server_id;
  std::optional<uint32_t> lease_seconds;
  std::optional<uint32_t> renewal_seconds;    // T1
  std::optional<uint32_t> rebinding_seconds;  // T2
  std::optional<uint32_t> subnet_mask;
  DhcpAddressList routers;
  DhcpAddressList dns_servers;
  // Written as option 61, hardware type and address; not read back by Parse.
  bool with_client_id = false;
  // Written as option 55, what our client can use; not read back by Parse.
  bool with_parameter_list = false;

  // [RFC 1542 2.1] BOOTP messages shorter than 300 bytes are padded, because some relays and
  // servers discard them.
  static constexpr size_t kSizeMin = 300;
  // No Emit writes more.
  static constexpr size_t kSizeMax = 340;

  // Messages of this type are sent by clients (op BOOTREQUEST).
  static constexpr bool IsFromClient(DhcpType type) {
    return type != DhcpType::kOffer && type != DhcpType::kAck && type != DhcpType::kNak;
  }

  // Writes the message, padded to kSizeMin; `out` must hold kSizeMax bytes. Returns the size.
  size_t Emit(MutableBytes out) const;
  constexpr bool operator==(const DhcpMessage&) const = default;
};

class DhcpView {
 public:
  static constexpr size_t kFixedSize = 236;
  // Fixed part and magic cookie.
  static constexpr size_t kSizeMin = kFixedSize + 4;
  static constexpr uint32_t kMagicCookie = 0x63825363;

  // `payload` is that of a UDP datagram. Rejects what is not DHCP over Ethernet, any option whose
  // length leads out of its field, and known options whose length is not theirs. A field may end
  // without the end option: RFC 2131 4.1 wants it there, but nothing is ambiguous without it.
  static std::expected<DhcpView, Drop> Parse(Bytes payload);

  // The op field says BOOTREPLY.
  bool IsReply() const { return data_[0] == 2; }
  DhcpType type() const { return message_.type; }
  uint32_t xid() const { return message_.xid; }
  Ipv4Address your_address() const { return message_.your_address; }
  MacAddress client_mac() const { return message_.client_mac; }
  std::optional<Ipv4Address> server_id() const { return message_.server_id; }
  std::optional<Ipv4Address> requested_address() const { return message_.requested_address; }
  std::optional<uint32_t> lease_seconds() const { return message_.lease_seconds; }
  std::optional<uint32_t> renewal_seconds() const { return message_.renewal_seconds; }
  std::optional<uint32_t> rebinding_seconds() const { return message_.rebinding_seconds; }
  std::optional<uint32_t> subnet_mask() const { return message_.subnet_mask; }
  const DhcpAddressList& routers() const { return message_.routers; }
  const DhcpAddressList& dns_servers() const { return message_.dns_servers; }
  // Everything at once; with_client_id and with_parameter_list are false.
  const DhcpMessage& message() const { return message_; }
  // Data of the first instance of any option, in the order options, file, sname; empty when it is
  // not there.
  Bytes Option(DhcpOptionCode code) const;

 private:
  // The fields that hold options; file and sname only when option 52 says so.
  struct Fields {
    std::array<Bytes, 3> at;
    size_t count = 0;
  };

  DhcpView(Bytes data, const DhcpMessage& message, const Fields& fields)
      : data_(data), message_(message), fields_(fields) {}
  static std::expected<Fields, Drop> FindFields(Bytes payload);
  static bool ReadOption(uint8_t code, Bytes data, DhcpMessage& message, bool& has_type);

  Bytes data_;
  DhcpMessage message_;
  Fields fields_;
};

}  // namespace aether
