// What a connection keeps of segments that did not come in order: text ahead of a gap, a FIN behind
// it, and the duplicate that the next acknowledgement reports. It comes from a pool and exists only
// while one of the three does.
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

  bool HasDuplicate() const { return duplicate.start != duplicate.end; }
  bool IsUnused() const { return held.empty() && !fin_held && !HasDuplicate(); }
};

}  // namespace aether::tcp
