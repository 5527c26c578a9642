// Ethernet II frames (IEEE 802.3 clause 3). No VLAN tags: they arrive as an unknown type. The frame
// check sequence is the device's business and never seen here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "stack/base/bytes.h"
#include "stack/base/check.h"
#include "stack/base/drop.h"
#include "stack/wire/address.h"

namespace aether {

enum class EtherType : uint16_t { kIpv4 = 0x0800, kArp = 0x0806, kVlan = 0x8100, kIpv6 = 0x86dd };

// Values below this in the type field are 802.3 lengths, not types.
inline constexpr uint16_t kEtherTypeMin = 0x0600;

class EthernetView {
 public:
  static constexpr size_t kHeaderSize = 14;

  static std::expected<EthernetView, Drop> Parse(Bytes frame) {
    if (frame.size() < kHeaderSize) return std::unexpected(Drop::kEthernetTooShort);
    return EthernetView(frame);
  }

  MacAddress destination() const { return MacAddress::Load(frame_.data()); }
  MacAddress source() const { return MacAddress::Load(frame_.data() + MacAddress::kSize); }
  uint16_t type() const { return TypeField::Load(frame_.data()); }
  // What follows the header, padding included; the upper layer's own length says where it ends.
  Bytes payload() const { return frame_.subspan(kHeaderSize); }

 private:
  using TypeField = Field<uint16_t, 12>;
  explicit EthernetView(Bytes frame) : frame_(frame) {}
  Bytes frame_;
};

struct EthernetHeader {
  MacAddress destination{};
  MacAddress source{};
  uint16_t type = 0;

  static constexpr size_t kSize = EthernetView::kHeaderSize;
  // Writes and returns kSize bytes; `out` must hold them.
  size_t Emit(MutableBytes out) const {
    AETHER_CHECK(out.size() >= kSize);
    destination.Store(out.data());
    source.Store(out.data() + MacAddress::kSize);
    StoreBe<uint16_t>(out.data() + 2 * MacAddress::kSize, type);
    return kSize;
  }
  constexpr bool operator==(const EthernetHeader&) const = default;
};

}  // namespace aether
