#include "stack/tcp/cubic.h"

#include <algorithm>

namespace aether::tcp::cubic {

uint64_t CubeRoot(uint64_t value) {
  // Bit by bit from the top (Hacker's Delight 11-2): at most 22 steps.
  uint64_t root = 0;
  for (int shift = 63; shift >= 0; shift -= 3) {
    root *= 2;
    const uint64_t candidate = 3 * root * (root + 1) + 1;
    if ((value >> shift) >= candidate) {
      value -= candidate << shift;
      ++root;
    }
  }
  return root;
}

uint32_t PlateauTimeMs(uint32_t distance_bytes, uint32_t mss_bytes) {
  // t^3 = segments / 0.4 s^3 = segments * 2.5e9 ms^3.
  const uint64_t cubed = uint64_t{distance_bytes} * 2'500'000'000u / mss_bytes;
  return static_cast<uint32_t>(CubeRoot(cubed));
}

uint32_t WindowAt(uint32_t origin_bytes, uint32_t plateau_ms, uint64_t elapsed_ms,
                  uint32_t mss_bytes) {
  // Beyond 1000 s the window is anything that a peer could ever admit.
  const int64_t offset = std::clamp<int64_t>(
      static_cast<int64_t>(std::min<uint64_t>(elapsed_ms, 1u << 30)) - plateau_ms, -1'000'000,
      1'000'000);
  // 0.4 mss offset^3 / 1e9, the order of the operations keeping it within 64 bits: |offset|^3 <=
  // 1e18.
  const int64_t cubed = offset * offset * offset / 1'000'000;  // <= 1e12
  const int64_t delta = cubed * static_cast<int64_t>(mss_bytes) / 2500;
  const int64_t window = static_cast<int64_t>(origin_bytes) + delta;
  return static_cast<uint32_t>(std::clamp<int64_t>(window, mss_bytes, 0x40000000));
}

}  // namespace aether::tcp::cubic
