// A conversation of two applications, one on each host, as they see it.
#pragma once

#include <array>
#include <cstdint>

#include "stack/stack.h"

namespace aether::fuzz::two_stacks {

// One end of a lane, as its application sees it.
struct End {
  ConnectionId id;
  bool exists = false;   // it was opened or accepted
  bool shut = false;     // nothing more will be written
  bool let_go = false;   // closed or aborted
  bool aborted = false;  // with a reset, or with bytes unread
  bool ended = false;    // reset or timed out, says an event
  uint64_t written = 0;
  uint64_t read = 0;
};

// Two ends that talk to each other. Both ports tell which lane it is, and for the how-manieth time.
struct Lane {
  std::array<End, 2> ends;
  int opener = -1;
  bool crossing = false;
  uint16_t attempt = 0;
  bool is_used() const { return opener >= 0; }
};

}  // namespace aether::fuzz::two_stacks
