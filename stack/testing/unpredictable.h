// Whether numbers look as if they could not be told in advance (P16): a set of tests that a good
// generator passes with a chance of failure below one in a million each, and that counters, clocks,
// linear congruences and short-lived randomness do not.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace aether::testing {

// What is suspicious about `values`, in the order in which they were drawn; empty if nothing is.
// The lowest `bits` bits of each count, [8, 32]; a few hundred values at least.
std::string Suspicion(std::span<const uint32_t> values, int bits);

}  // namespace aether::testing
