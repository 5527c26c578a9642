// The sending half of a connection: SND.UNA, SND.NXT, the peer's window, and the bytes that are not
// acknowledged yet.
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
  // One that acknowledges more than any before is newer even if it repeats old numbers; else the
  // old window would be counted from the new SND.UNA, and more be sent than the peer admits. True
  // when the window grew or shrank.
  bool UpdateWindow(uint32_t window_bytes, Seq segment_seq, Seq segment_ack) {
    if (!wl2.Before(segment_ack) && !wl1.Before(segment_seq) &&
        !(wl1 == segment_seq && wl2.BeforeOrAt(segment_ack))) {
      return false;
    }
    const bool changed = window_bytes != wnd;
    SetWindow(window_bytes, segment_seq, segment_ack);
    return changed;
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
  // [RFC 9293 3.8.6 MUST-34, SHLD-17] the peer's window ends before what is in flight, or admits
  // nothing at all.
  bool IsShut() const { return wnd == 0 || (una + wnd).Before(nxt); }
  // How much of the queue the next new segment takes; `admitted_bytes` is what window and
  // congestion window admit. `small_allowed`: a small segment may leave while nothing is in flight.
  uint32_t NextPayload(uint32_t mss_bytes, uint32_t admitted_bytes, bool small_allowed) const {
    const uint32_t unsent = static_cast<uint32_t>(queue.unsent());
    const uint32_t size = std::min({unsent, mss_bytes, admitted_bytes});
    // [RFC 9293 3.8.6.2.1 MUST-38] no small segment because of a small window, unless it is half of
    // the largest window ever seen: an acknowledgement or the peer will open it further.
    if (size < unsent && size < mss_bytes && size < max_wnd / 2 &&
        (!small_allowed || flight_bytes() > 0)) {
      return 0;
    }
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
