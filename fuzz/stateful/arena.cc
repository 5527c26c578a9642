#include "fuzz/stateful/arena.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

#include "fuzz/uncounted.h"

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

// From a page that is full of it: word by word this would be most of an execution.
void Fill(uint8_t* begin, size_t bytes) {
  static const auto page = [] {
    std::array<uint64_t, 512> words;
    words.fill(kNonce);
    return words;
  }();
  for (size_t at = 0; at < bytes; at += sizeof page) {
    std::memcpy(begin + at, page.data(), std::min(sizeof page, bytes - at));
  }
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

void* Allocate(size_t bytes, size_t alignment = 1) {
  if (scopes > 0 && bytes >= kLargeBytes && alignment <= kAlignment) {
    if (void* const block = TakeBlock(bytes)) return block;
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
  if (!ReturnBlock(memory)) std::free(memory);
}

}  // namespace

ArenaScope::ArenaScope() { ++scopes; }
ArenaScope::~ArenaScope() { --scopes; }

AETHER_UNCOUNTED bool HoldsNonce(Bytes bytes) {
  const uint8_t first = static_cast<uint8_t>(kNonce & 0xff);
  for (size_t at = 0; at + sizeof kNonce <= bytes.size(); ++at) {
    if (bytes[at] != first) continue;
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    if (word == kNonce) return true;
  }
  return false;
}

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
// allocated only the caller is kept: whole stacks of calls are for the replay of a finding. What
// the environment sets goes before.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=4:malloc_context_size=2";
}
