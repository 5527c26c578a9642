// Initial sequence numbers: ISN = M + F(flow, key) (RFC 6528 section 3). M ticks every 4
// microseconds, F is SipHash-2-4.
#pragma once

#include "stack/base/siphash.h"
#include "stack/base/time.h"
#include "stack/tcp/segment.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

inline uint64_t FlowAddresses(const FlowKey& flow) {
  return uint64_t{flow.remote.value} << 32 | flow.local.value;
}
inline uint32_t FlowPorts(const FlowKey& flow) {
  return uint32_t{flow.remote_port} << 16 | flow.local_port;
}

// [RFC 9293 3.4.1 MUST-8, SHLD-1, MUST-9] [RFC 6528 3] a clock-driven part plus a keyed hash of the
// flow.
inline Seq InitialSequence(SipKey key, const FlowKey& flow, Instant now) {
  const uint64_t microseconds = static_cast<uint64_t>(now.time_since_epoch().count()) / 1000;
  return Seq(static_cast<uint32_t>(microseconds / 4 +
                                   SipHash24(key, FlowAddresses(flow), FlowPorts(flow))));
}

}  // namespace aether::tcp
