// Frames as one readable line, for traces and for the messages of failed tests. Any bytes will do.
#pragma once

#include <string>

#include "stack/base/bytes.h"
#include "stack/base/time.h"
#include "stack/wire/address.h"

namespace aether::device {

// For example "IP 10.0.0.1.40000 > 10.0.0.2.80: S seq 1 win 64240 [mss 1460]". What is wrong with a
// frame stands in parentheses. No newline.
std::string DescribeFrame(Bytes frame);

// "0.001234 < " and the frame: seconds since the origin of the clock, and the direction as a
// character.
std::string TraceLine(Instant when, char direction, Bytes frame);

std::string ToString(Ipv4Address address);
std::string ToString(const MacAddress& mac);

}  // namespace aether::device
