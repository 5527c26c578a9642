// A copy of what a connection knows, for tables, tests and probes.
#pragma once

#include <cstdint>

#include "stack/tcp/soft_error.h"
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
  uint32_t cwnd_bytes = 0;
  uint32_t ssthresh_bytes = 0;
  uint32_t srtt_us = 0;
  uint32_t rttvar_us = 0;
  uint32_t backoff = 0;       // timeouts in a row
  uint32_t held_bytes = 0;    // received ahead of a gap
  uint32_t lost_bytes = 0;    // believed lost and not sent again yet
  uint32_t sacked_bytes = 0;  // known to have arrived ahead of a gap
  uint32_t urgent_bytes = 0;  // still to be read up to where the peer's urgent data end
  SoftError soft_error = SoftError::kNone;  // the latest one
  bool timestamps = false;
  bool sack = false;
  bool window_scaling = false;
  bool ecn = false;
};

}  // namespace aether::tcp
