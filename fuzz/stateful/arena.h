// Large blocks for the stacks of a target. A fresh stack per execution is a dozen blocks of some
// tens of KiB, always the same ones; from an allocator with a quarantine each would be new memory,
// and page faults would take four fifths of the time. arena.cc replaces operator new and delete:
// within an ArenaScope blocks of kLargeBytes and more are kept for the next execution, poisoned for
// AddressSanitizer while nobody owns them, with redzones between them, and filled with kNonce when
// somebody does (P6). Everything else comes from malloc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"

namespace aether::fuzz {

inline constexpr size_t kLargeBytes = 2048;
// The same four bytes over and over, so that eleven of them in a row show at any alignment.
inline constexpr uint64_t kNonce = 0xd3a5'1fc9'd3a5'1fc9u;

class ArenaScope {
 public:
  ArenaScope();
  ~ArenaScope();
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;
};

// True when the nonce stands anywhere in `bytes`: memory that nobody wrote to has got out.
bool HoldsNonce(Bytes bytes);

// Large blocks that somebody owns. Between executions: none.
size_t LargeBlocksInUse();

}  // namespace aether::fuzz
