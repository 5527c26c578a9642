// IPv4 headers (RFC 791): validation, the option walk, and emission without options.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/drop.h"
#include "stack/wire/address.h"
#include "stack/wire/checksum.h"

namespace aether {

enum class IpProtocol : uint8_t { kIcmp = 1, kIgmp = 2, kTcp = 6, kUdp = 17 };

enum class Ipv4OptionKind : uint8_t {
  kEnd = 0,
  kNop = 1,
  kRecordRoute = 7,
  kTimestamp = 68,
  kSecurity = 130,
  kLooseSourceRoute = 131,
  kStrictSourceRoute = 137,
  kRouterAlert = 148,
};

// Walks the options of a header; always advances or ends. `malformed()` tells a bad length from a
// proper end.
class Ipv4OptionIterator {
 public:
  explicit Ipv4OptionIterator(Bytes options) : rest_(options) {}

  // The next option's kind and data (without kind and length). False at the end and on a malformed
  // length.
  bool Next(uint8_t& kind, Bytes& data) {
    while (!rest_.empty() && rest_[0] == static_cast<uint8_t>(Ipv4OptionKind::kNop))
      rest_ = rest_.subspan(1);
    if (rest_.empty() || rest_[0] == static_cast<uint8_t>(Ipv4OptionKind::kEnd)) return false;
    if (rest_.size() < 2 || rest_[1] < 2 || rest_[1] > rest_.size()) {
      malformed_ = true;
      rest_ = {};
      return false;
    }
    kind = rest_[0];
    data = rest_.subspan(2, rest_[1] - 2u);
    rest_ = rest_.subspan(rest_[1]);
    return true;
  }
  bool malformed() const { return malformed_; }

 private:
  Bytes rest_;
  bool malformed_ = false;
};

class Ipv4View {
 public:
  static constexpr size_t kHeaderSizeMin = 20;
  static constexpr size_t kHeaderSizeMax = 60;

  // Checks version, lengths, header checksum and the shape of the options. Bytes after the total
  // length are padding.
  static std::expected<Ipv4View, Drop> Parse(Bytes packet) {
    if (packet.size() < kHeaderSizeMin) return std::unexpected(Drop::kIpv4TooShort);
    const uint8_t* at = packet.data();
    // [RFC 1122 3.2.1.1] a datagram whose version is not 4 is silently discarded.
    if ((at[0] >> 4) != 4) return std::unexpected(Drop::kIpv4BadVersion);
    const size_t header_size = size_t{at[0] & 0x0fu} * 4;
    if (header_size < kHeaderSizeMin || header_size > packet.size()) {
      return std::unexpected(Drop::kIpv4BadHeaderLength);
    }
    const size_t total_length = TotalLength::Load(at);
    if (total_length < header_size || total_length > packet.size()) {
      return std::unexpected(Drop::kIpv4BadTotalLength);
    }
    // [RFC 1122 3.2.1.2] the header checksum of every datagram is verified.
    if (!SumIsValid(SumHeader(at, header_size))) return std::unexpected(Drop::kIpv4BadChecksum);
    if (header_size > kHeaderSizeMin) [[unlikely]] {
      Ipv4OptionIterator walk(packet.subspan(kHeaderSizeMin, header_size - kHeaderSizeMin));
      uint8_t kind;
      Bytes data;
      while (walk.Next(kind, data)) {
      }
      if (walk.malformed()) return std::unexpected(Drop::kIpv4BadOptions);
    }
    return Ipv4View(packet.first(total_length), header_size);
  }

  size_t header_size() const { return header_size_; }
  uint8_t type_of_service() const { return packet_[1]; }
  uint16_t total_length() const { return TotalLength::Load(packet_.data()); }
  uint16_t identification() const { return Identification::Load(packet_.data()); }
  bool dont_fragment() const { return (FragmentWord::Load(packet_.data()) & 0x4000) != 0; }
  bool more_fragments() const { return (FragmentWord::Load(packet_.data()) & 0x2000) != 0; }
  uint32_t fragment_offset_bytes() const {
    return (FragmentWord::Load(packet_.data()) & 0x1fffu) * 8;
  }
  bool IsFragment() const { return (FragmentWord::Load(packet_.data()) & 0x3fff) != 0; }
  uint8_t time_to_live() const { return packet_[8]; }
  uint8_t protocol() const { return packet_[9]; }
  Ipv4Address source() const { return {SourceField::Load(packet_.data())}; }
  Ipv4Address destination() const { return {DestinationField::Load(packet_.data())}; }
  Bytes options() const { return packet_.subspan(kHeaderSizeMin, header_size_ - kHeaderSizeMin); }
  Bytes payload() const { return packet_.subspan(header_size_); }
  // Header and payload, without padding.
  Bytes packet() const { return packet_; }

 private:
  friend struct Ipv4Header;
  using TotalLength = Field<uint16_t, 2>;
  using Identification = Field<uint16_t, 4>;
  using FragmentWord = Field<uint16_t, 6>;
  using HeaderChecksum = Field<uint16_t, 10>;
  using SourceField = Field<uint32_t, 12>;
  using DestinationField = Field<uint32_t, 16>;

  Ipv4View(Bytes packet, size_t header_size) : packet_(packet), header_size_(header_size) {}
  Bytes packet_;
  size_t header_size_;
};

// A header without options.
struct Ipv4Header {
  uint8_t type_of_service = 0;
  uint16_t payload_length = 0;  // at most 65,515
  uint16_t identification = 0;
  bool dont_fragment = false;
  bool more_fragments = false;
  uint16_t fragment_offset_bytes = 0;  // a multiple of 8
  uint8_t time_to_live = 64;
  uint8_t protocol = 0;
  Ipv4Address source{};
  Ipv4Address destination{};

  static constexpr size_t kSize = Ipv4View::kHeaderSizeMin;

  // Writes and returns kSize bytes, checksum included; `out` must hold them.
  size_t Emit(MutableBytes out) const {
    AETHER_CHECK(out.size() >= kSize && payload_length <= 0xffff - kSize &&
                 fragment_offset_bytes % 8 == 0);
    uint8_t* at = out.data();
    at[0] = 0x45;
    at[1] = type_of_service;
    Ipv4View::TotalLength::Store(at, static_cast<uint16_t>(kSize + payload_length));
    Ipv4View::Identification::Store(at, identification);
    Ipv4View::FragmentWord::Store(
        at, static_cast<uint16_t>((dont_fragment ? 0x4000u : 0u) | (more_fragments ? 0x2000u : 0u) |
                                  fragment_offset_bytes / 8u));
    at[8] = time_to_live;
    at[9] = protocol;
    Ipv4View::HeaderChecksum::Store(at, 0);
    Ipv4View::SourceField::Store(at, source.value);
    Ipv4View::DestinationField::Store(at, destination.value);
    Ipv4View::HeaderChecksum::Store(at, ChecksumOf(SumHeader(at, kSize)));
    return kSize;
  }
  constexpr bool operator==(const Ipv4Header&) const = default;
};

}  // namespace aether
