#include "fuzz/stateful/arena.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "fuzz/stateful/observer.h"
#include "fuzz/target.h"
#include "fuzz/uncounted.h"
#include "stack/testing/plain_loops.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AETHER_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define AETHER_ASAN 1
#endif
#if defined(AETHER_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size) (static_cast<void>(begin))
#define ASAN_UNPOISON_MEMORY_REGION(begin, size) (static_cast<void>(begin))
#endif

namespace aether::fuzz {
namespace {

constexpr size_t kRegionBytes = size_t{6} << 20;
constexpr size_t kAlignment = 64;
// Between two blocks, and before the first one.
constexpr size_t kRedzoneBytes = 128;
constexpr size_t kBlocksMax = 256;

struct Block {
  uint8_t* begin;
  size_t bytes;
  bool owned;
};

alignas(kAlignment) uint8_t region[kRegionBytes];
std::array<Block, kBlocksMax> blocks;
size_t block_count = 0;
size_t region_used = 0;
size_t scopes = 0;

// Memory that is ours, in whole words and what is left.
AETHER_PLAIN_LOOP void Fill(uint8_t* begin, size_t bytes) {
  uint64_t* const words = reinterpret_cast<uint64_t*>(begin);
  for (size_t i = 0; i < bytes / 8; ++i) words[i] = kNonce;
  for (size_t i = bytes / 8 * 8; i < bytes; ++i)
    begin[i] = static_cast<uint8_t>(kNonce >> (i % 8 * 8));
}

AETHER_UNCOUNTED void* TakeBlock(size_t bytes) {
  for (size_t i = 0; i < block_count; ++i) {
    Block& block = blocks[i];
    if (block.owned || block.bytes != bytes) continue;
    block.owned = true;
    ASAN_UNPOISON_MEMORY_REGION(block.begin, bytes);
    Fill(block.begin, bytes);
    return block.begin;
  }
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (block_count == kBlocksMax || kRegionBytes - region_used < rounded + 2 * kRedzoneBytes) {
    return nullptr;
  }
  if (region_used == 0) {
    ASAN_POISON_MEMORY_REGION(region, kRegionBytes);
    region_used = kRedzoneBytes;
  }
  uint8_t* const begin = region + region_used;
  region_used += rounded + kRedzoneBytes;
  blocks[block_count++] = {begin, bytes, true};
  ASAN_UNPOISON_MEMORY_REGION(begin, bytes);
  Fill(begin, bytes);
  return begin;
}

// False when it is none of ours.
AETHER_UNCOUNTED bool ReturnBlock(void* memory) {
  uint8_t* const begin = static_cast<uint8_t*>(memory);
  if (begin < region || begin >= region + kRegionBytes) return false;
  for (size_t i = 0; i < block_count; ++i) {
    Block& block = blocks[i];
    if (block.begin != begin) continue;
    // Given back twice.
    if (!block.owned) std::abort();
    block.owned = false;
    ASAN_POISON_MEMORY_REGION(begin, block.bytes);
    return true;
  }
  std::abort();
}

// --- Small blocks of one execution ---

constexpr size_t kSmallRegionBytes = size_t{4} << 20;
constexpr uint64_t kOwned = 0x6f776e6564213a29u;
constexpr uint64_t kGivenBack = 0x676976656e213a29u;

// Stands before each block; the sanitizer lets nobody else touch it.
struct SmallHeader {
  uint64_t bytes;
  uint64_t state;
};
static_assert(sizeof(SmallHeader) % alignof(std::max_align_t) == 0);

alignas(kAlignment) uint8_t small_region[kSmallRegionBytes];
size_t small_used = 0;
size_t small_owned = 0;
bool is_executing = false;

AETHER_PLAIN_LOOP void* TakeSmall(size_t bytes, size_t alignment) {
  alignment = std::max(alignment, alignof(std::max_align_t));
  const size_t begin = (small_used + sizeof(SmallHeader) + alignment - 1) / alignment * alignment;
  // The redzone behind it: up to the next header, which is one, too.
  const size_t end = begin + (bytes + 15) / 16 * 16 + 16;
  if (end > kSmallRegionBytes) return nullptr;
  if (small_used == 0) ASAN_POISON_MEMORY_REGION(small_region, kSmallRegionBytes);
  small_used = end;
  ++small_owned;
  uint8_t* const block = small_region + begin;
  *reinterpret_cast<SmallHeader*>(block - sizeof(SmallHeader)) = {bytes, kOwned};
  for (size_t at = 0; at < bytes; at += 8) {
    *reinterpret_cast<uint64_t*>(block + at) = kNonce;
  }
  ASAN_UNPOISON_MEMORY_REGION(block, bytes);
  return block;
}

// False when it is none of ours.
AETHER_PLAIN_LOOP bool ReturnSmall(void* memory) {
  uint8_t* const block = static_cast<uint8_t*>(memory);
  if (block < small_region || block >= small_region + kSmallRegionBytes) return false;
  auto* const header = reinterpret_cast<SmallHeader*>(block - sizeof(SmallHeader));
  // Given back twice, or never taken.
  if (header->state != kOwned) std::abort();
  header->state = kGivenBack;
  --small_owned;
  ASAN_POISON_MEMORY_REGION(block, header->bytes);
  return true;
}

// What is still owned at the end, by its size: who asked for it shows with AETHER_FUZZ_MALLOC.
AETHER_PLAIN_LOOP void NoteOwned() {
  for (size_t at = 0; at + sizeof(SmallHeader) <= small_used; at += 16) {
    const auto* const header = reinterpret_cast<const SmallHeader*>(small_region + at);
    if (header->state == kOwned)
      std::fprintf(stderr, "still owned: %zu bytes\n", static_cast<size_t>(header->bytes));
  }
}

void* Allocate(size_t bytes, size_t alignment = 1) {
  if (scopes > 0 && bytes >= kLargeBytes && alignment <= kAlignment) {
    if (void* const block = TakeBlock(bytes)) return block;
  }
  if (is_executing && bytes < kLargeBytes && alignment <= kAlignment) {
    if (void* const block = TakeSmall(bytes, alignment)) return block;
  }
  if (alignment > alignof(std::max_align_t)) {
    void* const aligned =
        std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (aligned == nullptr) std::abort();
    return aligned;
  }
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  return memory;
}

void Release(void* memory) {
  if (!ReturnSmall(memory) && !ReturnBlock(memory)) std::free(memory);
}

}  // namespace

ArenaScope::ArenaScope() { ++scopes; }
ArenaScope::~ArenaScope() { --scopes; }

Execution::Execution() {
  static const bool uses_malloc = std::getenv("AETHER_FUZZ_MALLOC") != nullptr;
  if (uses_malloc || CurrentObserver() != nullptr) return;
  // All of it was given back and is poisoned.
  small_used = std::min<size_t>(small_used, 1);
  is_executing = true;
}

Execution::~Execution() {
  is_executing = false;
  if (small_owned != 0) NoteOwned();
  FUZZ_CHECK(P5, small_owned == 0);
}

bool HoldsNonce(Bytes bytes) { return testing::HoldsWord(bytes, kNonce); }

void FillWithNonce(MutableBytes bytes) { Fill(bytes.data(), bytes.size()); }

size_t LargeBlocksInUse() {
  size_t count = 0;
  for (size_t i = 0; i < block_count; ++i) count += blocks[i].owned ? 1u : 0u;
  return count;
}

}  // namespace aether::fuzz

// All forms of them: of a form that is left alone the sanitizer has its own, which does not know
// ours.
using std::align_val_t;
using std::nothrow_t;
void* operator new(size_t bytes) { return aether::fuzz::Allocate(bytes); }
void* operator new[](size_t bytes) { return aether::fuzz::Allocate(bytes); }
void* operator new(size_t bytes, const nothrow_t&) noexcept {
  return aether::fuzz::Allocate(bytes);
}
void* operator new[](size_t bytes, const nothrow_t&) noexcept {
  return aether::fuzz::Allocate(bytes);
}
void* operator new(size_t bytes, align_val_t alignment) {
  return aether::fuzz::Allocate(bytes, static_cast<size_t>(alignment));
}
void* operator new[](size_t bytes, align_val_t alignment) {
  return aether::fuzz::Allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { aether::fuzz::Release(memory); }
void operator delete[](void* memory) noexcept { aether::fuzz::Release(memory); }
void operator delete(void* memory, size_t) noexcept { aether::fuzz::Release(memory); }
void operator delete[](void* memory, size_t) noexcept { aether::fuzz::Release(memory); }
void operator delete(void* memory, const nothrow_t&) noexcept { aether::fuzz::Release(memory); }
void operator delete[](void* memory, const nothrow_t&) noexcept { aether::fuzz::Release(memory); }
void operator delete(void* memory, align_val_t) noexcept { aether::fuzz::Release(memory); }
void operator delete[](void* memory, align_val_t) noexcept { aether::fuzz::Release(memory); }
void operator delete(void* memory, size_t, align_val_t) noexcept { aether::fuzz::Release(memory); }
void operator delete[](void* memory, size_t, align_val_t) noexcept {
  aether::fuzz::Release(memory);
}

// The quarantine of small blocks stays small for the same reason, and of where a block was
// allocated only the caller is kept: whole stacks of calls are for the replay of a finding. Frames
// of functions on the heap, to see who uses one after its return, would take a tenth of the time:
// the targets of the parsers have them. What the environment sets goes before.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=4:malloc_context_size=2:detect_stack_use_after_return=0";
}
