// Segments that belong to no connection and wait for Transmit: cookies, resets, acknowledgements
// from TIME-WAIT. A bounded ring of small records; when it is full the frame that asked for a reply
// is dropped.
#pragma once

#include <cstdint>
#include <vector>

#include "stack/base/check.h"
#include "stack/tcp/segment.h"

namespace aether::tcp {

struct Reply {
  FlowKey flow;
  Seq seq;
  Seq ack;
  uint8_t flags = 0;
  uint16_t window = 0;
  uint16_t mss_bytes = 0;  // for an MSS option; 0: none
  // Further options of a SYN-ACK, and the timestamps of an acknowledgement.
  bool sack_permitted = false;
  bool has_timestamps = false;
  uint8_t window_scale = kNoScale;
  uint8_t dscp = 0;
  uint32_t ts_value = 0;
  uint32_t ts_echo = 0;

  static constexpr uint8_t kNoScale = 0xff;
};

class ReplyQueue {
 public:
  explicit ReplyQueue(uint32_t replies_max) : ring_(replies_max) { AETHER_CHECK(replies_max > 0); }

  bool empty() const { return size_ == 0; }
  bool IsFull() const { return size_ == ring_.size(); }
  void Push(const Reply& reply) {
    AETHER_CHECK(!IsFull());
    size_t at = head_ + size_;
    if (at >= ring_.size()) at -= ring_.size();
    ring_[at] = reply;
    ++size_;
  }
  Reply Pop() {
    AETHER_CHECK(size_ > 0);
    const Reply reply = ring_[head_];
    if (++head_ == ring_.size()) head_ = 0;
    --size_;
    return reply;
  }

 private:
  std::vector<Reply> ring_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace aether::tcp
