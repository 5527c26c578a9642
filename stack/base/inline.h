// AETHER_INLINE: for the few functions that every packet goes through, and whose call would take as
// much as what they do. Defined in a header or above its callers; everywhere else the compiler
// decides.
#pragma once

#define AETHER_INLINE inline __attribute__((always_inline))
