// UDP (RFC 768): the smallest header, and the pattern for all of them. A view is born only from
// Parse and cannot fail afterwards; a host-order struct with Emit writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/drop.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ipv4.h"

namespace aether {

class UdpView {
 public:
  static constexpr size_t kHeaderSize = 8;

  // `data` is the payload of an IPv4 packet; bytes after the UDP length are ignored.
  static std::expected<UdpView, Drop> Parse(Bytes data) {
    if (data.size() < kHeaderSize) return std::unexpected(Drop::kUdpTooShort);
    const size_t length = Length::Load(data.data());
    if (length < kHeaderSize || length > data.size()) return std::unexpected(Drop::kUdpBadLength);
    return UdpView(data.first(length));
  }

  uint16_t source_port() const { return SourcePort::Load(datagram_.data()); }
  uint16_t destination_port() const { return DestinationPort::Load(datagram_.data()); }
  uint16_t length() const { return Length::Load(datagram_.data()); }
  uint16_t checksum() const { return ChecksumField::Load(datagram_.data()); }
  Bytes payload() const { return datagram_.subspan(kHeaderSize); }

  // [RFC 1122 4.1.3.4] zero means that the sender computed none; any other value must match.
  bool ChecksumIsValid(Ipv4Address source, Ipv4Address destination) const {
    if (checksum() == 0) return true;
    return SumIsValid(SumAdd(
        SumPseudoHeader(source, destination, static_cast<uint8_t>(IpProtocol::kUdp), length()),
        SumBytes(datagram_)));
  }

 private:
  friend struct UdpHeader;
  using SourcePort = Field<uint16_t, 0>;
  using DestinationPort = Field<uint16_t, 2>;
  using Length = Field<uint16_t, 4>;
  using ChecksumField = Field<uint16_t, 6>;
  explicit UdpView(Bytes datagram) : datagram_(datagram) {}
  Bytes datagram_;
};

struct UdpHeader {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;

  static constexpr size_t kSize = UdpView::kHeaderSize;

  // Writes the header before a payload that already stands at out[kSize..]; `out` is the whole
  // datagram, at most 65,535 bytes. Returns out.size().
  size_t Emit(MutableBytes out, Ipv4Address source, Ipv4Address destination) const {
    AETHER_CHECK(out.size() >= kSize && out.size() <= 0xffff);
    uint8_t* at = out.data();
    const uint16_t length = static_cast<uint16_t>(out.size());
    UdpView::SourcePort::Store(at, source_port);
    UdpView::DestinationPort::Store(at, destination_port);
    UdpView::Length::Store(at, length);
    UdpView::ChecksumField::Store(at, 0);
    const uint16_t checksum = ChecksumOf(
        SumAdd(SumPseudoHeader(source, destination, static_cast<uint8_t>(IpProtocol::kUdp), length),
               SumBytes(out)));
    // [RFC 768] a computed checksum of zero is sent as all ones.
    UdpView::ChecksumField::Store(at, checksum == 0 ? 0xffff : checksum);
    return out.size();
  }
  constexpr bool operator==(const UdpHeader&) const = default;
};

}  // namespace aether
