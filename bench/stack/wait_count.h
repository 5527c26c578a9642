// Counts every call of the C library that gives the processor away: sleeping, yielding, polling.
// Whoever links this file gets replaced functions that call the real ones.
#pragma once

#include <cstdint>

namespace aether::bench {

uint64_t WaitCount();

}  // namespace aether::bench
