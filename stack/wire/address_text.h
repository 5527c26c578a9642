// Addresses as people write them: "A.B.C.D", "A.B.C.D/N" and "aa:bb:cc:dd:ee:ff", strictly; nothing
// for anything else.
#pragma once

#include <optional>
#include <string_view>

#include "stack/wire/address.h"

namespace aether {

std::optional<Ipv4Address> ParseAddress(std::string_view text);
std::optional<Ipv4Network> ParseNetwork(std::string_view text);
std::optional<MacAddress> ParseMac(std::string_view text);

}  // namespace aether
