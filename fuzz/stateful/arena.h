// Large blocks for the stacks of a target. A fresh stack per execution is a dozen blocks of some
// tens of KiB, always the same ones; from an allocator with a quarantine each would be new memory,
// and page faults would take four fifths of the time. arena.cc replaces operator new and delete:
// blocks of kLargeBytes and more are kept for the next execution, poisoned for AddressSanitizer
// while nobody owns them, with redzones between them, and filled with kNonce when somebody does
// (P6).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"

namespace aether::fuzz {

inline constexpr size_t kLargeBytes = 2048;
inline constexpr uint64_t kNonce = 0xd3a5'1fc9'7eb2'6c4du;

// True when eight bytes of the nonce stand anywhere in `bytes`: memory that nobody wrote to has
// got out.
bool HoldsNonce(Bytes bytes);

// Large blocks that somebody owns. Between executions: the same as before the first one.
size_t LargeBlocksInUse();

}  // namespace aether::fuzz
