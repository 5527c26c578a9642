// The curve of CUBIC (RFC 9438 4.2) in integers: W(t) = C (t - K)^3 + origin, C = 0.4 segments per
// cubic second.
#pragma once

#include <cstdint>

namespace aether::tcp::cubic {

// K = cbrt(distance / C): how long the curve takes back to where it was, milliseconds.
uint32_t PlateauTimeMs(uint32_t distance_bytes, uint32_t mss_bytes);

// The window `elapsed_ms` after the beginning of the stage, bytes; never below one segment.
uint32_t WindowAt(uint32_t origin_bytes, uint32_t plateau_ms, uint64_t elapsed_ms,
                  uint32_t mss_bytes);

// The integer part of the cube root.
uint64_t CubeRoot(uint64_t value);

}  // namespace aether::tcp::cubic
