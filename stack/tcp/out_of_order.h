// What a connection keeps of segments that were out of the ordinary: text ahead of a gap, a FIN
// behind it, the duplicate that the next acknowledgement reports, and how far urgent data reach. It
// comes from a pool and exists only while one of the four does.
#pragma once

#include "stack/tcp/reassembler.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp_options.h"

namespace aether::tcp {

struct OutOfOrder {
  Reassembler held;
  SackBlock duplicate;  // RFC 2883; empty: none
  Seq fin_at;           // of a FIN ahead of a gap
  bool fin_held = false;
  bool is_urgent = false;  // urgent data are still to be read
  Seq urgent_end;          // RCV.UP

  bool HasDuplicate() const { return duplicate.start != duplicate.end; }
  bool HasGap() const { return !held.empty() || fin_held; }
  bool IsUnused() const { return held.empty() && !fin_held && !is_urgent && !HasDuplicate(); }
};

}  // namespace aether::tcp
