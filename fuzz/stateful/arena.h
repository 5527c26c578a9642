// Memory for the stacks of a target. arena.cc replaces operator new and delete.
//
// A fresh stack per execution is a dozen blocks of some tens of KiB, always the same ones; from an
// allocator with a quarantine each would be new memory, and page faults would take four fifths of
// the time. Within an ArenaScope blocks of kLargeBytes and more are kept for the next execution,
// poisoned for AddressSanitizer while nobody owns them, with redzones between them, and filled with
// kNonce when somebody does (P6).
//
// Of the rest, half would be the allocator and libFuzzer's hooks in it. Within an Execution small
// blocks are cut from one region one behind the other, with redzones, and none is used twice before
// the next Execution begins: what is read or written after its time is seen whenever it is, and a
// block that is still owned at the end is a leak (P5). There is no record of who asked for a block;
// with AETHER_FUZZ_MALLOC in the environment, or an observer, everything comes from malloc instead,
// which knows: reports of findings are made like that.
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

void FillWithNonce(MutableBytes bytes);
// From the first to the last line of LLVMFuzzerTestOneInput. Nothing that lives longer may be
// allocated within; small blocks that are still owned at its end fail P5.
class Execution {
 public:
  Execution();
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
};

// True when the nonce stands anywhere in `bytes`: memory that nobody wrote to has got out.
bool HoldsNonce(Bytes bytes);

// Large blocks that somebody owns. Between executions: none.
size_t LargeBlocksInUse();

}  // namespace aether::fuzz
