#include "stack/wire/dns_name.h"

#include <algorithm>

#include "stack/base/check.h"

namespace aether {
namespace {

constexpr uint8_t kTypeMask = 0xc0;
constexpr uint8_t kPointerType = 0xc0;
// No name can stand in the header, so no pointer leads there.
constexpr size_t kMessageHeaderSize = 12;

constexpr uint8_t ToLower(uint8_t octet) {
  return octet >= 'A' && octet <= 'Z' ? static_cast<uint8_t>(octet + ('a' - 'A')) : octet;
}

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes one character or escape off `text`.
std::expected<uint8_t, Drop> TakeOctet(std::string_view& text) {
  const auto take = [&text](size_t count, unsigned octet) {
    text.remove_prefix(count);
    return static_cast<uint8_t>(octet);
  };
  if (text[0] != '\\') return take(1, static_cast<unsigned char>(text[0]));
  if (text.size() < 2) return std::unexpected(Drop::kDnsBadName);
  if (!IsDigit(text[1])) return take(2, static_cast<unsigned char>(text[1]));
  if (text.size() < 4 || !IsDigit(text[2]) || !IsDigit(text[3]))
    return std::unexpected(Drop::kDnsBadName);
  const int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
  if (value > 255) return std::unexpected(Drop::kDnsBadName);
  return take(4, static_cast<unsigned>(value));
}

}  // namespace

bool DnsName::Append(Bytes label) {
  // The root label's octet is in size_ already; the new label takes its place and it moves behind.
  if (size_ + 1 + label.size() > kWireSizeMax) return false;
  octets_[size_ - 1u] = static_cast<uint8_t>(label.size());
  std::copy(label.begin(), label.end(), octets_.begin() + size_);
  size_ = static_cast<uint8_t>(size_ + 1 + label.size());
  octets_[size_ - 1u] = 0;
  return true;
}

std::expected<DnsName, Drop> DnsName::Parse(Bytes message, size_t offset, size_t& end) {
  DnsName name;
  size_t at = offset;
  size_t run_start = offset;  // where the labels being read began: what a pointer must lead before
  size_t pointers = 0;
  while (true) {
    // [RFC 9267 4] a name without its terminator ends with the message, not behind it.
    if (at >= message.size()) return std::unexpected(Drop::kDnsBadName);
    const uint8_t length = message[at];
    if ((length & kTypeMask) == kPointerType) {
      if (at + 1 >= message.size()) return std::unexpected(Drop::kDnsBadName);
      const size_t target = LoadBe<uint16_t>(message.data() + at) & 0x3fffu;
      // [RFC 9267 2] a pointer leads to an earlier offset than all that was read for it, so no
      // chain of them can loop.
      if (target < kMessageHeaderSize || target >= run_start)
        return std::unexpected(Drop::kDnsBadPointer);
      if (pointers == 0) end = at + 2;
      if (++pointers > kPointersMax) return std::unexpected(Drop::kDnsBadPointer);
      at = run_start = target;
      continue;
    }
    // [RFC 1035 4.1.4] the label types 01 and 10 are reserved; what is left cannot be longer
    // than 63.
    if ((length & kTypeMask) != 0) return std::unexpected(Drop::kDnsBadLabel);
    if (length == 0) {
      if (pointers == 0) end = at + 1;
      return name;
    }
    if (length > message.size() - at - 1) return std::unexpected(Drop::kDnsBadName);
    // [RFC 9267 3] the whole name is held to 255 octets, whatever pointers it is made of.
    if (!name.Append(message.subspan(at + 1, length))) return std::unexpected(Drop::kDnsBadName);
    at += 1u + length;
  }
}

std::expected<DnsName, Drop> DnsName::FromText(std::string_view text) {
  DnsName name;
  if (text == ".") return name;
  if (text.empty()) return std::unexpected(Drop::kDnsBadName);
  std::array<uint8_t, kLabelSizeMax> label;
  size_t label_size = 0;
  while (!text.empty()) {
    if (text[0] != '.') {
      const auto octet = TakeOctet(text);
      if (!octet) return std::unexpected(octet.error());
      if (label_size == kLabelSizeMax) return std::unexpected(Drop::kDnsBadLabel);
      label[label_size++] = *octet;
      if (!text.empty()) continue;
    } else {
      text.remove_prefix(1);
    }
    if (label_size == 0) return std::unexpected(Drop::kDnsBadLabel);
    if (!name.Append(Bytes(label).first(label_size))) return std::unexpected(Drop::kDnsBadName);
    label_size = 0;
  }
  return name;
}

size_t DnsName::Emit(MutableBytes out) const {
  AETHER_CHECK(out.size() >= size_);
  std::copy_n(octets_.begin(), size_, out.begin());
  return size_;
}

size_t DnsName::WriteText(std::span<char> out) const {
  AETHER_CHECK(out.size() >= kTextSizeMax);
  if (IsRoot()) {
    out[0] = '.';
    return 1;
  }
  size_t size = 0;
  for (size_t at = 0; octets_[at] != 0; at += 1u + octets_[at]) {
    if (at != 0) out[size++] = '.';
    for (const uint8_t octet : wire().subspan(at + 1, octets_[at])) {
      if (octet <= ' ' || octet >= 0x7f) {
        out[size++] = '\\';
        out[size++] = static_cast<char>('0' + octet / 100);
        out[size++] = static_cast<char>('0' + octet / 10 % 10);
        out[size++] = static_cast<char>('0' + octet % 10);
        continue;
      }
      if (std::string_view(".\\\"();@$").find(static_cast<char>(octet)) != std::string_view::npos) {
        out[size++] = '\\';
      }
      out[size++] = static_cast<char>(octet);
    }
  }
  return size;
}

bool DnsName::operator==(const DnsName& other) const {
  // Length octets are below 64 and no letters, so they compare with the rest.
  return std::ranges::equal(wire(), other.wire(), {}, ToLower, ToLower);
}

}  // namespace aether
