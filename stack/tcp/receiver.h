// The receiving half of a connection: RCV.NXT, the window that was promised, and the bytes that
// wait for the application. In order only: what arrives ahead of a gap is dropped (the classic
// profile).
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/chunk_queue.h"
#include "stack/tcp/segment.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

class Receiver {
 public:
  void Start(Seq next, uint32_t buffer_bytes) {
    nxt = next;
    edge_ = next + buffer_bytes;
  }

  // RCV.WND as the peer last heard of it.
  uint32_t window_bytes() const { return edge_.DistanceFrom(nxt); }

  // [RFC 9293 3.10.7.4] first, table 6: does any part of the segment lie in the window?
  bool IsAcceptable(Seq seq, uint32_t length) const {
    const uint32_t window = window_bytes();
    if (window == 0) return length == 0 && seq == nxt;
    return seq.InWindow(nxt, window) || (length > 0 && (seq + (length - 1)).InWindow(nxt, window));
  }

  // The window to put into a segment that leaves now; it becomes the promise.
  // [RFC 9293 3.8.6 SHLD-14] the right edge never moves left.
  // [RFC 9293 3.8.6.2.2 MUST-39] it moves right only by a worthwhile step, against silly windows.
  uint16_t Advertise(uint32_t buffer_bytes, uint32_t mss_bytes) {
    const Seq candidate = nxt + Free(buffer_bytes);
    const uint32_t step = candidate.DistanceFrom(edge_);
    if (candidate.After(edge_) && step >= std::min(buffer_bytes / 2, mss_bytes)) edge_ = candidate;
    return static_cast<uint16_t>(std::min<uint32_t>(window_bytes(), 0xffff));
  }
  // True when the application has freed so much that the peer should hear of it although nothing
  // else is due.
  bool WindowUpdateDue(uint32_t buffer_bytes, uint32_t mss_bytes) const {
    const Seq candidate = nxt + Free(buffer_bytes);
    return candidate.After(edge_) &&
           candidate.DistanceFrom(edge_) >= std::min(buffer_bytes / 2, 2 * mss_bytes);
  }

  Seq nxt;
  ChunkQueue queue;

 private:
  uint32_t Free(uint32_t buffer_bytes) const {
    return buffer_bytes - std::min<uint32_t>(buffer_bytes, static_cast<uint32_t>(queue.size()));
  }
  Seq edge_;  // RCV.NXT + RCV.WND as last promised
};

}  // namespace aether::tcp
