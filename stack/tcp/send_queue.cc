#include "stack/tcp/send_queue.h"

#include <algorithm>

#include "stack/base/check.h"
#include "stack/tcp/buffers.h"
#include "stack/wire/checksum.h"

namespace aether::tcp {

void SendQueue::PushItem(Buffers& buffers, uint32_t index) {
  (tail_ == kNoIndex ? head_ : buffers.items[tail_].next) = index;
  tail_ = index;
  if (cursor_ == kNoIndex) {
    cursor_ = index;
    cursor_offset_ = 0;
  }
}

size_t SendQueue::Append(Buffers& buffers, Bytes data, size_t room) {
  data = data.first(std::min(data.size(), room));
  const size_t wanted = data.size();
  while (!data.empty()) {
    // The last item grows while its chunk has room.
    if (tail_ != kNoIndex && buffers.items[tail_].chunk != kNoIndex &&
        buffers.items[tail_].size < Chunk::kBytes) {
      SendItem& item = buffers.items[tail_];
      const size_t piece = std::min(data.size(), Chunk::kBytes - item.size);
      std::memcpy(buffers.chunks[item.chunk].bytes.data() + item.size, data.data(), piece);
      item.size += static_cast<uint32_t>(piece);
      size_ += static_cast<uint32_t>(piece);
      data = data.subspan(piece);
      continue;
    }
    const uint32_t index = buffers.items.Allocate();
    if (index == kNoIndex) break;
    const uint32_t chunk = buffers.chunks.Allocate();
    if (chunk == kNoIndex) {
      buffers.items.Free(index);
      break;
    }
    SendItem& item = buffers.items[index];
    item.chunk = chunk;
    item.data = buffers.chunks[chunk].bytes.data();
    PushItem(buffers, index);
  }
  return wanted - data.size();
}

bool SendQueue::AppendStatic(Buffers& buffers, const StaticBytes& data) {
  if (data.bytes.empty()) return true;
  AETHER_CHECK(data.bytes.size() <= 0x3fffffff && size_ <= 0x3fffffff);
  const uint32_t index = buffers.items.Allocate();
  if (index == kNoIndex) return false;
  SendItem& item = buffers.items[index];
  item.data = data.bytes.data();
  item.size = static_cast<uint32_t>(data.bytes.size());
  item.sum = data.sum;
  size_ += item.size;
  PushItem(buffers, index);
  return true;
}

// Copies `size` bytes from `offset` within item `index` on, and moves both to where the next byte
// stands.
uint16_t SendQueue::Copy(const Buffers& buffers, uint32_t& index, uint32_t& offset, uint8_t* to,
                         size_t size) {
  uint16_t sum = 0;
  size_t done = 0;
  while (done < size) {
    const SendItem& item = buffers.items[index];
    const size_t piece = std::min<size_t>(size - done, item.size - offset);
    uint16_t piece_sum;
    if (item.chunk == kNoIndex && piece == item.size) {
      std::memcpy(to + done, item.data, piece);
      piece_sum = item.sum;
    } else {
      piece_sum = CopyAndSum(to + done, Bytes(item.data + offset, piece));
    }
    // [RFC 1071 2(B)] the bytes of a piece that starts at an odd offset are swapped in the sum.
    sum = SumAdd(sum, done % 2 == 0 ? piece_sum : SumSwap(piece_sum));
    done += piece;
    offset += static_cast<uint32_t>(piece);
    if (offset == item.size && item.next != kNoIndex) {
      index = item.next;
      offset = 0;
    }
  }
  return sum;
}

uint16_t SendQueue::TakeNext(const Buffers& buffers, uint8_t* to, size_t size) {
  AETHER_CHECK(size <= unsent());
  sent_ += static_cast<uint32_t>(size);
  if (size == 0) return 0;
  const SendItem& item = buffers.items[cursor_];
  if (item.chunk == kNoIndex && cursor_offset_ == 0 && size == item.size && item.next == kNoIndex) {
    // A static response, whole and alone.
    std::memcpy(to, item.data, size);
    cursor_offset_ = item.size;
    return item.sum;
  }
  return Copy(buffers, cursor_, cursor_offset_, to, size);
}

uint16_t SendQueue::CopyAgain(const Buffers& buffers, size_t offset, uint8_t* to,
                              size_t size) const {
  AETHER_CHECK(offset + size <= sent_);
  uint32_t index = head_;
  size_t at = head_offset_ + offset;
  while (at >= buffers.items[index].size) {
    at -= buffers.items[index].size;
    index = buffers.items[index].next;
  }
  uint32_t item_offset = static_cast<uint32_t>(at);
  return Copy(buffers, index, item_offset, to, size);
}

void SendQueue::PopItem(Buffers& buffers) {
  const uint32_t index = head_;
  const SendItem& item = buffers.items[index];
  head_ = item.next;
  if (head_ == kNoIndex) tail_ = kNoIndex;
  if (cursor_ == index) {
    cursor_ = head_;
    cursor_offset_ = 0;
  }
  head_offset_ = 0;
  if (item.chunk != kNoIndex) buffers.chunks.Free(item.chunk);
  buffers.items.Free(index);
}

void SendQueue::Acknowledge(Buffers& buffers, size_t count) {
  AETHER_CHECK(count <= sent_);
  size_ -= static_cast<uint32_t>(count);
  sent_ -= static_cast<uint32_t>(count);
  while (count > 0) {
    const size_t left = buffers.items[head_].size - head_offset_;
    if (count < left) {
      head_offset_ += static_cast<uint32_t>(count);
      return;
    }
    count -= left;
    PopItem(buffers);
  }
}

void SendQueue::Clear(Buffers& buffers) {
  while (head_ != kNoIndex) PopItem(buffers);
  *this = SendQueue{};
}

}  // namespace aether::tcp
