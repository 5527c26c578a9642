// Seeds from the kernel: the only entropy that the program reads.
#pragma once

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "stack/base/check.h"
#include "stack/base/random.h"

namespace aether::runtime {

// Waits until the kernel's generator is ready, which after boot it is.
inline Seed EntropySeed() {
  Seed seed{};
  uint8_t bytes[sizeof seed];
  size_t filled = 0;
  while (filled < sizeof bytes) {
    const ssize_t got = ::getrandom(bytes + filled, sizeof bytes - filled, 0);
    if (got > 0) filled += static_cast<size_t>(got);
    // Interrupted is tried again; nothing else can happen on a kernel that has TAP devices.
    AETHER_CHECK(got > 0 || errno == EINTR);
  }
  std::memcpy(seed.data(), bytes, sizeof bytes);
  return seed;
}

}  // namespace aether::runtime
