// TCP headers (RFC 9293 3.1). The options are wire/tcp_options.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/drop.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/seq.h"

namespace aether {

// Control bits, as they stand in byte 13.
namespace tcp_flags {
inline constexpr uint8_t kFin = 0x01;
inline constexpr uint8_t kSyn = 0x02;
inline constexpr uint8_t kRst = 0x04;
inline constexpr uint8_t kPsh = 0x08;
inline constexpr uint8_t kAck = 0x10;
inline constexpr uint8_t kUrg = 0x20;
inline constexpr uint8_t kEce = 0x40;
inline constexpr uint8_t kCwr = 0x80;
}  // namespace tcp_flags

class TcpView {
 public:
  static constexpr size_t kHeaderSizeMin = 20;
  static constexpr size_t kHeaderSizeMax = 60;

  // `segment` is the payload of an IPv4 packet. Checks the lengths; the checksum needs the
  // addresses, see below.
  static std::expected<TcpView, Drop> Parse(Bytes segment) {
    if (segment.size() < kHeaderSizeMin) return std::unexpected(Drop::kTcpTooShort);
    const size_t header_size = size_t{segment[12]} >> 4 << 2;
    if (header_size < kHeaderSizeMin || header_size > segment.size()) {
      return std::unexpected(Drop::kTcpBadDataOffset);
    }
    return TcpView(segment, header_size);
  }

  uint16_t source_port() const { return SourcePort::Load(segment_.data()); }
  uint16_t destination_port() const { return DestinationPort::Load(segment_.data()); }
  Seq sequence() const { return Seq(SequenceField::Load(segment_.data())); }
  Seq acknowledgment() const { return Seq(AcknowledgmentField::Load(segment_.data())); }
  uint8_t flags() const { return segment_[13]; }
  uint16_t window() const { return Window::Load(segment_.data()); }
  uint16_t urgent_pointer() const { return UrgentPointer::Load(segment_.data()); }
  size_t header_size() const { return header_size_; }
  Bytes options() const { return segment_.subspan(kHeaderSizeMin, header_size_ - kHeaderSizeMin); }
  Bytes payload() const { return segment_.subspan(header_size_); }

  // [RFC 9293 3.1 MUST-3] the receiver checks the checksum.
  bool ChecksumIsValid(Ipv4Address source, Ipv4Address destination) const {
    return SumIsValid(
        SumFold(TotalOfPseudoHeader(source, destination, static_cast<uint8_t>(IpProtocol::kTcp),
                                    static_cast<uint16_t>(segment_.size())) +
                SumBytes(segment_)));
  }

 private:
  friend struct TcpHeader;
  using SourcePort = Field<uint16_t, 0>;
  using DestinationPort = Field<uint16_t, 2>;
  using SequenceField = Field<uint32_t, 4>;
  using AcknowledgmentField = Field<uint32_t, 8>;
  using Window = Field<uint16_t, 14>;
  using ChecksumField = Field<uint16_t, 16>;
  using UrgentPointer = Field<uint16_t, 18>;

  TcpView(Bytes segment, size_t header_size) : segment_(segment), header_size_(header_size) {}
  Bytes segment_;
  size_t header_size_;
};

struct TcpHeader {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  Seq sequence{};
  Seq acknowledgment{};
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t urgent_pointer = 0;
  // Padded to a multiple of 4 by whoever wrote them, at most 40 bytes; they may stand in their
  // place already.
  Bytes options{};

  static constexpr size_t kSizeMin = TcpView::kHeaderSizeMin;
  size_t Size() const { return kSizeMin + options.size(); }

  // Writes the header and its checksum before a payload that already stands behind it.
  // `payload_sum` is the sum (wire/checksum.h) of those `payload_size` bytes. Returns the size of
  // the segment.
  size_t Emit(MutableBytes out, Ipv4Address source, Ipv4Address destination, size_t payload_size,
              uint16_t payload_sum) const {
    const size_t header_size = Size();
    AETHER_CHECK(options.size() % 4 == 0 && options.size() <= 40 &&
                 out.size() >= header_size + payload_size);
    uint8_t* at = out.data();
    TcpView::SourcePort::Store(at, source_port);
    TcpView::DestinationPort::Store(at, destination_port);
    TcpView::SequenceField::Store(at, sequence.value());
    TcpView::AcknowledgmentField::Store(at, acknowledgment.value());
    at[12] = static_cast<uint8_t>(header_size << 2);
    at[13] = flags;
    TcpView::Window::Store(at, window);
    TcpView::ChecksumField::Store(at, 0);
    TcpView::UrgentPointer::Store(at, urgent_pointer);
    if (!options.empty() && options.data() != at + kSizeMin)
      std::memcpy(at + kSizeMin, options.data(), options.size());
    const uint16_t length = static_cast<uint16_t>(header_size + payload_size);
    const uint64_t total =
        TotalOfPseudoHeader(source, destination, static_cast<uint8_t>(IpProtocol::kTcp), length) +
        TotalOfHeader(at, header_size) + payload_sum;
    // [RFC 9293 3.1 MUST-2] the sender generates the checksum.
    TcpView::ChecksumField::Store(at, ChecksumOf(SumFold(total)));
    return header_size + payload_size;
  }
};

}  // namespace aether
