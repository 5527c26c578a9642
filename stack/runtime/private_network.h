// For live tests: puts the process into a network namespace of its own, which vanishes with it.
// Test code; never linked into aether-run.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace aether::runtime {

// False without the right to do so, or without TAP devices; the test is then skipped.
inline bool EnterPrivateNetwork() {
  static const bool entered =
      ::access("/dev/net/tun", R_OK | W_OK) == 0 && ::unshare(CLONE_NEWNET) == 0;
  return entered;
}

}  // namespace aether::runtime
