// Datagrams of a capture with other addresses in them: UDP and ICMP requests, for a stack that has
// an address of its own.
#pragma once

#include "replay/frame_batch.h"
#include "replay/live_client.h"
#include "replay/packet.h"

namespace aether::replay {

// Adds the packet's datagram to `out`, from ends.client to ends.server (ports stay). False for what
// was recorded in part, or is neither.
bool AddRewritten(const Packet& packet, const LiveEnds& ends, FrameBatch& out);

// Answers an ARP request of the stack's for whatever address it asks. False when `frame` is none.
bool AnswerArp(Bytes frame, FrameBatch& out);

}  // namespace aether::replay
