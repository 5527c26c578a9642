#include "stack/wire/address_text.h"

#include <charconv>
#include <cstddef>

namespace aether {
namespace {

bool ParseOctet(std::string_view text, uint8_t& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  // A leading zero means octal to some and decimal to others.
  if (base == 10 && text.size() > 1 && text[0] == '0') return false;
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::optional<Ipv4Address> ParseAddress(std::string_view text) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const std::string_view part = text.substr(0, dot);
    uint8_t octet = 0;
    if (!ParseOctet(part, octet)) return std::nullopt;
    value = value << 8 | octet;
    text.remove_prefix(i < 3 ? dot + 1 : dot);
  }
  return Ipv4Address{value};
}

std::optional<Ipv4Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<Ipv4Address> address = ParseAddress(text.substr(0, slash));
  uint8_t length = 0;
  if (!address || !ParseOctet(text.substr(slash + 1), length) || length > 32) return std::nullopt;
  return Ipv4Network{*address, length};
}

std::optional<MacAddress> ParseMac(std::string_view text) {
  MacAddress mac;
  if (text.size() != 17) return std::nullopt;
  for (size_t i = 0; i < 6; ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') return std::nullopt;
    if (!ParseOctet(text.substr(i * 3, 2), mac.octets[i], 16)) return std::nullopt;
  }
  return mac;
}

}  // namespace aether
