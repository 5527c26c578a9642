// Domain names (RFC 1035 3.1): decoded from a message with its compression pointers followed (RFC
// 9267 says how that goes wrong), encoded from text, compared without regard to case. A name is a
// value of fixed size and needs no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "stack/base/bytes.h"
#include "stack/base/drop.h"

namespace aether {

class DnsName {
 public:
  // Both count what stands on the wire: length octets, and the root label at the end.
  static constexpr size_t kWireSizeMax = 255;
  static constexpr size_t kLabelSizeMax = 63;
  // Every octet escaped as \DDD, and the dots.
  static constexpr size_t kTextSizeMax = 4 * kWireSizeMax;
  // Pointers followed for one name. A useful pointer leads to a label, and a name has at most 127
  // of them.
  static constexpr size_t kPointersMax = 127;

  // The root.
  constexpr DnsName() = default;

  // Decodes the name at `offset` of `message`, pointers followed; `end` becomes the offset behind
  // the name where it stands, not behind what a pointer led to.
  static std::expected<DnsName, Drop> Parse(Bytes message, size_t offset, size_t& end);

  // From presentation form (RFC 1035 5.1): labels with dots between, the last dot optional, "." for
  // the root, \X and
  // \DDD escapes. An empty text is no name.
  static std::expected<DnsName, Drop> FromText(std::string_view text);

  // The uncompressed wire form, root label included.
  Bytes wire() const { return Bytes(octets_).first(size_); }
  bool IsRoot() const { return size_ == 1; }

  // Writes and returns wire().size() octets; `out` must hold them.
  size_t Emit(MutableBytes out) const;

  // Writes the presentation form without the last dot ("." for the root) and returns its size;
  // `out` must hold kTextSizeMax characters. Octets that are not plain visible ASCII are escaped,
  // so the text can be logged.
  size_t WriteText(std::span<char> out) const;

  // [RFC 1035 2.3.3] names are compared without regard to the case of ASCII letters.
  bool operator==(const DnsName& other) const;

 private:
  // Appends a label that the caller has checked to be in [1, kLabelSizeMax] octets long; false when
  // the name would not fit with its root label.
  bool Append(Bytes label);

  std::array<uint8_t, kWireSizeMax> octets_{};
  uint8_t size_ = 1;
};

}  // namespace aether
