// Counts every lock that this program takes through the C library: mutexes and reader-writer locks.
// Whoever links this file gets replaced functions that call the real ones.
#pragma once

#include <cstdint>

namespace aether::bench {

uint64_t LockCount();

}  // namespace aether::bench
