// The sending half of a connection: SND.UNA, SND.NXT, the peer's window, and the bytes that are not
// acknowledged yet. No congestion window and no retransmission (the classic profile): what the
// peer's window admits is sent once.
#pragma once

#include <algorithm>
#include <cstdint>

#include "stack/tcp/segment.h"
#include "stack/tcp/send_queue.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

class Sender {
 public:
  void Start(Seq next, uint32_t window_bytes, Seq segment_seq, Seq segment_ack) {
    una = nxt = next;
    SetWindow(window_bytes, segment_seq, segment_ack);
  }

  // [RFC 9293 3.10.7.4] fifth: the window of a segment counts unless a newer one has been seen.
  void UpdateWindow(uint32_t window_bytes, Seq segment_seq, Seq segment_ack) {
    if (wl1.Before(segment_seq) || (wl1 == segment_seq && wl2.BeforeOrAt(segment_ack))) {
      SetWindow(window_bytes, segment_seq, segment_ack);
    }
  }
  void SetWindow(uint32_t window_bytes, Seq segment_seq, Seq segment_ack) {
    wnd = window_bytes;
    max_wnd = std::max(max_wnd, wnd);
    wl1 = segment_seq;
    wl2 = segment_ack;
  }

  // [RFC 5961 5.2] an acknowledgement is believable from SND.UNA - MAX.SND.WND up to SND.NXT.
  bool IsAckPlausible(Seq ack) const { return ack.AfterOrAt(una - max_wnd) && ack.BeforeOrAt(nxt); }

  uint32_t flight_bytes() const { return nxt.DistanceFrom(una); }
  // What the peer's window still admits.
  uint32_t usable_bytes() const {
    const Seq edge = una + wnd;
    return edge.After(nxt) ? edge.DistanceFrom(nxt) : 0;
  }
  // How much of the queue the next segment takes.
  uint32_t NextPayload(uint32_t mss_bytes) const {
    const uint32_t unsent = static_cast<uint32_t>(queue.unsent());
    const uint32_t size = std::min({unsent, mss_bytes, usable_bytes()});
    // [RFC 9293 3.8.6.2.1 MUST-38] no small segment because of a small window while
    // acknowledgements are on their way.
    if (size < unsent && size < mss_bytes && flight_bytes() > 0) return 0;
    return size;
  }

  Seq una;
  Seq nxt;
  uint32_t wnd = 0;
  Seq wl1;
  Seq wl2;
  uint32_t max_wnd = 0;
  SendQueue queue;
};

}  // namespace aether::tcp
