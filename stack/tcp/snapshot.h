// A copy of what a connection knows, for tables, tests and probes.
#pragma once

#include <cstdint>

#include "stack/tcp/state.h"
#include "stack/wire/address.h"
#include "stack/wire/seq.h"

namespace aether::tcp {

struct Snapshot {
  State state = State::kClosed;
  Ipv4Endpoint local;
  Ipv4Endpoint remote;
  Seq snd_una;
  Seq snd_nxt;
  uint32_t snd_wnd_bytes = 0;
  Seq rcv_nxt;
  uint32_t rcv_wnd_bytes = 0;
  uint16_t mss_bytes = 0;
  uint32_t send_queue_bytes = 0;  // unsent and unacknowledged
  uint32_t receive_queue_bytes = 0;
};

}  // namespace aether::tcp
