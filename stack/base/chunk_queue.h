// A byte stream in chunks from a shared pool: 16 bytes of its own, memory only while something is
// queued. The pool is an argument of every call, so that thousands of queues share one and none
// points to it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/base/pool.h"

namespace aether {

struct Chunk {
  static constexpr size_t kBytes = 2044;
  uint32_t next;                      // set by the queue that owns the chunk
  std::array<uint8_t, kBytes> bytes;  // deliberately not initialised
};
static_assert(sizeof(Chunk) == 2048);

using ChunkPool = Pool<Chunk>;

class ChunkQueue {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Copies all of `data` to the end, or nothing and answers false when the pool has too few chunks.
  bool Append(ChunkPool& pool, Bytes data);
  // The contiguous bytes that start `offset` bytes after the front; empty at the end. Valid until
  // Consume or Clear.
  Bytes Front(const ChunkPool& pool, size_t offset) const;
  // Releases `count` <= size() bytes.
  void Consume(ChunkPool& pool, size_t count);
  void Clear(ChunkPool& pool);

 private:
  uint32_t head_ = kNoIndex;
  uint32_t tail_ = kNoIndex;
  uint32_t size_ = 0;
  uint16_t head_offset_ = 0;  // first byte in use of the head chunk
  uint16_t tail_end_ = 0;     // one past the last byte in use of the tail chunk
};
static_assert(sizeof(ChunkQueue) == 16);

}  // namespace aether
