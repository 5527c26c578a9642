// What the replay mains do besides replaying: an input as a readable text, with the frames that it
// made, and as a pcap; and a text as an input.
#pragma once

#include <string>
#include <vector>

#include "stack/base/bytes.h"

namespace aether::fuzz {

// Prints `input` as a text that Encode reads. Of a target with a grammar it is carried out, and
// what happened stands in comments below each record; `pcap`, if not empty, gets the frames. Of
// others it is bytes, and the pcap has them at their layer. Returns a sentence about what went
// wrong, empty for nothing.
std::string Decode(const std::string& target, Bytes input, const std::string& pcap);

// The text alone, without carrying anything out.
std::string TextOf(Bytes input);

// The way back. The sentence is empty when `out` holds the input.
std::string Encode(const std::string& text, std::vector<uint8_t>& out);

}  // namespace aether::fuzz
