// The receiving half of a connection: RCV.NXT, the window that was promised, and the bytes that
// wait for the application.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/base/chunk_queue.h"
#include "stack/tcp/segment.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

class Receiver {
 public:
  void Start(Seq next, uint32_t window_bytes) {
    nxt = next;
    edge_ = next + window_bytes;
  }

  // RCV.WND as the peer last heard of it.
  uint32_t window_bytes() const { return edge_.DistanceFrom(nxt); }

  // [RFC 9293 3.10.7.4] first, table 6: does any part of the segment lie in the window?
  bool IsAcceptable(Seq seq, uint32_t length) const {
    const uint32_t window = window_bytes();
    if (window == 0) return length == 0 && seq == nxt;
    return seq.InWindow(nxt, window) || (length > 0 && (seq + (length - 1)).InWindow(nxt, window));
  }

  // The window field of a segment that leaves now; what it says becomes the promise.
  // [RFC 9293 3.8.6 SHLD-14] the right edge never moves left. [RFC 7323 2.3] a scaled window counts
  // in units; it is rounded up, because rounded down the edge could seem to move left. [RFC
  // 9293 3.8.6.2.2 MUST-39] the edge moves right only by a worthwhile step, against silly windows.
  // [RFC 9293 3.8.6.1 MAY-8] until the application reads it stays where it is.
  uint16_t Advertise(uint32_t buffer_bytes, uint32_t mss_bytes, uint8_t shift) {
    const Seq candidate = nxt + Free(buffer_bytes);
    if (candidate.After(edge_) &&
        candidate.DistanceFrom(edge_) >= std::min(buffer_bytes / 2, mss_bytes)) {
      edge_ = candidate;
    }
    const uint32_t unit = uint32_t{1} << shift;
    const uint32_t field = std::min<uint32_t>((window_bytes() + unit - 1) >> shift, 0xffff);
    const Seq promised = nxt + (field << shift);
    if (promised.After(edge_)) edge_ = promised;
    return static_cast<uint16_t>(field);
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
