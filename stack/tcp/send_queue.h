// The bytes between SND.UNA and the end of what the application wrote: copied ones in chunks,
// static ones by reference. 28 bytes of its own; items and chunks are held only while something is
// unacknowledged.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stack/base/bytes.h"
#include "stack/base/chunk_queue.h"
#include "stack/base/pool.h"
#include "stack/tcp/handle.h"

namespace aether::tcp {

struct Buffers;

// One contiguous piece.
struct SendItem {
  const uint8_t* data = nullptr;
  uint32_t size = 0;
  uint32_t next = kNoIndex;
  uint32_t chunk = kNoIndex;  // what `data` points into; kNoIndex: static
  uint16_t sum = 0;           // of all of it, static pieces only
};

class SendQueue {
 public:
  size_t size() const { return size_; }  // unacknowledged and unsent
  bool empty() const { return size_ == 0; }
  size_t unsent() const { return size_ - sent_; }

  // Copies up to `room` bytes of `data` to the end; how many depends on the pools, too.
  size_t Append(Buffers& buffers, Bytes data, size_t room);
  bool AppendStatic(Buffers& buffers, const StaticBytes& data);
  // Copies the next `size` <= unsent() bytes to `to` and returns their sum (wire/checksum.h); they
  // are sent from here on.
  uint16_t TakeNext(const Buffers& buffers, uint8_t* to, size_t size);
  // Copies `size` bytes that were sent before, `offset` bytes after SND.UNA, to `to` and returns
  // their sum.
  uint16_t CopyAgain(const Buffers& buffers, size_t offset, uint8_t* to, size_t size) const;
  // The first `count` bytes, all of them sent, were acknowledged.
  void Acknowledge(Buffers& buffers, size_t count);
  void Clear(Buffers& buffers);

 private:
  static uint16_t Copy(const Buffers& buffers, uint32_t& index, uint32_t& offset, uint8_t* to,
                       size_t size);
  void PushItem(Buffers& buffers, uint32_t index);
  void PopItem(Buffers& buffers);

  uint32_t head_ = kNoIndex;
  uint32_t tail_ = kNoIndex;
  uint32_t size_ = 0;
  uint32_t sent_ = 0;
  uint32_t head_offset_ = 0;    // acknowledged bytes of the head item
  uint32_t cursor_ = kNoIndex;  // the item of the next unsent byte
  uint32_t cursor_offset_ = 0;
};

}  // namespace aether::tcp
