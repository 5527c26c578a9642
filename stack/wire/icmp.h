// ICMP for IPv4 (RFC 792): echo, and the errors that quote a datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/drop.h"
#include "stack/wire/checksum.h"

namespace aether {

enum class IcmpType : uint8_t {
  kEchoReply = 0,
  kDestinationUnreachable = 3,
  kSourceQuench = 4,
  kRedirect = 5,
  kEchoRequest = 8,
  kTimeExceeded = 11,
  kParameterProblem = 12,
  kTimestampRequest = 13,
  kTimestampReply = 14,
};

enum class UnreachableCode : uint8_t {
  kNetwork = 0,
  kHost = 1,
  kProtocol = 2,
  kPort = 3,
  kFragmentationNeeded = 4
};

// [RFC 1122 3.2.2] the types that report an error about another datagram; no error is ever sent
// about one of these.
constexpr bool IcmpTypeIsError(uint8_t type) {
  switch (static_cast<IcmpType>(type)) {
    case IcmpType::kDestinationUnreachable:
    case IcmpType::kSourceQuench:
    case IcmpType::kRedirect:
    case IcmpType::kTimeExceeded:
    case IcmpType::kParameterProblem:
      return true;
    default:
      return false;
  }
}

class IcmpView {
 public:
  static constexpr size_t kHeaderSize = 8;

  // Checks length and checksum, which covers the whole message.
  static std::expected<IcmpView, Drop> Parse(Bytes message) {
    if (message.size() < kHeaderSize) return std::unexpected(Drop::kIcmpTooShort);
    if (!SumIsValid(SumBytes(message))) return std::unexpected(Drop::kIcmpBadChecksum);
    return IcmpView(message);
  }

  uint8_t type() const { return message_[0]; }
  uint8_t code() const { return message_[1]; }
  // The second word: identifier and sequence number of an echo, next-hop MTU (low half) of code 4
  // (RFC 1191).
  uint32_t rest_of_header() const { return Rest::Load(message_.data()); }
  // Echo data, or the quoted datagram of an error.
  Bytes payload() const { return message_.subspan(kHeaderSize); }

 private:
  friend struct IcmpHeader;
  using ChecksumField = Field<uint16_t, 2>;
  using Rest = Field<uint32_t, 4>;
  explicit IcmpView(Bytes message) : message_(message) {}
  Bytes message_;
};

struct IcmpHeader {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t rest_of_header = 0;

  static constexpr size_t kSize = IcmpView::kHeaderSize;

  // Writes the header before a payload that already stands at out[kSize..]; the checksum covers all
  // of `out`. Returns out.size().
  size_t Emit(MutableBytes out) const {
    AETHER_CHECK(out.size() >= kSize);
    uint8_t* at = out.data();
    at[0] = type;
    at[1] = code;
    IcmpView::ChecksumField::Store(at, 0);
    IcmpView::Rest::Store(at, rest_of_header);
    IcmpView::ChecksumField::Store(at, ChecksumOf(SumBytes(out)));
    return out.size();
  }
  constexpr bool operator==(const IcmpHeader&) const = default;
};

}  // namespace aether
