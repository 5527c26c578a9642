#include "stack/base/chunk_queue.h"

#include <algorithm>

namespace aether {

bool ChunkQueue::Append(ChunkPool& pool, Bytes data) {
  if (data.empty()) return true;
  if (head_ == kNoIndex && data.size() <= Chunk::kBytes) {
    // The queue was read to its end, and all of it fits into one chunk.
    const uint32_t chunk = pool.Allocate();
    if (chunk == kNoIndex) return false;
    pool[chunk].next = kNoIndex;
    std::memcpy(pool[chunk].bytes.data(), data.data(), data.size());
    head_ = tail_ = chunk;
    head_offset_ = 0;
    size_ = tail_end_ = static_cast<uint16_t>(data.size());
    return true;
  }
  const size_t room = tail_ == kNoIndex ? 0 : Chunk::kBytes - tail_end_;
  if (data.size() > room) {
    const size_t chunks = (data.size() - room + Chunk::kBytes - 1) / Chunk::kBytes;
    if (chunks > pool.capacity() - pool.used()) return false;
  }
  size_ += static_cast<uint32_t>(data.size());
  while (true) {
    if (tail_ != kNoIndex) {
      const size_t piece = std::min(data.size(), Chunk::kBytes - tail_end_);
      if (piece != 0) std::memcpy(pool[tail_].bytes.data() + tail_end_, data.data(), piece);
      tail_end_ = static_cast<uint16_t>(tail_end_ + piece);
      data = data.subspan(piece);
    }
    if (data.empty()) return true;
    const uint32_t chunk = pool.Allocate();
    AETHER_CHECK(chunk != kNoIndex);
    pool[chunk].next = kNoIndex;
    if (tail_ == kNoIndex) {
      head_ = chunk;
      head_offset_ = 0;
    } else {
      pool[tail_].next = chunk;
    }
    tail_ = chunk;
    tail_end_ = 0;
  }
}

Bytes ChunkQueue::Front(const ChunkPool& pool, size_t offset) const {
  if (offset >= size_) return {};
  size_t at = head_offset_ + offset;
  uint32_t chunk = head_;
  while (at >= Chunk::kBytes) {
    at -= Chunk::kBytes;
    chunk = pool[chunk].next;
  }
  const size_t end = chunk == tail_ ? tail_end_ : Chunk::kBytes;
  return Bytes(pool[chunk].bytes).subspan(at, end - at);
}

void ChunkQueue::Consume(ChunkPool& pool, size_t count) {
  AETHER_CHECK(count <= size_);
  if (count == size_) {
    Clear(pool);
    return;
  }
  size_ -= static_cast<uint32_t>(count);
  size_t at = head_offset_ + count;
  while (at >= Chunk::kBytes) {
    at -= Chunk::kBytes;
    const uint32_t next = pool[head_].next;
    pool.Free(head_);
    head_ = next;
  }
  head_offset_ = static_cast<uint16_t>(at);
}

void ChunkQueue::Clear(ChunkPool& pool) {
  while (head_ != kNoIndex) {
    const uint32_t next = pool[head_].next;
    pool.Free(head_);
    head_ = next;
  }
  *this = ChunkQueue{};
}

}  // namespace aether
