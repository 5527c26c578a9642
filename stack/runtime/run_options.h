// What aether-run is asked to do: its flags, checked. Everything that can be seen to be wrong
// without touching the world is refused here.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "stack/base/time.h"
#include "stack/runtime/backoff.h"
#include "stack/runtime/stack_flags.h"

namespace aether::runtime {

struct RunOptions : StackFlags {
  // 0: auto, see AutoWorkers.
  uint32_t workers = 0;
  uint16_t http_port = 0;
  std::string http_root;
  uint16_t echo_port = 0;
  bool original_echo = false;
  BackoffMode backoff = BackoffMode::kAdaptive;
  std::string backoff_name;
  // Zero: for ever, and never.
  Duration duration{0};
  Duration stats_every{0};
  // A file for a recording; empty: none.
  std::string record;
};

inline constexpr uint32_t kWorkersMax = 64;

// From the flags as they are set. kInvalidArgument: a value is malformed (usage).
// kFailedPrecondition: it is well formed but cannot be used.
absl::StatusOr<RunOptions> RunOptionsFromFlags();

// The number of workers for `--workers=auto`: one CPU is left to the clients, which on a TAP share
// the machine (our writes run their kernel's receive path), and never more than 8. One or two CPUs:
// one thread.
uint32_t AutoWorkers(uint32_t usable_cpus);

}  // namespace aether::runtime
