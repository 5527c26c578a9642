// What the tests of reassembly share: fragments from plain values, written without wire/.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/wire/address.h"
#include "stack/wire/ipv4.h"

namespace aether::net {

using ByteVector = std::vector<uint8_t>;

struct FragmentSpec {
  Ipv4Address source = Ipv4Address::Of(10, 0, 0, 1);
  Ipv4Address destination = Ipv4Address::Of(10, 0, 0, 2);
  uint8_t protocol = 17;
  uint16_t identification = 1;
  uint32_t offset = 0;
  bool more = true;
  ByteVector payload{};
  uint8_t type_of_service = 0;
  size_t option_bytes = 0;  // no-operation options, a multiple of 4
};

// A position-coded payload: byte k of datagram `seed`.
inline uint8_t Coded(size_t position, uint32_t seed) {
  const uint32_t mixed = (static_cast<uint32_t>(position) + seed * 977u) * 2654435761u;
  return static_cast<uint8_t>(mixed >> 24);
}
inline ByteVector CodedBytes(size_t offset, size_t size, uint32_t seed) {
  ByteVector bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = Coded(offset + i, seed);
  return bytes;
}

inline ByteVector BuildFragment(const FragmentSpec& spec) {
  const size_t header = 20 + spec.option_bytes;
  const size_t total = header + spec.payload.size();
  const uint32_t word = spec.offset / 8 + (spec.more ? 0x2000u : 0u);
  const auto high = [](uint32_t value) { return static_cast<uint8_t>(value >> 8 & 0xff); };
  const auto low = [](uint32_t value) { return static_cast<uint8_t>(value & 0xff); };
  const uint32_t size = static_cast<uint32_t>(total);
  ByteVector packet{static_cast<uint8_t>(0x40 + header / 4),
                    spec.type_of_service,
                    high(size),
                    low(size),
                    high(spec.identification),
                    low(spec.identification),
                    high(word),
                    low(word),
                    64,
                    spec.protocol,
                    0,
                    0};
  for (const Ipv4Address address : {spec.source, spec.destination}) {
    for (int shift = 24; shift >= 0; shift -= 8) packet.push_back(low(address.value >> shift));
  }
  packet.insert(packet.end(), spec.option_bytes, 1);
  uint32_t sum = 0;
  for (size_t i = 0; i < header; i += 2) sum += packet[i] * 256u + packet[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  packet[10] = high(~sum);
  packet[11] = low(~sum);
  packet.insert(packet.end(), spec.payload.begin(), spec.payload.end());
  return packet;
}

// A packet in memory of exactly its size, and its view.
class ExactPacket {
 public:
  explicit ExactPacket(const ByteVector& bytes)
      : bytes_(new uint8_t[bytes.size()]), view_(Copy(bytes)) {}
  explicit ExactPacket(const FragmentSpec& spec) : ExactPacket(BuildFragment(spec)) {}
  const Ipv4View& view() const { return view_; }

 private:
  Ipv4View Copy(const ByteVector& bytes) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
    const std::expected<Ipv4View, Drop> view = Ipv4View::Parse({bytes_.get(), bytes.size()});
    AETHER_CHECK(view.has_value());
    return *view;
  }
  std::unique_ptr<uint8_t[]> bytes_;
  Ipv4View view_;
};

}  // namespace aether::net
